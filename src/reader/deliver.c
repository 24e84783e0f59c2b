/* Events in the order of time, and what is known about them. */
#include "memtrace/trace.h"

#include "base/error.h"
#include "reader/opened.h"

static struct mt_turn turn_of(const struct mt_trace *trace, const struct mt_stream *stream,
                              uint64_t time)
{
    struct mt_turn turn = {time, stream->thread, (uint32_t)(stream - trace->stream)};
    if (stream->at < stream->end)
        turn.tie += mt_turn_rank(stream->at->kind);
    return turn;
}

int mt_trace_rewind(struct mt_trace *trace)
{
    struct mt_stream_pool *pool = &trace->pool;
    trace->current = NULL;
    trace->delivered = trace->lost_seen = trace->merge.count = 0;
    pool->passed = pool->damaged = pool->chunks_damaged = pool->headers_damaged = 0;
    pool->since = trace->since;
    pool->until = trace->until;
    for (uint32_t i = 0; i < trace->streams; i++) {
        struct mt_stream *stream = &trace->stream[i];
        mt_stream_rewind(stream, pool);
        uint64_t time = mt_stream_peek(stream, pool);
        if (time < pool->until)
            mt_merge_push(&trace->merge, turn_of(trace, stream, time));
    }
    return 0;
}

void mt_trace_window(struct mt_trace *trace, uint64_t since_ns, uint64_t until_ns)
{
    trace->since = since_ns;
    trace->until = until_ns;
}

/* The first stream has gone on: where does it stand now? */
static void requeue(struct mt_trace *trace, struct mt_stream *stream)
{
    uint64_t time = mt_stream_peek(stream, &trace->pool);
    if (time < trace->pool.until)
        mt_merge_update(&trace->merge, turn_of(trace, stream, time));
    else
        mt_merge_pop(&trace->merge);
}

/* Go behind the event that was delivered last. As a rule the same thread goes on, and the heap need
 * not be touched. */
static inline int step(struct mt_trace *trace)
{
    struct mt_stream *stream = trace->current;
    const struct mt_record *record = stream->at = mt_record_next(stream->at);
    if (record < stream->end) {
        struct mt_turn turn = {record->time, stream->thread + mt_turn_rank(record->kind), 0};
        if (mt_turn_before(&turn, &trace->merge.second) && record->time < trace->pool.until)
            return 0;
    }
    trace->current = NULL;
    if (record == stream->end)
        RETURN_IF_ERROR(mt_stream_fill(stream, &trace->pool));
    requeue(trace, stream);
    return 0;
}

/* Events that are of interest whoever asks for which. */
static void note(struct mt_trace *trace, const struct mt_record *record)
{
    if (record->kind == MT_kernel)
        mt_kernels_add(&trace->kernels, record);
    else if (record->kind == MT_lost)
        trace->lost_seen += record->word[0];
}

/* The thread whose event comes first, with that event decoded; NULL at the end. */
static struct mt_stream *first_stream(struct mt_trace *trace)
{
    while (trace->merge.count) {
        struct mt_stream *stream = &trace->stream[trace->merge.turn[0].stream];
        if (stream->at < stream->end)
            return stream;
        if (mt_stream_fill(stream, &trace->pool) < 0)
            return NULL;
        requeue(trace, stream);
    }
    return NULL;
}

const struct mt_record *mt_trace_next(struct mt_trace *trace, uint32_t *thread)
{
    for (;;) {
        if (trace->current && step(trace) < 0)
            return NULL;
        if (!trace->current && !(trace->current = first_stream(trace)))
            return NULL;
        const struct mt_record *record = trace->current->at;
        trace->delivered++;
        if (record->kind <= MT_kernel)
            note(trace, record);
        if (record->time < trace->pool.since)
            continue;
        if (thread)
            *thread = trace->current->thread;
        return record;
    }
}

const char *mt_trace_meta(const struct mt_trace *trace, const char *key)
{
    return mt_meta_get(&trace->meta, key);
}

const char *mt_trace_meta_key(const struct mt_trace *trace, uint32_t i)
{
    return i < trace->meta.count ? trace->meta.pair[i].key : NULL;
}

const char *mt_trace_api(const struct mt_trace *trace, uint64_t api)
{
    const char *name = api < trace->meta.apis ? trace->meta.api[api] : NULL;
    return name ? name : "?";
}

const struct mt_trace_kernel *mt_trace_kernel(const struct mt_trace *trace, uint64_t id)
{
    return mt_kernels_get(&trace->kernels, id);
}

void mt_trace_stats(const struct mt_trace *trace, struct mt_trace_stats *stats)
{
    const struct mt_stream_pool *pool = &trace->pool;
    bool damaged = trace->stats.bytes_skipped || trace->stats.chunks_damaged;
    *stats = trace->stats;
    stats->events_lost += trace->lost_seen;
    stats->events_damaged += pool->damaged;
    stats->chunks_damaged += pool->chunks_damaged;
    stats->bytes_skipped += pool->headers_damaged * sizeof(struct mt_chunk_header);
    if ((pool->chunks_damaged || pool->headers_damaged) &&
        (!damaged || pool->first_damage < stats->first_damage))
        stats->first_damage = pool->first_damage;
}

uint64_t mt_trace_position(const struct mt_trace *trace)
{
    return trace->delivered + trace->pool.passed;
}
