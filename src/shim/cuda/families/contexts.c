#include "shim/cuda/families/contexts.h"

#include <sched.h>
#include <stdatomic.h>

#include "shim/cuda/kernels/kernels.h"
#include "shim/cuda/note.h"
#include "shim/torch/c10.h"

#define CONTEXTS_MAX 128u
#define DEVICES_MAX 64u
#define PATIENCE 1000 /* looks at a number that another thread is about to write */

static struct {
    _Atomic uintptr_t handle[CONTEXTS_MAX]; /* 0: free */
    _Atomic uint32_t number[CONTEXTS_MAX];
    _Atomic uint32_t used, numbers;
    _Atomic uintptr_t primary[DEVICES_MAX];
    _Atomic int users[DEVICES_MAX]; /* of the primary ones: retained, and not released */
} contexts;

/* Who has the entry writes its number at once; a signal handler in that very thread would wait for
 * ever. */
static uint32_t number_at(uint32_t i)
{
    uint32_t number = 0;
    for (int n = 0; n < PATIENCE && !number; n++) {
        number = atomic_load(&contexts.number[i]);
        if (!number)
            sched_yield();
    }
    return number;
}

/* Of threads that are the first to use a context at once, one makes its entry and the others find
 * it: all look from the front, and none passes an entry that is being made. */
static uint32_t add(uintptr_t handle)
{
    for (uint32_t i = 0; i < CONTEXTS_MAX; i++) {
        uintptr_t there = 0;
        if (!atomic_compare_exchange_strong(&contexts.handle[i], &there, handle)) {
            if (there == handle)
                return number_at(i);
            continue;
        }
        uint32_t number = atomic_fetch_add(&contexts.numbers, 1) + 1;
        atomic_store(&contexts.number[i], number);
        for (uint32_t used = atomic_load(&contexts.used);
             used <= i && !atomic_compare_exchange_weak(&contexts.used, &used, i + 1);)
            ;
        return number;
    }
    return 0;
}

static uint32_t find(uintptr_t handle)
{
    uint32_t used = atomic_load_explicit(&contexts.used, memory_order_acquire);
    for (uint32_t i = 0; i < used; i++)
        if (atomic_load_explicit(&contexts.handle[i], memory_order_acquire) == handle) {
            uint32_t number = atomic_load_explicit(&contexts.number[i], memory_order_acquire);
            return __builtin_expect(number != 0, 1) ? number : number_at(i);
        }
    return 0;
}

static uint32_t number_of(uintptr_t handle)
{
    uint32_t number = handle ? find(handle) : 0;
    return number || !handle ? number : add(handle);
}

uint32_t mt_context_here(void)
{
    CUcontext context = NULL;
    if (!mt_ask.cuCtxGetCurrent || mt_ask.cuCtxGetCurrent(&context) != CUDA_SUCCESS)
        return 0;
    return number_of((uintptr_t)context);
}

uint64_t mt_device_here(void)
{
    CUdevice device;
    if (!mt_ask.cuCtxGetDevice || mt_ask.cuCtxGetDevice(&device) != CUDA_SUCCESS)
        return MT_DEVICE_UNKNOWN;
    return (uint64_t)device;
}

/* Asked once: a job that sees one device only is spared the question where each block lies. */
static bool are_several(void)
{
    static _Atomic int devices;
    int count = atomic_load_explicit(&devices, memory_order_relaxed);
    if (count == 0 && mt_ask.cuDeviceGetCount && mt_ask.cuDeviceGetCount(&count) == CUDA_SUCCESS)
        atomic_store_explicit(&devices, count, memory_order_relaxed);
    return count > 1;
}

uint64_t mt_device_of(CUdeviceptr address)
{
    int device;
    if (!are_several() || !mt_ask.cuPointerGetAttribute ||
        mt_ask.cuPointerGetAttribute(&device, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, address) !=
            CUDA_SUCCESS ||
        device < 0)
        return mt_device_here();
    return (uint64_t)device;
}

void mt_free_here(size_t *free_bytes, size_t *total_bytes)
{
    if (!mt_ask.cuMemGetInfo_v2 || mt_ask.cuMemGetInfo_v2(free_bytes, total_bytes) != CUDA_SUCCESS)
        *free_bytes = *total_bytes = 0;
}

__attribute__((constructor)) static void load(void)
{
    mt_c10_free = mt_free_here;
}

void mt_context_is_primary(CUdevice device, CUcontext context)
{
    if ((unsigned)device < DEVICES_MAX) {
        atomic_store(&contexts.primary[device], (uintptr_t)context);
        atomic_fetch_add(&contexts.users[device], 1);
    }
}

bool mt_context_leave(CUdevice device)
{
    return (unsigned)device >= DEVICES_MAX || atomic_fetch_sub(&contexts.users[device], 1) <= 1;
}

void mt_context_stay(CUdevice device)
{
    if ((unsigned)device < DEVICES_MAX)
        atomic_fetch_add(&contexts.users[device], 1);
}

bool mt_context_has_primary(CUdevice device)
{
    return (unsigned)device < DEVICES_MAX && atomic_load(&contexts.primary[device]) != 0;
}

/* Its number, and the handle means nothing any more. */
static uint32_t take(uintptr_t handle)
{
    uint32_t number = 0;
    for (uint32_t i = 0; handle && i < CONTEXTS_MAX; i++)
        if (atomic_load(&contexts.handle[i]) == handle) {
            /* In this order: who takes the entry next must not find the old number. */
            number = atomic_exchange(&contexts.number[i], 0);
            atomic_store(&contexts.handle[i], 0);
        }
    return number;
}

void mt_context_note_end(uint64_t when, CUcontext context)
{
    uint32_t number = take((uintptr_t)context);
    if (number && mt_may_record())
        MT_NOTE(context_end, when, .context = number, .device = MT_DEVICE_UNKNOWN);
}

/* Only the last release ends it. */
void mt_context_note_release(uint64_t when, CUdevice device, bool all)
{
    unsigned flags;
    int active = 1;
    if (!all &&
        (!mt_ask.cuDevicePrimaryCtxGetState ||
         mt_ask.cuDevicePrimaryCtxGetState(device, &flags, &active) != CUDA_SUCCESS || active))
        return;
    uint32_t number = 0;
    if ((unsigned)device < DEVICES_MAX) {
        number = take(atomic_exchange(&contexts.primary[device], 0));
        /* Released by ways that are not seen: then the kernels were thought to live. */
        if (atomic_exchange(&contexts.users[device], 0) > 0)
            mt_kernels_stale();
    }
    if (mt_may_record())
        MT_NOTE(context_end, when, .context = number, .device = (uint64_t)device, .primary = 1);
}
