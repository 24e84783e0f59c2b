#include <stdlib.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/slots.h"
#include "analysis/measures/stackset.h"
#include "model/words.h"

/* What lives in a segment now, and the most that did. */
struct fill {
    uint64_t bytes, blocks, peak_bytes, peak_blocks;
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    struct mt_slots fills;
};

static void *segments_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_segments);
    return state;
}

static void segments_free(void *data)
{
    struct state *state = data;
    mt_slots_release(&state->fills);
    free(state);
}

static struct fill *fill_at(struct state *state, uint32_t slot)
{
    return mt_slots_at(&state->fills, slot, sizeof(struct fill));
}

static int segments_birth(void *data, const struct mt_block *block)
{
    bool driver = !mt_source_is_allocator(block->source);
    if (!driver && !block->segment_slot)
        return 0;
    struct fill *fill = fill_at(data, driver ? block->slot : block->segment_slot);
    if (!fill)
        return MT_ERR_MEMORY;
    if (driver) {
        *fill = (struct fill){0};
        return 0;
    }
    fill->bytes += block->size;
    fill->blocks++;
    if (fill->bytes > fill->peak_bytes)
        fill->peak_bytes = fill->bytes;
    if (fill->blocks > fill->peak_blocks)
        fill->peak_blocks = fill->blocks;
    return 0;
}

#define CELL(name) cell[MT_COL_segments_##name]

static __attribute__((noinline)) int put_row(struct state *state, const struct mt_block *block,
                                             const struct fill *fill)
{
    struct mt_value cell[MT_COLS_segments];
    bool died = block->death_ns != UINT64_MAX;
    uint64_t end = died ? block->death_ns : mt_model_now(state->run->model);
    CELL(segment_id) = mt_uint(block->id);
    CELL(device) = mt_device_value(block->device);
    CELL(address) = mt_uint(block->address);
    CELL(size_bytes) = mt_uint(block->size);
    CELL(source) = mt_source_value(block->source);
    CELL(birth_ns) = mt_uint(block->birth_ns);
    CELL(death_ns) = died ? mt_uint(block->death_ns) : mt_null();
    CELL(lifetime_ns) = mt_uint(end - block->birth_ns);
    CELL(blocks) = mt_uint(block->children);
    CELL(peak_allocated_bytes) = mt_uint(fill->peak_bytes);
    CELL(peak_blocks) = mt_uint(fill->peak_blocks);
    CELL(stale_touches) = mt_uint(block->stale_touches);
    CELL(stack_id) = mt_stack_value(block->stack);
    CELL(site) = mt_site_value(state->run->stacks, block->stack);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_segments, cell);
}

static int segments_death(void *data, const struct mt_block *block)
{
    struct fill *fill;
    if (mt_source_is_allocator(block->source)) {
        if (block->death_ns != UINT64_MAX && block->segment_slot) {
            fill = fill_at(data, block->segment_slot);
            fill->bytes -= block->size;
            fill->blocks--;
        }
        return 0;
    }
    if (block->level != MT_LEVEL_SEGMENT)
        return 0;
    fill = fill_at(data, block->slot);
    return put_row(data, block, fill);
}

const struct mt_pass mt_pass_segments = {
    .name = "segments",
    .tables = (const struct mt_table *const[]){&mt_table_segments, NULL},
    .new = segments_new,
    .free = segments_free,
    .birth = segments_birth,
    .death = segments_death,
};
