/* The bytes of a trace file, wherever they come from. */
#ifndef MT_SOURCE_FILE_H
#define MT_SOURCE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct mt_source_file {
    int fd; /* -1: none */
    uint64_t size;
};

/* Open a regular file; anything else that can be read (a pipe) is copied to a temporary file, once
 * its first bytes look like a trace. 0, or an error that names `path`. */
int mt_source_open(struct mt_source_file *source, const char *path, struct mt_error *error);

void mt_source_close(struct mt_source_file *source);

/* Read up to `size` bytes at `offset`; how many there were (0 past the end, and where reading
 * fails). */
size_t mt_source_read(const struct mt_source_file *source, uint64_t offset, void *to, size_t size);

/* The first offset from `from` on that may hold more than zeros nobody wrote; the file's size if
 * there is none. */
uint64_t mt_source_data(const struct mt_source_file *source, uint64_t from);

#endif
