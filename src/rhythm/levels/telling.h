/* What was found, as levels of a rhythm. */
#ifndef MT_TELLING_H
#define MT_TELLING_H

#include "rhythm/levels/nesting.h"

/* Fill the levels; the iterations are there. */
int mt_rhythm_tell(const struct mt_nesting *nesting, const struct mt_track *track,
                   struct mt_rhythm *rhythm);

#endif
