/* What an outer pulse adds to an inner one, and whether that is a part of the same work. */
#ifndef MT_PARTS_H
#define MT_PARTS_H

#include "rhythm/pulses/pulse.h"

/* 1: what the outer one adds makes one iteration of several segments of the inner one, 0: it does
 * not, or MT_ERR_MEMORY. */
int mt_adds_a_part(const struct mt_window *window, const struct mt_pulse *inner,
                   const struct mt_pulse *outer);

/* Most of the inner one's beats, and little else beats with them. */
static inline bool mt_is_thinned(const struct mt_pulse *inner, const struct mt_pulse *outer)
{
    return 2 * inner->count < 3 * outer->count && 2 * outer->members < inner->members;
}

#endif
