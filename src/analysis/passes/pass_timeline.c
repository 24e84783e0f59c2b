/* Memory over time, in equal slices of the trace: the trace says beforehand how long it is. Usage
 * is carried into the slices in which nothing changes. What is live between a first and a last
 * access is known at a block's death only, so it is kept as changes from slice to slice and summed
 * up at the end. Page-locked host memory is of no device: its line is that of those not known. */
#include <stdlib.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "model/words.h"

#define SLICES 1000u

struct line {
    uint32_t slice; /* the last one that has values */
    uint64_t slice_end;
    uint64_t reserved, allocated, host; /* now */
    uint64_t most_reserved[SLICES], most_allocated[SLICES], most_host[SLICES];
    int64_t live_change[SLICES + 1];
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    uint64_t width; /* ns of a slice */
    uint32_t slices;
    struct line *line[MT_DEVICES]; /* NULL where the device has no memory */
};

static void *timeline_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    struct mt_trace_stats stats;
    if (!state)
        return NULL;
    mt_trace_stats(run->trace, &stats);
    state->run = run;
    state->sink = run->sink(run, &mt_table_timeline);
    state->width = stats.last_ns / SLICES + 1;
    state->slices = (uint32_t)(stats.last_ns / state->width + 1);
    return state;
}

static void timeline_free(void *data)
{
    struct state *state = data;
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        free(state->line[device]);
    free(state);
}

static uint32_t slice_of(const struct state *state, uint64_t time_ns)
{
    uint64_t slice = time_ns / state->width;
    return slice < state->slices ? (uint32_t)slice : state->slices - 1;
}

/* The same of a time that as a rule lies in the slice that a line has come to. */
static inline uint32_t slice_near(const struct state *state, const struct line *line,
                                  uint64_t time_ns)
{
    uint64_t begin = line->slice * state->width;
    return time_ns - begin < state->width ? line->slice : slice_of(state, time_ns);
}

static __attribute__((noinline)) struct line *new_line(struct state *state, uint32_t device)
{
    state->line[device] = calloc(1, sizeof(struct line));
    if (state->line[device])
        state->line[device]->slice_end = state->width;
    return state->line[device];
}

static inline struct line *line_of(struct state *state, uint32_t device)
{
    return state->line[device] ? state->line[device] : new_line(state, device);
}

static void most(uint64_t *old, uint64_t new)
{
    if (*old < new)
        *old = new;
}

/* Go on to a later slice, with what is in use now. */
static __attribute__((noinline)) void go_on(const struct state *state, struct line *line,
                                            uint32_t slice)
{
    while (line->slice < slice) {
        line->slice++;
        line->most_reserved[line->slice] = line->reserved;
        line->most_allocated[line->slice] = line->allocated;
        line->most_host[line->slice] = line->host;
    }
    bool last = slice + 1 == state->slices;
    line->slice_end = last ? UINT64_MAX : (slice + 1) * state->width;
}

static inline void note_usage(struct line *line, const struct mt_usage *usage)
{
    line->reserved = usage->reserved;
    line->allocated = usage->allocated;
    most(&line->most_reserved[line->slice], usage->reserved);
    most(&line->most_allocated[line->slice], usage->allocated);
}

/* The first of a device, or of a slice. */
static __attribute__((noinline)) int begin_usage(struct state *state, uint32_t device,
                                                 const struct mt_usage *usage, uint64_t time_ns)
{
    struct line *line = line_of(state, device);
    if (!line)
        return MT_ERR_MEMORY;
    if (time_ns >= line->slice_end)
        go_on(state, line, slice_of(state, time_ns));
    note_usage(line, usage);
    return 0;
}

/* Births are told a little late: a time before the current slice counts as in it. */
static int timeline_usage(void *data, uint32_t device, const struct mt_usage *usage,
                          uint64_t time_ns)
{
    struct state *state = data;
    struct line *line = state->line[device];
    if (!line || time_ns >= line->slice_end)
        return begin_usage(state, device, usage, time_ns);
    note_usage(line, usage);
    return 0;
}

/* Change of page-locked memory, modulo 2^64. */
static int add_host(struct state *state, uint64_t bytes, uint64_t time_ns)
{
    struct line *line = line_of(state, MT_DEVICES - 1);
    if (!line)
        return MT_ERR_MEMORY;
    if (time_ns >= line->slice_end)
        go_on(state, line, slice_of(state, time_ns));
    line->host += bytes;
    most(&line->most_host[line->slice], line->host);
    return 0;
}

static int timeline_birth(void *data, const struct mt_block *block)
{
    return block->level == MT_LEVEL_HOST ? add_host(data, block->size, block->birth_ns) : 0;
}

static int timeline_death(void *data, const struct mt_block *block)
{
    struct state *state = data;
    if (block->level == MT_LEVEL_HOST)
        return block->death_ns == UINT64_MAX ? 0
                                             : add_host(state, 0 - block->size, block->death_ns);
    if (block->accesses == 0 || block->level == MT_LEVEL_SEGMENT)
        return 0;
    struct line *line = line_of(state, block->device);
    if (!line)
        return MT_ERR_MEMORY;
    line->live_change[slice_near(state, line, block->first_access_ns)] += (int64_t)block->size;
    line->live_change[slice_near(state, line, block->last_access_ns) + 1] -= (int64_t)block->size;
    return 0;
}

#define CELL(name) cell[MT_COL_timeline_##name]

static int put_row(struct state *state, uint32_t device, uint32_t slice, uint64_t live)
{
    struct mt_value cell[MT_COLS_timeline];
    const struct line *line = state->line[device];
    uint64_t begin = slice * state->width;
    bool known = mt_model_recorded_ns(state->run->model, begin, begin + state->width) > 0;
    CELL(time_ns) = mt_uint(begin);
    CELL(device) = mt_device_value(device);
    CELL(reserved_bytes) = known ? mt_uint(line->most_reserved[slice]) : mt_null();
    CELL(allocated_bytes) = known ? mt_uint(line->most_allocated[slice]) : mt_null();
    CELL(live_bytes) = known ? mt_uint(live) : mt_null();
    CELL(host_bytes) =
        known && device == MT_DEVICES - 1 ? mt_uint(line->most_host[slice]) : mt_null();
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_timeline, cell);
}

static int timeline_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    int64_t live[MT_DEVICES] = {0};
    (void)end_ns;
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        if (state->line[device])
            go_on(state, state->line[device], state->slices - 1);
    for (uint32_t slice = 0; slice < state->slices; slice++) {
        for (uint32_t device = 0; device < MT_DEVICES; device++) {
            if (!state->line[device])
                continue;
            live[device] += state->line[device]->live_change[slice];
            RETURN_IF_ERROR(put_row(state, device, slice, (uint64_t)live[device]));
        }
    }
    return 0;
}

const struct mt_pass mt_pass_timeline = {
    .name = "timeline",
    .tables = (const struct mt_table *const[]){&mt_table_timeline, NULL},
    .new = timeline_new,
    .free = timeline_free,
    .birth = timeline_birth,
    .death = timeline_death,
    .usage = timeline_usage,
    .finish = timeline_finish,
    .host = true,
};
