/* One trace replayed from its first event to its last, for the passes that are wanted. */
#ifndef MT_SHIFT_H
#define MT_SHIFT_H

#include "analysis/engine/engine.h"
#include "analysis/engine/glance.h"
#include "analysis/engine/pass.h"

#define MT_PASSES_MAX 64u

/* A pass at work. */
struct mt_worker {
    const struct mt_pass *pass;
    void *state;
    bool closely; /* it is told of the iterations of the glance only */
};

struct mt_shift {
    struct mt_run run;
    bool again; /* only for passes that glance */
    struct mt_glance *glance;
    struct mt_worker worker[MT_PASSES_MAX];
    size_t workers;
    uint64_t kinds;
    struct mt_model *model;
    size_t next;     /* iteration to begin */
    uint64_t border; /* event before which passes are told of iterations */
    bool away;       /* those that hear closely do not hear now */
};

/* `run` and `again` are set, all else is zero. The trace stands at its first event. */
int mt_shift_begin(struct mt_shift *shift, struct mt_glance *glance);
int mt_shift_go(struct mt_shift *shift, mt_progress *progress, void *context);

/* Whether the most memory of a device was taken where nobody looked closely; if so, the glance will
 * look there. */
bool mt_shift_missed_peak(struct mt_shift *shift);

/* Let those passes go that glance. */
void mt_shift_dismiss(struct mt_shift *shift);

/* Passes tell what they know. */
int mt_shift_finish(struct mt_shift *shift);
void mt_shift_release(struct mt_shift *shift); /* one that was not begun is allowed */

#endif
