/* The rhythms of a trace as levels: what is told of each pulse beside the iteration. */
#ifndef MT_NESTING_H
#define MT_NESTING_H

#include "rhythm/pulse.h"
#include "rhythm/rhythm.h"

struct mt_nested {
    struct mt_anchor anchor;
    struct mt_rhythm_level level;
    uint64_t counted; /* number of the event behind the last beat that was counted */
};

struct mt_nesting {
    struct mt_nested nested[MT_PULSES_MAX];
    uint32_t levels;
};

/* Fill from the pulses of a sorted window; `chosen` is the iteration, or -1. */
int mt_nesting_fill(struct mt_nesting *nesting, const struct mt_window *window,
                    const struct mt_pulses *pulses, int chosen);

/* Count the beats of a later window, which may overlap with the one before. */
int mt_nesting_count(struct mt_nesting *nesting, const struct mt_window *window);

#endif
