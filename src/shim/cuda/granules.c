#include "shim/cuda/granules.h"

#include <stddef.h>
#include <sys/mman.h>

_Atomic(mt_granule_leaf *) mt_granules[MT_GRANULE_ROOTS];

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

void mt_granules_mark(uint64_t address, uint64_t size)
{
    uint64_t first = address >> MT_GRANULE_BITS, last = (address + size - 1) >> MT_GRANULE_BITS;
    if (size == 0 || last >> MT_GRANULE_LEAF_BITS >= MT_GRANULE_ROOTS || last < first)
        return;
    for (uint64_t granule = first; granule <= last; granule++) {
        mt_granule_leaf *leaf = leaf_of(granule);
        uint64_t bit = granule & ((1u << MT_GRANULE_LEAF_BITS) - 1), one = UINT64_C(1) << bit % 64;
        /* Most are marked already; a plain load spares the locked operation. */
        if (leaf && !(atomic_load_explicit(&(*leaf)[bit / 64], memory_order_relaxed) & one))
            atomic_fetch_or_explicit(&(*leaf)[bit / 64], one, memory_order_relaxed);
    }
}
