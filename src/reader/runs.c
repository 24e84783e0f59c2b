#include "reader/runs.h"

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

void mt_runs_rewind(struct mt_trace *trace)
{
    struct mt_stream_pool *pool = &trace->pool;
    trace->current = NULL;
    trace->merge.count = 0;
    pool->passed = (struct mt_passed){0};
    for (uint32_t i = 0; i < trace->streams; i++) {
        struct mt_stream *stream = &trace->stream[i];
        mt_stream_rewind(stream, pool);
        uint64_t time = mt_stream_peek(stream, pool);
        if (time < pool->until)
            mt_merge_push(&trace->merge, turn_of(trace, stream, time));
    }
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
 * is to be noted: as a rule, where few threads record. */
static bool is_plain(const struct mt_trace *trace, const struct mt_stream *stream, uint64_t limit)
{
    return stream->records && stream->last_ns < limit && !(stream->kinds & MT_RUNS_NOTED) &&
           stream->at->time >= trace->pool.since;
}

/* What the first stream has decoded, up to another one's turn; the first event is its own. */
static void cut_run(struct mt_trace *trace, struct mt_stream *stream, struct mt_delivery *delivery)
{
    const struct mt_record *record = stream->at, *end = stream->end, *first = record;
    const uint64_t second = trace->merge.second.time, until = trace->pool.until;
    const uint64_t limit = second < until ? second : until;
    uint32_t events = 0, skipped = 0;
    delivery->noted = stream->kinds & MT_RUNS_NOTED ? record : NULL;
    if (is_plain(trace, stream, limit)) {
        events = stream->records;
        record = end;
    } else {
        stream->records = 0;
        do {
            events++;
            record = mt_record_next(record);
            if (__builtin_expect(first->time < trace->pool.since, 0)) { /* not asked for */
                first = record;
                events = 0;
                skipped++;
            }
        } while (record < end && (record->time < limit || goes_on(trace, stream, record)));
    }
    stream->at = record;
    delivery->run = (struct mt_trace_run){first, record, stream->thread};
    delivery->events = events;
    delivery->skipped = skipped;
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

int mt_runs_next(struct mt_trace *trace, struct mt_delivery *delivery)
{
    int code = leave(trace);
    if (code == 0)
        code = first_stream(trace, &trace->current);
    delivery->passed = trace->pool.passed;
    if (code < 0 || !trace->current)
        return code;
    cut_run(trace, trace->current, delivery);
    return 1;
}
