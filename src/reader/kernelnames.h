/* Kernels by id, as `kernel` events tell of them. The first event of an id holds. */
#ifndef MT_KERNELNAMES_H
#define MT_KERNELNAMES_H

#include <stdint.h>

#include "event/event.h"
#include "memtrace/trace.h"

struct mt_kernels {
    struct mt_trace_kernel **kernel; /* by id */
    uint32_t room;
};

/* Note a `kernel` record. 0 or MT_ERR_MEMORY; ids beyond MT_KERNELS_MAX are not kept. */
int mt_kernels_add(struct mt_kernels *kernels, const struct mt_record *record);

static inline const struct mt_trace_kernel *mt_kernels_get(const struct mt_kernels *kernels,
                                                           uint64_t id)
{
    return id < kernels->room ? kernels->kernel[id] : NULL;
}

void mt_kernels_release(struct mt_kernels *kernels);

#endif
