/* Allocations of the driver and of page-locked host memory. */
#include "shim/cuda/families/contexts.h"
#include "shim/cuda/kernels/kernels.h"
#include "shim/cuda/note.h"
#include "shim/record/libraries.h"
#include "shim/stack/stack.h"

/* Given to a stream that captures it becomes a node of a graph: the memory is there when that is
 * launched, at the same address. */
static bool is_node(uint64_t stream)
{
    return stream && mt_is_captured(stream);
}

/* What a context gives out lies on its device; what comes of a stream, a pool or another process
 * may lie on any. */
static uint64_t device_of(unsigned api, CUdeviceptr address)
{
    bool here = api == MT_API_cuMemAlloc_v2 || api == MT_API_cuMemAllocPitch_v2 ||
                api == MT_API_cuMemAllocManaged;
    return here ? mt_device_here() : mt_device_of(address);
}

void mt_note_alloc_by(const void *caller, unsigned api, uint64_t when, CUdeviceptr address,
                      size_t size, uint64_t stream)
{
    mt_granules_mark(address, size);
    if (!mt_may_note() || is_node(stream))
        return;
    uint64_t device = device_of(api, address), library = mt_library_of(caller);
    uint32_t stack = mt_stack_here(&when);
    mt_life_use_device(device);
    MT_NOTE(alloc, when, .api = api, .address = address, .size = size, .device = device,
            .stream = stream, .stack = stack, .library = library, .context = mt_context_here());
}

void mt_note_alloc_failed(unsigned api, uint64_t when, size_t size, CUresult error)
{
    if (!mt_may_record())
        return;
    size_t free_bytes, total_bytes;
    mt_free_here(&free_bytes, &total_bytes);
    uint32_t stack = mt_stack_here(&when);
    MT_NOTE(alloc_failed, when, .api = api, .size = size, .error = error,
            .device = mt_device_here(), .stack = stack, .free_bytes = free_bytes,
            .total_bytes = total_bytes);
}

void mt_note_free(unsigned api, uint64_t when, CUdeviceptr address, uint64_t stream)
{
    if (mt_may_record() && address && !is_node(stream))
        MT_NOTE(free, when, .api = api, .address = address, .stream = stream);
}

void mt_note_free_failed(unsigned api, uint64_t when, uint64_t address, CUresult error)
{
    if (mt_may_record())
        MT_NOTE(free_failed, when, .api = api, .address = address, .error = error);
}

void mt_note_host_alloc(unsigned api, uint64_t when, void *address, size_t size)
{
    if (!mt_may_note())
        return;
    uint32_t stack = mt_stack_here(&when);
    MT_NOTE(host_alloc, when, .api = api, .address = (uintptr_t)address, .size = size,
            .stack = stack, .context = mt_context_here());
}

void mt_note_host_free(unsigned api, uint64_t when, void *address)
{
    if (mt_may_record() && address)
        MT_NOTE(host_free, when, .api = api, .address = (uintptr_t)address);
}

#define MT_STAMP_FREES_ASYNC(call)                                                                 \
    MT_STAMP_FREES_OF(is_node(STREAM(stream)) ? 0 : address, STREAM(stream), call)
#define MT_DONE_FREES_ASYNC mt_freeing_ends()

#define HOOK_memory MT_HOOK
#define HOOK_vmm(...)
#define HOOK_copies(...)
#define HOOK_launches(...)
#define HOOK_graphs(...)
#define HOOK_holdings(...)
#define HOOK_doors(...)
#define HOOK(family, ...) HOOK_##family(__VA_ARGS__)
#include "shim/cuda/hooks.def"
