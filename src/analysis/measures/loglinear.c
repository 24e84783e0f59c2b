#include "analysis/measures/loglinear.h"

uint64_t mt_loglinear_least(uint32_t bin)
{
    if (bin < 2 * MT_LOGLINEAR_STEPS)
        return bin;
    if (bin >= MT_LOGLINEAR_BINS)
        return UINT64_MAX;
    uint32_t shift = bin / MT_LOGLINEAR_STEPS - 1;
    return (uint64_t)(MT_LOGLINEAR_STEPS + bin % MT_LOGLINEAR_STEPS) << shift;
}

void mt_loglinear_close(struct mt_loglinear *set)
{
    set->total = 0;
    for (uint32_t bin = 0; bin < MT_LOGLINEAR_BINS; bin++)
        set->total += set->count[bin];
}

void mt_loglinear_merge(struct mt_loglinear *set, const struct mt_loglinear *other)
{
    if (!other->total)
        return;
    set->min = set->total && set->min < other->min ? set->min : other->min;
    set->max = set->max > other->max ? set->max : other->max;
    set->sum += other->sum;
    set->total += other->total;
    for (uint32_t bin = 0; bin < MT_LOGLINEAR_BINS; bin++)
        set->count[bin] += other->count[bin];
}

/* The middle of the bin, but never beyond what was really seen. */
static uint64_t middle(const struct mt_loglinear *set, uint32_t bin)
{
    uint64_t least = mt_loglinear_least(bin);
    uint64_t value = least + (mt_loglinear_least(bin + 1) - least) / 2;
    return value < set->min ? set->min : value > set->max ? set->max : value;
}

uint64_t mt_loglinear_quantile(const struct mt_loglinear *set, double share)
{
    double exact = share * (double)set->total;
    uint64_t rank = (uint64_t)exact, seen = 0;
    rank += (double)rank < exact;
    if (!set->total)
        return 0;
    if (rank <= 1)
        return set->min;
    if (rank >= set->total)
        return set->max;
    for (uint32_t bin = 0; bin < MT_LOGLINEAR_BINS; bin++) {
        seen += set->count[bin];
        if (seen >= rank)
            return middle(set, bin);
    }
    return set->max;
}
