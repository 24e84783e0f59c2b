/* Before the first iteration a job does something else, and what is in every iteration is first
 * seen in the order in which it stands there. So what is seen before all else stands together, at
 * the begin of an iteration, but for what is seen by chance when the job sets itself up. The first
 * iteration may lack what others begin with, as libraries set themselves up and try kernels out:
 * the begin may also lie a little before. A trace that begins within an iteration tells nothing:
 * there the first ones are seen at once, or behind what stands before them elsewhere, too. */
#include "rhythm/borders/begins.h"

#include <stdlib.h>

#define SEEN_MIN 64u
#define EARLY 20u /* part of all that is seen before all else, but for */
#define EARLY_MIN 8u
#define LACKED 10u  /* part of an iteration that the first one may lack */
#define TOGETHER 3u /* part of an iteration in which the early ones have to stand */

static int by_first(const void *one, const void *other)
{
    const struct mt_seen *a = one, *b = other;
    return a->first < b->first ? -1 : a->first > b->first;
}

static int by_place(const void *one, const void *other)
{
    const struct mt_seen *a = one, *b = other;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* Symbols from one place on to another, around the circle. */
static uint32_t way(uint32_t from, uint32_t to, uint32_t length)
{
    return (to + length - from) % length;
}

/* Of n early ones, in the order of their places, the first of those that stand closest together:
 * two of three. */
static uint32_t find_cluster(const struct mt_seen *early, uint32_t n, uint32_t length,
                             uint32_t *span)
{
    uint32_t most = 2 * n / 3, best = 0;
    *span = length;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t here = way(early[i].place, early[(i + most - 1) % n].place, length);
        if (here < *span) {
            *span = here;
            best = i;
        }
    }
    return best;
}

/* The way back to what stands before a place, of all. */
static uint32_t way_back(const struct mt_seen *seen, uint32_t n, uint32_t place, uint32_t length)
{
    uint32_t least = length;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t here = way(seen[i].place, place, length);
        least = here && here < least ? here : least;
    }
    return least;
}

/* From the cluster back to what is seen before it, as long as half of what stands between is. All
 * are in the order of their places. */
static const struct mt_seen *seen_first(const struct mt_seen *seen, uint32_t n,
                                        struct mt_seen cluster, uint32_t length)
{
    const struct mt_seen *best = NULL;
    uint32_t k = 0, before = 0;
    while (seen[k].place != cluster.place)
        k++;
    for (uint32_t i = 0; i < n; i++, k = k ? k - 1 : n - 1) {
        if (way(seen[k].place, cluster.place, length) >= length / TOGETHER)
            break;
        before += seen[k].first <= cluster.first;
        if (seen[k].first <= cluster.first && 2 * before > i)
            best = &seen[k];
    }
    return best;
}

void mt_begin_find(struct mt_seen *seen, uint32_t n, uint32_t length, struct mt_begin *begin)
{
    uint32_t early = n / EARLY > EARLY_MIN ? n / EARLY : EARLY_MIN, span;
    *begin = (struct mt_begin){.found = false};
    if (n < SEEN_MIN)
        return;
    qsort(seen, n, sizeof *seen, by_first);
    qsort(seen, early, sizeof *seen, by_place);
    struct mt_seen cluster = seen[find_cluster(seen, early, length, &span)];
    qsort(seen, n, sizeof *seen, by_place);
    const struct mt_seen *first = seen_first(seen, n, cluster, length);
    uint32_t gap = way_back(seen, n, first->place, length);
    uint32_t before = gap > length / LACKED ? gap : length / LACKED;
    begin->after = way(before, first->place, length);
    begin->width = before + way(first->place, cluster.place, length) + span / 2;
    begin->first = *first;
    begin->found = span < length / TOGETHER && begin->width < length / 2 &&
                   first->first > gap + gap / 4 + length / 50 + 8;
}
