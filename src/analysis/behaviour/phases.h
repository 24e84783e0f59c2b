/* Where an iteration goes forward, backward, and updates parameters.
 *
 * The boundaries of iterations may lie anywhere in a step of training, so an iteration is taken as
 * a circle. Each launch speaks for or against the optimizer, in bytes:
 *
 *   for      all it touches are lasting blocks, two or more, or others that have a lasting block
 *            of their size in the same launch (a parameter and its gradient, moments, master
 *            weights)
 *   silent   it touches one lasting block, or short-lived ones only, each of a size that lasting
 *            blocks have; or it is a collective's, or a product that would speak for it
 *   against  anything else: activations, casts, results of other sizes
 *   a list   of more blocks than 8, lasting ones among them: for, less the bytes of the others
 *            without a partner; such tables of addresses hold stale entries
 *
 * The optimizer is the stretch of the circle with the largest sum, and what the kernels at its ends
 * go on with. Before it comes the backward phase. It begins with the first launch of another
 * thread, where one makes a good part of the launches: autograd engines have their own. Where
 * gradients are accumulated, the first thread's launches in between are the forward passes of
 * further micro-batches, if they are at least half as many in a row as the first one has. Otherwise
 * it begins at the turning point: where the blocks between their first and last access, bytes times
 * length, are most. Activations nest around that point like brackets; what lives shortly weighs
 * little. */
#ifndef MT_PHASES_H
#define MT_PHASES_H

#include "analysis/behaviour/lives.h"
#include "analysis/answers/roles.h"
#include "analysis/behaviour/spanlog.h"

/* Steps of one phase that follow each other: first ... last - 1. */
struct mt_stretch {
    uint32_t first, last;
    enum mt_phase phase;
    uint64_t bytes; /* of the blocks that they touch, each once */
};

#define MT_MICRO_BATCHES_MAX 126u /* of an iteration, that are told apart */

struct mt_phases {
    bool known;
    bool by_steps; /* another span with steps by the same of the same scores has the same phases */
    uint32_t steps;
    uint32_t begin[MT_PHASES];  /* step at which a phase begins; circular */
    const struct mt_step *step; /* the log's; NULL: no forward pass lies within backward */
};

/* The stretch that begins with a step. */
struct mt_stretch mt_phases_stretch(const struct mt_phases *phases, uint32_t first);

struct mt_phases_span {
    uint32_t number; /* mt_life.first_span of who was first used in it */
    uint64_t length_ns;
};

/* Find the phases of a span. Negative where memory is out. */
int mt_phases_find(struct mt_phases *phases, const struct mt_spanlog *log,
                   const struct mt_lives *lives, const struct mt_phases_span *span);

/* Steps from `from` on to `to`, around the circle. */
static inline uint32_t mt_phases_distance(const struct mt_phases *phases, uint32_t from,
                                          uint32_t to)
{
    return to >= from ? to - from : to + phases->steps - from;
}

/* The phase of a step, or of what happens before it. A step behind the last one is the last. */
static inline enum mt_phase mt_phases_at(const struct mt_phases *phases, uint32_t step)
{
    if (!phases->known)
        return MT_PHASE_none;
    uint32_t forward = phases->begin[MT_PHASE_forward];
    step = step < phases->steps ? step : phases->steps - 1;
    uint32_t at = mt_phases_distance(phases, forward, step);
    if (at >= mt_phases_distance(phases, forward, phases->begin[MT_PHASE_optimizer]))
        return MT_PHASE_optimizer;
    if (at >= mt_phases_distance(phases, forward, phases->begin[MT_PHASE_backward]))
        return phases->step && phases->step[step].again ? MT_PHASE_forward : MT_PHASE_backward;
    return MT_PHASE_forward;
}

#endif
