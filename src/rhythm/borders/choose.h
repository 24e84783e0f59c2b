/* Which of the rhythms is the iteration, and where it begins. */
#ifndef MT_CHOOSE_H
#define MT_CHOOSE_H

#include "rhythm/pulses/pulse.h"

/* Where iterations are cut: where the anchor begins, or, with nth, at the nth occurrence of `begin`
 * before it. */
struct mt_cut {
    struct mt_anchor anchor, begin;
    uint32_t nth;
    struct mt_anchor first; /* what every iteration begins with, and other places may too */
    struct mt_anchor then;  /* the same from its second symbol on */
};

/* Index of the pulse that is the iteration, -1: none, MT_ERR_MEMORY. */
int mt_choose_iteration(const struct mt_window *window, const struct mt_pulses *pulses);

/* Positions of the cuts in a sorted window, ascending; *border is to be freed. */
int mt_cut_find(const struct mt_window *window, const struct mt_cut *cut, uint32_t **border,
                uint32_t *borders);

/* Where the iteration before the first border begins, `usual` symbols before it or about so, but at
 * least `least`; at `border` itself if there is no such place. */
int mt_cut_first(const struct mt_window *window, const struct mt_cut *cut, uint32_t border,
                 uint32_t usual, uint32_t least, uint32_t *first);

/* `before`: how iterations of another loop of the same job are cut; zeros: there is none. */
int mt_choose_cut(const struct mt_window *window, const struct mt_pulse *pulse,
                  const struct mt_cut *before, struct mt_cut *cut);

#endif
