/* What has become of memory while recording is paused: of each address what lived there before and
 * has ended, and what was born since and still lives. What was born and has ended since leaves
 * nothing behind. Of the drain thread alone; memory is mapped, and bounded.
 *
 * Records may be put in any order: births and ends are matched by their times. Of one address these
 * take turns, since an end is stamped before the address is given back, and a birth after it was
 * taken. So what lived before has ended at the end that comes before the first birth, and what was
 * born last lives if no end comes behind it. */
#ifndef MT_DELTA_H
#define MT_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

/* Kinds that are kept so: MT_DELTA_BIT(kind) in MT_DELTA_KINDS. */
#define MT_DELTA_KINDS                                                                             \
    (1ull << MT_alloc | 1ull << MT_free | 1ull << MT_block_alloc | 1ull << MT_block_free |         \
     1ull << MT_pool_alloc | 1ull << MT_pool_free)

static inline bool mt_delta_takes(unsigned kind)
{
    return kind < MT_KINDS && MT_DELTA_KINDS >> kind & 1;
}

/* Note a record, whose time is in ticks. False: there is no room, it is lost. */
bool mt_delta_put(const struct mt_record *record);

/* What is to be told, in an order in which it may be told: ends, of what is inside before what is
 * around it, then births, the other way round. How many; -1: memory is out. Of these only what
 * happened before `until`, ticks. */
typedef int mt_delta_fn(enum mt_kind kind, const uint64_t *fields, uint64_t ticks);
size_t mt_delta_count(void);
int mt_delta_each(mt_delta_fn *each, uint64_t until);

/* That was told: it counts no more. All ends before it are here. */
void mt_delta_told(uint64_t until);

/* Another pause begins: from here on counts what happens from now on. */
void mt_delta_clear(void);

/* In a forked child. */
void mt_delta_forget(void);

#endif
