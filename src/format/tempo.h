/* Times: what a program does next comes after about the same time as when it did so before.
 *
 * Between two events lies a gap, in quanta. It is foreseen from the last gaps between the same two
 * symbols (what happened before, what happens now), and only the error is written: one byte of
 * the zigzag of it below 255; 255, and the rest as a varint in the column of long times, from
 * there.
 *
 * The symbol of an event is its kind; of a launch also the kernel's id, of block_alloc and
 * block_free also the size: kind + 64 * that, modulo 2^32. The one before the first event is 0. The
 * table has MT_TEMPO_GAPS averages in quarters of a quantum, 0 at first:
 *
 *   place = ((((before * 0x9e3779b1) ^ now) * 0x85ebca77) modulo 2^32) >> 17
 *   foreseen = average / 4, rounded down
 *
 * A gap of 2^14 quanta or more changes nothing. Another replaces an average of 0; else the average
 * moves by a quarter, rounded down, of its distance to the gap, which is taken as 64 quanta at most
 * either way. */
#ifndef MT_TEMPO_H
#define MT_TEMPO_H

#include <stdint.h>

#include "base/varint.h"

#define MT_TEMPO_GAPS (1u << 15)
#define MT_TEMPO_LONG 255u
#define MT_TEMPO_STEP (64 << 2)

struct mt_tempo {
    uint32_t before;
    uint16_t average[MT_TEMPO_GAPS];
};

/* The average that foresees the gap between the events `before` and `now`. */
static inline uint16_t *mt_tempo_place(struct mt_tempo *tempo, uint32_t before, uint32_t now)
{
    uint32_t place = ((before * UINT32_C(0x9e3779b1)) ^ now) * UINT32_C(0x85ebca77) >> 17;
    return &tempo->average[place];
}

/* The average that foresees the gap before the event `now`, which becomes the one before. */
static inline uint16_t *mt_tempo_step(struct mt_tempo *tempo, uint32_t now)
{
    uint16_t *average = mt_tempo_place(tempo, tempo->before, now);
    tempo->before = now;
    return average;
}

static inline void mt_tempo_learn(uint16_t *average, uint64_t gap)
{
    if (gap >= 1u << 14)
        return;
    int distance = (int)(gap << 2) - *average;
    if (*average == 0) {
        *average = (uint16_t)distance;
        return;
    }
    distance = distance > MT_TEMPO_STEP ? MT_TEMPO_STEP : distance;
    distance = distance < -MT_TEMPO_STEP ? -MT_TEMPO_STEP : distance;
    *average = (uint16_t)(*average + (distance >> 2));
}

#endif
