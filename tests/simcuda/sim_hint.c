/* Calls that advise the driver and change nothing here, and occupancy. */
#include "sim_kernel.h"

static CUresult hint_range(CUdeviceptr address, size_t bytes, CUstream stream)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(bytes, CUDA_ERROR_INVALID_VALUE);
    return sim_range_check(address, bytes);
}

SIM_PTSZ(cuMemPrefetchAsync, (CUdeviceptr devPtr, size_t count, CUdevice dev, CUstream hStream),
         ((void)dev, hint_range(devPtr, count, hStream)))
SIM_PTSZ(cuMemPrefetchAsync_v2,
         (CUdeviceptr devPtr, size_t count, CUmemLocation location, unsigned int flags,
          CUstream hStream),
         ((void)location, (void)flags, hint_range(devPtr, count, hStream)))

static CUresult hint_ranges(const CUdeviceptr *address, const size_t *bytes, size_t n,
                            CUstream stream)
{
    SIM_REQUIRE(address && bytes && n, CUDA_ERROR_INVALID_VALUE);
    CUresult result = CUDA_SUCCESS;
    for (size_t i = 0; i < n && result == CUDA_SUCCESS; i++)
        result = hint_range(address[i], bytes[i], stream);
    return result;
}
SIM_PTSZ(cuMemPrefetchBatchAsync,
         (CUdeviceptr * dptrs, size_t *sizes, size_t count, CUmemLocation *locations,
          size_t *indices, size_t n, unsigned long long flags, CUstream hStream),
         ((void)locations, (void)indices, (void)n, (void)flags,
          hint_ranges(dptrs, sizes, count, hStream)))

CUresult cuMemAdvise(CUdeviceptr devPtr, size_t count, CUmem_advise advice, CUdevice device)
{
    SIM_ENTER_CTX(cuMemAdvise);
    (void)advice;
    (void)device;
    return hint_range(devPtr, count, NULL);
}

CUresult cuMemAdvise_v2(CUdeviceptr devPtr, size_t count, CUmem_advise advice,
                        CUmemLocation location)
{
    SIM_ENTER_CTX(cuMemAdvise_v2);
    (void)advice;
    (void)location;
    return hint_range(devPtr, count, NULL);
}

CUresult cuPointerSetAttribute(const void *value, CUpointer_attribute attribute, CUdeviceptr ptr)
{
    SIM_ENTER_CTX(cuPointerSetAttribute);
    (void)attribute;
    SIM_REQUIRE(value, CUDA_ERROR_INVALID_VALUE);
    return sim_range_check(ptr, 1);
}

CUresult cuKernelSetCacheConfig(CUkernel kernel, CUfunc_cache config, CUdevice dev)
{
    SIM_ENTER(cuKernelSetCacheConfig);
    (void)config;
    SIM_REQUIRE(sim_is(kernel, SIM_KERNEL), CUDA_ERROR_INVALID_HANDLE);
    return sim_device_ok(dev) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

static CUresult get_attribute(CUstream stream, CUstreamAttrValue *value)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(value, CUDA_ERROR_INVALID_VALUE);
    *value = (CUstreamAttrValue){0};
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamGetAttribute, (CUstream hStream, CUstreamAttrID attr, CUstreamAttrValue *value),
         ((void)attr, get_attribute(hStream, value)))

static CUresult set_attribute(CUstream stream, const CUstreamAttrValue *value)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    return value ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
SIM_PTSZ(cuStreamSetAttribute,
         (CUstream hStream, CUstreamAttrID attr, const CUstreamAttrValue *value),
         ((void)attr, set_attribute(hStream, value)))

static bool launchable(CUfunction f)
{
    return sim_is(f, SIM_FUNCTION) || sim_is(f, SIM_KERNEL);
}

static CUresult blocks_of(int *out, CUfunction f, int block_size)
{
    SIM_REQUIRE(launchable(f), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(out && block_size > 0, CUDA_ERROR_INVALID_VALUE);
    *out = block_size > 1024 ? 0 : block_size < 64 ? 32 : 2048 / block_size;
    return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *numBlocks, CUfunction func, int blockSize,
                                                     size_t dynamicSMemSize)
{
    SIM_ENTER(cuOccupancyMaxActiveBlocksPerMultiprocessor);
    (void)dynamicSMemSize;
    return blocks_of(numBlocks, func, blockSize);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *numBlocks, CUfunction func,
                                                              int blockSize, size_t dynamicSMemSize,
                                                              unsigned int flags)
{
    SIM_ENTER(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags);
    (void)dynamicSMemSize;
    (void)flags;
    return blocks_of(numBlocks, func, blockSize);
}

CUresult cuOccupancyMaxPotentialBlockSize(int *minGridSize, int *blockSize, CUfunction func,
                                          CUoccupancyB2DSize blockSizeToDynamicSMemSize,
                                          size_t dynamicSMemSize, int blockSizeLimit)
{
    SIM_ENTER(cuOccupancyMaxPotentialBlockSize);
    (void)blockSizeToDynamicSMemSize;
    (void)dynamicSMemSize;
    SIM_REQUIRE(launchable(func), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(minGridSize && blockSize, CUDA_ERROR_INVALID_VALUE);
    *blockSize = blockSizeLimit > 0 && blockSizeLimit < 1024 ? blockSizeLimit : 1024;
    *minGridSize = 8;
    return CUDA_SUCCESS;
}
