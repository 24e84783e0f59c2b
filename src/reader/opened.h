/* The inside of a struct mt_trace. */
#ifndef MT_OPENED_H
#define MT_OPENED_H

#include "memtrace/trace.h"
#include "reader/ahead.h"
#include "reader/chunks.h"
#include "reader/kernelnames.h"
#include "reader/merge.h"
#include "reader/meta.h"
#include "reader/rings.h"
#include "reader/runs.h"
#include "reader/source.h"
#include "reader/stackframes.h"
#include "reader/strings.h"
#include "reader/threadevents.h"

struct mt_trace {
    struct mt_source_file source;
    struct mt_file_header header; /* all zero but the magic where it was damaged */
    struct mt_chunks chunks;
    uint32_t *next; /* per chunk: the next one of its thread */
    struct mt_rings rings;
    struct mt_meta meta;
    struct mt_kernels kernels;
    struct mt_stackframes stacks;
    struct mt_strings strings;
    struct mt_stream *stream; /* by thread number where that has events */
    uint32_t streams;
    struct mt_stream_pool pool;
    struct mt_merge merge;
    struct mt_stream *current;   /* whose run was cut last; it has not gone on since */
    struct mt_ahead *ahead;      /* whose thread uses all of these; NULL: nobody but the caller */
    bool to_start;               /* it is to be begun with the first event */
    struct mt_delivery delivery; /* the last one */
    struct mt_trace_run run;     /* what mt_trace_next has still to deliver */
    uint64_t run_left;           /* events in it */
    uint64_t delivered;          /* with those of the run */
    uint64_t lost_seen;          /* by `lost` events since the last rewind */
    uint64_t lost_told;          /* by all of them, as far as the recorder said it at its end */
    uint64_t since, until;       /* asked for; the pool has them from the next rewind on */
    bool lean, is_ahead;         /* likewise */
    struct mt_trace_stats stats; /* what is known from the start */
};

#endif
