/* Makes a trace file from records: chunks as the recorder writes them, all threads in one file,
 * nothing about rings. Where the bytes go is the caller's affair. Errors stick: adds after one do
 * nothing, mt_tracefile_finish returns it. Used by one thread.
 *
 *     struct mt_tracefile *file = mt_tracefile_new(put, context, NULL, &error);
 *     mt_tracefile_meta(file, "exe", "train");
 *     MT_TRACEFILE_ADD(file, 0, 1000, block_free, .address = 0x7f0000000000, .size = 512);
 *     if (mt_tracefile_finish(file) < 0) ...
 *     mt_tracefile_free(file);
 *
 * Memory: that of at most 64 chunks, whatever the number of threads: beyond that the thread that
 * has had no event for longest must begin a new chunk. */
#ifndef MT_TRACEFILE_H
#define MT_TRACEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "event/event.h"
#include "format/layout.h"

struct mt_tracefile;

/* Takes the next bytes of the file; negative enum mt_err where it cannot. */
typedef int mt_tracefile_put(void *context, const void *bytes, size_t size);

struct mt_tracefile_options {
    uint32_t chunk_events; /* 0: 16384 */
    int level;             /* 0: 3 */
    uint8_t time_shift;
    bool cut; /* no index and no trailer, as after a kill */
    uint64_t trace_id;
    uint32_t pid;
    uint64_t start_realtime_ns, start_monotonic_ns;
};

/* Begin a file. Options may be NULL. *error (not NULL) must outlive the file; what goes wrong here
 * is said in it, what goes wrong in `put` is for that to say. NULL on error. */
struct mt_tracefile *mt_tracefile_new(mt_tracefile_put *put, void *context,
                                      const struct mt_tracefile_options *options,
                                      struct mt_error *error);

/* A key of the meta data; written out with mt_tracefile_flush or at the end. */
int mt_tracefile_meta(struct mt_tracefile *file, const char *key, const char *value);

/* Add an event of `thread` (< MT_THREADS_MAX), `record->time` in ns since the start. */
int mt_tracefile_add(struct mt_tracefile *file, uint32_t thread, const struct mt_record *record);

/* The same from loose words: fields, then the tail. */
int mt_tracefile_words(struct mt_tracefile *file, uint32_t thread, uint64_t time_ns,
                       enum mt_kind kind, const uint64_t *word, uint32_t words);

/* An event without tail: MT_TRACEFILE_ADD(file, thread, time, name, .field = ..., ...) */
#define MT_TRACEFILE_ADD(file, thread, time_ns, event, ...)                                        \
    mt_tracefile_words(file, thread, time_ns, MT_##event,                                          \
                       (const uint64_t *)&(const struct mt_ev_##event){__VA_ARGS__},               \
                       sizeof(struct mt_ev_##event) / sizeof(uint64_t))

/* An event whose tail is text: fields, then `size` bytes. */
int mt_tracefile_text(struct mt_tracefile *file, uint32_t thread, uint64_t time_ns,
                      enum mt_kind kind, const uint64_t *word, uint32_t words, const void *text,
                      size_t size);

/* A `kernel` event; layout: `params` pairs of offset and size, or NULL. */
int mt_tracefile_kernel(struct mt_tracefile *file, uint32_t thread, uint64_t time_ns, uint64_t id,
                        const char *name, uint32_t params, const uint16_t *layout);

/* Write out what is held: the thread's next events begin a chunk. */
int mt_tracefile_flush(struct mt_tracefile *file);

/* Count events as lost before the next chunk of `thread`. */
int mt_tracefile_lost(struct mt_tracefile *file, uint32_t thread, uint32_t events);

/* Put arbitrary bytes into the file, after a flush. */
int mt_tracefile_raw(struct mt_tracefile *file, const void *bytes, size_t size);

/* Bytes written so far; what is held is not yet among them. */
uint64_t mt_tracefile_size(const struct mt_tracefile *file);

/* Write what is held, the index and the trailer. 0 or the first error. */
int mt_tracefile_finish(struct mt_tracefile *file);

void mt_tracefile_free(struct mt_tracefile *file); /* NULL is allowed */

#endif
