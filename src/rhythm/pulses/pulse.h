/* A pulse: something that happens once in every repetition of a rhythm.
 *
 * Candidates come from counting: grams (a symbol, or n in a row in one thread, with or without
 * sizes) that occur equally often and take turns in always the same order beat together. One of
 * them, the seed, cuts the trace into segments; how alike these are is then measured. */
#ifndef MT_PULSE_H
#define MT_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "rhythm/symbols/window.h"

#define MT_GRAM_MAX 16u
#define MT_MEMBERS_MAX 32u
#define MT_PULSES_MAX 32u

/* A way to read a window as grams. */
struct mt_gram_mode {
    uint32_t length;
    bool bare;
};

/* A gram by its symbols, so that it can be found in another window. */
struct mt_anchor {
    uint32_t id[MT_GRAM_MAX];
    struct mt_gram_mode mode;
    uint32_t thread;
};

/* A gram by the rank at which one of its occurrences ends. */
struct mt_member {
    uint32_t rank;
    struct mt_gram_mode mode;
};

struct mt_pulse {
    struct mt_gram_mode mode;
    uint32_t *at; /* positions of the seed, ascending; owned */
    uint32_t count;
    uint32_t members;                        /* grams that beat together */
    struct mt_member member[MT_MEMBERS_MAX]; /* some of them, the seed first */
    uint32_t kept;                           /* of these */
    uint32_t length;                         /* of a segment in symbols, median */
    double likeness;                         /* of successive segments, third quartile */
    double shortness;   /* by how much a tenth of the segments is shorter than the median, of it */
    double coverage;    /* of the window: in segments of about that length */
    double floor_share; /* of segments: their least live memory is the usual one */
};

struct mt_pulses {
    struct mt_pulse pulse[MT_PULSES_MAX]; /* those that beat most often first */
    uint32_t pulses;
};

/* Pulses of a sorted window that hold what they promise. */
int mt_pulses_find(const struct mt_window *window, struct mt_pulses *pulses);
void mt_pulses_release(struct mt_pulses *pulses);

/* Measures pulses of at least three beats, one after the other. NULL: out of memory. */
struct mt_measure;
struct mt_measure *mt_measure_new(const struct mt_window *window);
void mt_measure_free(struct mt_measure *measure);

/* Fill likeness, and what follows it but for floor_share; that one. */
void mt_measure_likeness(struct mt_measure *measure, struct mt_pulse *pulse);
void mt_measure_floor(struct mt_measure *measure, struct mt_pulse *pulse);

/* Likeness of segments that are `lag` apart, third quartile. */
double mt_measure_apart(struct mt_measure *measure, const struct mt_pulse *pulse, uint32_t lag);

/* A segment of about the usual length. */
static inline bool mt_pulse_is_usual(const struct mt_pulse *pulse, uint32_t i)
{
    uint64_t length = pulse->at[i + 1] - pulse->at[i];
    return 4 * length <= 5 * (uint64_t)pulse->length + 3 &&
           4 * length + 3 >= 3 * (uint64_t)pulse->length;
}

void mt_anchor_take(const struct mt_window *window, struct mt_gram_mode mode, uint32_t rank,
                    struct mt_anchor *anchor);

/* Ranks at which the anchor ends, ascending; how many, MT_ERR_MEMORY in *code. *ranks is to be
 * freed. */
int mt_anchor_find(const struct mt_window *window, const struct mt_anchor *anchor, uint32_t **ranks,
                   uint32_t *found);

uint32_t mt_median_u32(uint32_t *values, uint32_t n); /* reorders them; n > 0 */

#endif
