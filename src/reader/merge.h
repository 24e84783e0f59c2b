/* Which thread comes next: a heap of their next times. */
#ifndef MT_MERGE_H
#define MT_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

/* When a thread's next event comes. Of equal times what ends something or defines a name
 * (MT_DEFINITIONS) comes first, then the lower thread number; an event that is not decoded yet
 * counts as one of these, so it is looked at. */
struct mt_turn {
    uint64_t time;
    uint64_t tie; /* thread number, MT_TURN_LATER added for other events */
    uint32_t stream;
};

#define MT_TURN_LATER (UINT64_C(1) << 32)

/* What a kind adds to a tie. */
static inline uint64_t mt_turn_rank(unsigned kind)
{
    static const uint64_t first = 1ull << MT_free | 1ull << MT_unmap | 1ull << MT_release |
                                  1ull << MT_block_free | 1ull << MT_pool_free |
                                  MT_DEFINITIONS;
    return first >> (kind % 64) & 1 ? 0 : MT_TURN_LATER;
}

static inline bool mt_turn_before(const struct mt_turn *one, const struct mt_turn *other)
{
    return one->time != other->time ? one->time < other->time : one->tie < other->tie;
}

struct mt_merge {
    struct mt_turn *turn; /* a heap, the earliest first; room for all streams */
    uint32_t count;
    struct mt_turn second; /* the earliest but the first */
};

void mt_merge_push(struct mt_merge *merge, struct mt_turn turn);

/* Take the first out. */
void mt_merge_pop(struct mt_merge *merge);

/* The first's next event comes at `turn`. Cheap while it stays the first. */
void mt_merge_sink(struct mt_merge *merge, struct mt_turn turn);

static inline void mt_merge_update(struct mt_merge *merge, struct mt_turn turn)
{
    if (mt_turn_before(&turn, &merge->second))
        merge->turn[0] = turn;
    else
        mt_merge_sink(merge, turn);
}

#endif
