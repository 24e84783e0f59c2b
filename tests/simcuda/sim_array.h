/* CUDA arrays: pitched boxes in the device range. */
#ifndef SIM_ARRAY_H
#define SIM_ARRAY_H

#include "sim_device.h"

struct CUarray_st {
    struct sim_head head;
    uint64_t address;
    size_t width, height, depth; /* elements; height and depth at least 1 */
    size_t pitch, element;       /* bytes */
    CUarray_format format;
    unsigned channels, flags;
};

/* Address of a byte offset into the array; 0, which no copy accepts, if it is none. */
static inline uint64_t sim_array_at(CUarray array, size_t offset)
{
    return sim_is(array, SIM_ARRAY) ? array->address + offset : 0;
}

#endif
