/* "Is this a device address?" in a few loads, without locks: a map of 2 MiB granules, one bit each,
 * under a first level of 32 GiB. Most words of a large structure are lengths, factors and
 * fractions, which would each look into another page of the first level: what lies below or above
 * all marked granules is not looked up. A granule that has held device memory stays marked: the
 * driver says how large an allocation was only when it is made, and an address found by mistake is
 * recognised offline, where the address space is replayed. */
#ifndef MT_GRANULES_H
#define MT_GRANULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MT_GRANULE_BITS 21
#define MT_GRANULE_LEAF_BITS 14 /* granules of a second-level table */
#define MT_GRANULE_ROOTS (1u << (52 - MT_GRANULE_BITS - MT_GRANULE_LEAF_BITS))

typedef _Atomic uint64_t mt_granule_leaf[(1u << MT_GRANULE_LEAF_BITS) / 64];
extern _Atomic(mt_granule_leaf *) mt_granules[MT_GRANULE_ROOTS];

/* The marked granules lie in [low, high); it only widens. */
extern struct mt_granule_range {
    _Atomic uint64_t low, high;
} mt_granule_range;

static inline bool mt_is_device(uint64_t address)
{
    uint64_t granule = address >> MT_GRANULE_BITS;
    if (granule < atomic_load_explicit(&mt_granule_range.low, memory_order_relaxed) ||
        granule >= atomic_load_explicit(&mt_granule_range.high, memory_order_relaxed))
        return false;
    mt_granule_leaf *leaf =
        atomic_load_explicit(&mt_granules[granule >> MT_GRANULE_LEAF_BITS], memory_order_acquire);
    uint64_t bit = granule & ((1u << MT_GRANULE_LEAF_BITS) - 1);
    return leaf && atomic_load_explicit(&(*leaf)[bit / 64], memory_order_relaxed) >> bit % 64 & 1;
}

/* Mark the granules of [address, address + size). Any thread; no locks, maps a leaf now and then.
 */
void mt_granules_mark(uint64_t address, uint64_t size);

#endif
