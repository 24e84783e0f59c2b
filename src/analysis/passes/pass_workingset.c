/* What a kernel needs at a time, against what is held: the bytes of the blocks that one launch
 * touches, and their share of what was allocated on the device then. */
#include <stdlib.h>
#include <string.h>

#include "analysis/kernelset.h"
#include "analysis/pass.h"
#include "analysis/tables.h"

struct sums {
    uint64_t launches; /* that touched something */
    uint64_t least, most;
    double bytes, share, most_share;
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    struct mt_kernelset kernels;
    struct sums *sums; /* of each kernel of the set */
    uint32_t room;
};

static void *workingset_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_workingset);
    mt_kernelset_init(&state->kernels, run->trace);
    return state;
}

static void workingset_free(void *data)
{
    struct state *state = data;
    mt_kernelset_release(&state->kernels);
    free(state->sums);
    free(state);
}

static struct sums *sums_of(struct state *state, uint64_t id)
{
    uint32_t kernel = mt_kernelset_index(&state->kernels, id);
    if (kernel == UINT32_MAX)
        return NULL;
    if (kernel >= state->room) {
        uint32_t room = state->kernels.room;
        struct sums *sums = realloc(state->sums, room * sizeof *sums);
        if (!sums)
            return NULL;
        memset(sums + state->room, 0, (room - state->room) * sizeof *sums);
        state->sums = sums;
        state->room = room;
    }
    return &state->sums[kernel];
}

static int workingset_launch(void *data, const struct mt_launch *launch)
{
    struct state *state = data;
    uint64_t bytes = 0;
    if (!launch->blocks)
        return 0;
    for (uint32_t i = 0; i < launch->blocks; i++)
        bytes += launch->block[i]->size;
    struct sums *sums = sums_of(state, launch->kernel);
    if (!sums)
        return MT_ERR_MEMORY;
    uint64_t held = mt_model_usage(state->run->model, launch->block[0]->device)->allocated;
    double share = held ? (double)bytes / (double)held : 0;
    sums->least = sums->launches && sums->least < bytes ? sums->least : bytes;
    sums->most = sums->most > bytes ? sums->most : bytes;
    sums->bytes += (double)bytes;
    sums->share += share;
    sums->most_share = sums->most_share > share ? sums->most_share : share;
    sums->launches++;
    return 0;
}

#define CELL(name) cell[MT_COL_workingset_##name]

static int put_row(void *data, uint32_t kernel)
{
    struct state *state = data;
    struct mt_value cell[MT_COLS_workingset];
    const struct sums *sums = &state->sums[kernel];
    double launches = (double)sums->launches;
    CELL(kernel) = mt_text(state->kernels.kernel[kernel].name);
    CELL(launches) = mt_uint(sums->launches);
    CELL(min_bytes) = mt_uint(sums->least);
    CELL(mean_bytes) = mt_real(sums->bytes / launches);
    CELL(max_bytes) = mt_uint(sums->most);
    CELL(mean_share) = mt_real(sums->share / launches);
    CELL(max_share) = mt_real(sums->most_share);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_workingset, cell);
}

static bool weigh(const void *data, uint32_t kernel, uint64_t *bytes)
{
    const struct state *state = data;
    if (kernel >= state->room || !state->sums[kernel].launches)
        return false;
    *bytes = state->sums[kernel].most;
    return true;
}

static int workingset_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    (void)end_ns;
    return mt_kernelset_tell(&state->kernels, &(struct mt_kernel_order){weigh, put_row}, state);
}

const struct mt_pass mt_pass_workingset = {
    .name = "workingset",
    .tables = (const struct mt_table *const[]){&mt_table_workingset, NULL},
    .new = workingset_new,
    .free = workingset_free,
    .launch = workingset_launch,
    .finish = workingset_finish,
};
