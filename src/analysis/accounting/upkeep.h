/* What the driver takes beyond what it was asked for, by what it is likely to be for.
 *
 * Nobody tells it: all that is known is how much there is at each sample, and what happened between
 * two of them. What is there at the first sample is the context's; growth goes to what happened
 * since the sample before, or the one before that, in the order of enum mt_own; growth without a
 * cause is loose. What shrinks gives back in the opposite order. */
#ifndef MT_UPKEEP_H
#define MT_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

enum mt_own {
    MT_OWN_CONTEXT,
    MT_OWN_MODULES, /* code and variables of kernels, and what they need to run */
    MT_OWN_GRAPHS,
    MT_OWN_PROFILERS,
    MT_OWN_LOOSE,
    MT_OWN_PARTS,
};

/* What happened: a set of parts, and of these. */
#define MT_CAUSE(part) (1u << MT_OWN_##part)
#define MT_CAUSE_CONTEXT_ENDED (1u << 8)

struct mt_upkeep {
    int64_t part[MT_OWN_PARTS];
    int64_t lent[MT_OWN_PARTS]; /* given back at the last sample */
    unsigned before;            /* what happened before the last sample */
    bool profiled;              /* a profiler has begun; it works until the end */
    bool seen;                  /* there was a sample */
};

/* The sum of all parts, and what it was before it shrank at the last sample. */
int64_t mt_upkeep_sum(const struct mt_upkeep *upkeep);
int64_t mt_upkeep_sum_before(const struct mt_upkeep *upkeep);

/* At a sample there is `bytes` of it, and `causes` have happened since the last one. */
void mt_upkeep_set(struct mt_upkeep *upkeep, int64_t bytes, unsigned causes);

#endif
