#include <stdlib.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/stackset.h"
#include "model/words.h"

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
};

static void *failures_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_failures);
    return state;
}

#define CELL(name) cell[MT_COL_failures_##name]
#define AS(name) const struct mt_ev_##name *event = (const void *)record->word

static void fill_device(struct state *state, struct mt_value *cell, uint64_t ordinal)
{
    uint32_t device = mt_model_device(ordinal);
    const struct mt_usage *usage = mt_model_usage(state->run->model, device);
    CELL(device) = mt_device_value(device);
    CELL(reserved_bytes) = mt_uint(usage->reserved);
    CELL(allocated_bytes) = mt_uint(usage->allocated);
}

static void fill_stack(struct state *state, struct mt_value *cell, uint64_t stack)
{
    uint32_t id = stack <= UINT32_MAX ? (uint32_t)stack : 0;
    CELL(stack_id) = mt_stack_value(id);
    CELL(site) = mt_site_value(state->run->stacks, id);
}

static void fill_free_bytes(struct mt_value *cell, uint64_t free_bytes, uint64_t total_bytes)
{
    if (!total_bytes) /* the driver could not be asked */
        return;
    CELL(free_bytes) = mt_uint(free_bytes);
    CELL(total_bytes) = mt_uint(total_bytes);
}

static void fill_allocation(struct state *state, struct mt_value *cell,
                            const struct mt_record *record)
{
    AS(alloc_failed);
    CELL(what) = mt_text("allocation");
    CELL(size_bytes) = mt_uint(event->size);
    CELL(by) = mt_text(mt_trace_api(state->run->trace, event->api));
    CELL(error) = mt_uint(event->error);
    fill_device(state, cell, event->device);
    fill_stack(state, cell, event->stack);
}

static void fill_free(struct state *state, struct mt_value *cell, const struct mt_record *record)
{
    AS(free_failed);
    CELL(what) = mt_text("free");
    CELL(address) = mt_uint(event->address);
    CELL(by) = mt_text(mt_trace_api(state->run->trace, event->api));
    CELL(error) = mt_uint(event->error);
}

static void fill_block(struct state *state, struct mt_value *cell, const struct mt_record *record)
{
    AS(block_oom);
    CELL(what) = mt_text("block");
    CELL(size_bytes) = mt_uint(event->size);
    CELL(allocator_reserved_bytes) = mt_uint(event->reserved);
    CELL(allocator_allocated_bytes) = mt_uint(event->allocated);
    fill_device(state, cell, event->device);
    fill_free_bytes(cell, event->free_bytes, event->total_bytes);
    fill_stack(state, cell, event->stack);
}

static int failures_event(void *data, const struct mt_record *record, uint32_t thread)
{
    struct state *state = data;
    struct mt_value cell[MT_COLS_failures];
    for (size_t i = 0; i < MT_COLS_failures; i++)
        cell[i] = mt_null();
    if (record->kind == MT_alloc_failed)
        fill_allocation(state, cell, record);
    else if (record->kind == MT_free_failed)
        fill_free(state, cell, record);
    else
        fill_block(state, cell, record);
    CELL(time_ns) = mt_uint(record->time);
    CELL(thread) = mt_uint(thread);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_failures, cell);
}

const struct mt_pass mt_pass_failures = {
    .name = "failures",
    .tables = (const struct mt_table *const[]){&mt_table_failures, NULL},
    .kinds = MT_KIND_BIT(alloc_failed) | MT_KIND_BIT(free_failed) | MT_KIND_BIT(block_oom),
    .new = failures_new,
    .free = free,
    .event = failures_event,
};
