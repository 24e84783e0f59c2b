#include <stdlib.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/kernelset.h"
#include "model/words.h"

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    struct mt_kernelset kernels;
};

static void *accesses_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_accesses);
    mt_kernelset_init(&state->kernels, run->trace);
    return state;
}

static void accesses_free(void *data)
{
    struct state *state = data;
    mt_kernelset_release(&state->kernels);
    free(state);
}

static const char *name_of(struct state *state, const struct mt_access *access)
{
    if (access->by != MT_BY_LAUNCH)
        return mt_trace_api(state->run->trace, access->kernel);
    uint32_t i = mt_kernelset_index(&state->kernels, access->kernel);
    return i == UINT32_MAX ? NULL : state->kernels.kernel[i].name;
}

#define CELL(name) cell[MT_COL_accesses_##name]

static int accesses_access(void *data, const struct mt_block *block, const struct mt_access *access)
{
    struct state *state = data;
    struct mt_value cell[MT_COLS_accesses];
    const char *name = name_of(state, access);
    if (!name)
        return MT_ERR_MEMORY;
    CELL(time_ns) = mt_uint(access->time_ns);
    CELL(block_id) = mt_uint(block->id);
    CELL(offset_bytes) = mt_uint(access->offset);
    CELL(kind) = mt_text(mt_access_kind_word(access->kind));
    CELL(by) = mt_text(mt_access_by_word(access->by));
    CELL(kernel) = mt_text(name);
    CELL(size_bytes) = access->size ? mt_uint(access->size) : mt_null();
    CELL(stream) = mt_uint(access->stream);
    CELL(thread) = mt_uint(access->thread);
    CELL(graph_id) = access->graph ? mt_uint(access->graph) : mt_null();
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_accesses, cell);
}

const struct mt_pass mt_pass_accesses = {
    .name = "accesses",
    .tables = (const struct mt_table *const[]){&mt_table_accesses, NULL},
    .new = accesses_new,
    .free = accesses_free,
    .access = accesses_access,
    .host = true,
};
