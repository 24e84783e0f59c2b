/* What a loop itself knows of its events, and what follows: how long its iterations are, and how
 * much of each is what the reference has. Nothing is aligned for it: the same place of two
 * iterations has the same number. */
#ifndef TRUTH_H
#define TRUTH_H

#include "loops.h"
#include "rhythm/rhythm.h"

struct truth_place {
    uint32_t iteration, place;
};

struct truth_symbol {
    uint32_t exact, kind; /* hashes: with and without the size */
};

struct truth {
    struct truth_place *place; /* by event */
    struct truth_symbol *symbol;
    uint64_t events, room;
};

/* Stability is told of as many events at most. */
#define TRUTH_SYMBOLS (UINT64_C(1) << 22)

void truth_add(struct truth *truth, const struct mt_symbol *symbol, uint32_t iteration,
               uint32_t place);

/* Mean share of the events of iterations that stand at the same place of their reference, with the
 * same size if `exact`; 0 without iterations; NAN of too many events. */
double truth_share(const struct truth *truth, const struct mt_rhythm *rhythm, bool exact);

/* Whether no other number of events is that of more iterations than the period which was found.
 * Ends of the loop, which may be cut, count as the others. */
bool truth_has_period(const struct truth *truth, const struct mt_rhythm *rhythm,
                      uint32_t iterations);

void truth_release(struct truth *truth);

#endif
