/* Memory that comes by other ways than an allocation: from another process or library, as arrays,
 * as variables of modules; pools, and what the driver is told about memory. None of it is hot. */
#include <stdatomic.h>

#include "shim/cuda/families/contexts.h"
#include "shim/cuda/kernels/kernels.h"
#include "shim/cuda/note.h"
#include "shim/record/libraries.h"

/* ---- memory of others ---- */

/* How large it is the driver tells when asked. Inside the hook, which knows who called. */
static inline __attribute__((always_inline)) void note_import(unsigned api, uint64_t when,
                                                              CUdeviceptr address)
{
    CUdeviceptr base;
    size_t size = 0;
    if (mt_may_note() && mt_ask.cuMemGetAddressRange_v2 &&
        mt_ask.cuMemGetAddressRange_v2(&base, &size, address) == CUDA_SUCCESS)
        mt_note_alloc(api, when, address, size - (address - base), 0);
}

static void note_handle(unsigned api, uint64_t when, CUmemGenericAllocationHandle handle)
{
    CUmemAllocationProp properties = {0};
    uint64_t device = MT_DEVICE_UNKNOWN;
    if (!mt_may_note())
        return;
    if (mt_ask.cuMemGetAllocationPropertiesFromHandle &&
        mt_ask.cuMemGetAllocationPropertiesFromHandle(&properties, handle) == CUDA_SUCCESS &&
        properties.location.type == CU_MEM_LOCATION_TYPE_DEVICE)
        device = (uint64_t)properties.location.id;
    MT_NOTE(import, when, .api = api, .handle = handle, .device = device);
}

static void note_retain(uint64_t when, CUmemGenericAllocationHandle handle, const void *address)
{
    if (mt_may_note())
        MT_NOTE(retain, when, .handle = handle, .address = (uintptr_t)address);
}

/* ---- arrays ---- */

/* Bytes of an element's channel; 0 for formats of blocks, whose size the caller estimates. */
static size_t channel_bytes(CUarray_format format)
{
    switch ((int)format) {
    case CU_AD_FORMAT_UNSIGNED_INT8:
    case CU_AD_FORMAT_SIGNED_INT8:
        return 1;
    case CU_AD_FORMAT_UNSIGNED_INT16:
    case CU_AD_FORMAT_SIGNED_INT16:
    case CU_AD_FORMAT_HALF:
        return 2;
    case CU_AD_FORMAT_UNSIGNED_INT32:
    case CU_AD_FORMAT_SIGNED_INT32:
    case CU_AD_FORMAT_FLOAT:
        return 4;
    default:
        return 1; /* video and block formats: about a byte a texel */
    }
}

static size_t at_least_one(size_t n)
{
    return n ? n : 1;
}

static void note_array(unsigned api, uint64_t when, const void *handle,
                       const CUDA_ARRAY3D_DESCRIPTOR *d, unsigned levels)
{
    size_t width = d->Width, height = at_least_one(d->Height), depth = at_least_one(d->Depth);
    size_t size = 0;
    if (!mt_may_note())
        return;
    for (unsigned i = 0; i < levels; i++) {
        size += at_least_one(width >> i) * at_least_one(height >> i) * at_least_one(depth >> i) *
                channel_bytes(d->Format) * at_least_one(d->NumChannels);
    }
    MT_NOTE(array, when, .api = api, .handle = (uintptr_t)handle, .size = size,
            .device = mt_device_here(), .context = mt_context_here());
}

static void note_array_2d(unsigned api, uint64_t when, const void *handle,
                          const CUDA_ARRAY_DESCRIPTOR *d)
{
    const CUDA_ARRAY3D_DESCRIPTOR whole = {
        .Width = d->Width, .Height = d->Height, .Format = d->Format, .NumChannels = d->NumChannels};
    note_array(api, when, handle, &whole, 1);
}

static void note_array_end(uint64_t when, const void *handle)
{
    if (mt_may_record())
        MT_NOTE(array_end, when, .handle = (uintptr_t)handle);
}

/* ---- variables ---- */

static void note_global(unsigned api, uint64_t when, const CUdeviceptr *address, const size_t *size,
                        const void *module)
{
    CUdeviceptr base;
    size_t bytes = size ? *size : 0;
    if (!address || !mt_may_note())
        return;
    if (!size && (!mt_ask.cuMemGetAddressRange_v2 ||
                  mt_ask.cuMemGetAddressRange_v2(&base, &bytes, *address) != CUDA_SUCCESS))
        return;
    mt_granules_mark(*address, bytes);
    mt_module_has_globals(module);
    MT_NOTE(global, when, .api = api, .address = *address, .size = bytes,
            .device = mt_device_here(), .module = (uintptr_t)module, .context = mt_context_here());
}

/* ---- pools ---- */

static uint64_t attribute(CUmemoryPool pool, CUmemPool_attribute which)
{
    cuuint64_t value = 0;
    if (!mt_ask.cuMemPoolGetAttribute ||
        mt_ask.cuMemPoolGetAttribute(pool, which, &value) != CUDA_SUCCESS)
        return 0;
    return value;
}

static void note_pool(unsigned api, uint64_t when, CUmemoryPool pool, uint64_t device)
{
    if (!mt_may_note())
        return;
    uint64_t reserved = attribute(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT);
    uint64_t used = attribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT);
    MT_NOTE(pool, when, .api = api, .pool = (uintptr_t)pool, .device = device, .reserved = reserved,
            .used = used);
}

static void note_new_pool(unsigned api, uint64_t when, CUmemoryPool pool,
                          const CUmemPoolProps *properties)
{
    bool known = properties && properties->location.type == CU_MEM_LOCATION_TYPE_DEVICE;
    note_pool(api, when, pool, known ? (uint64_t)properties->location.id : MT_DEVICE_UNKNOWN);
}

/* ---- what the driver is told ---- */

static uint64_t device_of(CUmemLocation location)
{
    return location.type == CU_MEM_LOCATION_TYPE_DEVICE ? (uint64_t)location.id : MT_DEVICE_UNKNOWN;
}

static uint64_t ordinal_of(CUdevice device)
{
    return device < 0 ? MT_DEVICE_UNKNOWN : (uint64_t)device; /* CU_DEVICE_CPU is -1 */
}

static void note_prefetch(unsigned api, uint64_t when, CUdeviceptr address, size_t size,
                          uint64_t device, uint64_t stream)
{
    if (mt_may_note_use() && !mt_is_captured(stream))
        MT_NOTE(prefetch, when, .api = api, .address = address, .size = size, .device = device,
                .stream = stream);
}

static void note_prefetches(unsigned api, uint64_t when, const CUdeviceptr *address,
                            const size_t *size, size_t n, const CUmemLocation *location,
                            const size_t *from, size_t locations, uint64_t stream)
{
    for (size_t i = 0, place = 0; i < n && locations; i++) {
        while (place + 1 < locations && from[place + 1] <= i)
            place++;
        note_prefetch(api, when, address[i], size[i], device_of(location[place]), stream);
    }
}

static void note_hint(unsigned api, uint64_t when, CUdeviceptr address, size_t size, uint64_t value,
                      uint64_t device)
{
    if (mt_may_note_use())
        MT_NOTE(hint, when, .api = api, .address = address, .size = size, .value = value,
                .device = device);
}

static void note_rights(unsigned api, uint64_t when, CUdeviceptr address, size_t size,
                        const CUmemAccessDesc *rights, size_t n)
{
    for (size_t i = 0; i < n; i++)
        note_hint(api, when, address, size, (uint64_t)rights[i].flags,
                  device_of(rights[i].location));
}

/* ---- what the driver may need memory of its own for ---- */

/* A profiler that began before anything was recorded is told with what is told first. */
static _Atomic bool profiler_waits;

static void put_upkeep(uint64_t why, unsigned api, uint64_t library, bool begins)
{
    MT_NOTE(upkeep, mt_clock_ticks(), .why = why, .api = api, .library = library, .begins = begins);
}

static bool note_upkeep(const void *caller, uint64_t why, unsigned api, bool begins)
{
    if (!mt_may_record())
        return false;
    if (atomic_load_explicit(&profiler_waits, memory_order_relaxed) &&
        atomic_exchange(&profiler_waits, false))
        put_upkeep(MT_UPKEEP_PROFILER, MT_API_cuGetExportTable, 0, false);
    put_upkeep(why, api, mt_library_of(caller), begins);
    return true;
}

void mt_note_upkeep_by(const void *caller, uint64_t why, unsigned api)
{
    note_upkeep(caller, why, api, false);
}

bool mt_upkeep_begins_by(const void *caller, uint64_t why, unsigned api)
{
    return note_upkeep(caller, why, api, true);
}

/* The runtime and others ask for inner functions too; of a profiler that means it has begun. */
static inline __attribute__((always_inline)) void note_inner(unsigned api)
{
    const void *caller = __builtin_return_address(0);
    if (!mt_is_library(caller, "libcupti"))
        return;
    if (mt_may_record())
        mt_note_upkeep_by(caller, MT_UPKEEP_PROFILER, api);
    else
        atomic_store(&profiler_waits, true);
}

#define HOOK_memory(...)
#define HOOK_vmm(...)
#define HOOK_copies(...)
#define HOOK_launches(...)
#define HOOK_graphs(...)
#define HOOK_holdings MT_HOOK
#define HOOK_doors(...)
#define HOOK(family, ...) HOOK_##family(__VA_ARGS__)
#include "shim/cuda/hooks.def"
