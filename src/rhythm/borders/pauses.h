/* How much a place looks like the border between two iterations. */
#ifndef MT_PAUSES_H
#define MT_PAUSES_H

#include "rhythm/borders/ends.h"

struct mt_pauses {
    const struct mt_window *window;
    int64_t *live; /* bytes before every so many positions */
    float *pause;  /* before each, as a logarithm */
    int64_t low, high;
    uint32_t ahead;    /* symbols among which the copy of input is looked for */
    struct mt_end end; /* of the last run */
};

/* `length`: of an iteration. `from`, `to`: positions between which the floor and the peak of live
 * memory are looked for. MT_ERR_MEMORY; to be released in any case. */
int mt_pauses_init(struct mt_pauses *pauses, const struct mt_window *window, uint32_t length,
                   uint32_t from, uint32_t to);
void mt_pauses_release(struct mt_pauses *pauses);

/* The factor by which a pause before a position counts. */
double mt_pause_weight(const struct mt_pauses *pauses, uint32_t position);

/* The part of it that the end of the last run has. */
double mt_pause_end_weight(const struct mt_end *end, uint32_t position);

/* The pause whose logarithm is this. */
double mt_pause_of_log(double log);

#endif
