/* Events in the order of time, and what is known about them. */
#include "memtrace/trace.h"

#include "base/error.h"
#include "reader/opened.h"

int mt_trace_rewind(struct mt_trace *trace)
{
    mt_ahead_free(trace->ahead);
    trace->ahead = NULL;
    trace->run_left = trace->delivered = trace->lost_seen = 0;
    trace->pool.since = trace->since;
    trace->pool.until = trace->until;
    trace->pool.lean = trace->lean;
    trace->to_start = trace->is_ahead;
    mt_runs_rewind(trace);
    trace->delivery.passed = trace->pool.passed;
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

void mt_trace_ahead(struct mt_trace *trace, bool ahead)
{
    trace->is_ahead = ahead;
}

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

static void note_all(struct mt_trace *trace, const struct mt_delivery *delivery)
{
    for (const struct mt_record *record = delivery->noted; record < delivery->run.end;
         record = mt_record_next(record))
        if (MT_RUNS_NOTED >> (record->kind % 64) & 1)
            note(trace, record);
}

/* Where no thread can be had it is done here. */
static int next_delivery(struct mt_trace *trace)
{
    if (trace->to_start)
        trace->ahead = mt_ahead_new(trace);
    trace->to_start = false;
    return trace->ahead ? mt_ahead_next(trace->ahead, &trace->delivery)
                        : mt_runs_next(trace, &trace->delivery);
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
    const struct mt_delivery *delivery = &trace->delivery;
    if (trace->run_left)
        return rest_of_run(trace, run);
    for (;;) {
        int code = next_delivery(trace);
        if (code <= 0)
            return code;
        trace->delivered += delivery->skipped + delivery->events;
        if (__builtin_expect(delivery->noted != NULL, 0))
            note_all(trace, delivery);
        if (delivery->events) {
            *run = delivery->run;
            return (int)delivery->events;
        }
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
    const struct mt_passed *passed = &trace->delivery.passed;
    bool damaged = trace->stats.bytes_skipped || trace->stats.chunks_damaged;
    *stats = trace->stats;
    stats->events_lost +=
        trace->lost_seen > trace->lost_told ? trace->lost_seen : trace->lost_told;
    stats->events_damaged += passed->damaged;
    stats->chunks_damaged += passed->chunks_damaged;
    stats->bytes_skipped += passed->headers_damaged * sizeof(struct mt_chunk_header);
    if ((passed->chunks_damaged || passed->headers_damaged) &&
        (!damaged || passed->first_damage < stats->first_damage))
        stats->first_damage = passed->first_damage;
}

uint64_t mt_trace_position(const struct mt_trace *trace)
{
    return trace->delivered - trace->run_left + trace->delivery.passed.events;
}

const char *mt_trace_string(const struct mt_trace *trace, uint64_t id)
{
    return mt_strings_get(&trace->strings, id);
}
