/* Reserved address ranges, physical memory and what maps one into the other. */
#include "shim/cuda/note.h"
#include "shim/record/libraries.h"
#include "shim/stack/stack.h"

static void note_range(enum mt_kind kind, uint64_t when, CUdeviceptr address, size_t size)
{
    if (!mt_may_note())
        return;
    /* reserve, unreserve and unmap have the same fields */
    _Static_assert(sizeof(struct mt_ev_reserve) == sizeof(struct mt_ev_unmap), "ranges");
    uint64_t *word = mt_ring_reserve(kind, 2, when);
    if (word) {
        word[0] = address;
        word[1] = size;
        mt_note_commit(2);
    }
}

#define note_create(...) note_create_by(__builtin_return_address(0), __VA_ARGS__)
static void note_create_by(const void *caller, uint64_t when, CUmemGenericAllocationHandle handle,
                           size_t size, const CUmemAllocationProp *properties)
{
    uint64_t device = properties && properties->location.type == CU_MEM_LOCATION_TYPE_DEVICE
                          ? (uint64_t)properties->location.id
                          : MT_DEVICE_UNKNOWN;
    if (!mt_may_note())
        return;
    uint64_t library = mt_library_of(caller);
    uint32_t stack = mt_stack_here(&when);
    mt_life_use_device(device);
    MT_NOTE(create, when, .handle = handle, .size = size, .device = device, .stack = stack,
            .library = library);
}

static void note_release(uint64_t when, CUmemGenericAllocationHandle handle)
{
    if (mt_may_record())
        MT_NOTE(release, when, .handle = handle);
}

static void note_map(uint64_t when, CUdeviceptr address, size_t size, size_t offset,
                     CUmemGenericAllocationHandle handle)
{
    mt_granules_mark(address, size);
    if (!mt_may_note())
        return;
    uint32_t stack = mt_stack_here(&when);
    MT_NOTE(map, when, .address = address, .size = size, .offset = offset, .handle = handle,
            .stack = stack);
}

#define HOOK_memory(...)
#define HOOK_vmm MT_HOOK
#define HOOK_copies(...)
#define HOOK_launches(...)
#define HOOK_graphs(...)
#define HOOK_holdings(...)
#define HOOK_doors(...)
#define HOOK(family, ...) HOOK_##family(__VA_ARGS__)
#include "shim/cuda/hooks.def"
