/* Where a border may be: what every iteration has equally often. */
#ifndef MT_CANDIDATES_H
#define MT_CANDIDATES_H

#include "rhythm/borders/segments.h"
#include "rhythm/borders/pauses.h"

struct mt_candidate {
    struct mt_gram_mode mode;
    uint32_t place, times, nth, all, total, first, earliest;
    double score, distance;
    bool fits; /* as far before the landmark where something is put in */
};

struct mt_candidates {
    struct mt_candidate *candidate;
    uint32_t candidates, room;
};

/* Those of the segments as they are cut now, in place of all found before; `candidates` begins as
 * zeros. */
int mt_candidates_find(struct mt_candidates *candidates, const struct mt_segments *segments,
                       const struct mt_pauses *pauses);
void mt_candidates_release(struct mt_candidates *candidates);

#endif
