/* The grams of one stretch of a window, and where they stand everywhere else in it. */
#ifndef MT_GRAMS_H
#define MT_GRAMS_H

#include "rhythm/compare/align.h"
#include "rhythm/pulses/pulse.h"

#define MT_GRAM_NONE UINT32_MAX

struct mt_grams {
    struct mt_gram_mode mode;
    uint32_t grams;
    uint32_t *total; /* of each, in the whole window */
    /* Numbers in the whole window, and in the stretch by them. */
    const uint32_t *all;
    uint32_t *number_of;
};

/* All grams of a sorted window. Kept there for who asks next; NULL: out of memory. */
const struct mt_numbering *mt_grams_all(const struct mt_window *window, struct mt_gram_mode mode);

/* Grams that begin and end in the stretch, numbered from 0, in a sorted window. */
int mt_grams_number(const struct mt_window *window, struct mt_gram_mode mode,
                    struct mt_stretch stretch, struct mt_grams *grams);

/* Number of the gram that begins at a rank; MT_GRAM_NONE: the stretch has it not. */
static inline uint32_t mt_grams_at(const struct mt_grams *grams, uint32_t rank)
{
    uint32_t id = grams->all[rank + grams->mode.length - 1];
    return id == MT_GRAM_NONE ? MT_GRAM_NONE : grams->number_of[id];
}

void mt_grams_release(struct mt_grams *grams);

#endif
