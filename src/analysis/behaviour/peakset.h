/* The blocks that lived when most was allocated on a device.
 *
 * When that was is known at the end only. So whatever dies after the largest sum until then, and
 * was born before it, is held on to; a larger sum lets go of all. At the end of the trace
 * everything dies, and what is held is the answer. Memory: the blocks of one moment. */
#ifndef MT_PEAKSET_H
#define MT_PEAKSET_H

#include "analysis/behaviour/behaviour.h"

struct mt_peakset {
    uint64_t bytes, reserved, time_ns;
    uint32_t births; /* serial of the last block born by then */
    uint32_t span_serial;
    uint32_t step; /* of the span */
    bool within;   /* an iteration: then meaningful: */
    uint64_t iteration;
    double share; /* of it that was over */
    enum mt_phase phase;
    uint32_t *life; /* held */
    size_t lives, room;
};

void mt_peakset_release(struct mt_peakset *set); /* one of zeros is empty */

void mt_peakset_rise(struct mt_peakset *set, struct mt_behaviour *behaviour,
                     const struct mt_usage *usage, uint64_t time_ns);

/* Memory of the device has changed. */
static inline void mt_peakset_usage(struct mt_peakset *set, struct mt_behaviour *behaviour,
                                    const struct mt_usage *usage, uint64_t time_ns)
{
    if (usage->allocated > set->bytes)
        mt_peakset_rise(set, behaviour, usage, time_ns);
}

bool mt_peakset_hold(struct mt_peakset *set, struct mt_behaviour *behaviour, uint32_t life);

/* A block of the device dies; told before mt_behaviour_death. False where memory is out. */
static inline bool mt_peakset_death(struct mt_peakset *set, struct mt_behaviour *behaviour,
                                    uint32_t life)
{
    return mt_life_at(&behaviour->lives, life)->serial > set->births ||
           mt_peakset_hold(set, behaviour, life);
}

/* A span is over: where in it the peak was. */
void mt_peakset_span(struct mt_peakset *set, const struct mt_behaviour *behaviour);

/* The site that held the most at the peak. */
struct mt_peaksite {
    uint32_t stack;         /* of its stacks the one that held the most; 0: no block had a stack */
    uint64_t bytes, blocks; /* of the site */
};

/* At the end of the trace. False where memory is out. */
bool mt_peakset_site(const struct mt_peakset *set, const struct mt_lives *lives,
                     struct mt_stacks *stacks, struct mt_peaksite *site);

#endif
