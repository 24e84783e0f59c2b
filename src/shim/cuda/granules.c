#include "shim/cuda/granules.h"

#include "base/hot.h"

_Atomic uint64_t mt_granules[MT_GRANULES / 64];
/* From here to mt_clock_counter: one line of what every hook reads (hot.h). */
struct mt_granule_range mt_granule_range MT_HOT_DATA __attribute__((aligned(64))) = {UINT32_MAX, 0};

static void widen(uint32_t first, uint32_t end)
{
    uint32_t low = atomic_load_explicit(&mt_granule_range.low, memory_order_relaxed);
    uint32_t high = atomic_load_explicit(&mt_granule_range.high, memory_order_relaxed);
    while (first < low && !atomic_compare_exchange_weak(&mt_granule_range.low, &low, first))
        ;
    while (end > high && !atomic_compare_exchange_weak(&mt_granule_range.high, &high, end))
        ;
}

void mt_granules_mark(uint64_t address, uint64_t size)
{
    uint64_t first = address >> MT_GRANULE_BITS, last = (address + size - 1) >> MT_GRANULE_BITS;
    if (size == 0 || last >= MT_GRANULES || last < first)
        return;
    widen((uint32_t)first, (uint32_t)last + 1);
    for (uint64_t granule = first; granule <= last; granule++) {
        uint64_t one = UINT64_C(1) << granule % 64;
        /* Most are marked already; a plain load spares the locked operation. */
        if (!(atomic_load_explicit(&mt_granules[granule / 64], memory_order_relaxed) & one))
            atomic_fetch_or_explicit(&mt_granules[granule / 64], one, memory_order_relaxed);
    }
}
