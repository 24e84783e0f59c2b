/* Levels are told with their place: inside of iterations, outside, or around them. Of several with
 * about the same period in the same place the one that beats most often is told: others are what
 * only some of its repetitions have.
 *
 * What lies around iterations may be longer than any window. So it is not only looked for among the
 * pulses, but among the iterations, too: where something lies between every so many of them. A
 * pulse that is uneven there is what the data want now and then. */
#include "rhythm/levels/telling.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sort.h"

#define GROUPS_MIN 3u
#define EVEN 0.6 /* share of the window in even segments, of what beats around iterations */

static uint64_t median(uint64_t *value, size_t n)
{
    mt_sort_u64(value, n);
    return n ? value[n / 2] : 0;
}

static void mean_shares(const struct mt_rhythm *rhythm, struct mt_rhythm_level *level)
{
    double n = (double)rhythm->iterations;
    level->exact_share = level->class_share = level->kind_share = 0;
    for (size_t i = 0; i < rhythm->iterations; i++) {
        level->exact_share += rhythm->iteration[i].exact_share;
        level->class_share += rhythm->iteration[i].class_share;
        level->kind_share += rhythm->iteration[i].kind_share;
    }
    level->exact_share /= n; /* at the end: of all ones it is 1 */
    level->class_share /= n;
    level->kind_share /= n;
}

static void tell_iteration_level(const struct mt_rhythm *rhythm, struct mt_rhythm_level *level,
                                 uint64_t beyond, uint64_t *value)
{
    size_t n = rhythm->iterations, steps = 0;
    uint32_t times;
    const struct mt_iteration *iteration = rhythm->iteration;
    uint64_t end_ns = iteration[n - 1].end_ns;
    level->repetitions = n + beyond;
    level->start_ns = iteration[0].start_ns;
    level->end_ns = end_ns > level->end_ns || !beyond ? end_ns : level->end_ns;
    for (size_t i = 0; i < n; i++)
        value[i] = iteration[i].events;
    level->period_events = mt_most_frequent(value, (uint32_t)n, &times);
    if (times < 2)
        level->period_events = value[n / 2];
    for (size_t i = 0; i + 1 < n; i++) /* where nothing lies between */
        if (iteration[i].end_ns == iteration[i + 1].start_ns)
            value[steps++] = iteration[i + 1].start_ns - iteration[i].start_ns;
    level->period_ns = steps ? median(value, steps) : level->period_ns;
    level->place = MT_PLACE_ITERATION;
    level->per_iteration = 1;
    mean_shares(rhythm, level);
}

static void tell_place(const struct mt_rhythm *rhythm, const struct mt_nested *nested,
                       uint64_t period, struct mt_rhythm_level *level)
{
    if (!rhythm->iterations || !nested->known)
        return;
    level->per_iteration = (double)nested->inside / (double)rhythm->iterations;
    if (2 * level->period_events > 3 * period)
        level->place = MT_PLACE_AROUND;
    else if (10 * nested->inside >= 9 * nested->known)
        level->place = MT_PLACE_PART;
    else if (10 * nested->inside <= nested->known)
        level->place = MT_PLACE_BETWEEN;
    else
        level->place = MT_PLACE_BOTH;
}

/* Iterations from one place between two of them to the next. */
struct groups {
    uint64_t *length, *events, *ns; /* of each: iterations, events and time to the next one */
    size_t groups, begin;           /* begin: the iteration with which the last one begins */
    uint64_t usual, alike;          /* the most frequent length, and how many have it */
};

static void find_groups(const struct mt_rhythm *rhythm, struct groups *groups)
{
    const struct mt_iteration *iteration = rhythm->iteration;
    for (size_t i = 1; i < rhythm->iterations; i++) {
        const struct mt_iteration *before = &iteration[i - 1], *first = &iteration[groups->begin];
        if (before->first_event + before->events == iteration[i].first_event)
            continue;
        groups->length[groups->groups] = i - groups->begin;
        groups->events[groups->groups] = iteration[i].first_event - first->first_event;
        groups->ns[groups->groups++] = iteration[i].start_ns - first->start_ns;
        groups->begin = i;
    }
    uint32_t times = 0;
    groups->usual = mt_most_frequent(groups->length, (uint32_t)groups->groups, &times);
    groups->alike = times;
}

/* Whether the groups are alike, and more than one iteration each. What follows the last place
 * between may be one of them. */
static bool tell_around(const struct mt_rhythm *rhythm, struct groups *groups,
                        struct mt_rhythm_level *level)
{
    const struct mt_iteration *last = &rhythm->iteration[rhythm->iterations - 1];
    if (groups->groups < GROUPS_MIN || groups->usual < 2 || 3 * groups->alike < 2 * groups->groups)
        return false;
    bool whole = rhythm->iterations - groups->begin == groups->usual;
    *level = (struct mt_rhythm_level){
        .period_events = median(groups->events, groups->groups),
        .period_ns = median(groups->ns, groups->groups),
        .repetitions = groups->groups + whole,
        .start_ns = rhythm->iteration[0].start_ns,
        .end_ns = whole ? last->end_ns : rhythm->iteration[groups->begin].start_ns,
        .place = MT_PLACE_AROUND,
        .per_iteration = 1 / (double)groups->usual,
    };
    mean_shares(rhythm, level);
    return true;
}

/* 1: there is such a level, 0: none, or an error. */
static int look_around(const struct mt_rhythm *rhythm, struct mt_rhythm_level *level)
{
    size_t n = rhythm->iterations + 1;
    struct groups groups = {.length = malloc(n * sizeof(uint64_t)),
                            .events = malloc(n * sizeof(uint64_t)),
                            .ns = malloc(n * sizeof(uint64_t))};
    int found = groups.length && groups.events && groups.ns ? 0 : MT_ERR_MEMORY;
    if (found == 0 && rhythm->iterations > 1) {
        find_groups(rhythm, &groups);
        found = tell_around(rhythm, &groups, level);
    }
    free(groups.length);
    free(groups.events);
    free(groups.ns);
    return found;
}

static bool same_period(const struct mt_rhythm_level *one, const struct mt_rhythm_level *other)
{
    return one->place == other->place && 10 * one->period_events <= 11 * other->period_events &&
           10 * other->period_events <= 11 * one->period_events;
}

/* Whether another level says the same, or more. */
static bool is_told(const struct mt_rhythm *rhythm, const struct mt_rhythm_level *level)
{
    for (size_t i = 0; i < rhythm->levels; i++) {
        const struct mt_rhythm_level *other = &rhythm->level[i];
        bool before = other->repetitions > level->repetitions ||
                      (other->repetitions == level->repetitions && other < level);
        if (other != level && before && same_period(level, other))
            return true;
    }
    return false;
}

static void drop_told(struct mt_rhythm *rhythm, bool *told)
{
    size_t kept = 0;
    for (size_t i = 0; i < rhythm->levels; i++)
        told[i] = is_told(rhythm, &rhythm->level[i]);
    for (size_t i = 0; i < rhythm->levels; i++)
        if (!told[i])
            rhythm->level[kept++] = rhythm->level[i];
    rhythm->levels = kept;
}

static uint64_t iteration_period(const struct mt_rhythm *rhythm)
{
    for (size_t i = 0; i < rhythm->levels; i++)
        if (rhythm->level[i].is_iteration)
            return rhythm->level[i].period_events;
    return UINT64_MAX / 4;
}

static void take_levels(const struct mt_nesting *nesting, const struct mt_track *track,
                        struct mt_rhythm *rhythm, uint64_t *value)
{
    const struct mt_nested *of[MT_LEVELS_MAX];
    for (uint32_t i = 0; i < nesting->levels; i++) {
        struct mt_rhythm_level *level = &rhythm->level[rhythm->levels];
        *level = nesting->nested[i].level;
        if (level->is_iteration && rhythm->iterations == 0)
            continue;
        if (level->is_iteration)
            tell_iteration_level(rhythm, level, track->beyond, value);
        of[rhythm->levels++] = &nesting->nested[i];
    }
    uint64_t period = iteration_period(rhythm);
    size_t kept = 0;
    for (size_t i = 0; i < rhythm->levels; i++) {
        struct mt_rhythm_level *level = &rhythm->level[i];
        if (!level->is_iteration)
            tell_place(rhythm, of[i], period, level);
        if (level->place != MT_PLACE_AROUND || of[i]->coverage >= EVEN)
            rhythm->level[kept++] = *level;
    }
    rhythm->levels = kept;
}

int mt_rhythm_tell(const struct mt_nesting *nesting, const struct mt_track *track,
                   struct mt_rhythm *rhythm)
{
    bool told[MT_LEVELS_MAX + 1];
    uint64_t *value = malloc((rhythm->iterations + 1) * sizeof *value);
    rhythm->level = calloc(nesting->levels + 1, sizeof *rhythm->level);
    int code = value && rhythm->level ? 0 : MT_ERR_MEMORY;
    if (code == 0) {
        take_levels(nesting, track, rhythm, value);
        code = look_around(rhythm, &rhythm->level[rhythm->levels]);
    }
    if (code > 0)
        rhythm->levels++;
    if (code >= 0)
        drop_told(rhythm, told);
    free(value);
    return code < 0 ? code : 0;
}
