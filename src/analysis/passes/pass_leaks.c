/* Growth per iteration: blocks that outlive their iteration by two and more, again and again.
 *
 * What lives at the end of a trace is no leak: weights do. A block counts as left behind when two
 * whole iterations after its own are over and it still lives; only those born in the steady part
 * count. Blocks are taken together by device, size and site. At each boundary the bytes left behind
 * and still alive are a point; the slope of the line through a group's points (least squares) is
 * its growth. What is freed later leaves the sum again, so a cache that fills once, or is emptied
 * now and then, has no lasting slope.
 *
 * What leaks may have another size each time: blocks of one site are taken together once more,
 * whatever their sizes. That is told where there are several, and is a leak if none of the sizes is
 * one by itself. */
#include <stdlib.h>
#include <string.h>

#include "analysis/engine/pass.h"
#include "analysis/measures/slots.h"
#include "analysis/measures/stackset.h"
#include "analysis/answers/tables.h"
#include "base/grow.h"
#include "model/words.h"
#include "base/dict.h"

#define OUTLIVES 2u /* whole iterations behind its own */
#define AGES (OUTLIVES + 2u)
#define LEAK_ITERATIONS 3u /* a leak leaves blocks behind in so many iterations, and */
#define LEAK_SHARE 4u      /* in a quarter of them */

struct group {
    uint32_t device, site; /* MT_NO_SITE: without a stack */
    uint32_t stack;        /* of the first block */
    uint32_t any;          /* of one size: the group of all sizes + 1, 0: it is that */
    uint32_t sizes;        /* of all sizes: how many */
    bool leak;
    uint64_t size;        /* 0: all sizes */
    uint64_t left, freed; /* blocks left behind; of those, freed later */
    uint64_t bytes;       /* of those that live */
    uint64_t first, last; /* iteration in which one that was left behind was born */
    uint64_t iterations;  /* with such births */
    uint64_t block;       /* id of the first one */
    /* Sums over points (iteration, bytes) from the first one on; before, bytes were 0. */
    double sum_y, sum_xy;
    uint64_t summed; /* points that are in the sums */
};

/* A live block's place: the group and birth, and its neighbours in the list of its age. */
struct place {
    uint32_t next, before; /* slots; 0: none */
    uint32_t age;          /* list it stands in + 1; 0: none */
    uint32_t group;        /* of its size, + 1, once it was left behind */
    uint64_t size, id;
    uint32_t device, stack;
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    struct mt_slots places;
    uint32_t head[AGES]; /* slots born in the iterations now, one ago, ... */
    uint32_t now;        /* which list is that of the iteration now */
    bool within, counting;
    uint64_t steady; /* iterations that began, of the steady part */
    uint64_t points;
    struct group *group;
    uint32_t groups, room;
    struct mt_dict by_what; /* hash of device, size and site -> group + 1 */
};

static void leaks_free(void *data)
{
    struct state *state = data;
    mt_slots_release(&state->places);
    mt_dict_release(&state->by_what);
    free(state->group);
    free(state);
}

static void *leaks_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_leaks);
    return state;
}

static struct place *place_at(struct state *state, uint32_t slot)
{
    return mt_slots_at(&state->places, slot, sizeof(struct place));
}

/* ---- lists of the young ---- */

/* Of a block that is known to have one. */
static inline struct place *known_place(const struct state *state, uint32_t slot)
{
    return (struct place *)(void *)state->places.place + slot;
}

static inline void enlist(struct state *state, struct place *place, uint32_t slot, uint32_t list)
{
    place->age = list + 1;
    place->next = state->head[list];
    if (place->next)
        known_place(state, place->next)->before = slot;
    state->head[list] = slot;
}

static inline void strike(struct state *state, struct place *place)
{
    if (!place->age)
        return;
    if (place->next)
        known_place(state, place->next)->before = place->before;
    if (place->before)
        known_place(state, place->before)->next = place->next;
    else
        state->head[place->age - 1] = place->next;
    place->age = 0;
}

static int leaks_birth(void *data, const struct mt_block *block)
{
    struct state *state = data;
    struct place *place = place_at(state, block->slot);
    if (!place)
        return MT_ERR_MEMORY;
    *place = (struct place){
        .size = block->size, .id = block->id, .device = block->device, .stack = block->stack};
    /* Whoever was born in a pause belongs to no iteration. */
    if (state->counting && block->level == MT_LEVEL_BLOCK && !block->unseen)
        enlist(state, place, block->slot, state->now);
    return 0;
}

/* Its bytes are about to change: until now all points had as many. */
static void catch_up(const struct state *state, struct group *group)
{
    double n = (double)(state->points - group->summed), bytes = (double)group->bytes;
    double middle = ((double)group->summed + (double)state->points - 1) / 2;
    group->sum_y += n * bytes;
    group->sum_xy += n * bytes * middle;
    group->summed = state->points;
}

static void take_off(const struct state *state, struct group *group, uint64_t size)
{
    catch_up(state, group);
    group->freed++;
    group->bytes -= size;
}

static __attribute__((noinline)) void take_off_both(const struct state *state, struct place *place)
{
    struct group *group = &state->group[place->group - 1];
    take_off(state, group, place->size);
    take_off(state, &state->group[group->any - 1], place->size);
    place->group = 0;
}

static int leaks_death(void *data, const struct mt_block *block)
{
    struct state *state = data;
    if (block->death_ns == UINT64_MAX)
        return 0; /* only the trace ends */
    struct place *place = known_place(state, block->slot);
    strike(state, place);
    if (place->group)
        take_off_both(state, place);
    return 0;
}

/* ---- groups ---- */

/* Where the number of the group lies, 0 if it is new. Groups of one hash lie behind each other. */
static uint64_t *place_of(struct state *state, const struct place *place, uint64_t size,
                          uint32_t site)
{
    uint64_t key = (size ^ (uint64_t)site << 40) * UINT64_C(0xbf58476d1ce4e5b9);
    for (key ^= place->device;; key++) {
        uint64_t *index = mt_dict_add(&state->by_what, key);
        const struct group *group = index && *index ? &state->group[*index - 1] : NULL;
        if (!group ||
            (group->size == size && group->device == place->device && group->site == site))
            return index;
    }
}

/* The number of the group of this size (0: all sizes) + 1, 0 where memory is out. */
static uint32_t group_of(struct state *state, const struct place *place, uint64_t size,
                         uint32_t site)
{
    uint64_t *index = place_of(state, place, size, site);
    if (!index)
        return 0;
    if (*index)
        return (uint32_t)*index;
    if (!MT_ROOM(state->group, state->groups, state->room, 64))
        return 0;
    state->group[state->groups] = (struct group){.device = place->device,
                                                 .site = site,
                                                 .stack = place->stack,
                                                 .size = size,
                                                 .first = UINT64_MAX};
    *index = ++state->groups;
    return state->groups;
}

/* The group of its size, with that of all sizes. */
static uint32_t groups_of(struct state *state, const struct place *place)
{
    uint32_t site = place->stack ? mt_stacks_site(state->run->stacks, place->stack) : MT_NO_SITE;
    uint32_t any = group_of(state, place, 0, site);
    uint32_t known = state->groups;
    uint32_t one = any ? group_of(state, place, place->size, site) : 0;
    if (!one)
        return 0;
    state->group[one - 1].any = any;
    state->group[any - 1].sizes += state->groups > known;
    return one;
}

static void put_in(const struct state *state, struct group *group, const struct place *place,
                   uint64_t born)
{
    catch_up(state, group);
    if (group->first == UINT64_MAX) {
        group->first = born;
        group->block = place->id;
    }
    group->iterations += group->left == 0 || group->last != born;
    group->last = born;
    group->left++;
    group->bytes += place->size;
}

/* The blocks of a list were left behind by the iteration numbered `born`. */
static int leave_behind(struct state *state, uint32_t list, uint64_t born)
{
    while (state->head[list]) {
        uint32_t slot = state->head[list];
        struct place *place = place_at(state, slot);
        strike(state, place);
        place->group = groups_of(state, place);
        if (!place->group)
            return MT_ERR_MEMORY;
        struct group *group = &state->group[place->group - 1];
        put_in(state, group, place, born);
        put_in(state, &state->group[group->any - 1], place, born);
    }
    return 0;
}

static int leaks_iteration(void *data, const struct mt_iteration *iteration)
{
    struct state *state = data;
    if (state->within && state->counting && state->steady > OUTLIVES) {
        uint32_t list = (state->now + AGES - OUTLIVES) % AGES;
        RETURN_IF_ERROR(leave_behind(state, list, state->steady - 1 - OUTLIVES));
        state->points++;
    }
    state->within = iteration != NULL;
    if (!iteration) /* births between two iterations count as of the one before */
        return 0;
    state->counting |= iteration->steady;
    state->steady += state->counting;
    state->now = (state->now + 1) % AGES;
    return 0;
}

/* ---- the table ---- */

/* The slope of the line through the points (0, y0) .. (n - 1, y). */
static double slope(const struct state *state, const struct group *group)
{
    double n = (double)state->points, sum_x = n * (n - 1) / 2;
    double sum_xx = (n - 1) * n * (2 * n - 1) / 6, below = n * sum_xx - sum_x * sum_x;
    return below > 0 ? (n * group->sum_xy - sum_x * group->sum_y) / below : 0;
}

/* Growth that repeats, and of which less than half is freed again. */
static bool is_leak(const struct state *state, const struct group *group)
{
    return slope(state, group) > 0 && group->iterations >= LEAK_ITERATIONS &&
           group->iterations * LEAK_SHARE >= state->points && group->freed * 2 < group->left;
}

#define CELL(name) cell[MT_COL_leaks_##name]

static int put_row(struct state *state, const struct group *group)
{
    struct mt_value cell[MT_COLS_leaks];
    CELL(device) = mt_device_value(group->device);
    CELL(size_bytes) = group->size ? mt_uint(group->size) : mt_null();
    CELL(bytes_per_iteration) = mt_real(slope(state, group));
    CELL(leak) = mt_uint(group->leak);
    CELL(blocks) = mt_uint(group->left);
    CELL(freed) = mt_uint(group->freed);
    CELL(alive_bytes) = mt_uint(group->bytes);
    CELL(iterations) = mt_uint(group->iterations);
    CELL(steady_iterations) = mt_uint(state->steady);
    CELL(first_block_id) = mt_uint(group->block);
    CELL(stack_id) = mt_stack_value(group->stack);
    CELL(site) = mt_site_value(state->run->stacks, group->stack);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_leaks, cell);
}

/* First of each size; of all sizes together only what those do not explain. */
static void find_leaks(struct state *state)
{
    for (uint32_t i = 0; i < state->groups; i++) {
        catch_up(state, &state->group[i]);
        state->group[i].leak = is_leak(state, &state->group[i]);
    }
    for (uint32_t i = 0; i < state->groups; i++)
        if (state->group[i].any && state->group[i].leak)
            state->group[state->group[i].any - 1].leak = false;
}

/* Steepest first. */
static int compare(const void *a, const void *b, void *data)
{
    const struct state *state = data;
    double left = slope(state, a), right = slope(state, b);
    if (left > right || left < right)
        return left > right ? -1 : 1;
    uint64_t first = ((const struct group *)a)->block, second = ((const struct group *)b)->block;
    if (first != second)
        return first < second ? -1 : 1;
    return ((const struct group *)a)->size ? -1 : 1; /* that of all sizes behind its only one */
}

static int leaks_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    (void)end_ns;
    RETURN_IF_ERROR(leaks_iteration(state, NULL)); /* the last one is over */
    find_leaks(state);
    if (state->groups)
        qsort_r(state->group, state->groups, sizeof *state->group, compare, state);
    for (uint32_t i = 0; i < state->groups; i++)
        if (state->group[i].size || state->group[i].sizes > 1)
            RETURN_IF_ERROR(put_row(state, &state->group[i]));
    return 0;
}

const struct mt_pass mt_pass_leaks = {
    .name = "leaks",
    .tables = (const struct mt_table *const[]){&mt_table_leaks, NULL},
    .new = leaks_new,
    .free = leaks_free,
    .birth = leaks_birth,
    .death = leaks_death,
    .iteration = leaks_iteration,
    .finish = leaks_finish,
    .needs_rhythm = true,
};
