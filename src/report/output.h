/* Buffered bytes to a file or to standard output. A file appears whole or not at all: it is written
 * as PATH.tmp and renamed at the end. A device, a pipe or a link of that name is an error: it
 * is not replaced. Errors stick: puts after one do nothing, close returns it. */
#ifndef MT_OUTPUT_H
#define MT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct mt_output;

/* Start writing `path`, standard output where it is NULL. *error (not NULL) must outlive the
 * output; it gets the first thing that goes wrong. NULL on error. */
struct mt_output *mt_output_new(const char *path, struct mt_error *error);

/* Write what is buffered and give the file its name. 0 or the first error. */
int mt_output_close(struct mt_output *output);

/* Release; a file that was not closed is removed. NULL is allowed. */
void mt_output_free(struct mt_output *output);

/* Remove every file that was begun and has not got its name. To be called where the program ends
 * by a signal, also in its handler, by the thread that makes and frees outputs. */
void mt_output_remove_unfinished(void);

/* The first error so far, 0 if there was none. */
int mt_output_status(const struct mt_output *output);

/* Whether writing ended because nobody reads standard output any more; not worth a message. */
bool mt_output_deserted(const struct mt_output *output);

/* Room for `size` bytes (at most MT_OUTPUT_ROOM), to be filled and then told of with
 * mt_output_filled. */
#define MT_OUTPUT_ROOM 4096u
char *mt_output_room(struct mt_output *output, size_t size);
void mt_output_filled(struct mt_output *output, const char *end);

void mt_put(struct mt_output *output, const void *bytes, size_t size);
void mt_put_string(struct mt_output *output, const char *string);
void mt_put_char(struct mt_output *output, char c);
void mt_put_uint(struct mt_output *output, uint64_t value);
void mt_put_hex(struct mt_output *output, uint64_t value); /* 0x... */
void mt_put_spaces(struct mt_output *output, size_t n);
void mt_printf(struct mt_output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
