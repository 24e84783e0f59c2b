/* The grams of one stretch of a window, and where they stand everywhere else in it. */
#ifndef MT_GRAMS_H
#define MT_GRAMS_H

#include "rhythm/compare/align.h"
#include "rhythm/pulses/pulse.h"

#define MT_GRAM_NONE UINT32_MAX

struct mt_grams {
    struct mt_gram_mode mode;
    uint32_t *id; /* by the rank at which a gram begins; MT_GRAM_NONE: the stretch has it not */
    uint32_t grams;
};

/* All grams of a sorted window. Kept there for who asks next; NULL: out of memory. */
const struct mt_numbering *mt_grams_all(const struct mt_window *window, struct mt_gram_mode mode);

/* Grams that begin and end in the stretch, numbered from 0, in a sorted window. */
int mt_grams_number(const struct mt_window *window, struct mt_gram_mode mode,
                    struct mt_stretch stretch, struct mt_grams *grams);
void mt_grams_release(struct mt_grams *grams);

#endif
