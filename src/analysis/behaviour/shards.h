/* Shards of a model, as FSDP and its kin keep them: what collectives of one span brought together
 * and sent, and which blocks it was copied to or from. Such copies read tables of addresses in
 * device memory, so they do not show; what shows is a row of blocks that are born or die between
 * two launches and that together are as large as what the collective carried. */
#ifndef MT_SHARDS_H
#define MT_SHARDS_H

#include "analysis/behaviour/lives.h"
#include "analysis/behaviour/spanlog.h"

struct mt_carried {
    uint64_t bytes;
    uint32_t step;
    bool found; /* the blocks that it belongs to */
};

struct mt_shards {
    struct mt_carried *gather, *reduce; /* all-gathers of weights, reduce-scatters; by step */
    size_t gathers, reduces, gathers_room, reduces_room;
};

void mt_shards_release(struct mt_shards *shards); /* one of zeros is empty */

/* False where memory is out. */
bool mt_shards_gather(struct mt_shards *shards, uint32_t step, uint64_t bytes);
bool mt_shards_reduce(struct mt_shards *shards, uint32_t step, uint64_t bytes);

/* The span is over: set mt_life.shard of its births and deaths, and forget what was carried. */
void mt_shards_judge(struct mt_shards *shards, const struct mt_spanlog *log,
                     const struct mt_lives *lives);

#endif
