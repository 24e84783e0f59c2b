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
    trace->run_left = trace->delivered = trace->lost_seen = trace->merge.count = 0;
    pool->passed = pool->damaged = pool->chunks_damaged = pool->headers_damaged = 0;
    pool->since = trace->since;
    pool->until = trace->until;
    pool->lean = trace->lean;
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

void mt_trace_lean(struct mt_trace *trace, bool lean)
{
    trace->lean = lean;
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

/* Events that are of interest whoever asks for which. */
#define NOTED (MT_DEFINITIONS | UINT64_C(1) << MT_lost)

static void note(struct mt_trace *trace, const struct mt_record *record)
{
    if (record->kind == MT_kernel)
        mt_kernels_add(&trace->kernels, record);
    else if (record->kind == MT_string)
        mt_strings_add(&trace->strings, record);
    else if (mt_kind_defines(record->kind))
        mt_stackframes_add(&trace->stacks, record);
    else if (record->kind == MT_lost)
        trace->lost_seen += record->word[0];
}

/* The thread whose event comes first, with that event decoded; NULL at the end. */
static int first_stream(struct mt_trace *trace, struct mt_stream **first)
{
    *first = NULL;
    while (trace->merge.count) {
        struct mt_stream *stream = &trace->stream[trace->merge.turn[0].stream];
        if (stream->at < stream->end) {
            *first = stream;
            return 0;
        }
        RETURN_IF_ERROR(mt_stream_fill(stream, &trace->pool));
        requeue(trace, stream);
    }
    return 0;
}

/* Whether the first stream goes on with `record`: no other one's turn is before. */
static inline bool goes_on(const struct mt_trace *trace, const struct mt_stream *stream,
                           const struct mt_record *record)
{
    struct mt_turn turn = {record->time, stream->thread + mt_turn_rank(record->kind), 0};
    return mt_turn_before(&turn, &trace->merge.second) && record->time < trace->pool.until;
}

/* Whether all that the first stream has decoded comes before another one's turn, and nothing of it
 * is to be looked at here: as a rule, where few threads record. */
static bool is_plain(const struct mt_trace *trace, const struct mt_stream *stream, uint64_t limit)
{
    return stream->records && stream->last_ns < limit && !(stream->kinds & NOTED) &&
           stream->at->time >= trace->pool.since;
}

/* What the first stream has decoded, up to another one's turn; the first event is its own. */
static int cut_run(struct mt_trace *trace, struct mt_stream *stream, struct mt_trace_run *run)
{
    const struct mt_record *record = stream->at, *end = stream->end;
    const uint64_t second = trace->merge.second.time, until = trace->pool.until;
    const uint64_t limit = second < until ? second : until;
    int events = 0;
    if (is_plain(trace, stream, limit)) {
        *run = (struct mt_trace_run){record, end, stream->thread};
        stream->at = end;
        trace->delivered += stream->records;
        return (int)stream->records;
    }
    stream->records = 0;
    *run = (struct mt_trace_run){record, record, stream->thread};
    do {
        if (__builtin_expect(NOTED >> (record->kind % 64) & 1, 0))
            note(trace, record);
        trace->delivered++;
        record = mt_record_next(record);
        events++;
        if (__builtin_expect(run->first->time < trace->pool.since, 0)) { /* not asked for */
            run->first = record;
            events = 0;
        }
    } while (record < end && (record->time < limit || goes_on(trace, stream, record)));
    stream->at = run->end = record;
    return events;
}

/* The stream that was delivered from goes on behind it. */
static int leave(struct mt_trace *trace)
{
    struct mt_stream *stream = trace->current;
    trace->current = NULL;
    if (stream && stream->at == stream->end)
        RETURN_IF_ERROR(mt_stream_fill(stream, &trace->pool));
    if (stream)
        requeue(trace, stream);
    return 0;
}

/* The run that mt_trace_next began is finished first. */
static int rest_of_run(struct mt_trace *trace, struct mt_trace_run *run)
{
    int events = (int)trace->run_left;
    *run = trace->run;
    trace->run_left = 0;
    return events;
}

int mt_trace_next_run(struct mt_trace *trace, struct mt_trace_run *run)
{
    if (trace->run_left)
        return rest_of_run(trace, run);
    for (;;) {
        RETURN_IF_ERROR(leave(trace));
        RETURN_IF_ERROR(first_stream(trace, &trace->current));
        if (!trace->current)
            return 0;
        int events = cut_run(trace, trace->current, run);
        if (events)
            return events;
    }
}

const struct mt_record *mt_trace_next(struct mt_trace *trace, uint32_t *thread)
{
    if (!trace->run_left) {
        int events = mt_trace_next_run(trace, &trace->run);
        if (events <= 0)
            return NULL;
        trace->run_left = (uint64_t)events;
    }
    const struct mt_record *record = trace->run.first;
    trace->run.first = mt_record_next(record);
    trace->run_left--;
    if (thread)
        *thread = trace->run.thread;
    return record;
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

const struct mt_trace_frame *mt_trace_frame(const struct mt_trace *trace, uint64_t id)
{
    return mt_stackframes_frame(&trace->stacks, id);
}

const struct mt_trace_code *mt_trace_code(const struct mt_trace *trace, uint64_t id)
{
    return mt_stackframes_code(&trace->stacks, id);
}

const struct mt_trace_module *mt_trace_module(const struct mt_trace *trace, uint64_t id)
{
    return mt_stackframes_module(&trace->stacks, id);
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
    return trace->delivered - trace->run_left + trace->pool.passed;
}

const char *mt_trace_string(const struct mt_trace *trace, uint64_t id)
{
    return mt_strings_get(&trace->strings, id);
}
