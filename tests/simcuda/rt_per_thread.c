/* Runtime API for programs built with --default-stream per-thread: the calls that such programs
 * make most, each by the driver's per-thread-stream variant. Kinds of copies are the driver's to
 * find. */
#include "rt_driver.h"

#pragma GCC visibility push(default)

cudaError_t __cudaLaunchKernel_ptsz(cudaKernel_t kernel, dim3 grid, dim3 block, void **args,
                                    size_t shared, cudaStream_t stream);
cudaError_t cudaLaunchKernel_ptsz(const void *func, dim3 grid, dim3 block, void **args,
                                  size_t shared, cudaStream_t stream);
cudaError_t cudaMemcpy_ptds(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync_ptsz(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind,
                                 cudaStream_t stream);
cudaError_t cudaMemset_ptds(void *devPtr, int value, size_t count);
cudaError_t cudaMemsetAsync_ptsz(void *devPtr, int value, size_t count, cudaStream_t stream);
cudaError_t cudaMallocAsync_ptsz(void **devPtr, size_t size, cudaStream_t stream);
cudaError_t cudaFreeAsync_ptsz(void *devPtr, cudaStream_t stream);
cudaError_t cudaStreamSynchronize_ptsz(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent_ptsz(cudaStream_t stream, cudaEvent_t event, unsigned int flags);
cudaError_t cudaEventRecord_ptsz(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaGraphLaunch_ptsz(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *host);

#pragma GCC visibility pop

static CUdeviceptr device_of(const void *p)
{
    return (CUdeviceptr)(uintptr_t)p;
}

cudaError_t __cudaLaunchKernel_ptsz(cudaKernel_t kernel, dim3 grid, dim3 block, void **args,
                                    size_t shared, cudaStream_t stream)
{
    RT_CALL(rt_per_thread.LaunchKernel((CUfunction)(void *)kernel, grid.x, grid.y, grid.z, block.x,
                                       block.y, block.z, (unsigned)shared, stream, args, NULL));
}

cudaError_t cudaLaunchKernel_ptsz(const void *func, dim3 grid, dim3 block, void **args,
                                  size_t shared, cudaStream_t stream)
{
    cudaKernel_t kernel = NULL;
    cudaError_t result = __cudaGetKernel(&kernel, func);
    return result != cudaSuccess
               ? result
               : __cudaLaunchKernel_ptsz(kernel, grid, block, args, shared, stream);
}

cudaError_t cudaMemcpy_ptds(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind)
{
    (void)kind;
    RT_CALL(count ? rt_per_thread.Memcpy(device_of(dst), device_of(src), count) : CUDA_SUCCESS);
}

cudaError_t cudaMemcpyAsync_ptsz(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind,
                                 cudaStream_t stream)
{
    (void)kind;
    RT_CALL(count ? rt_per_thread.MemcpyAsync(device_of(dst), device_of(src), count, stream)
                  : CUDA_SUCCESS);
}

cudaError_t cudaMemset_ptds(void *devPtr, int value, size_t count)
{
    RT_CALL(rt_per_thread.MemsetD8(device_of(devPtr), (unsigned char)value, count));
}

cudaError_t cudaMemsetAsync_ptsz(void *devPtr, int value, size_t count, cudaStream_t stream)
{
    RT_CALL(rt_per_thread.MemsetD8Async(device_of(devPtr), (unsigned char)value, count, stream));
}

cudaError_t cudaMallocAsync_ptsz(void **devPtr, size_t size, cudaStream_t stream)
{
    CUdeviceptr address = 0;
    cudaError_t result = rt_begin();
    if (result == cudaSuccess && size)
        result = (cudaError_t)rt_per_thread.MemAllocAsync(&address, size, stream);
    *devPtr = (void *)(uintptr_t)address;
    return rt_end(result);
}

cudaError_t cudaFreeAsync_ptsz(void *devPtr, cudaStream_t stream)
{
    RT_CALL(rt_per_thread.MemFreeAsync(device_of(devPtr), stream));
}

cudaError_t cudaStreamSynchronize_ptsz(cudaStream_t stream)
{
    RT_CALL(rt_per_thread.StreamSynchronize(stream));
}

cudaError_t cudaStreamWaitEvent_ptsz(cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
    RT_CALL(rt_per_thread.StreamWaitEvent(stream, event, flags));
}

cudaError_t cudaEventRecord_ptsz(cudaEvent_t event, cudaStream_t stream)
{
    RT_CALL(rt_per_thread.EventRecord(event, stream));
}

cudaError_t cudaGraphLaunch_ptsz(cudaGraphExec_t exec, cudaStream_t stream)
{
    RT_CALL(rt_per_thread.GraphLaunch(exec, stream));
}
