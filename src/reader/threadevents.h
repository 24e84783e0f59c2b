/* The events of one thread, one after the other: its chunks, then what the ring file has of it.
 *
 * A decoder is held only while events of a chunk are being delivered: threads that are not active
 * at the same time take turns with the same memory. */
#ifndef MT_THREADEVENTS_H
#define MT_THREADEVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "format/decode.h"
#include "reader/chunks.h"
#include "reader/rings.h"

/* What was not delivered so far. */
struct mt_passed {
    uint64_t events; /* damaged, or outside the window */
    uint64_t damaged, chunks_damaged, headers_damaged, first_damage;
};

/* What all streams of a trace share. */
struct mt_stream_pool {
    struct mt_source_file *source;
    const struct mt_index_entry *entry;
    const uint32_t *next; /* chunk of the same thread that follows each; UINT32_MAX: none */
    const struct mt_rings *rings;
    struct mt_decoder **idle;
    uint32_t idles, idle_room;
    void *frame;
    size_t frame_room;
    uint64_t since, until; /* the window, ns */
    bool lean;             /* as mt_trace_lean says */
    struct mt_passed passed;
    /* Where others go on reading records that were delivered (ahead.h): no batch is written a
     * second time until its owner puts it back from `spent` to `spare`. */
    bool keeps;
    struct mt_batch *spare, *spent;
    uint32_t spents;
};

#define MT_STREAM_NONE UINT32_MAX

struct mt_stream {
    uint32_t thread;
    uint32_t first;                  /* chunk, MT_STREAM_NONE if none */
    uint32_t chunk;                  /* the next one */
    const struct mt_ring_part *part; /* NULL: none */
    bool part_done;
    struct mt_decoder *decoder;       /* of the chunk being delivered */
    uint64_t current;                 /* its offset in the file */
    struct mt_record *loaded;         /* the part being delivered */
    struct mt_record *spent;          /* the part that was; kept until the stream is rewound */
    const struct mt_record *at, *end; /* decoded and not delivered */
    uint32_t records;                 /* how many these are, 0: not known */
    uint64_t kinds;   /* of what was decoded last, bit 1 << kind for each; all if not known */
    uint64_t last_ns; /* of the last batch's end: time does not go back in a thread */
};

/* Back to the thread's first event. */
void mt_stream_rewind(struct mt_stream *stream, struct mt_stream_pool *pool);

/* The earliest time that the next event can have, UINT64_MAX at the end. Skips chunks outside the
 * window, but for those that define something. */
uint64_t mt_stream_peek(struct mt_stream *stream, struct mt_stream_pool *pool);

/* Decode more events behind `at` == `end`. 1: there are some; 0: at the end of a chunk or of the
 * stream (peek again); MT_ERR_MEMORY. */
int mt_stream_fill(struct mt_stream *stream, struct mt_stream_pool *pool);

void mt_stream_pool_release(struct mt_stream_pool *pool);

#endif
