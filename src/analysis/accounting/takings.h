/* Driver memory that lives at one moment, by who asked for it, and what is physically taken for it.
 *
 * What was asked for is recorded. What is taken for it follows from that where the driver deals in
 * pages; of stream-ordered pools and managed memory only bounds follow, and the total at the moment
 * decides between them. */
#ifndef MT_TAKINGS_H
#define MT_TAKINGS_H

#include "base/dict.h"
#include "model/model.h"

#define MT_TAKERS 64u /* libraries; the rest of them together */
#define MT_PAGE_BITS 21u
#define MT_POOL_BITS 25u /* pools take and give back pieces of 32 MiB */

struct mt_taker {
    uint32_t library; /* string, 0: not known */
    uint64_t bytes, count;
};

struct mt_takings {
    /* What was asked for. */
    uint64_t blocks, blocks_count;    /* allocators' */
    uint64_t slack, segments;         /* of segments, beyond their blocks */
    struct mt_taker taker[MT_TAKERS]; /* other driver memory */
    uint32_t takers;
    uint64_t driver; /* bytes of these */
    /* Of all that: in whole pages, and what is taken in other ways. */
    uint64_t plain, plain_pages;
    uint64_t arrays;                       /* they have no addresses, so no pages are known */
    uint64_t pooled, pooled_pages, pieces; /* pieces: of pools, that hold something */
    uint64_t managed;
    uint64_t unmapped; /* physical memory without an address; asked for, and in nothing above */
};

/* Add up what lives on a device. */
void mt_takings_add(struct mt_takings *takings, const struct mt_model *model, uint32_t device);

/* Bytes that are certainly taken: all but pools' and managed memory. */
int64_t mt_takings_certain(const struct mt_takings *takings);

/* What the pools hold, if `rest` is taken by them, by managed memory and by the driver, and the
 * driver took `before`. `ever`: pieces that ever held something. `first`: `before` is not known. */
int64_t mt_takings_pools(const struct mt_takings *takings, int64_t rest, int64_t before,
                         uint64_t ever, bool first);

/* The same for managed memory, of which any part may be on the device. */
int64_t mt_takings_managed(const struct mt_takings *takings, int64_t rest, int64_t before);

static inline bool mt_is_pooled(const struct mt_block *block)
{
    return block->source == MT_SOURCE_ASYNC || block->source == MT_SOURCE_GRAPH;
}

#endif
