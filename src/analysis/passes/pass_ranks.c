/* A row for each traced process and device, so that the processes of a job stand side by side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "model/words.h"

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
};

static void *ranks_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_ranks);
    return state;
}

/* What the trace says under a key, where that is a number. */
static struct mt_value told(const struct state *state, const char *key)
{
    const char *text = mt_trace_meta(state->run->trace, key);
    bool number = text && *text && !text[strspn(text, "0123456789")];
    return number ? mt_uint(strtoull(text, NULL, 10)) : mt_null();
}

#define CELL(name) cell[MT_COL_ranks_##name]

static int put_row(struct state *state, uint32_t device, const struct mt_usage *usage)
{
    const struct mt_counts *counts = mt_model_counts(state->run->model);
    struct mt_value cell[MT_COLS_ranks];
    struct mt_trace_stats stats;
    char total[48];
    mt_trace_stats(state->run->trace, &stats);
    snprintf(total, sizeof total, "device.%u.total_bytes", device);
    CELL(rank) = told(state, "rank");
    CELL(host) = mt_text(mt_trace_meta(state->run->trace, "host"));
    CELL(pid) = told(state, "pid");
    CELL(start_unix_ns) = mt_uint(stats.start_realtime_ns);
    CELL(device) = mt_device_value(device);
    CELL(peak_allocated_bytes) = mt_uint(usage->peak_allocated);
    CELL(peak_allocated_ns) = mt_uint(usage->peak_allocated_ns);
    CELL(peak_reserved_bytes) = mt_uint(usage->peak_reserved);
    CELL(end_allocated_bytes) = mt_uint(usage->allocated);
    CELL(end_reserved_bytes) = mt_uint(usage->reserved);
    CELL(device_bytes) = told(state, total);
    CELL(launches) = mt_uint(counts->launches);
    CELL(collectives) = mt_uint(counts->collectives);
    CELL(sent_bytes) = mt_uint(counts->collectives_sent_bytes);
    CELL(received_bytes) = mt_uint(counts->collectives_received_bytes);
    CELL(failures) = mt_uint(counts->allocations_failed + counts->blocks_failed);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_ranks, cell);
}

/* A device on which there was only memory of others, such as NCCL's buffers of the next rank, is
 * none that the process takes anything of. */
static bool takes(const struct mt_usage *usage)
{
    return usage->used && usage->peak_reserved > 0;
}

static bool takes_any(const struct state *state)
{
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        if (takes(mt_model_usage(state->run->model, device)))
            return true;
    return false;
}

static int ranks_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    bool all = !takes_any(state);
    (void)end_ns;
    for (uint32_t device = 0; device < MT_DEVICES; device++) {
        const struct mt_usage *usage = mt_model_usage(state->run->model, device);
        if (all ? usage->used : takes(usage))
            RETURN_IF_ERROR(put_row(state, device, usage));
    }
    return 0;
}

const struct mt_pass mt_pass_ranks = {
    .name = "ranks",
    .tables = (const struct mt_table *const[]){&mt_table_ranks, NULL},
    .new = ranks_new,
    .free = free,
    .finish = ranks_finish,
};
