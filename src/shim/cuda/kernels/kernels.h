/* What a kernel's parameters look like, asked of the driver once a kernel and then found by its
 * handle without locks. Who reads an entry says so from before it looks for it until it is done:
 * a hook that is hot by mt_ring_reads_begin, others by mt_kernels_hold. */
#ifndef MT_KERNELS_H
#define MT_KERNELS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hot.h"

#include "shim/cuda/resolve.h"
#include "shim/record/life.h"

/* The 8-byte words of one parameter. */
struct mt_span {
    uint16_t parameter; /* index in kernelParams */
    uint16_t words;
    uint16_t offset; /* of its first word in the parameter block, bytes */
};

#define MT_KERNEL_SPANS 5
#define MT_KERNEL_LINE 64

/* What a launch needs of a kernel, in one line; an entry of the table (kernels.c). */
struct mt_kernel {
    _Alignas(MT_KERNEL_LINE) _Atomic uintptr_t handle; /* 0: free */
    uint64_t told; /* when its definition was recorded, ticks: no launch of it is earlier */
    uint32_t id;   /* in the trace */
    _Atomic uint32_t generation; /* counts while it is the table's: unloads free handles */
    uint16_t words;              /* of all spans */
    uint16_t n_spans : 15;       /* parameters of 8 bytes and more */
    uint16_t known : 1;          /* spans are complete */
    union {
        struct mt_span span[MT_KERNEL_SPANS];
        const struct mt_span *spans; /* where there are more */
    };
};
_Static_assert(sizeof(struct mt_kernel) == MT_KERNEL_LINE, "a kernel fills a line");

static inline const struct mt_span *mt_kernel_spans(const struct mt_kernel *kernel)
{
    return __builtin_expect(kernel->n_spans > MT_KERNEL_SPANS, 0) ? kernel->spans : kernel->span;
}

/* The address of the entries, and below it, as they begin with a page, the binary logarithm of
 * their number. */
extern _Atomic uintptr_t mt_kernels;
#define MT_KERNELS_BITS 63u /* of it: the logarithm */
extern _Atomic uint32_t mt_kernels_generation;

static inline uint64_t mt_kernel_hash(CUfunction handle, unsigned bits)
{
    return (((uintptr_t)handle >> 4) * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits);
}

/* The entry at which a kernel may lie first, and the i-th. */
static inline struct mt_kernel *mt_kernel_first(uintptr_t table, CUfunction handle)
{
    unsigned bits = table & MT_KERNELS_BITS;
    struct mt_kernel *first = (void *)(table - bits);
    return &first[mt_kernel_hash(handle, bits)];
}
static inline struct mt_kernel *mt_kernel_place(uintptr_t table, CUfunction handle, size_t i)
{
    unsigned bits = table & MT_KERNELS_BITS;
    struct mt_kernel *first = (void *)(table - bits);
    return &first[(mt_kernel_hash(handle, bits) + i) & (((size_t)1 << bits) - 1)];
}

/* The kernel of a handle if it was launched before, and has not ended since; no locks. */
static inline const struct mt_kernel *mt_kernel_known(CUfunction handle)
{
    uintptr_t table = atomic_load_explicit(&mt_kernels, memory_order_acquire);
    uint32_t generation = atomic_load_explicit(&mt_kernels_generation, memory_order_acquire);
    const struct mt_kernel *kernel = mt_kernel_first(table, handle);
    for (size_t i = 1;; i++) {
        uintptr_t there = atomic_load_explicit(&kernel->handle, memory_order_acquire);
        if (__builtin_expect(there == (uintptr_t)handle &&
                                 atomic_load_explicit(&kernel->generation, memory_order_relaxed) ==
                                     generation,
                             1))
            return kernel;
        if (!there)
            return NULL;
        kernel = mt_kernel_place(table, handle, i);
    }
}

/* Entries that are found meanwhile stay where they are until they are let go. */
extern _Atomic uint32_t mt_kernels_holders;
static inline void mt_kernels_hold(void)
{
    atomic_fetch_add(&mt_kernels_holders, 1);
}
static inline void mt_kernels_let_go(void)
{
    atomic_fetch_sub(&mt_kernels_holders, 1);
}

/* The kernel of a handle, for who holds kernels; the first call for it asks the driver and writes a
 * `kernel` event. NULL: it could not be told, as without memory, with a full ring, or in a signal
 * handler that comes while its thread asks; that is counted. Never call it with a lock of the
 * recorder held. */
const struct mt_kernel *mt_kernel_get(CUfunction handle);

/* A module or library is about to go: look at the handles afresh that may end with it. */
void mt_kernels_unload_module(const void *module);
void mt_kernels_unload_library(const void *library);

/* A context is about to go: look at every handle afresh. */
void mt_kernels_stale(void);

/* A `launch` event: with the pointers among the parameters, which are in `params` or `extra`. */
void mt_launch_put(uint64_t when, const struct mt_kernel *kernel, uint64_t stream, uint64_t flags,
                   void *const *params, void *const *extra);

/* Streams that capture now, in the whole process; while it is 0 nobody need be asked. */
extern _Atomic int mt_captures;

static inline bool mt_may_be_captured(void)
{
    return __builtin_expect(atomic_load_explicit(&mt_captures, memory_order_relaxed) > 0, 0);
}

/* Whether work given to `stream` is now being recorded into a graph. Free while nothing captures.
 */
MT_SELDOM bool mt_ask_captured(uint64_t stream);
static inline bool mt_is_captured(uint64_t stream)
{
    return mt_may_be_captured() && mt_ask_captured(stream);
}

#endif
