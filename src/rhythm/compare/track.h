/* The iterations found so far, each compared with the reference that it is most like. */
#ifndef MT_TRACK_H
#define MT_TRACK_H

#include "rhythm/compare/align.h"
#include "rhythm/compare/changes.h"
#include "rhythm/compare/memo.h"
#include "rhythm/rhythm.h"

/* A loop of unlike iterations takes several, and another loop may follow. */
#define MT_REFERENCES_MAX 8u

struct mt_track {
    struct mt_reference reference[MT_REFERENCES_MAX];
    uint32_t references;
    struct mt_iteration *iteration;
    size_t iterations, room;
    uint64_t beyond;    /* iterations that were too many to keep */
    uint64_t fragments; /* segments that were none */
    uint64_t symbols;   /* of all iterations */
    struct mt_changes changes;
    struct mt_memos memos;
    uint32_t last; /* reference of the last iteration */
    uint64_t *gap; /* numbers of events at which something is missing, rising */
    size_t gaps, gaps_room;
};

/* Add iterations that begin at border[0 .. borders - 1] of a sorted window. The last one reaches to
 * the end of the window: with `open` it may be incomplete, and is added only if it is not. */
int mt_track_add(struct mt_track *track, const struct mt_window *window, const uint32_t *border,
                 uint32_t borders, bool open);

/* Add iterations that are the last one's reference, symbol by symbol, and of which nothing is
 * missing: from each border to the next. As if the window ended at the last of them. */
int mt_track_repeat(struct mt_track *track, const struct mt_window *window, const uint32_t *border,
                    uint32_t borders);

/* At event number `event` something is missing: what goes over it is no iteration. In their order.
 */
int mt_track_break(struct mt_track *track, uint64_t event);

/* Judge which iterations are steady. */
int mt_track_judge(struct mt_track *track);

void mt_track_release(struct mt_track *track);

/* Most frequent of n hashes and how often; `hash` is reordered. */
uint64_t mt_most_frequent(uint64_t *hash, uint32_t n, uint32_t *times);
#endif
