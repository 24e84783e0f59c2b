/* What kernels touch: which blocks in all (kernels), and what a launch needs at a time, against
 * what is held then (workingset). Both add up the sizes of a launch's blocks, so it is one pass. */
#include <stdlib.h>
#include <string.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/kernelset.h"
#include "analysis/measures/slots.h"
#include "analysis/measures/touched.h"

struct sums {
    uint64_t launches, by_graphs, captured, unknown, touching;
    uint64_t touches, touched_bytes, blocks, block_bytes;
    /* Of the bytes that a launch touched, and of their share of what was allocated. */
    uint64_t least, most;
    double bytes, share, most_share;
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink, *workingset;
    struct mt_kernelset kernels;
    struct sums *sums; /* of each kernel of the set */
    uint32_t room;
    struct mt_slots touched;
    struct mt_touched_pool pool;
};

static void *kernels_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_kernels);
    state->workingset = run->sink(run, &mt_table_workingset);
    mt_kernelset_init(&state->kernels, run->trace);
    return state;
}

static struct mt_touched *touched_at(struct state *state, uint32_t slot)
{
    return mt_slots_at(&state->touched, slot, sizeof(struct mt_touched));
}

static void kernels_free(void *data)
{
    struct state *state = data;
    for (uint32_t slot = 0; slot < state->touched.room; slot++)
        mt_touched_clear(touched_at(state, slot), &state->pool);
    mt_touched_pool_release(&state->pool);
    mt_slots_release(&state->touched);
    mt_kernelset_release(&state->kernels);
    free(state->sums);
    free(state);
}

static bool make_room(struct state *state)
{
    if (state->kernels.size <= state->room)
        return true;
    uint32_t room = state->kernels.room;
    struct sums *sums = realloc(state->sums, room * sizeof *sums);
    if (!sums)
        return false;
    memset(sums + state->room, 0, (room - state->room) * sizeof *sums);
    state->sums = sums;
    state->room = room;
    return true;
}

/* What a launch adds to its kernel's sums. */
struct news {
    uint64_t bytes, new_blocks, new_bytes; /* new: not touched by the kernel before */
};

static inline void look_near(struct mt_touched *touched, uint32_t kernel,
                             const struct mt_block *const *block, uint32_t n, struct news *news)
{
    const struct mt_touched_bit bit = mt_touched_bit(kernel);
    uint64_t bytes = 0, new_blocks = 0, new_bytes = 0;
    for (const struct mt_block *const *end = block + n; block < end; block++) {
        const uint64_t new = mt_touched_add_near(&touched[(*block)->slot], bit);
        const uint64_t size = (*block)->size;
        bytes += size;
        new_blocks += new;
        new_bytes += size & (0 - new);
    }
    *news = (struct news){bytes, new_blocks, new_bytes};
}

static int look_far(struct state *state, struct mt_touched *touched, uint32_t kernel,
                    const struct mt_launch *launch, struct news *news)
{
    for (uint32_t i = 0; i < launch->blocks; i++) {
        const struct mt_block *block = launch->block[i];
        int new = mt_touched_add(&touched[block->slot], &state->pool, kernel);
        RETURN_IF_ERROR(new);
        news->bytes += block->size;
        news->new_blocks += (uint64_t) new;
        news->new_bytes += new ? block->size : 0;
    }
    return 0;
}

static int count_blocks(struct state *state, struct sums *sums, uint32_t kernel,
                        const struct mt_launch *launch, struct news *news)
{
    if (!touched_at(state, launch->slots - 1)) /* makes room for all of them */
        return MT_ERR_MEMORY;
    struct mt_touched *touched = touched_at(state, 0);
    if (kernel < MT_TOUCHED_NEAR)
        look_near(touched, kernel, launch->block, launch->blocks, news);
    else
        RETURN_IF_ERROR(look_far(state, touched, kernel, launch, news));
    sums->touches += launch->blocks;
    sums->touched_bytes += news->bytes;
    sums->blocks += news->new_blocks;
    sums->block_bytes += news->new_bytes;
    return 0;
}

static void count_need(const struct state *state, struct sums *sums, const struct mt_launch *launch,
                       uint64_t bytes)
{
    uint64_t held = mt_model_usage(state->run->model, launch->block[0]->device)->allocated;
    double taken = (double)(int64_t)bytes, share = held ? taken / (double)(int64_t)held : 0;
    sums->least = sums->touching && sums->least < bytes ? sums->least : bytes;
    sums->most = sums->most > bytes ? sums->most : bytes;
    sums->bytes += taken;
    sums->share += share;
    sums->most_share = sums->most_share > share ? sums->most_share : share;
}

static int count_launch(struct state *state, struct sums *sums, uint32_t kernel,
                        const struct mt_launch *launch)
{
    struct news news = {0};
    if (state->sink)
        RETURN_IF_ERROR(count_blocks(state, sums, kernel, launch, &news));
    for (uint32_t i = 0; !state->sink && i < launch->blocks; i++)
        news.bytes += launch->block[i]->size;
    if (state->workingset)
        count_need(state, sums, launch, news.bytes);
    sums->touching++;
    return 0;
}

static int kernels_launch(void *data, const struct mt_launch *launch)
{
    struct state *state = data;
    uint32_t kernel = mt_kernelset_index(&state->kernels, launch->kernel);
    if (kernel == UINT32_MAX || !make_room(state))
        return MT_ERR_MEMORY;
    struct sums *sums = &state->sums[kernel];
    if (launch->flags & MT_LAUNCH_CAPTURED) {
        sums->captured++;
        return 0;
    }
    sums->launches++;
    sums->by_graphs += launch->graph != 0;
    sums->unknown += (launch->flags & (MT_LAUNCH_ARGS_UNKNOWN | MT_LAUNCH_ARGS_CUT)) != 0;
    return launch->blocks ? count_launch(state, sums, kernel, launch) : 0;
}

static int kernels_death(void *data, const struct mt_block *block)
{
    struct state *state = data;
    if (block->touches && block->death_ns != UINT64_MAX && state->sink)
        mt_touched_clear(touched_at(state, block->slot), &state->pool);
    return 0;
}

#define CELL(name) cell[MT_COL_kernels_##name]

static int put_row(void *data, uint32_t kernel)
{
    struct state *state = data;
    struct mt_value cell[MT_COLS_kernels];
    const struct sums *sums = &state->sums[kernel];
    CELL(name) = mt_text(state->kernels.kernel[kernel].name);
    CELL(launches) = mt_uint(sums->launches);
    CELL(blocks) = mt_uint(sums->blocks);
    CELL(block_bytes) = mt_uint(sums->block_bytes);
    CELL(touches) = mt_uint(sums->touches);
    CELL(touched_bytes) = mt_uint(sums->touched_bytes);
    CELL(unknown_argument_launches) = mt_uint(sums->unknown);
    CELL(untouching_launches) = mt_uint(sums->launches - sums->touching);
    CELL(graph_launches) = mt_uint(sums->by_graphs);
    CELL(captured_launches) = mt_uint(sums->captured);
    CELL(mangled_name) = mt_text(state->kernels.kernel[kernel].mangled);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_kernels, cell);
}

static bool weigh(const void *data, uint32_t kernel, uint64_t *bytes)
{
    const struct state *state = data;
    *bytes = state->sums[kernel].touched_bytes;
    return true;
}

#undef CELL
#define CELL(name) cell[MT_COL_workingset_##name]

static int put_need(void *data, uint32_t kernel)
{
    struct state *state = data;
    struct mt_value cell[MT_COLS_workingset];
    const struct sums *sums = &state->sums[kernel];
    double launches = (double)sums->touching;
    CELL(kernel) = mt_text(state->kernels.kernel[kernel].name);
    CELL(launches) = mt_uint(sums->touching);
    CELL(min_bytes) = mt_uint(sums->least);
    CELL(mean_bytes) = mt_real(sums->bytes / launches);
    CELL(max_bytes) = mt_uint(sums->most);
    CELL(mean_share) = mt_real(sums->share / launches);
    CELL(max_share) = mt_real(sums->most_share);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->workingset->row(state->workingset, &mt_table_workingset, cell);
}

static bool weigh_need(const void *data, uint32_t kernel, uint64_t *bytes)
{
    const struct state *state = data;
    *bytes = state->sums[kernel].most;
    return state->sums[kernel].touching > 0;
}

static int kernels_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    (void)end_ns;
    if (state->sink)
        RETURN_IF_ERROR(
            mt_kernelset_tell(&state->kernels, &(struct mt_kernel_order){weigh, put_row}, state));
    return state->workingset
               ? mt_kernelset_tell(&state->kernels, &(struct mt_kernel_order){weigh_need, put_need},
                                   state)
               : 0;
}

const struct mt_pass mt_pass_kernels = {
    .name = "kernels",
    .tables = (const struct mt_table *const[]){&mt_table_kernels, &mt_table_workingset, NULL},
    .new = kernels_new,
    .free = kernels_free,
    .launch = kernels_launch,
    .death = kernels_death,
    .finish = kernels_finish,
};
