/* Counts of numbers in bins that are a fixed share of the number wide: 32 equal bins for each power
 * of two, numbers below 64 exactly. Quantiles are within 1/64 of the truth, whatever the numbers
 * are and however many; the memory is 15 KiB. (The layout is that of HDR histograms.) */
#ifndef MT_LOGLINEAR_H
#define MT_LOGLINEAR_H

#include <stdbool.h>
#include <stdint.h>

#define MT_LOGLINEAR_STEPS 32u /* bins of a power of two */
#define MT_LOGLINEAR_BINS (60u * MT_LOGLINEAR_STEPS)
#define MT_LOGLINEAR_ERROR (1.0 / 64)

struct mt_loglinear {
    uint64_t total, min, max; /* min and max are exact; meaningful if total > 0 */
    unsigned __int128 sum;
    uint64_t count[MT_LOGLINEAR_BINS];
};

static inline uint32_t mt_loglinear_bin(uint64_t value)
{
    uint32_t shift = 58 - (uint32_t)__builtin_clzll(value | MT_LOGLINEAR_STEPS);
    return shift * MT_LOGLINEAR_STEPS + (uint32_t)(value >> shift);
}

/* The least number of a bin; that of bin + 1 is the first one beyond it. */
uint64_t mt_loglinear_least(uint32_t bin);

/* Another number is the least or the largest, or the first. */
static inline void mt_loglinear_widen(struct mt_loglinear *set, uint64_t value)
{
    bool first = set->max == 0 && set->count[0] == 0;
    if (value < set->min || first)
        set->min = value;
    if (value > set->max)
        set->max = value;
}

static inline void mt_loglinear_add(struct mt_loglinear *set, uint64_t value)
{
    if (__builtin_expect(value - set->min > set->max - set->min, 0)) /* or below min: it wraps */
        mt_loglinear_widen(set, value);
    set->sum += value;
    set->count[mt_loglinear_bin(value)]++;
}

/* Once all are added: how many they are. To be called before anything that follows. */
void mt_loglinear_close(struct mt_loglinear *set);

void mt_loglinear_merge(struct mt_loglinear *set, const struct mt_loglinear *other);

/* The number below which a share of 0 to 1 of all lies; 0 where there are none. */
uint64_t mt_loglinear_quantile(const struct mt_loglinear *set, double share);

#endif
