/* Device memory: cuMemAlloc and its kin, frees, and what is asked about an address. */
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "sim_config.h"
#include "sim_stream.h"
#include "simcuda.h"

enum {
    USES_LINEAR = 1u << SIM_LINEAR | 1u << SIM_MANAGED | 1u << SIM_ASYNC,
    /* A freed block of this size gives its pages back to the system. */
    RELEASE_FROM = 8 << 20
};

static _Atomic unsigned long allocations, frees; /* since the injection was armed */
static simcuda_free_fn *free_hook;
static void *free_hook_data;
static _Atomic bool hooked;
static pthread_mutex_t hook_lock = PTHREAD_MUTEX_INITIALIZER;

void simcuda_oom_at(unsigned long nth)
{
    atomic_store(&allocations, 0);
    sim_config()->oom_at = nth;
}

void simcuda_free_fail_at(unsigned long nth)
{
    atomic_store(&frees, 0);
    sim_config()->free_fail_at = nth;
}

void simcuda_on_free(simcuda_free_fn *fn, void *data)
{
    pthread_mutex_lock(&hook_lock);
    free_hook = fn;
    free_hook_data = data;
    atomic_store(&hooked, fn != NULL);
    pthread_mutex_unlock(&hook_lock);
}

void simcuda_delays(unsigned long launch_ns, unsigned long alloc_ns)
{
    sim_config()->launch_ns = launch_ns;
    sim_config()->alloc_ns = alloc_ns;
}

void simcuda_handle_reuse(int on)
{
    sim_config()->handle_reuse = on != 0;
}

static bool due(_Atomic unsigned long *count, unsigned long nth)
{
    return nth && atomic_fetch_add(count, 1) + 1 == nth;
}

CUresult sim_oom_due(void)
{
    const struct sim_config *config = &sim_config_now;
    if (config->alloc_ns)
        sim_delay(config->alloc_ns);
    return due(&allocations, config->oom_at) ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

bool sim_memory_account(int device, int64_t bytes)
{
    _Atomic uint64_t *used = &sim_devices[device].used;
    uint64_t after = atomic_fetch_add(used, (uint64_t)bytes) + (uint64_t)bytes;
    if (bytes <= 0 || after <= sim_config_now.memory)
        return true;
    atomic_fetch_sub(used, (uint64_t)bytes);
    return false;
}

static int64_t taken(uint64_t bytes)
{
    return (int64_t)((bytes + SIM_UNIT - 1) & ~(uint64_t)(SIM_UNIT - 1));
}

static struct sim_range *range_at(uint64_t address)
{
    return address >> 32 ? &sim_device_range : sim_low_range();
}

static CUresult take_from(struct sim_range *range, struct sim_block *block, uint64_t align)
{
    if (block->bytes > sim_config_now.memory ||
        !sim_memory_account(block->device, taken(block->bytes)))
        return CUDA_ERROR_OUT_OF_MEMORY;
    if (range && sim_range_take(range, block, align))
        return CUDA_SUCCESS;
    sim_memory_account(block->device, -taken(block->bytes));
    return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult sim_memory_take(struct sim_block *block, uint64_t align)
{
    CUresult result = sim_oom_due();
    return result == CUDA_SUCCESS ? take_from(&sim_device_range, block, align) : result;
}

static void hook_free(uint64_t address, uint64_t bytes)
{
    if (!atomic_load_explicit(&hooked, memory_order_relaxed))
        return;
    pthread_mutex_lock(&hook_lock);
    simcuda_free_fn *fn = free_hook;
    void *data = free_hook_data;
    pthread_mutex_unlock(&hook_lock);
    if (fn)
        fn(address, bytes, data);
}

void sim_given(uint64_t address, uint64_t bytes)
{
    hook_free(address, bytes);
    if (sim_config_now.free_ns)
        nanosleep(&(struct timespec){.tv_nsec = (long)sim_config_now.free_ns}, NULL);
}

/* Under the arena's lock, because once the address is free the pages may be another thread's. */
void sim_release_pages(const struct sim_block *block)
{
    if (block->bytes >= RELEASE_FROM)
        madvise((void *)(uintptr_t)block->address, block->bytes, MADV_DONTNEED);
}

CUresult sim_memory_give(CUdeviceptr address, unsigned uses, _Atomic uint64_t *count)
{
    struct sim_block block;
    struct sim_range *range = range_at(address);
    if (sim_config_now.alloc_ns)
        sim_delay(sim_config_now.alloc_ns);
    if (due(&frees, sim_config_now.free_fail_at))
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    if (range == NULL)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_arena_give(&range->arena, address, uses, &block))
        return CUDA_ERROR_INVALID_VALUE;
    sim_memory_account(block.device, -taken(block.bytes));
    if (block.use == SIM_ASYNC)
        sim_pool_gave(block.owner, (uint64_t)taken(block.bytes));
    sim_add(count, block.bytes);
    sim_given(block.address, block.bytes);
    return CUDA_SUCCESS;
}

static CUresult allocate(struct sim_thread *self, CUdeviceptr *out, size_t bytes, enum sim_use use)
{
    SIM_REQUIRE(out && bytes, CUDA_ERROR_INVALID_VALUE);
    struct sim_block block = {.bytes = bytes, .use = use, .device = sim_current_device(self)};
    CUresult result = sim_memory_take(&block, SIM_UNIT);
    if (result == CUDA_SUCCESS)
        *out = block.address;
    return result;
}

CUresult cuMemAlloc_v2(CUdeviceptr *dptr, size_t bytesize)
{
    SIM_ENTER_CTX(cuMemAlloc_v2);
    CUresult result = allocate(self, dptr, bytesize, SIM_LINEAR);
    if (result == CUDA_SUCCESS)
        SIM_BYTES(cuMemAlloc_v2, bytesize);
    return result;
}

CUresult cuMemAllocManaged(CUdeviceptr *dptr, size_t bytesize, unsigned int flags)
{
    SIM_ENTER_CTX(cuMemAllocManaged);
    SIM_REQUIRE(flags == CU_MEM_ATTACH_GLOBAL || flags == CU_MEM_ATTACH_HOST,
                CUDA_ERROR_INVALID_VALUE);
    CUresult result = allocate(self, dptr, bytesize, SIM_MANAGED);
    if (result == CUDA_SUCCESS)
        SIM_BYTES(cuMemAllocManaged, bytesize);
    return result;
}

CUresult cuMemAllocPitch_v2(CUdeviceptr *dptr, size_t *pPitch, size_t WidthInBytes, size_t Height,
                            unsigned int ElementSizeBytes)
{
    SIM_ENTER_CTX(cuMemAllocPitch_v2);
    SIM_REQUIRE(pPitch && WidthInBytes && Height, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(ElementSizeBytes == 4 || ElementSizeBytes == 8 || ElementSizeBytes == 16,
                CUDA_ERROR_INVALID_VALUE);
    size_t pitch = (WidthInBytes + SIM_UNIT - 1) & ~(size_t)(SIM_UNIT - 1);
    CUresult result = allocate(self, dptr, pitch * Height, SIM_LINEAR);
    if (result == CUDA_SUCCESS) {
        *pPitch = pitch;
        SIM_BYTES(cuMemAllocPitch_v2, pitch * Height);
    }
    return result;
}

CUresult cuMemFree_v2(CUdeviceptr dptr)
{
    SIM_ENTER_CTX(cuMemFree_v2);
    _Atomic uint64_t *bytes = &self->bytes[SIM_ID_cuMemFree_v2];
    return dptr ? sim_memory_give(dptr, USES_LINEAR, bytes) : CUDA_SUCCESS;
}

/* CUDA 2's calls. Their addresses are 32 bits wide, so their memory comes from the low range. */
static CUresult allocate_low(struct sim_thread *self, CUdeviceptr_v1 *out, unsigned bytes)
{
    SIM_REQUIRE(out && bytes, CUDA_ERROR_INVALID_VALUE);
    struct sim_block block = {
        .bytes = bytes, .use = SIM_LINEAR, .device = sim_current_device(self)};
    CUresult result = sim_oom_due();
    if (result == CUDA_SUCCESS)
        result = take_from(sim_low_range(), &block, SIM_UNIT);
    if (result == CUDA_SUCCESS)
        *out = (CUdeviceptr_v1)block.address;
    return result;
}

CUresult cuMemAlloc(CUdeviceptr_v1 *dptr, unsigned int bytesize)
{
    SIM_ENTER_CTX(cuMemAlloc);
    CUresult result = allocate_low(self, dptr, bytesize);
    if (result == CUDA_SUCCESS)
        SIM_BYTES(cuMemAlloc, bytesize);
    return result;
}

CUresult cuMemAllocPitch(CUdeviceptr_v1 *dptr, unsigned int *pPitch, unsigned int WidthInBytes,
                         unsigned int Height, unsigned int ElementSizeBytes)
{
    SIM_ENTER_CTX(cuMemAllocPitch);
    SIM_REQUIRE(pPitch && WidthInBytes && Height, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(ElementSizeBytes == 4 || ElementSizeBytes == 8 || ElementSizeBytes == 16,
                CUDA_ERROR_INVALID_VALUE);
    unsigned pitch = (WidthInBytes + SIM_UNIT - 1) & ~(unsigned)(SIM_UNIT - 1);
    CUresult result = allocate_low(self, dptr, pitch * Height);
    if (result == CUDA_SUCCESS) {
        *pPitch = pitch;
        SIM_BYTES(cuMemAllocPitch, (uint64_t)pitch * Height);
    }
    return result;
}

CUresult cuMemFree(CUdeviceptr_v1 dptr)
{
    SIM_ENTER_CTX(cuMemFree);
    _Atomic uint64_t *bytes = &self->bytes[SIM_ID_cuMemFree];
    return dptr ? sim_memory_give(dptr, USES_LINEAR, bytes) : CUDA_SUCCESS;
}

bool sim_is_device_address(uint64_t address)
{
    return address - SIM_DEVICE_BASE < SIM_DEVICE_BYTES || address - SIM_LOW_BASE < SIM_LOW_BYTES;
}

bool sim_find_block(uint64_t address, struct sim_block *block)
{
    if (address - SIM_VIRTUAL_BASE < SIM_DEVICE_BYTES / 2)
        return sim_arena_containing(&sim_virtual_arena, address, block);
    if (address - SIM_DEVICE_BASE < SIM_DEVICE_BYTES / 2)
        return sim_arena_containing(&sim_device_range.arena, address, block);
    if (address - SIM_HOST_BASE < SIM_HOST_BYTES)
        return sim_arena_containing(&sim_host_range.arena, address, block);
    struct sim_range *low = address - SIM_LOW_BASE < SIM_LOW_BYTES ? sim_low_range() : NULL;
    return low && sim_arena_containing(&low->arena, address, block);
}

CUresult cuMemGetAddressRange_v2(CUdeviceptr *pbase, size_t *psize, CUdeviceptr dptr)
{
    SIM_ENTER_CTX(cuMemGetAddressRange_v2);
    struct sim_block block;
    SIM_REQUIRE(sim_find_block(dptr, &block), CUDA_ERROR_NOT_FOUND);
    if (pbase)
        *pbase = block.address;
    if (psize)
        *psize = block.bytes;
    return CUDA_SUCCESS;
}

CUresult cuMemGetAddressRange(CUdeviceptr_v1 *pbase, unsigned int *psize, CUdeviceptr_v1 dptr)
{
    SIM_ENTER_CTX(cuMemGetAddressRange);
    struct sim_block block;
    SIM_REQUIRE(sim_find_block(dptr, &block), CUDA_ERROR_NOT_FOUND);
    if (pbase)
        *pbase = (CUdeviceptr_v1)block.address;
    if (psize)
        *psize = (unsigned)block.bytes;
    return CUDA_SUCCESS;
}

CUresult cuMemGetInfo_v2(size_t *free, size_t *total)
{
    SIM_ENTER_CTX(cuMemGetInfo_v2);
    SIM_REQUIRE(free && total, CUDA_ERROR_INVALID_VALUE);
    *total = sim_config()->memory;
    *free = *total - atomic_load(&sim_devices[sim_current_device(self)].used);
    return CUDA_SUCCESS;
}

CUresult cuMemGetInfo(unsigned int *free, unsigned int *total)
{
    SIM_ENTER_CTX(cuMemGetInfo);
    SIM_REQUIRE(free && total, CUDA_ERROR_INVALID_VALUE);
    uint64_t all = sim_config()->memory;
    uint64_t left = all - atomic_load(&sim_devices[sim_current_device(self)].used);
    *total = all > ~0U ? ~0U : (unsigned)all;
    *free = left > ~0U ? ~0U : (unsigned)left;
    return CUDA_SUCCESS;
}

static _Atomic unsigned long long unknown_calls;

unsigned long long simcuda_unknown_calls(void)
{
    return atomic_load(&unknown_calls);
}

/* What no tracer knows: a function of a driver to come, and a successor (simcuda_unknown_from). */
CUresult cuMemcpyOfTomorrowAsync(void);
__attribute__((visibility("default"))) CUresult cuMemcpyOfTomorrowAsync(void)
{
    return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuMemAlloc_v3(CUdeviceptr *dptr, size_t bytesize);
__attribute__((visibility("default"))) CUresult cuMemAlloc_v3(CUdeviceptr *dptr, size_t bytesize)
{
    struct sim_thread *self = sim_thread();
    SIM_REQUIRE(self->depth, CUDA_ERROR_INVALID_CONTEXT);
    atomic_fetch_add(&unknown_calls, 1);
    return allocate(self, dptr, bytesize, SIM_LINEAR);
}
