#include <stdlib.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/stackset.h"
#include "model/words.h"

#define PATH_BYTES 1024 /* of a path of ranges; the outermost of a longer one are left out */

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
};

static void *blocks_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_blocks);
    return state;
}

static struct mt_value if_set(bool set, uint64_t u)
{
    return (struct mt_value){.u = u, .null = !set};
}

#define CELL(name) cell[MT_COL_blocks_##name]

static void fill_access(struct mt_value *cell, const struct mt_block *block)
{
    bool accessed = block->accesses > 0;
    CELL(accesses) = mt_uint(block->accesses);
    CELL(reads) = mt_uint(block->reads);
    CELL(writes) = mt_uint(block->writes);
    CELL(touches) = mt_uint(block->touches);
    CELL(first_access_ns) = if_set(accessed, block->first_access_ns);
    CELL(last_access_ns) = if_set(accessed, block->last_access_ns);
}

static void fill_end(struct mt_value *cell, const struct mt_block *block, uint64_t now)
{
    bool died = block->death_ns != UINT64_MAX;
    CELL(birth_ns) = mt_uint(block->birth_ns);
    CELL(death_ns) = if_set(died, block->death_ns);
    CELL(lifetime_ns) = mt_uint((died ? block->death_ns : now) - block->birth_ns);
}

static void fill_asker(struct mt_value *cell, const struct mt_run *run,
                       const struct mt_block *block)
{
    bool driver = !mt_source_is_allocator(block->source);
    CELL(source) = mt_source_value(block->source);
    CELL(api) = driver && block->source != MT_SOURCE_VIRTUAL
                    ? mt_text(mt_trace_api(run->trace, block->api))
                    : mt_null();
    CELL(stack_id) = mt_stack_value(block->stack);
    CELL(site) = mt_site_value(run->stacks, block->stack);
}

/* The texts live as long as the buffers. */
static __attribute__((noinline)) int put_ranged(struct state *state, struct mt_value *cell,
                                                const struct mt_block *block)
{
    char range[PATH_BYTES], forward[PATH_BYTES];
    const struct mt_model *model = state->run->model;
    CELL(range) = mt_text(mt_model_range(model, block, range, PATH_BYTES));
    CELL(forward_range) = mt_text(mt_model_forward_range(model, block, forward, PATH_BYTES));
    return state->sink->row(state->sink, &mt_table_blocks, cell);
}

static int put_row(struct state *state, const struct mt_block *block)
{
    struct mt_value cell[MT_COLS_blocks];
    CELL(block_id) = mt_uint(block->id);
    CELL(level) = mt_level_value(block->level);
    CELL(device) = mt_device_value(block->device);
    CELL(address) = mt_uint(block->address);
    CELL(size_bytes) = mt_uint(block->size);
    CELL(stream) =
        if_set(block->source == MT_SOURCE_ASYNC || block->source == MT_SOURCE_GRAPH, block->stream);
    fill_end(cell, block, mt_model_now(state->run->model));
    fill_access(cell, block);
    CELL(segment_id) = if_set(block->segment != 0, block->segment);
    fill_asker(cell, state->run, block);
    CELL(alive_at_start) = mt_uint(block->alive_at_start);
    CELL(range) = CELL(forward_range) = mt_null();
    CELL(trace) = mt_uint(state->run->trace_index);
    return mt_block_is_ranged(block) ? put_ranged(state, cell, block)
                                     : state->sink->row(state->sink, &mt_table_blocks, cell);
}

static bool is_wanted(const struct mt_sink *sink, const struct mt_block *block)
{
    return block->size > sink->floor || sink->floor_column != MT_COL_blocks_size_bytes;
}

static int blocks_death(void *data, const struct mt_block *block)
{
    struct state *state = data;
    return is_wanted(state->sink, block) ? put_row(state, block) : 0;
}

const struct mt_pass mt_pass_blocks = {
    .name = "blocks",
    .tables = (const struct mt_table *const[]){&mt_table_blocks, NULL},
    .new = blocks_new,
    .free = free,
    .death = blocks_death,
    .host = true,
    .ranges = true,
};
