/* Access-time intervals: the time between adjacent accesses of a block, from the issue of one
 * launch, copy or set to that of the next. */
#include <stdlib.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/gaps.h"
#include "analysis/measures/kernelset.h"
#include "analysis/measures/loglinear.h"
#include "analysis/measures/slots.h"
#include "model/words.h"

#define GAPS 200u
#define KINDS 3u
#define GROUPS (KINDS * KINDS * 2u) /* kinds of both ends; wraps or not */
#define BINS_AT_ONCE 8u             /* of MT_LOGLINEAR_STEPS, in a row of the histogram */
#define WHO_API (UINT32_C(1) << 31) /* an index of driver functions, not of kernels */

#define SOURCE_ONE(suffix, name, doc) +1
enum { SOURCES = 0 MT_SOURCES(SOURCE_ONE) };
#undef SOURCE_ONE

/* What is known of a block's last access; `epoch` 0: there was none. */
struct last {
    uint64_t time_ns;
    uint32_t epoch, who;
    uint32_t kind;
    uint32_t short_us;        /* shorter gaps find no room; in 1024 ns */
    struct mt_loglinear *set; /* GROUPS of them: of the block's device and source */
};

struct state {
    const struct mt_run *run;
    struct mt_sink *ati, *histogram, *largest;
    struct mt_kernelset kernels;
    struct mt_slots last;
    struct mt_gaps gaps;
    double floor;   /* gaps of no higher score find no room */
    bool pauses;    /* the trace has had some */
    uint32_t epoch; /* of the iteration, or of what lies between two; from 1 */
    struct mt_loglinear *set[MT_DEVICES][SOURCES]; /* GROUPS of them; NULL: no block */
};

static void intervals_free(void *data)
{
    struct state *state = data;
    for (size_t i = 0; i < sizeof state->set / sizeof **state->set; i++)
        free((&state->set[0][0])[i]);
    mt_kernelset_release(&state->kernels);
    mt_slots_release(&state->last);
    mt_gaps_release(&state->gaps);
    free(state);
}

static void *intervals_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->ati = run->sink(run, &mt_table_ati);
    state->histogram = run->sink(run, &mt_table_ati_histogram);
    state->largest = run->sink(run, &mt_table_gaps);
    state->epoch = 1;
    mt_kernelset_init(&state->kernels, run->trace);
    if (!mt_gaps_init(&state->gaps, GAPS)) {
        intervals_free(state);
        return NULL;
    }
    return state;
}

/* No gap of the block that is shorter in units of 1024 ns has a higher score than the floor. */
static inline uint32_t short_gap(const struct state *state, const struct mt_block *block)
{
    double units = state->floor / ((double)(int64_t)block->size * 1024);
    return units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
}

static int intervals_birth(void *data, const struct mt_block *block)
{
    struct state *state = data;
    struct last *last = mt_slots_at(&state->last, block->slot, sizeof *last);
    struct mt_loglinear **set = &state->set[block->device][block->source];
    if (__builtin_expect(!*set, 0)) /* large, but pages that are not used are none */
        *set = calloc(GROUPS, sizeof **set);
    if (!last || !*set)
        return MT_ERR_MEMORY;
    last->epoch = 0;
    last->short_us = short_gap(state, block);
    last->set = *set;
    return 0;
}

/* A gap of a larger block may find room that is shorter. */
static int intervals_resize(void *data, const struct mt_block *block)
{
    struct state *state = data;
    struct last *last = mt_slots_at(&state->last, block->slot, sizeof *last);
    if (!last)
        return MT_ERR_MEMORY;
    last->short_us = short_gap(state, block);
    return 0;
}

static int intervals_iteration(void *data, const struct mt_iteration *iteration)
{
    struct state *state = data;
    (void)iteration;
    state->epoch++;
    return 0;
}

static __attribute__((noinline)) void put_gap_in(struct state *state, const struct mt_block *block,
                                                 struct last *last, const struct last *now)
{
    double score = (double)(now->time_ns - last->time_ns) * (double)block->size;
    if (score > state->floor) {
        mt_gaps_put(&state->gaps,
                    &(struct mt_gap){score, block->id, block->size, last->time_ns, now->time_ns,
                                     block->device, last->who, now->who, (uint8_t)last->kind,
                                     (uint8_t)now->kind, now->epoch != last->epoch});
        state->floor = state->gaps.n < GAPS ? 0 : state->gaps.gap[0].score;
    }
    last->short_us = short_gap(state, block);
}

static inline void add(struct state *state, const struct mt_block *block, struct last *last,
                       const struct last *now)
{
    uint64_t ns = now->time_ns - last->time_ns;
    bool wraps = now->epoch != last->epoch;
    mt_loglinear_add(&last->set[(last->kind * KINDS + now->kind) * 2 + wraps], ns);
    if (__builtin_expect(ns >> 10 >= last->short_us, 0))
        put_gap_in(state, block, last, now);
}

/* The interval that ends with an access, if one does; `last` is the place of the block. */
static inline __attribute__((always_inline)) void
see(struct state *state, const struct mt_block *block, struct last *last, const struct last *now)
{
    if (__builtin_expect(last->time_ns == now->time_ns, 0) && last->epoch &&
        last->who == now->who) {
        if (last->kind == MT_ACCESS_READ) /* one that reads and writes is no interval: it writes */
            last->kind = now->kind;
        return;
    }
    bool known =
        last->epoch != 0 &&
        (!state->pauses || !mt_model_was_paused(state->run->model, last->time_ns, now->time_ns));
    if (__builtin_expect(known, 1))
        add(state, block, last, now);
    last->time_ns = now->time_ns;
    last->epoch = now->epoch;
    last->who = now->who;
    last->kind = now->kind;
}

/* What a launch reads it needs at its start, what it writes it leaves behind. */
static enum mt_access_kind kind_at_start(uint8_t kinds)
{
    return kinds & MT_KIND_OF_ACCESS(READ)    ? MT_ACCESS_READ
           : kinds & MT_KIND_OF_ACCESS(TOUCH) ? MT_ACCESS_TOUCH
                                              : MT_ACCESS_WRITE;
}

static enum mt_access_kind kind_at_end(uint8_t kinds)
{
    return kinds & MT_KIND_OF_ACCESS(WRITE)   ? MT_ACCESS_WRITE
           : kinds & MT_KIND_OF_ACCESS(TOUCH) ? MT_ACCESS_TOUCH
                                              : MT_ACCESS_READ;
}

static void see_told(struct state *state, const struct mt_launch *launch, struct last *lasts,
                     struct last now)
{
    for (uint32_t i = 0; i < launch->blocks; i++) {
        const struct mt_block *block = launch->block[i];
        struct last *last = &lasts[block->slot];
        now.kind = kind_at_start(block->kinds);
        see(state, block, last, &now);
        last->kind = kind_at_end(block->kinds);
    }
}

static int intervals_launch(void *data, const struct mt_launch *launch)
{
    struct state *state = data;
    if (!launch->blocks)
        return 0;
    uint32_t who = mt_kernelset_index(&state->kernels, launch->kernel);
    if (who == UINT32_MAX || !mt_slots_at(&state->last, launch->slots - 1, sizeof(struct last)))
        return MT_ERR_MEMORY;
    struct last *last = mt_slots_at(&state->last, 0, sizeof *last);
    const struct last now = {.time_ns = launch->time_ns,
                             .epoch = state->epoch,
                             .who = who,
                             .kind = MT_ACCESS_TOUCH};
    state->pauses = mt_model_has_pauses(state->run->model);
    const struct mt_block *const *block = launch->block, *const *end = block + launch->blocks;
    if (launch->told)
        see_told(state, launch, last, now);
    else
        for (; block < end; block++)
            see(state, *block, &last[(*block)->slot], &now);
    return 0;
}

/* Touches are told by their launch. */
static int intervals_access(void *data, const struct mt_block *block,
                            const struct mt_access *access)
{
    struct state *state = data;
    struct last *last = mt_slots_at(&state->last, block->slot, sizeof *last);
    state->pauses = mt_model_has_pauses(state->run->model);
    if (!last)
        return MT_ERR_MEMORY;
    see(state, block, last,
        &(struct last){.time_ns = access->time_ns,
                       .epoch = state->epoch,
                       .who = (uint32_t)access->kernel | WHO_API,
                       .kind = access->kind});
    return 0;
}

/* ---- tables ---- */

#define CELL(name) cell[MT_COL_ati_##name]

struct group {
    uint32_t device, source;
    uint32_t number; /* below GROUPS, or GROUPS for all of them */
};

static int put_quantiles(struct state *state, const struct group *group,
                         const struct mt_loglinear *set)
{
    struct mt_value cell[MT_COLS_ati];
    bool all = group->number == GROUPS;
    uint32_t kinds = group->number / 2;
    if (!set->total)
        return 0;
    CELL(device) = mt_device_value(group->device);
    CELL(source) = mt_source_value((uint8_t)group->source);
    CELL(first_kind) = all ? mt_null() : mt_text(mt_access_kind_word(kinds / KINDS));
    CELL(second_kind) = all ? mt_null() : mt_text(mt_access_kind_word(kinds % KINDS));
    CELL(wraps) = all ? mt_null() : mt_uint(group->number % 2);
    CELL(intervals) = mt_uint(set->total);
    CELL(min_ns) = mt_uint(set->min);
    CELL(p10_ns) = mt_uint(mt_loglinear_quantile(set, 0.10));
    CELL(p25_ns) = mt_uint(mt_loglinear_quantile(set, 0.25));
    CELL(p50_ns) = mt_uint(mt_loglinear_quantile(set, 0.50));
    CELL(p75_ns) = mt_uint(mt_loglinear_quantile(set, 0.75));
    CELL(p90_ns) = mt_uint(mt_loglinear_quantile(set, 0.90));
    CELL(p99_ns) = mt_uint(mt_loglinear_quantile(set, 0.99));
    CELL(max_ns) = mt_uint(set->max);
    CELL(mean_ns) = mt_real((double)set->sum / (double)set->total);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->ati->row(state->ati, &mt_table_ati, cell);
}
#undef CELL

#define CELL(name) cell[MT_COL_ati_histogram_##name]

static int put_histogram(struct state *state, const struct group *group,
                         const struct mt_loglinear *set)
{
    struct mt_value cell[MT_COLS_ati_histogram];
    uint64_t below = 0;
    for (uint32_t bin = 0; bin < MT_LOGLINEAR_BINS; bin += BINS_AT_ONCE) {
        uint64_t count = 0;
        for (uint32_t i = 0; i < BINS_AT_ONCE; i++)
            count += set->count[bin + i];
        if (!count)
            continue;
        below += count;
        CELL(device) = mt_device_value(group->device);
        CELL(source) = mt_source_value((uint8_t)group->source);
        CELL(from_ns) = mt_uint(mt_loglinear_least(bin));
        CELL(to_ns) = mt_uint(mt_loglinear_least(bin + BINS_AT_ONCE));
        CELL(intervals) = mt_uint(count);
        CELL(cumulative_share) = mt_real((double)below / (double)set->total);
        CELL(trace) = mt_uint(state->run->trace_index);
        RETURN_IF_ERROR(state->histogram->row(state->histogram, &mt_table_ati_histogram, cell));
    }
    return 0;
}
#undef CELL

static int put_source(struct state *state, uint32_t device, uint32_t source)
{
    struct mt_loglinear *set = state->set[device][source];
    struct mt_loglinear *all = set ? calloc(1, sizeof *all) : NULL;
    struct group group = {device, source, GROUPS};
    if (!all)
        return set ? MT_ERR_MEMORY : 0;
    for (uint32_t i = 0; i < GROUPS; i++) {
        mt_loglinear_close(&set[i]);
        mt_loglinear_merge(all, &set[i]);
    }
    int code = state->ati ? put_quantiles(state, &group, all) : 0;
    if (code == 0 && state->histogram)
        code = put_histogram(state, &group, all);
    free(all);
    for (uint32_t i = 0; i < GROUPS && code == 0; i++) {
        group.number = i;
        if (state->ati)
            code = put_quantiles(state, &group, &set[i]);
    }
    return code;
}

static const char *name_of(const struct state *state, uint32_t who)
{
    return who & WHO_API ? mt_trace_api(state->run->trace, who & ~WHO_API)
                         : state->kernels.kernel[who].name;
}

#define CELL(name) cell[MT_COL_gaps_##name]

static int put_gap(struct state *state, const struct mt_gap *gap)
{
    struct mt_value cell[MT_COLS_gaps];
    CELL(device) = mt_device_value(gap->device);
    CELL(block_id) = mt_uint(gap->block);
    CELL(size_bytes) = mt_uint(gap->size);
    CELL(start_ns) = mt_uint(gap->start_ns);
    CELL(end_ns) = mt_uint(gap->end_ns);
    CELL(gap_ns) = mt_uint(gap->end_ns - gap->start_ns);
    CELL(byte_seconds) = mt_real(gap->score / 1e9);
    CELL(first_kind) = mt_text(mt_access_kind_word(gap->first));
    CELL(second_kind) = mt_text(mt_access_kind_word(gap->second));
    CELL(after) = mt_text(name_of(state, gap->after));
    CELL(before) = mt_text(name_of(state, gap->before));
    CELL(wraps) = mt_uint(gap->wraps);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->largest->row(state->largest, &mt_table_gaps, cell);
}

static int intervals_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    (void)end_ns;
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        for (uint32_t source = 0; source < SOURCES; source++)
            RETURN_IF_ERROR(put_source(state, device, source));
    mt_gaps_sort(&state->gaps);
    for (size_t i = 0; state->largest && i < state->gaps.n; i++)
        RETURN_IF_ERROR(put_gap(state, &state->gaps.gap[i]));
    return 0;
}

const struct mt_pass mt_pass_intervals = {
    .name = "intervals",
    .tables = (const struct mt_table *const[]){&mt_table_ati, &mt_table_ati_histogram,
                                               &mt_table_gaps, NULL},
    .new = intervals_new,
    .free = intervals_free,
    .birth = intervals_birth,
    .resize = intervals_resize,
    .access = intervals_access,
    .launch = intervals_launch,
    .iteration = intervals_iteration,
    .finish = intervals_finish,
    .by_launch = true,
    .needs_rhythm = true,
};
