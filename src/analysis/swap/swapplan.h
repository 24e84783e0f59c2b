/* What can leave the device during one iteration.
 *
 * Candidates are the gaps of the iteration for which the swap rule holds, each by itself. The plan
 * then puts their transfers on one link that carries one at a time, in either direction, until the
 * peak falls no further: again and again it takes the moment at which most is allocated, and of the
 * candidates that would be away then the largest that still finds room on the link: out as early as
 * possible, back as late as possible. What is away between its last byte out and its first byte in
 * is off the sum.
 *
 * The iteration is a circle: a gap that wraps around its end takes part as one gap. Where there is
 * no rhythm, the whole trace is taken instead and nothing wraps.
 *
 * Allocated bytes are kept as the most within each of at most 16384 slices, and what is away counts
 * only in slices that it is away from end to end: the resulting peak is an upper bound. */
#ifndef MT_SWAPPLAN_H
#define MT_SWAPPLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/measures/swaprule.h"

#define MT_SWAP_CANDIDATES 4096u
#define MT_SWAP_SLICES 16384u

struct mt_swap_gap {
    uint64_t size, start_ns, end_ns;      /* end_ns behind the iteration's end: it wraps */
    uint64_t covers;                      /* bytes off the peak if it left alone: size, or 0 */
    uint64_t out_ns, in_ns;               /* in the plan: begin of the transfers */
    uint32_t first, slices;               /* that it is away in from end to end if it left alone */
    uint32_t life, device, after, before; /* the caller's, as is held */
    bool wraps, planned, held;
};

/* One device over one iteration. */
struct mt_swapplan {
    struct mt_swaprule rule;
    uint64_t start_ns, length_ns;
    bool circular;
    uint64_t *most; /* allocated, by slice */
    size_t slices;
    struct mt_swap_gap *gap; /* candidates, the largest bytes times time first */
    size_t gaps, room;
    uint64_t over; /* candidates that were dropped: there were too many */
    /* results */
    uint64_t peak_bytes, peak_ns, result_bytes;
    uint64_t at_peak_bytes; /* of candidates whose gap covers the peak */
    uint64_t planned, planned_bytes, busy_ns;
};

/* False where memory is out. */
bool mt_swapplan_init(struct mt_swapplan *plan, const struct mt_swaprule *rule, uint64_t start_ns,
                      uint64_t end_ns, bool circular);
void mt_swapplan_release(struct mt_swapplan *plan);

/* From `from_ns` to before `to_ns`, this much was allocated at most. */
void mt_swapplan_allocated(struct mt_swapplan *plan, uint64_t from_ns, uint64_t to_ns,
                           uint64_t bytes);

/* A gap, if the rule holds. False where memory is out. */
bool mt_swapplan_gap(struct mt_swapplan *plan, const struct mt_swap_gap *gap);

/* Rank the candidates and make the plan. False where memory is out. */
bool mt_swapplan_make(struct mt_swapplan *plan);

#endif
