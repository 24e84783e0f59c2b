/* Where the last run of iterations ends. */
#ifndef MT_ENDS_H
#define MT_ENDS_H

#include "rhythm/borders/landmarks.h"

struct mt_end {
    bool found;
    uint32_t at; /* where this is in the segment in the middle, or just behind it */
};

/* The end of the last run of iterations that `cut` cuts. `middle`: a usual one of its segments. */
void mt_end_find(const struct mt_window *window, const struct mt_landmarks *landmarks,
                 const struct mt_landmark *cut, uint32_t middle, struct mt_end *end);

#endif
