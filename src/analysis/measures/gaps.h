/* The longest and largest waits: a bounded number of gaps between adjacent accesses of a block,
 * those with the most bytes times time. */
#ifndef MT_GAPS_H
#define MT_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_gap {
    double score; /* bytes times ns */
    uint64_t block, size, start_ns, end_ns;
    uint32_t device;
    uint32_t after, before; /* who made the accesses at its ends; the caller's numbers */
    uint8_t first, second;  /* enum mt_access_kind of them */
    bool wraps;             /* an iteration begins or ends within */
};

struct mt_gaps {
    struct mt_gap *gap; /* a heap, the least on top */
    size_t n, limit;
};

/* False where memory is out. */
bool mt_gaps_init(struct mt_gaps *gaps, size_t limit);
void mt_gaps_release(struct mt_gaps *gaps);

void mt_gaps_put(struct mt_gaps *gaps, const struct mt_gap *gap);

/* Keep it if it is among the largest. */
static inline void mt_gaps_add(struct mt_gaps *gaps, const struct mt_gap *gap)
{
    if (gaps->n < gaps->limit || gap->score > gaps->gap[0].score)
        mt_gaps_put(gaps, gap);
}

/* Largest first; nothing may be added after it. */
void mt_gaps_sort(struct mt_gaps *gaps);

#endif
