/* Of what blocks are made, and what collectives did to them. */
#ifndef MT_ORIGINS_H
#define MT_ORIGINS_H

#include "analysis/behaviour/behaviour.h"

/* What a block is to a launch; those of all its blocks together are mt_behaviour.mix. */
#define MT_MIX_FRESH 1u    /* its first access */
#define MT_MIX_WEIGHTS 2u  /* lasting, or made of lasting ones */
#define MT_MIX_GATHERED 4u /* an all-gather of weights wrote it, and nothing used it since */
#define MT_MIX_USED 8u     /* anything else */

static inline uint8_t mt_origins_mix(const struct mt_life *life, bool lasts)
{
    if (life->accesses == 0)
        return MT_MIX_FRESH;
    if (lasts || life->origin == MT_ORIGIN_weights)
        return life->wire & MT_WIRE_GATHERED ? MT_MIX_GATHERED : MT_MIX_WEIGHTS;
    return (life->wire & (MT_WIRE_GATHERED | MT_WIRE_USED)) == MT_WIRE_GATHERED ? MT_MIX_GATHERED
                                                                                : MT_MIX_USED;
}

/* A block is born. */
void mt_origins_birth(struct mt_behaviour *it, struct mt_life *life, const struct mt_block *block);

/* A launch is the first to access a block of it; it has not been counted yet. */
void mt_origins_first(struct mt_behaviour *it, const struct mt_launch *launch, uint32_t number);

/* A launch touches a block that collectives know of, or is one of theirs. */
void mt_origins_wire(const struct mt_behaviour *it, struct mt_life *life, enum mt_kernelkind kind);

/* A collective reads or writes a block; its step is in the log. */
int mt_origins_collective(struct mt_behaviour *it, uint32_t number, const struct mt_access *access);

#endif
