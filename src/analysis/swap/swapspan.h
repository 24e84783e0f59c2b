/* Gathers one iteration for the swap plan: the middle one of those that are steady, as good as any
 * other of them; the whole trace where there is no rhythm.
 *
 * Borders may lie anywhere in a step, so a block of one iteration may live across one: the
 * iteration after is waited for, to see when such a block is needed again. */
#ifndef MT_SWAPSPAN_H
#define MT_SWAPSPAN_H

#include "analysis/behaviour/behaviour.h"
#include "analysis/swap/swapplan.h"

struct mt_swapspan {
    struct mt_behaviour *behaviour;
    struct mt_swaprule rule;
    const struct mt_iteration *wanted; /* NULL: the whole trace */
    bool gathering, made;
    uint64_t iteration; /* its number, meaningful if wanted */
    struct mt_swapspan_usage {
        uint64_t time_ns, allocated;
        uint32_t device;
    } * usage;
    size_t usages, room;
    struct mt_swapplan *plan[MT_DEVICES]; /* NULL: nothing happened there */
    struct mt_swapspan_ends *ends;        /* by life, while the iteration after is waited for */
    uint32_t lives;                       /* that have a place there */
    uint64_t end_ns, length_ns;           /* of the iteration */
};

void mt_swapspan_init(struct mt_swapspan *it, struct mt_behaviour *behaviour);
void mt_swapspan_release(struct mt_swapspan *it);

int mt_swapspan_gather(struct mt_swapspan *it, uint32_t device, uint64_t allocated,
                       uint64_t time_ns);
static inline int mt_swapspan_usage(struct mt_swapspan *it, uint32_t device, uint64_t allocated,
                                    uint64_t time_ns)
{
    return it->gathering ? mt_swapspan_gather(it, device, allocated, time_ns) : 0;
}
int mt_swapspan_begun(struct mt_swapspan *it, const struct mt_span *span);
int mt_swapspan_span(struct mt_swapspan *it, const struct mt_span *span);
int mt_swapspan_finish(struct mt_swapspan *it); /* after the last span */

#endif
