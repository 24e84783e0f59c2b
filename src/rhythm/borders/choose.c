/* The rule which rhythm is the iteration, from behaviour alone.
 *
 * Begin with the innermost pulse whose usual segments cover a fifth of the window. Go outwards to
 * one that beats less often where
 *   1. segments are clearly more alike as far apart: phases alternate (two networks of a GAN), or
 *   2. live memory does not come back to the same floor at this pulse's beats and does there:
 *      layers pile up activations, the first of several micro-batches leaves gradients behind, or
 *   3. what the outer one adds is a part of the same work (parts.c): mostly launches of kernels
 *      that this pulse's segments do not have (an optimizer), or a superset of them (this pulse is
 *      the evaluation, the other one the training), or the only input there is (layers of
 *      inference). What happens only in some iterations is none.
 * If memory comes back to no floor at the beats of the pulse arrived at, there is no iteration:
 * layers of a single one, say. What adds little that is new (an evaluation: the forward pass again,
 * with input of its own), or hardly launches (a checkpoint, a log line), lies between iterations.
 */
#include "rhythm/borders/choose.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/borders/parts.h"

#define COVERS 0.2

/* The same rhythm, told apart by a few odd occurrences, and more beats with the outer one: much
 * more, if that does not cover what the inner one does. */
static bool is_double(const struct mt_pulse *inner, const struct mt_pulse *outer)
{
    bool less = 10 * outer->coverage < 9 * inner->coverage;
    return 4ull * inner->count <= 5ull * outer->count &&
           4ull * inner->length <= 5ull * outer->length &&
           4ull * outer->length <= 5ull * inner->length &&
           outer->members > (less ? 2 : 1) * inner->members;
}

/* Segments of the inner one are clearly more alike if they are as far apart as the outer one beats.
 * Segments of the outer one are more alike in any case: over many, chance evens out. */
static int alternates(const struct mt_window *window, const struct mt_pulse *inner,
                      const struct mt_pulse *outer)
{
    uint32_t lag = (inner->count + outer->count / 2) / outer->count;
    if (outer->likeness < 0.7 || inner->likeness >= 0.85 * outer->likeness || lag < 2)
        return false;
    struct mt_measure *measure = mt_measure_new(window);
    if (!measure)
        return MT_ERR_MEMORY;
    double apart = mt_measure_apart(measure, inner, lag);
    mt_measure_free(measure);
    return inner->likeness < 0.85 * apart;
}

/* Of few segments it says little how many come back to the same floor: the rule of succession. */
static double sure_floor(const struct mt_pulse *pulse)
{
    uint32_t segments = pulse->count - 1;
    return (pulse->floor_share * segments + 1) / (segments + 2);
}

static int goes_outwards(const struct mt_window *window, const struct mt_pulse *inner,
                         const struct mt_pulse *outer)
{
    if (outer->coverage >= COVERS && is_double(inner, outer))
        return true;
    if (outer->coverage >= 0.9 * inner->coverage && outer->members >= 3 * inner->members &&
        2 * inner->count <=
            3 * outer->count) /* odd occurrences, and hardly anything beats with it */
        return true;
    if (outer->coverage < COVERS || 10 * inner->count < 11 * outer->count ||
        inner->count <= outer->count + 1)
        return false;
    int alternating = alternates(window, inner, outer);
    if (alternating)
        return alternating;
    double floor = sure_floor(inner);
    if (!mt_is_thinned(inner, outer) && floor < 0.85 && sure_floor(outer) >= floor + 0.1)
        return true;
    return outer->likeness >= 0.8 * inner->likeness ? mt_adds_a_part(window, inner, outer) : 0;
}

int mt_choose_iteration(const struct mt_window *window, const struct mt_pulses *pulses)
{
    int chosen = -1;
    for (uint32_t i = 0; i < pulses->pulses; i++) {
        const struct mt_pulse *pulse = &pulses->pulse[i];
        if (chosen < 0) {
            chosen = pulse->coverage >= COVERS ? (int)i : -1;
            continue;
        }
        int outwards = goes_outwards(window, &pulses->pulse[chosen], pulse);
        if (outwards < 0)
            return outwards;
        chosen = outwards ? (int)i : chosen;
    }
    bool floating = chosen >= 0 && pulses->pulse[chosen].floor_share < 0.5;
    return floating ? -1 : chosen;
}
