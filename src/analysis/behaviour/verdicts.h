/* What a span that is over says of its blocks; its phases are known. In this order. */
#ifndef MT_VERDICTS_H
#define MT_VERDICTS_H

#include "analysis/behaviour/behaviour.h"

void mt_verdicts_stretches(struct mt_behaviour *it); /* of the span, none but in an iteration */
void mt_verdicts_births(struct mt_behaviour *it);    /* in which phase */
void mt_verdicts_touches(struct mt_behaviour *it);   /* in which phases; the stretches' bytes */
int mt_verdicts_deaths(struct mt_behaviour *it);     /* the rule of each of the dead */

#endif
