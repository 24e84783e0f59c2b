/* Times: what a program does next comes after about the same time as when it did so before.
 *
 * Between two events lies a gap, in quanta. It is foreseen from the last gaps between the same two
 * symbols (what happened before, what happens now), and only the error is written: one byte of
 * the zigzag of it below 255; 255, and the rest as a varint in the column of long times, from
 * there.
 *
 * The symbol of an event is its kind; of a launch also the kernel's id, of block_alloc and
 * block_free also the size: kind + 64 * that, modulo 2^32. The one before the first event is 0. The
 * table has MT_TEMPO_GAPS averages in 1/16 quanta, 0 at first. Where
 *
 *   place = (((before * 0x9e3779b1) ^ now) * 0x85ebca77 mod 2^32) >> 20
 *   foreseen = average / 16
 *
 * a gap below 2^26 moves the average a quarter of the way, rounded towards minus infinity (from 0:
 * all the way); a longer one, and one that is more than 16 times an average above 0, leaves it. */
#ifndef MT_TEMPO_H
#define MT_TEMPO_H

#include <stdint.h>

#include "base/varint.h"

#define MT_TEMPO_GAPS (1u << 12)
#define MT_TEMPO_LONG 255u

struct mt_tempo {
    uint32_t before;
    uint32_t average[MT_TEMPO_GAPS];
};

/* The average that foresees the gap before the event `now`, which becomes the one before. */
static inline uint32_t *mt_tempo_step(struct mt_tempo *tempo, uint32_t now)
{
    uint32_t place = ((tempo->before * UINT32_C(0x9e3779b1)) ^ now) * UINT32_C(0x85ebca77) >> 20;
    tempo->before = now;
    return &tempo->average[place];
}

static inline void mt_tempo_learn(uint32_t *average, uint64_t gap)
{
    if (gap >= UINT32_C(1) << 26)
        return;
    uint32_t scaled = (uint32_t)gap << 4;
    if (*average == 0)
        *average = scaled;
    else if (scaled >> 4 <= *average)
        *average += (uint32_t)((int32_t)(scaled - *average) >> 2);
}

#endif
