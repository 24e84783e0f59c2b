/* What a kernel's parameters look like, asked of the driver once a kernel and then found by its
 * handle without locks. */
#ifndef MT_KERNELS_H
#define MT_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/cuda/resolve.h"

/* The 8-byte words of one parameter. */
struct mt_span {
    uint16_t parameter; /* index in kernelParams */
    uint16_t words;
    uint32_t offset; /* of its first word in the parameter block, bytes */
};

struct mt_kernel {
    CUfunction handle;
    uint64_t told;       /* when its definition was recorded, ticks: no launch of it is earlier */
    uint32_t id;         /* in the trace */
    uint32_t generation; /* valid while it equals the cache's: unloads free handles for reuse */
    uint32_t epoch;      /* of the recording that defined it (mt_life_epoch) */
    bool known;          /* spans are complete */
    uint32_t n_spans;    /* parameters of 8 bytes and more */
    uint32_t words;      /* of all spans */
    struct mt_span span[];
};

/* The kernel of a handle; the first call for it asks the driver and writes a `kernel` event. NULL
 * only without memory. Never call it with a lock of the recorder held. */
const struct mt_kernel *mt_kernel_get(CUfunction handle);

/* A module, library or context is about to go: look at every handle afresh. */
void mt_kernels_stale(void);

/* A `launch` event: with the pointers among the parameters, which are in `params` or `extra`. */
void mt_launch_put(uint64_t when, const struct mt_kernel *kernel, uint64_t stream, uint64_t flags,
                   void *const *params, void *const *extra);

/* Whether the driver tells no parameters of kernels (before 12.4). */
bool mt_driver_is_old(void);

/* Whether work given to `stream` is now being recorded into a graph. Free while nothing captures.
 */
bool mt_is_captured(uint64_t stream);

#endif
