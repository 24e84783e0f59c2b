#include "shim/cuda/granules.h"

#include <stddef.h>
#include <sys/mman.h>

_Atomic(mt_granule_leaf *) mt_granules[MT_GRANULE_ROOTS];
struct mt_granule_range mt_granule_range = {UINT64_MAX, 0};

static mt_granule_leaf *leaf_of(uint64_t granule)
{
    _Atomic(mt_granule_leaf *) *slot = &mt_granules[granule >> MT_GRANULE_LEAF_BITS];
    mt_granule_leaf *leaf = atomic_load_explicit(slot, memory_order_acquire), *none = NULL;
    if (leaf)
        return leaf;
    void *fresh =
        mmap(NULL, sizeof *leaf, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return NULL;
    if (atomic_compare_exchange_strong(slot, &none, fresh))
        return fresh;
    munmap(fresh, sizeof *leaf); /* another thread was faster */
    return none;
}

static void widen(uint64_t first, uint64_t end)
{
    uint64_t low = atomic_load_explicit(&mt_granule_range.low, memory_order_relaxed);
    uint64_t high = atomic_load_explicit(&mt_granule_range.high, memory_order_relaxed);
    while (first < low && !atomic_compare_exchange_weak(&mt_granule_range.low, &low, first))
        ;
    while (end > high && !atomic_compare_exchange_weak(&mt_granule_range.high, &high, end))
        ;
}

void mt_granules_mark(uint64_t address, uint64_t size)
{
    uint64_t first = address >> MT_GRANULE_BITS, last = (address + size - 1) >> MT_GRANULE_BITS;
    if (size == 0 || last >> MT_GRANULE_LEAF_BITS >= MT_GRANULE_ROOTS || last < first)
        return;
    widen(first, last + 1);
    for (uint64_t granule = first; granule <= last; granule++) {
        mt_granule_leaf *leaf = leaf_of(granule);
        uint64_t bit = granule & ((1u << MT_GRANULE_LEAF_BITS) - 1), one = UINT64_C(1) << bit % 64;
        /* Most are marked already; a plain load spares the locked operation. */
        if (leaf && !(atomic_load_explicit(&(*leaf)[bit / 64], memory_order_relaxed) & one))
            atomic_fetch_or_explicit(&(*leaf)[bit / 64], one, memory_order_relaxed);
    }
}
