#include "analysis/measures/gaps.h"

#include <stdlib.h>

bool mt_gaps_init(struct mt_gaps *gaps, size_t limit)
{
    *gaps = (struct mt_gaps){malloc(limit * sizeof *gaps->gap), 0, limit};
    return gaps->gap != NULL;
}

void mt_gaps_release(struct mt_gaps *gaps)
{
    free(gaps->gap);
    gaps->gap = NULL;
}

/* Larger first; then the earlier one, so that reports can be compared. */
static int compare(const void *left, const void *right)
{
    const struct mt_gap *a = left, *b = right;
    if (a->score > b->score || a->score < b->score)
        return a->score > b->score ? -1 : 1;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return a->block < b->block ? -1 : a->block > b->block;
}

static void sift_down(struct mt_gaps *gaps, const struct mt_gap *gap)
{
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < gaps->n; at = child) {
        if (child + 1 < gaps->n && compare(&gaps->gap[child + 1], &gaps->gap[child]) > 0)
            child++;
        if (compare(&gaps->gap[child], gap) <= 0)
            break;
        gaps->gap[at] = gaps->gap[child];
    }
    gaps->gap[at] = *gap;
}

static void sift_up(struct mt_gaps *gaps, const struct mt_gap *gap)
{
    size_t at = gaps->n++;
    while (at && compare(gap, &gaps->gap[(at - 1) / 2]) > 0) {
        gaps->gap[at] = gaps->gap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    gaps->gap[at] = *gap;
}

void mt_gaps_put(struct mt_gaps *gaps, const struct mt_gap *gap)
{
    if (gaps->n < gaps->limit)
        sift_up(gaps, gap);
    else if (compare(gap, &gaps->gap[0]) < 0)
        sift_down(gaps, gap);
}

void mt_gaps_sort(struct mt_gaps *gaps)
{
    qsort(gaps->gap, gaps->n, sizeof *gaps->gap, compare);
}
