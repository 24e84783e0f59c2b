/* Makes trace files from records, for tests: writer/tracefile.h with a file behind it. Any failure
 * ends the program with a message: a test that cannot write its input has nothing to say.
 *
 *     struct mt_tracewriter *writer = mt_tracewriter_new("x.mtrace", NULL);
 *     mt_tracewriter_meta(writer, "api.0", "cuMemAlloc_v2");
 *     MT_TRACEWRITER_ADD(writer, 0, 1000, block_free, .address = 0x7f0000000000, .size = 512);
 *     mt_tracewriter_launch(writer, 0, 2000, 1, 0, words, 3);
 *     mt_tracewriter_free(writer); */
#ifndef MT_TRACEWRITER_H
#define MT_TRACEWRITER_H

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "format/layout.h"
#include "writer/tracefile.h"

struct mt_tracewriter;

/* Create or overwrite `path`; options may be NULL. */
struct mt_tracewriter *mt_tracewriter_new(const char *path,
                                          const struct mt_tracefile_options *options);

/* A key of the meta data; written out with mt_tracewriter_flush or at the end. */
void mt_tracewriter_meta(struct mt_tracewriter *writer, const char *key, const char *value);

/* Add an event of `thread` (small numbers), `record->time` in ns since the start. */
void mt_tracewriter_add(struct mt_tracewriter *writer, uint32_t thread,
                        const struct mt_record *record);

/* The same from loose words: fields, then the tail. */
void mt_tracewriter_words(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                          enum mt_kind kind, const uint64_t *word, uint32_t words);

/* An event without tail: MT_TRACEWRITER_ADD(writer, thread, time, name, .field = ..., ...)
 * Fields at the end may be left out: later versions append some. */
#define MT_TRACEWRITER_ADD(writer, thread, time_ns, event, ...)                                    \
    do {                                                                                           \
        _Pragma("GCC diagnostic push")                                                             \
        _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                         \
        struct mt_ev_##event event_ = {__VA_ARGS__};                                               \
        _Pragma("GCC diagnostic pop")                                                              \
        mt_tracewriter_words(writer, thread, time_ns, MT_##event, (const uint64_t *)&event_,       \
                             sizeof event_ / sizeof(uint64_t));                                    \
    } while (0)

/* A `kernel` event; layout: `params` pairs of offset and size. */
void mt_tracewriter_kernel(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                           uint64_t id, const char *name, uint32_t params, const uint16_t *layout);

/* A `launch` on `stream`; words made by MT_WORD(address, offset). */
void mt_tracewriter_launch(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                           uint64_t kernel, uint64_t stream, const uint64_t *word, uint32_t words);

/* A `code` and a `module` event. */
void mt_tracewriter_code(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                         uint64_t id, uint64_t first_line, const char *file, const char *name);
void mt_tracewriter_module(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                           uint64_t id, uint64_t base, uint64_t size, const char *path,
                           const char *build_id);

/* Write out what is held: the thread's next events begin a chunk. */
void mt_tracewriter_flush(struct mt_tracewriter *writer);

/* Count events as lost before the next chunk of `thread`. */
void mt_tracewriter_lost(struct mt_tracewriter *writer, uint32_t thread, uint32_t events);

/* Put arbitrary bytes into the file, after a flush. */
void mt_tracewriter_raw(struct mt_tracewriter *writer, const void *bytes, size_t size);

/* Bytes written so far, after a flush. */
uint64_t mt_tracewriter_size(const struct mt_tracewriter *writer);

/* Finish the file; its size in bytes. */
uint64_t mt_tracewriter_free(struct mt_tracewriter *writer);

#endif
