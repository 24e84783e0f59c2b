/* Page-locked host memory: allocated from a range of its own, or registered where it lies. */
#include <pthread.h>

#include "sim_device.h"

enum { MAX_REGISTERED = 4096 };

static struct registered {
    uint64_t address, bytes;
    unsigned flags;
} registered[MAX_REGISTERED];
static unsigned n_registered;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static CUresult allocate(struct sim_thread *self, void **out, size_t bytes, unsigned flags)
{
    SIM_REQUIRE(out && bytes && flags <= 7, CUDA_ERROR_INVALID_VALUE);
    struct sim_block block = {
        .bytes = bytes, .use = SIM_HOST, .flags = flags, .device = sim_current_device(self)};
    SIM_REQUIRE(sim_range_take(&sim_host_range, &block, 4096), CUDA_ERROR_OUT_OF_MEMORY);
    *out = (void *)(uintptr_t)block.address;
    return CUDA_SUCCESS;
}

SIM_BYTES_CTX(cuMemHostAlloc, (void **pp, size_t bytesize, unsigned int Flags), bytesize,
              allocate(self, pp, bytesize, Flags))
SIM_BYTES_CTX(cuMemAllocHost, (void **pp, unsigned int bytesize), bytesize,
              allocate(self, pp, bytesize, 0))
SIM_BYTES_CTX(cuMemAllocHost_v2, (void **pp, size_t bytesize), bytesize,
              allocate(self, pp, bytesize, 0))

CUresult cuMemFreeHost(void *p)
{
    SIM_ENTER_CTX(cuMemFreeHost);
    struct sim_block block;
    return sim_arena_give(&sim_host_range.arena, (uintptr_t)p, 1u << SIM_HOST, &block)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

/* Index of the registered range that overlaps [address, address + bytes), or -1. */
static int overlap(uint64_t address, uint64_t bytes)
{
    for (unsigned i = 0; i < n_registered; i++)
        if (address < registered[i].address + registered[i].bytes &&
            registered[i].address < address + bytes)
            return (int)i;
    return -1;
}

static CUresult add(void *p, size_t bytes, unsigned flags)
{
    CUresult result = CUDA_SUCCESS;
    SIM_REQUIRE(p && bytes, CUDA_ERROR_INVALID_VALUE);
    pthread_mutex_lock(&lock);
    if (overlap((uintptr_t)p, bytes) >= 0)
        result = CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    else if (n_registered == MAX_REGISTERED)
        result = CUDA_ERROR_OUT_OF_MEMORY;
    else
        registered[n_registered++] = (struct registered){(uintptr_t)p, bytes, flags};
    pthread_mutex_unlock(&lock);
    return result;
}

SIM_BYTES_CTX(cuMemHostRegister, (void *p, size_t bytesize, unsigned int Flags), bytesize,
              add(p, bytesize, Flags))
SIM_BYTES_CTX(cuMemHostRegister_v2, (void *p, size_t bytesize, unsigned int Flags), bytesize,
              add(p, bytesize, Flags))

CUresult cuMemHostUnregister(void *p)
{
    SIM_ENTER_CTX(cuMemHostUnregister);
    CUresult result = CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    pthread_mutex_lock(&lock);
    int i = overlap((uintptr_t)p, 1);
    if (i >= 0 && registered[i].address == (uintptr_t)p) {
        registered[i] = registered[--n_registered];
        result = CUDA_SUCCESS;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static bool host_flags(const void *p, unsigned *flags)
{
    struct sim_block block;
    if (sim_arena_containing(&sim_host_range.arena, (uintptr_t)p, &block)) {
        *flags = block.flags;
        return true;
    }
    pthread_mutex_lock(&lock);
    int i = overlap((uintptr_t)p, 1);
    if (i >= 0)
        *flags = registered[i].flags;
    pthread_mutex_unlock(&lock);
    return i >= 0;
}

CUresult cuMemHostGetFlags(unsigned int *pFlags, void *p)
{
    SIM_ENTER_CTX(cuMemHostGetFlags);
    SIM_REQUIRE(pFlags, CUDA_ERROR_INVALID_VALUE);
    return host_flags(p, pFlags) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* Unified addressing: the device sees host memory at the host's address. */
static CUresult device_pointer(uint64_t *out, const void *p, unsigned flags)
{
    unsigned ignored;
    SIM_REQUIRE(flags == 0 && host_flags(p, &ignored), CUDA_ERROR_INVALID_VALUE);
    *out = (uintptr_t)p;
    return CUDA_SUCCESS;
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *pdptr, void *p, unsigned int Flags)
{
    SIM_ENTER_CTX(cuMemHostGetDevicePointer_v2);
    SIM_REQUIRE(pdptr, CUDA_ERROR_INVALID_VALUE);
    uint64_t address = 0;
    CUresult result = device_pointer(&address, p, Flags);
    if (result == CUDA_SUCCESS)
        *pdptr = address;
    return result;
}

/* No host address fits the 32 bits that the old call returns. */
CUresult cuMemHostGetDevicePointer(CUdeviceptr_v1 *pdptr, void *p, unsigned int Flags)
{
    SIM_ENTER_CTX(cuMemHostGetDevicePointer);
    (void)pdptr;
    (void)p;
    (void)Flags;
    return CUDA_ERROR_NOT_SUPPORTED;
}

/* CUDA_ERROR_INVALID_VALUE for an address that CUDA does not know, as the real driver answers. */
static CUresult attribute(void *data, CUpointer_attribute a, CUdeviceptr ptr)
{
    struct sim_block block;
    unsigned flags;
    bool found = sim_find_block(ptr, &block);
    bool host = found ? block.use == SIM_HOST : host_flags((void *)(uintptr_t)ptr, &flags);
    SIM_REQUIRE(data && (found || host), CUDA_ERROR_INVALID_VALUE);
    if (a == CU_POINTER_ATTRIBUTE_MEMORY_TYPE)
        *(unsigned *)data = host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
    else if (a == CU_POINTER_ATTRIBUTE_DEVICE_POINTER)
        *(CUdeviceptr *)data = ptr;
    else if (a == CU_POINTER_ATTRIBUTE_HOST_POINTER && (host || block.use == SIM_MANAGED))
        *(CUdeviceptr *)data = ptr;
    else if (a == CU_POINTER_ATTRIBUTE_IS_MANAGED)
        *(unsigned *)data = found && block.use == SIM_MANAGED;
    else if (a == CU_POINTER_ATTRIBUTE_BUFFER_ID)
        *(unsigned long long *)data = found ? block.id : 0;
    else if (a == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
        *(int *)data = found ? block.device : 0;
    else if (a == CU_POINTER_ATTRIBUTE_CONTEXT)
        *(CUcontext *)data = found ? sim_devices[block.device].primary : NULL;
    else if (a == CU_POINTER_ATTRIBUTE_RANGE_START_ADDR && found)
        *(CUdeviceptr *)data = block.address;
    else if (a == CU_POINTER_ATTRIBUTE_RANGE_SIZE && found)
        *(size_t *)data = block.bytes;
    else if (a == CU_POINTER_ATTRIBUTE_MAPPED)
        *(unsigned *)data = 1;
    else
        return CUDA_ERROR_INVALID_VALUE;
    return CUDA_SUCCESS;
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute_, CUdeviceptr ptr)
{
    SIM_ENTER_CTX(cuPointerGetAttribute);
    return attribute(data, attribute_, ptr);
}

/* Of several attributes, those that do not apply are zero, and that is no error. */
CUresult cuPointerGetAttributes(unsigned int numAttributes, CUpointer_attribute *attributes,
                                void **data, CUdeviceptr ptr)
{
    SIM_ENTER_CTX(cuPointerGetAttributes);
    SIM_REQUIRE(attributes && data, CUDA_ERROR_INVALID_VALUE);
    for (unsigned i = 0; i < numAttributes; i++)
        if (attribute(data[i], attributes[i], ptr) != CUDA_SUCCESS) {
            *(unsigned *)data[i] = 0;
            if (attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
                *(int *)data[i] = -2;
            else if (attributes[i] == CU_POINTER_ATTRIBUTE_CONTEXT ||
                     attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_POINTER ||
                     attributes[i] == CU_POINTER_ATTRIBUTE_HOST_POINTER)
                *(void **)data[i] = NULL;
        }
    return CUDA_SUCCESS;
}
