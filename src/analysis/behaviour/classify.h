/* Which rule of roles.def places a block. */
#ifndef MT_CLASSIFY_H
#define MT_CLASSIFY_H

#include "analysis/answers/roles.h"
#include "analysis/behaviour/lives.h"

/* The first rule that holds for a dead block (or one that lives at the end). */
enum mt_rule mt_classify(const struct mt_life *life);

#endif
