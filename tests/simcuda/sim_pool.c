/* Stream-ordered allocation. As all work is done when it is submitted, a free takes effect at once,
 * and a pool is little more than an account; its memory comes from the device's range like any
 * other. */
#include "sim_capture.h"
#include "sim_config.h"
#include "sim_work.h"

CUmemoryPool sim_pool_new(int device)
{
    CUmemoryPool pool = sim_object_new(SIM_POOL, sizeof(*pool));
    if (pool)
        pool->device = device;
    return pool;
}

void sim_pool_gave(CUmemoryPool pool, uint64_t bytes)
{
    if (sim_is(pool, SIM_POOL))
        __atomic_fetch_sub(&pool->used, bytes, __ATOMIC_RELAXED);
}

static void note_use(CUmemoryPool pool, uint64_t bytes)
{
    uint64_t used = __atomic_add_fetch(&pool->used, bytes, __ATOMIC_RELAXED);
    uint64_t high = __atomic_load_n(&pool->used_high, __ATOMIC_RELAXED);
    while (used > high && !__atomic_compare_exchange_n(&pool->used_high, &high, used, true,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static CUresult allocate(CUdeviceptr *out, size_t bytes, CUmemoryPool pool, CUstream stream)
{
    SIM_REQUIRE(out, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(pool, SIM_POOL) && sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    *out = 0;
    if (bytes == 0)
        return CUDA_SUCCESS;
    struct sim_block block = {
        .bytes = bytes, .use = SIM_ASYNC, .device = pool->device, .owner = pool};
    CUresult result = sim_memory_take(&block, SIM_UNIT);
    if (result != CUDA_SUCCESS)
        return result;
    note_use(pool, block.units * SIM_UNIT);
    *out = block.address;
    if (sim_capture_of(stream)) {
        struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_MEM_ALLOC,
                                .memory = {block.address, bytes}};
        return sim_capture_add(stream, &work);
    }
    return CUDA_SUCCESS;
}

static CUmemoryPool current_pool(const struct sim_thread *self, CUstream stream)
{
    int device = sim_stream_is_special(stream) || !sim_is(stream, SIM_STREAM)
                     ? sim_current_device(self)
                     : stream->context->device;
    return sim_devices[device].pool;
}

SIM_PTSZ_BYTES(cuMemAllocAsync, (CUdeviceptr * dptr, size_t bytesize, CUstream hStream), bytesize,
               allocate(dptr, bytesize, current_pool(self, hStream), hStream))
SIM_PTSZ_BYTES(cuMemAllocFromPoolAsync,
               (CUdeviceptr * dptr, size_t bytesize, CUmemoryPool pool, CUstream hStream), bytesize,
               allocate(dptr, bytesize, pool, hStream))

/* A captured free keeps the memory: the graph may run again. */
static CUresult give(CUdeviceptr address, CUstream stream, _Atomic uint64_t *bytes)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    if (address == 0)
        return CUDA_SUCCESS;
    if (sim_capture_of(stream)) {
        struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_MEM_FREE, .memory = {address, 0}};
        return sim_capture_add(stream, &work);
    }
    return sim_memory_give(address, 1u << SIM_ASYNC | 1u << SIM_LINEAR, bytes);
}

CUresult cuMemFreeAsync(CUdeviceptr dptr, CUstream hStream)
{
    SIM_ENTER_CTX(cuMemFreeAsync);
    return give(dptr, hStream, &self->bytes[SIM_ID_cuMemFreeAsync]);
}

CUresult cuMemFreeAsync_ptsz(CUdeviceptr dptr, CUstream hStream)
{
    SIM_ENTER_CTX(cuMemFreeAsync_ptsz);
    return give(dptr, hStream, &self->bytes[SIM_ID_cuMemFreeAsync_ptsz]);
}

CUresult cuMemPoolCreate(CUmemoryPool *pool, const CUmemPoolProps *poolProps)
{
    SIM_ENTER(cuMemPoolCreate);
    SIM_REQUIRE(pool && poolProps, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(poolProps->location.type == CU_MEM_LOCATION_TYPE_DEVICE &&
                    sim_device_ok(poolProps->location.id),
                CUDA_ERROR_INVALID_VALUE);
    *pool = sim_pool_new(poolProps->location.id);
    return *pool ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

/* The object is kept while blocks of it are out, because they name it. */
CUresult cuMemPoolDestroy(CUmemoryPool pool)
{
    SIM_ENTER(cuMemPoolDestroy);
    SIM_REQUIRE(sim_is(pool, SIM_POOL) && !pool->is_default, CUDA_ERROR_INVALID_VALUE);
    if (sim_devices[pool->device].pool == pool)
        sim_devices[pool->device].pool = sim_devices[pool->device].default_pool;
    if (__atomic_load_n(&pool->used, __ATOMIC_RELAXED) == 0)
        sim_object_free(pool);
    return CUDA_SUCCESS;
}

CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t minBytesToKeep)
{
    SIM_ENTER(cuMemPoolTrimTo);
    (void)minBytesToKeep;
    return sim_is(pool, SIM_POOL) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
    SIM_ENTER(cuMemPoolGetAttribute);
    SIM_REQUIRE(sim_is(pool, SIM_POOL) && value, CUDA_ERROR_INVALID_VALUE);
    uint64_t used = __atomic_load_n(&pool->used, __ATOMIC_RELAXED);
    if (attr == CU_MEMPOOL_ATTR_RELEASE_THRESHOLD)
        *(cuuint64_t *)value = pool->threshold;
    else if (attr == CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT ||
             attr == CU_MEMPOOL_ATTR_USED_MEM_CURRENT)
        *(cuuint64_t *)value = used;
    else if (attr == CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH || attr == CU_MEMPOOL_ATTR_USED_MEM_HIGH)
        *(cuuint64_t *)value = pool->used_high;
    else
        *(int *)value = 1;
    return CUDA_SUCCESS;
}

CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
    SIM_ENTER(cuMemPoolSetAttribute);
    SIM_REQUIRE(sim_is(pool, SIM_POOL) && value, CUDA_ERROR_INVALID_VALUE);
    if (attr == CU_MEMPOOL_ATTR_RELEASE_THRESHOLD)
        pool->threshold = *(cuuint64_t *)value;
    else if (attr == CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH || attr == CU_MEMPOOL_ATTR_USED_MEM_HIGH)
        pool->used_high = __atomic_load_n(&pool->used, __ATOMIC_RELAXED);
    return CUDA_SUCCESS;
}

CUresult cuMemPoolSetAccess(CUmemoryPool pool, const CUmemAccessDesc *map, size_t count)
{
    SIM_ENTER(cuMemPoolSetAccess);
    SIM_REQUIRE(sim_is(pool, SIM_POOL) && (map || count == 0), CUDA_ERROR_INVALID_VALUE);
    return CUDA_SUCCESS;
}

CUresult cuMemPoolGetAccess(CUmemAccess_flags *flags, CUmemoryPool memPool, CUmemLocation *location)
{
    SIM_ENTER(cuMemPoolGetAccess);
    SIM_REQUIRE(flags && sim_is(memPool, SIM_POOL) && location, CUDA_ERROR_INVALID_VALUE);
    *flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    return CUDA_SUCCESS;
}

static CUresult pool_of(CUmemoryPool *out, CUdevice dev, bool default_one)
{
    SIM_REQUIRE(out, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    *out = default_one ? sim_devices[dev].default_pool : sim_devices[dev].pool;
    return CUDA_SUCCESS;
}

static CUresult set_pool(CUdevice dev, CUmemoryPool pool)
{
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    SIM_REQUIRE(sim_is(pool, SIM_POOL), CUDA_ERROR_INVALID_VALUE);
    sim_devices[dev].pool = pool;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *pool_out, CUdevice dev)
{
    SIM_ENTER(cuDeviceGetDefaultMemPool);
    return pool_of(pool_out, dev, true);
}

CUresult cuDeviceGetMemPool(CUmemoryPool *pool, CUdevice dev)
{
    SIM_ENTER(cuDeviceGetMemPool);
    return pool_of(pool, dev, false);
}

CUresult cuDeviceSetMemPool(CUdevice dev, CUmemoryPool pool)
{
    SIM_ENTER(cuDeviceSetMemPool);
    return set_pool(dev, pool);
}

static bool on_device(const CUmemLocation *location)
{
    return location && location->type == CU_MEM_LOCATION_TYPE_DEVICE;
}

CUresult cuMemGetDefaultMemPool(CUmemoryPool *pool_out, CUmemLocation *location,
                                CUmemAllocationType type)
{
    SIM_ENTER(cuMemGetDefaultMemPool);
    (void)type;
    SIM_REQUIRE(on_device(location), CUDA_ERROR_NOT_SUPPORTED);
    return pool_of(pool_out, location->id, true);
}

CUresult cuMemGetMemPool(CUmemoryPool *pool, CUmemLocation *location, CUmemAllocationType type)
{
    SIM_ENTER(cuMemGetMemPool);
    (void)type;
    SIM_REQUIRE(on_device(location), CUDA_ERROR_NOT_SUPPORTED);
    return pool_of(pool, location->id, false);
}

CUresult cuMemSetMemPool(CUmemLocation *location, CUmemAllocationType type, CUmemoryPool pool)
{
    SIM_ENTER(cuMemSetMemPool);
    (void)type;
    SIM_REQUIRE(on_device(location), CUDA_ERROR_NOT_SUPPORTED);
    return set_pool(location->id, pool);
}
