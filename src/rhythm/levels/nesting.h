/* The rhythms of a trace as levels: what is told of each pulse beside the iteration. */
#ifndef MT_NESTING_H
#define MT_NESTING_H

#include "rhythm/pulses/pulse.h"
#include "rhythm/rhythm.h"
#include "rhythm/compare/track.h"

#define MT_LEVELS_MAX 16u

struct mt_nested {
    struct mt_anchor anchor;
    struct mt_rhythm_level level;
    double coverage;  /* of the window, in segments of about the same length */
    uint64_t counted; /* number of the event behind the last beat that was counted */
    /* Beats of which it is known whether they are inside of iterations, and those that are. */
    uint64_t known, inside;
    uint64_t placed; /* number of the event behind the last of these, and */
    size_t near;     /* the iteration that it is in or behind */
};

struct mt_nesting {
    struct mt_nested nested[MT_LEVELS_MAX];
    uint32_t levels;
};

/* Fill from the pulses of a sorted window; `chosen` is the iteration, or -1. */
int mt_nesting_fill(struct mt_nesting *nesting, const struct mt_window *window,
                    const struct mt_pulses *pulses, int chosen);

/* Count the beats of a window, which may overlap with the one before. Iterations up to position
 * `to` of it are on the track. */
int mt_nesting_count(struct mt_nesting *nesting, const struct mt_window *window,
                     const struct mt_track *track, uint32_t to);

/* The same for a level whose beats are known: n positions, rising. */
void mt_nesting_beats(struct mt_nested *nested, const struct mt_window *window,
                      const struct mt_track *track, const uint32_t *position, uint32_t n,
                      uint32_t to);

#endif
