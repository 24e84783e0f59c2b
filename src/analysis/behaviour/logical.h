/* Blocks that come back: an allocation of the same size at the same place of the sequence (the n-th
 * of that size in its iteration) is, iteration after iteration, one logical block. A block that
 * outlives iterations is one by itself, and its pattern is that of an iteration.
 *
 * The accesses of the first life (or iteration) are the pattern; each later one is compared with it
 * while it runs: by what (kernel or driver function), how (read, write, touch), and how often.
 * Intervals between adjacent accesses are summed up position by position, as long as a life follows
 * the pattern. Only steady iterations count, where there are any.
 *
 * Memory: distinct logical blocks and their accesses in one iteration. */
#ifndef MT_LOGICAL_H
#define MT_LOGICAL_H

#include "analysis/behaviour/behaviour.h"

#define MT_LOGICALS_MAX (UINT32_C(1) << 20)

/* Mean and spread of a number that comes again and again (Welford). */
struct mt_spread {
    double n; /* a whole number; it divides */
    double mean, squares;
};

/* One access of the pattern; behind the last one stands one of no kind. */
struct mt_beat {
    uint32_t who;
    uint32_t kind;
    struct mt_spread interval; /* to the access before; of the first one, from birth */
};

struct mt_logical {
    struct mt_beat *beat;
    uint32_t beats, room;
    bool fixed;           /* the first life is over: the pattern is made */
    uint64_t size, block; /* id of its first life */
    uint64_t address;     /* of its last life */
    uint32_t device;
    uint32_t nth;       /* of its size, from 1; 0: lasts */
    uint32_t births_in; /* of a lasting one: iterations that had begun when it was first seen */
    uint32_t lives;     /* or iterations, that were compared */
    uint32_t exact;     /* that followed the pattern from end to end */
    uint32_t same_address;
    struct mt_spread accesses, before, after; /* before the first access, after the last: ns */
    uint32_t rule_of[2]; /* of its last life: rule + 1; how many lives had it */
    uint32_t next;       /* the one that was born after it lately */
    uint32_t sized;      /* its place among sizes */
};

/* Blocks of one size and device: how many were born in a span. */
struct mt_sized {
    uint32_t span, births;
};

/* Where a life stands in its pattern; at its number. */
struct mt_follower {
    uint64_t last_ns, first_ns; /* first: UINT64_MAX before there is one */
    struct mt_beat *next;       /* of the pattern, if it is made and has been followed; else NULL */
    uint32_t logical;           /* as the life's, 0: none */
    uint32_t beats;             /* so far, where `next` is NULL */
    bool astray, following;
};

struct mt_logicals {
    struct mt_behaviour *behaviour;
    struct mt_logical *logical; /* 0 is none */
    uint32_t n, room;
    struct mt_follower *follower; /* by life */
    uint32_t followers;
    struct mt_dict by_place; /* hash of device, size, nth -> logical */
    struct mt_dict by_size;  /* hash of device and size -> place + 1 in sized */
    struct mt_sized *sized;
    uint32_t sizes, sizes_room;
    uint32_t last;   /* logical block born last, 0: none */
    uint32_t *young; /* lives that may come to last */
    size_t youngs, youngs_room;
    uint32_t *lasting; /* lives that last */
    size_t lastings, lastings_room;
    uint64_t span_start_ns;
    bool counts; /* the span is one that counts */
    bool any_steady;
    uint64_t dropped; /* blocks that found no room */
};

void mt_logicals_init(struct mt_logicals *it, struct mt_behaviour *behaviour);
void mt_logicals_release(struct mt_logicals *it);

/* What a mt_behaviour_listener hears. */
int mt_logicals_born(struct mt_logicals *it, uint32_t life);
int mt_logicals_logged(struct mt_logicals *it, const struct mt_spanlog *log);
int mt_logicals_begun(struct mt_logicals *it, const struct mt_span *span);
int mt_logicals_span(struct mt_logicals *it, const struct mt_span *span);
int mt_logicals_parted(struct mt_logicals *it);
int mt_logicals_judged(struct mt_logicals *it, uint32_t life);

/* Standard deviation by mean; 0 of fewer than two numbers. */
double mt_spread_variation(const struct mt_spread *spread);

/* Coefficient of variation of the intervals: the sum of their standard deviations by that of their
 * means; what a life does before its first access left out. */
double mt_logical_variation(const struct mt_logical *logical);

#define MT_KINDS_SHOWN 64u

/* Accesses of the pattern by their kinds, and a letter for each of the first MT_KINDS_SHOWN. */
struct mt_pattern_kinds {
    uint64_t count[MT_ACCESS_TOUCH + 1];
    char letters[MT_KINDS_SHOWN + 1];
};
void mt_logical_kinds(const struct mt_logical *logical, struct mt_pattern_kinds *kinds);

/* The kernels (or driver functions) and kinds of the pattern, in their order, as one number. */
uint64_t mt_logical_signature(const struct mt_logical *logical, const struct mt_logicals *it);

#endif
