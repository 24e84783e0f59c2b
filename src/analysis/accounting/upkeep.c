#include "analysis/accounting/upkeep.h"

#include <string.h>

static int64_t sum(const int64_t part[MT_OWN_PARTS])
{
    int64_t bytes = 0;
    for (unsigned i = 0; i < MT_OWN_PARTS; i++)
        bytes += part[i];
    return bytes;
}

int64_t mt_upkeep_sum(const struct mt_upkeep *upkeep)
{
    return sum(upkeep->part);
}

int64_t mt_upkeep_sum_before(const struct mt_upkeep *upkeep)
{
    return sum(upkeep->part) + sum(upkeep->lent);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The driver's figure and the trace are not of one moment: an allocation between them makes the
 * rest smaller for one sample. What was given back then comes back first. */
static int64_t take_back(struct mt_upkeep *upkeep, int64_t more)
{
    for (unsigned i = 0; i < MT_OWN_PARTS; i++) {
        int64_t bytes = least(more, upkeep->lent[i]);
        upkeep->part[i] += bytes;
        more -= bytes;
    }
    return more;
}

/* Less than nothing was there. */
static int64_t make_good(struct mt_upkeep *upkeep, int64_t more)
{
    int64_t lacking = upkeep->part[MT_OWN_LOOSE] < 0 ? -upkeep->part[MT_OWN_LOOSE] : 0;
    upkeep->part[MT_OWN_LOOSE] += least(more, lacking);
    return more - least(more, lacking);
}

static void grow(struct mt_upkeep *upkeep, int64_t more, unsigned causes)
{
    unsigned part = 0;
    more = make_good(upkeep, more);
    more = take_back(upkeep, more);
    while (part < MT_OWN_LOOSE && !(causes >> part & 1))
        part++;
    upkeep->part[part] += more;
}

static int64_t give(struct mt_upkeep *upkeep, unsigned part, int64_t less)
{
    int64_t there = upkeep->part[part], bytes = there > 0 ? least(less, there) : 0;
    upkeep->part[part] -= bytes;
    upkeep->lent[part] += bytes;
    return less - bytes;
}

static void shrink(struct mt_upkeep *upkeep, int64_t less, bool context)
{
    less = give(upkeep, MT_OWN_LOOSE, less);
    if (context)
        less = give(upkeep, MT_OWN_CONTEXT, less);
    for (unsigned i = MT_OWN_LOOSE; i-- > 0;)
        less = give(upkeep, i, less);
    upkeep->part[MT_OWN_LOOSE] -= less; /* something is counted too high */
}

void mt_upkeep_set(struct mt_upkeep *upkeep, int64_t bytes, unsigned causes)
{
    int64_t change = bytes - mt_upkeep_sum(upkeep);
    upkeep->profiled |= causes & MT_CAUSE(PROFILERS);
    unsigned since = causes | upkeep->before | (upkeep->profiled ? MT_CAUSE(PROFILERS) : 0);
    if (!upkeep->seen)
        upkeep->part[bytes > 0 ? MT_OWN_CONTEXT : MT_OWN_LOOSE] = bytes;
    else if (change > 0)
        grow(upkeep, change, since);
    memset(upkeep->lent, 0, sizeof upkeep->lent);
    if (upkeep->seen && change < 0)
        shrink(upkeep, -change, causes & MT_CAUSE_CONTEXT_ENDED);
    upkeep->before = upkeep->seen ? causes : 0; /* what was before the first is in it */
    upkeep->seen = true;
}
