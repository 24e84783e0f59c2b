/* "Is this a device address?" in two loads, without locks: a map of 2 MiB granules, one bit each,
 * for all addresses that a process may have on processors of 48 bits. It takes 16 MiB of addresses
 * and a page for each 64 GiB that hold device memory. Most words of a large structure are lengths,
 * factors and fractions, which would each look into another page: what lies below or above all
 * marked granules is not looked up. A granule that has held device memory stays marked: the driver
 * says how large an allocation was only when it is made, and an address found by mistake is
 * recognised offline, where the address space is replayed. */
#ifndef MT_GRANULES_H
#define MT_GRANULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MT_GRANULE_BITS 21
#define MT_GRANULES (1u << (48 - MT_GRANULE_BITS))
extern _Atomic uint64_t mt_granules[MT_GRANULES / 64];

/* The marked granules lie in [low, high); it only widens. */
extern struct mt_granule_range {
    _Atomic uint32_t low, high;
} mt_granule_range;

static inline bool mt_is_device(uint64_t address)
{
    uint64_t granule = address >> MT_GRANULE_BITS;
    if (granule < atomic_load_explicit(&mt_granule_range.low, memory_order_relaxed) ||
        granule >= atomic_load_explicit(&mt_granule_range.high, memory_order_relaxed))
        return false;
    uint64_t bits = atomic_load_explicit(&mt_granules[granule / 64], memory_order_relaxed);
    return bits >> granule % 64 & 1;
}

/* Mark the granules of [address, address + size). Any thread; no locks. */
void mt_granules_mark(uint64_t address, uint64_t size);

#endif
