#include "analysis/engine/glance.h"

#include <stdlib.h>

#include "base/bisect.h"
#include "base/sort.h"

#define EVENTS_MIN (UINT64_C(1) << 20) /* of fewer all are looked at: that takes a moment */
#define RUNS 16u                       /* at least so many, */
#define STRETCH 64u                    /* in so many iterations each at most */
#define RUN 4u                         /* iterations, the first of them to lead in */
#define FIRST 8u                       /* of the steady ones */
#define LAST 3u                        /* of all */
#define ODD 8u                         /* so few that they do not weigh much among the others */
#define BEFORE 2u                      /* one that is wanted */
#define BEHIND 2u                      /* with it */

static void look_at(struct mt_glance *glance, size_t from, size_t to)
{
    for (size_t i = from; i < to && i < glance->iterations; i++)
        glance->look[i] = MT_LOOK_CLOSE;
}

/* Some number that only depends on `i`, evenly spread. */
static size_t draw(size_t i, size_t below)
{
    uint64_t mixed = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)((mixed >> 32) % below);
}

static void mark_lead(struct mt_glance *glance, size_t i)
{
    if (i >= glance->iterations || glance->look[i] == MT_LOOK_AWAY)
        return;
    bool led = i == 0 || glance->look[i - 1] != MT_LOOK_AWAY;
    glance->look[i] = led ? MT_LOOK_CLOSE : MT_LOOK_LEAD;
}

/* Steady, but something more or less happens: memory that stays may be born there. */
static bool is_odd(const struct mt_iteration *iteration, double below)
{
    return iteration->steady && iteration->class_share < below;
}

/* Of many those that are least like the others. */
static bool look_at_odd(struct mt_glance *glance, const struct mt_rhythm *rhythm)
{
    size_t n = glance->iterations, odd = 0;
    double *share = malloc(n * sizeof *share), below = 1;
    if (!share)
        return false;
    for (size_t i = 0; i < n; i++)
        if (is_odd(&rhythm->iteration[i], below))
            share[odd++] = rhythm->iteration[i].class_share;
    mt_sort_double(share, odd);
    if (odd > ODD)
        below = share[ODD];
    free(share);
    for (size_t i = 0; i < n; i++)
        if (is_odd(&rhythm->iteration[i], below))
            look_at(glance, i ? i - 1 : 0, i + 1);
    return true;
}

static bool choose(struct mt_glance *glance, const struct mt_rhythm *rhythm)
{
    size_t n = glance->iterations, first = 0, middle = glance->middle;
    while (first < n && !rhythm->iteration[first].steady)
        first++;
    look_at(glance, 0, first + FIRST);
    for (size_t i = first; i < n; i++)
        if (!rhythm->iteration[i].steady)
            look_at(glance, i ? i - 1 : 0, i + 1);
    look_at(glance, middle - (middle < BEFORE ? middle : BEFORE), middle + BEHIND);
    look_at(glance, n > LAST ? n - LAST : 0, n);
    size_t length = n / RUNS < STRETCH ? n / RUNS : STRETCH;
    for (size_t i = 0; i * length < n; i++) {
        size_t from = i * length + draw(i, length - RUN + 1);
        look_at(glance, from, from + RUN);
    }
    return look_at_odd(glance, rhythm);
}

bool mt_glance_choose(struct mt_glance *glance, const struct mt_rhythm *rhythm, uint64_t events)
{
    *glance =
        (struct mt_glance){.iterations = rhythm->iterations, .middle = mt_glance_middle(rhythm)};
    if (events < EVENTS_MIN || rhythm->iterations < RUNS * RUN)
        return true;
    glance->look = calloc(rhythm->iterations, 1);
    if (!glance->look || !choose(glance, rhythm))
        return false;
    for (size_t i = 0; i < glance->iterations; i++)
        mark_lead(glance, i);
    return true;
}

void mt_glance_release(struct mt_glance *glance)
{
    free(glance->look);
    *glance = (struct mt_glance){0};
}

void mt_glance_add(struct mt_glance *glance, size_t iteration)
{
    size_t from = iteration > BEFORE ? iteration - BEFORE : 0;
    if (!glance->look || iteration >= glance->iterations)
        return;
    look_at(glance, from, iteration + BEHIND);
    mark_lead(glance, from);
    mark_lead(glance, iteration + BEHIND);
}

size_t mt_glance_middle(const struct mt_rhythm *rhythm)
{
    size_t steady = 0, seen = 0, n = rhythm ? rhythm->iterations : 0;
    for (size_t i = 0; i < n; i++)
        steady += rhythm->iteration[i].steady;
    for (size_t i = 0; i < n; i++)
        if (rhythm->iteration[i].steady && seen++ == steady / 2)
            return i;
    return n ? n / 2 : SIZE_MAX;
}

size_t mt_glance_at(const struct mt_rhythm *rhythm, uint64_t time_ns)
{
    return MT_FIRST_ABOVE(rhythm->iteration, rhythm->iterations, start_ns, time_ns) - 1;
}

size_t mt_glance_of(const struct mt_rhythm *rhythm, uint64_t event)
{
    return MT_FIRST_ABOVE(rhythm->iteration, rhythm->iterations, first_event, event) - 1;
}
