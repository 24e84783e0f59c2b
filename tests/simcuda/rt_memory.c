/* Runtime API: memory. Each call is the driver call that the real runtime makes. */
#include "rt_driver.h"

static CUdeviceptr device_of(const void *p)
{
    return (CUdeviceptr)(uintptr_t)p;
}

static cudaError_t store(CUresult result, void **out, CUdeviceptr address)
{
    if (result == CUDA_SUCCESS)
        *out = (void *)(uintptr_t)address;
    return (cudaError_t)result;
}

/* Size 0 is no error for the runtime, as it is for the driver. */
#define ALLOCATE(call)                                                                             \
    do {                                                                                           \
        CUdeviceptr address = 0;                                                                   \
        cudaError_t begun = rt_begin();                                                            \
        if (begun != cudaSuccess)                                                                  \
            return rt_end(begun);                                                                  \
        *devPtr = NULL;                                                                            \
        CUresult result = size ? call : CUDA_SUCCESS;                                              \
        return rt_end(store(result, devPtr, address));                                             \
    } while (0)

cudaError_t cudaMalloc(void **devPtr, size_t size)
{
    ALLOCATE(rt.MemAlloc(&address, size));
}

cudaError_t cudaMallocManaged(void **devPtr, size_t size, unsigned int flags)
{
    ALLOCATE(rt.MemAllocManaged(&address, size, flags));
}

cudaError_t cudaMallocAsync(void **devPtr, size_t size, cudaStream_t stream)
{
    ALLOCATE(rt.MemAllocAsync(&address, size, stream));
}

cudaError_t cudaMallocFromPoolAsync(void **devPtr, size_t size, cudaMemPool_t pool,
                                    cudaStream_t stream)
{
    ALLOCATE(rt.MemAllocFromPoolAsync(&address, size, pool, stream));
}

cudaError_t cudaMallocPitch(void **devPtr, size_t *pitch, size_t width, size_t height)
{
    size_t size = width * height;
    ALLOCATE(rt.MemAllocPitch(&address, pitch, width, height, 4));
}

cudaError_t cudaFree(void *devPtr)
{
    RT_CALL(devPtr ? rt.MemFree(device_of(devPtr)) : CUDA_SUCCESS);
}

cudaError_t cudaFreeAsync(void *devPtr, cudaStream_t stream)
{
    RT_CALL(rt.MemFreeAsync(device_of(devPtr), stream));
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int device)
{
    RT_CALL(rt.DeviceGetDefaultMemPool(pool, device));
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, enum cudaMemPoolAttr attr, void *value)
{
    RT_CALL(rt.MemPoolSetAttribute(pool, (CUmemPool_attribute)attr, value));
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t keep)
{
    RT_CALL(rt.MemPoolTrimTo(pool, keep));
}

cudaError_t cudaMallocHost(void **ptr, size_t size)
{
    RT_CALL(rt.MemHostAlloc(ptr, size, 0));
}

cudaError_t cudaHostAlloc(void **pHost, size_t size, unsigned int flags)
{
    RT_CALL(rt.MemHostAlloc(pHost, size, flags));
}

cudaError_t cudaFreeHost(void *ptr)
{
    RT_CALL(ptr ? rt.MemFreeHost(ptr) : CUDA_SUCCESS);
}

cudaError_t cudaHostRegister(void *ptr, size_t size, unsigned int flags)
{
    RT_CALL(rt.MemHostRegister(ptr, size, flags));
}

cudaError_t cudaHostUnregister(void *ptr)
{
    RT_CALL(rt.MemHostUnregister(ptr));
}

cudaError_t cudaHostGetDevicePointer(void **pDevice, void *pHost, unsigned int flags)
{
    CUdeviceptr address = 0;
    cudaError_t result = rt_begin();
    if (result == cudaSuccess)
        result = (cudaError_t)rt.MemHostGetDevicePointer(&address, pHost, flags);
    return rt_end(store((CUresult)result, pDevice, address));
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *attributes, const void *ptr)
{
    CUmemorytype type = 0;
    unsigned managed = 0;
    int device = -2;
    CUdeviceptr on_device = 0;
    void *on_host = NULL;
    CUpointer_attribute wanted[] = {
        CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_IS_MANAGED,
        CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, CU_POINTER_ATTRIBUTE_DEVICE_POINTER,
        CU_POINTER_ATTRIBUTE_HOST_POINTER};
    void *answers[] = {&type, &managed, &device, &on_device, &on_host};
    cudaError_t result = rt_begin();
    if (result == cudaSuccess)
        result = (cudaError_t)rt.PointerGetAttributes(5, wanted, answers, device_of(ptr));
    if (result != cudaSuccess)
        return rt_end(result);
    *attributes = (struct cudaPointerAttributes){
        .device = device, .devicePointer = (void *)(uintptr_t)on_device, .hostPointer = on_host};
    attributes->type = managed                        ? cudaMemoryTypeManaged
                       : type == CU_MEMORYTYPE_DEVICE ? cudaMemoryTypeDevice
                       : type == CU_MEMORYTYPE_HOST   ? cudaMemoryTypeHost
                                                      : cudaMemoryTypeUnregistered;
    return cudaSuccess;
}

static CUresult copy(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind)
{
    if (kind == cudaMemcpyHostToDevice)
        return rt.MemcpyHtoD(device_of(dst), src, count);
    if (kind == cudaMemcpyDeviceToHost)
        return rt.MemcpyDtoH(dst, device_of(src), count);
    if (kind == cudaMemcpyDeviceToDevice)
        return rt.MemcpyDtoD(device_of(dst), device_of(src), count);
    return rt.Memcpy(device_of(dst), device_of(src), count);
}

static CUresult copy_async(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind,
                           cudaStream_t stream)
{
    if (kind == cudaMemcpyHostToDevice)
        return rt.MemcpyHtoDAsync(device_of(dst), src, count, stream);
    if (kind == cudaMemcpyDeviceToHost)
        return rt.MemcpyDtoHAsync(dst, device_of(src), count, stream);
    if (kind == cudaMemcpyDeviceToDevice)
        return rt.MemcpyDtoDAsync(device_of(dst), device_of(src), count, stream);
    return rt.MemcpyAsync(device_of(dst), device_of(src), count, stream);
}

cudaError_t cudaMemcpy(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind)
{
    RT_CALL(count ? copy(dst, src, count, kind) : CUDA_SUCCESS);
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    RT_CALL(count ? copy_async(dst, src, count, kind, stream) : CUDA_SUCCESS);
}

static CUDA_MEMCPY2D rectangle(void *dst, size_t dpitch, const void *src, size_t spitch,
                               size_t width, size_t height, enum cudaMemcpyKind kind)
{
    CUDA_MEMCPY2D p = {.dstPitch = dpitch,
                       .srcPitch = spitch,
                       .WidthInBytes = width,
                       .Height = height,
                       .dstMemoryType = CU_MEMORYTYPE_UNIFIED,
                       .srcMemoryType = CU_MEMORYTYPE_UNIFIED,
                       .dstDevice = device_of(dst),
                       .srcDevice = device_of(src)};
    if (kind == cudaMemcpyHostToDevice || kind == cudaMemcpyHostToHost) {
        p.srcMemoryType = CU_MEMORYTYPE_HOST;
        p.srcHost = src;
    }
    if (kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyHostToHost) {
        p.dstMemoryType = CU_MEMORYTYPE_HOST;
        p.dstHost = dst;
    }
    return p;
}

cudaError_t cudaMemcpy2D(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width,
                         size_t height, enum cudaMemcpyKind kind)
{
    CUDA_MEMCPY2D p = rectangle(dst, dpitch, src, spitch, width, height, kind);
    RT_CALL(rt.Memcpy2DUnaligned(&p));
}

cudaError_t cudaMemcpy2DAsync(void *dst, size_t dpitch, const void *src, size_t spitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream)
{
    CUDA_MEMCPY2D p = rectangle(dst, dpitch, src, spitch, width, height, kind);
    RT_CALL(rt.Memcpy2DAsync(&p, stream));
}

static cudaError_t peers(int a, int b, CUcontext out[2])
{
    CUresult result = rt.DevicePrimaryCtxRetain(&out[0], a);
    if (result == CUDA_SUCCESS && (result = rt.DevicePrimaryCtxRelease(a)) == CUDA_SUCCESS)
        result = rt.DevicePrimaryCtxRetain(&out[1], b);
    if (result == CUDA_SUCCESS)
        result = rt.DevicePrimaryCtxRelease(b);
    return (cudaError_t)result;
}

cudaError_t cudaMemcpyPeer(void *dst, int dstDevice, const void *src, int srcDevice, size_t count)
{
    CUcontext c[2];
    cudaError_t result = rt_begin();
    if (result == cudaSuccess)
        result = peers(dstDevice, srcDevice, c);
    if (result == cudaSuccess)
        result = (cudaError_t)rt.MemcpyPeer(device_of(dst), c[0], device_of(src), c[1], count);
    return rt_end(result);
}

cudaError_t cudaMemcpyPeerAsync(void *dst, int dstDevice, const void *src, int srcDevice,
                                size_t count, cudaStream_t stream)
{
    CUcontext c[2];
    cudaError_t result = rt_begin();
    if (result == cudaSuccess)
        result = peers(dstDevice, srcDevice, c);
    if (result == cudaSuccess)
        result = (cudaError_t)rt.MemcpyPeerAsync(device_of(dst), c[0], device_of(src), c[1], count,
                                                 stream);
    return rt_end(result);
}

cudaError_t cudaMemset(void *devPtr, int value, size_t count)
{
    RT_CALL(rt.MemsetD8(device_of(devPtr), (unsigned char)value, count));
}

cudaError_t cudaMemsetAsync(void *devPtr, int value, size_t count, cudaStream_t stream)
{
    RT_CALL(rt.MemsetD8Async(device_of(devPtr), (unsigned char)value, count, stream));
}

cudaError_t cudaMemset2D(void *devPtr, size_t pitch, int value, size_t width, size_t height)
{
    RT_CALL(rt.MemsetD2D8(device_of(devPtr), pitch, (unsigned char)value, width, height));
}

cudaError_t cudaMemset2DAsync(void *devPtr, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream)
{
    RT_CALL(
        rt.MemsetD2D8Async(device_of(devPtr), pitch, (unsigned char)value, width, height, stream));
}

/* The part [offset, offset + count) of a variable, if it has one. */
static cudaError_t part_of(const void *symbol, size_t offset, size_t count, CUdeviceptr *address)
{
    size_t bytes = 0;
    cudaError_t result = rt_begin();
    if (result == cudaSuccess)
        result = rt_symbol(symbol, address, &bytes);
    *address += offset;
    if (result == cudaSuccess && (offset > bytes || count > bytes - offset))
        result = cudaErrorInvalidValue;
    return result;
}

cudaError_t cudaMemcpyToSymbol(const void *symbol, const void *src, size_t count, size_t offset,
                               enum cudaMemcpyKind kind)
{
    CUdeviceptr at = 0;
    cudaError_t result = part_of(symbol, offset, count, &at);
    if (result == cudaSuccess)
        result = (cudaError_t)copy((void *)(uintptr_t)at, src, count, kind);
    return rt_end(result);
}

cudaError_t cudaMemcpyFromSymbol(void *dst, const void *symbol, size_t count, size_t offset,
                                 enum cudaMemcpyKind kind)
{
    CUdeviceptr at = 0;
    cudaError_t result = part_of(symbol, offset, count, &at);
    if (result == cudaSuccess)
        result = (cudaError_t)copy(dst, (void *)(uintptr_t)at, count, kind);
    return rt_end(result);
}

cudaError_t cudaGetSymbolAddress(void **devPtr, const void *symbol)
{
    CUdeviceptr at = 0;
    cudaError_t result = part_of(symbol, 0, 0, &at);
    if (result == cudaSuccess)
        *devPtr = (void *)(uintptr_t)at;
    return rt_end(result);
}

cudaError_t cudaGetSymbolSize(size_t *size, const void *symbol)
{
    CUdeviceptr at;
    cudaError_t result = rt_begin();
    return rt_end(result != cudaSuccess ? result : rt_symbol(symbol, &at, size));
}
