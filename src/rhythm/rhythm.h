/* The rhythm of a trace: what the first scan finds, before the second replays the address space.
 *
 * An event is reduced to a symbol: what happened and how large, never where (addresses repeat badly
 * between iterations). From the symbols come nested rhythms and the boundaries of iterations.
 * Events are numbered in the order in which mt_trace_next delivers them, from 0: both scans see the
 * same order, so a number found by the first names an event of the second.
 *
 * Shares are of 1. exact: the event is of the same kind, kernel and size as at this position of the
 * reference iteration; class: sizes may differ within a power of two; kind: only the kind (and the
 * kernel of a launch) is the same.
 *
 * Memory: grows with iterations and distinct symbols, never with events. */
#ifndef MT_RHYTHM_H
#define MT_RHYTHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a rhythm beats: inside of iterations (layers, micro-batches), outside of them
 * (evaluations), both, or around several of them (epochs: something lies between every so many). */
enum mt_rhythm_place {
    MT_PLACE_UNKNOWN, /* there are no iterations */
    MT_PLACE_PART,
    MT_PLACE_BETWEEN,
    MT_PLACE_BOTH,
    MT_PLACE_ITERATION,
    MT_PLACE_AROUND
};

/* One rhythm, from the innermost (level 0) outwards. */
struct mt_rhythm_level {
    uint64_t period_events; /* of the most frequent repetition */
    uint64_t period_ns;     /* median */
    uint64_t repetitions;
    uint64_t start_ns, end_ns; /* first to last boundary */
    double exact_share, class_share, kind_share;
    bool is_iteration; /* at most one level is */
    enum mt_rhythm_place place;
    double per_iteration; /* beats in one, mean; of what is around them: 1 / iterations that it
                             holds */
};

/* One iteration: the events first_event .. first_event + events - 1. What lies between two of them
 * (an evaluation, a checkpoint) belongs to none. */
struct mt_iteration {
    uint64_t start_ns, end_ns; /* end: start of the next, or of the first event behind it */
    uint64_t first_event, events;
    double exact_share, class_share, kind_share; /* against the reference that it is most like */
    uint32_t reference; /* its number, from 0: with other kernels a job goes on to another one */
    bool steady;        /* warm-up is over, and its events repeat those of the others */
};

/* Where iterations differ from the reference: a position and what stands there instead. */
enum mt_change { MT_CHANGE_SIZE, MT_CHANGE_OTHER, MT_CHANGE_MISSING, MT_CHANGE_EXTRA };

struct mt_rhythm_symbol {
    uint16_t kind; /* enum mt_kind, 0: none */
    uint32_t what; /* kernel of a launch, driver function of others */
    uint64_t size;
};

struct mt_instability {
    uint32_t thread, reference;
    uint64_t position; /* in the thread's part of the reference iteration, from 0 */
    enum mt_change change;
    struct mt_rhythm_symbol expected, found; /* found: in the first iteration that differs so */
    uint64_t iterations;                     /* in which this position differs in this way */
};

struct mt_rhythm {
    struct mt_rhythm_level *level;
    size_t levels;
    struct mt_iteration *iteration;     /* in the order of time */
    size_t iterations;                  /* 0: no rhythm was found, which is an answer */
    struct mt_instability *instability; /* the most frequent first, a bounded number */
    size_t instabilities;
};

void mt_rhythm_release(struct mt_rhythm *rhythm);

#endif
