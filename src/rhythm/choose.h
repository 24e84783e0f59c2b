/* Which of the rhythms is the iteration, and where it begins. */
#ifndef MT_CHOOSE_H
#define MT_CHOOSE_H

#include "rhythm/pulse.h"

/* Where iterations are cut: `back` symbols of its thread before the end of the anchor. */
struct mt_cut {
    struct mt_anchor anchor;
    uint32_t back;
};

/* Index of the pulse that is the iteration, -1: none, MT_ERR_MEMORY. */
int mt_choose_iteration(const struct mt_window *window, const struct mt_pulses *pulses);

int mt_choose_cut(const struct mt_window *window, const struct mt_pulse *pulse, struct mt_cut *cut);

#endif
