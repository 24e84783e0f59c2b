/* A libcuda.so.1 of long ago: a handful of functions, and none of the newer ones. */
#define __CUDA_API_VERSION_INTERNAL
#pragma GCC visibility push(default)
#include <cuda.h>

CUresult cuInit(unsigned flags)
{
    return flags == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    *context = (CUcontext)0x1000;
    return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size)
{
    static CUdeviceptr next = 0x7e9000000000;
    *address = next;
    next += (size + 511) & ~(size_t)511;
    return CUDA_SUCCESS;
}

CUresult cuMemFree_v2(CUdeviceptr address)
{
    return address ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

const char *victim_old_name = "k_old";
void (*victim_old_inside_unload)(void);

CUresult cuFuncGetName(const char **name, CUfunction f)
{
    *name = victim_old_name;
    return f ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

/* What its kernels were called by is free, and the call has not returned. */
CUresult cuModuleUnload(CUmodule module)
{
    if (victim_old_inside_unload)
        victim_old_inside_unload();
    return module ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                        unsigned by, unsigned bz, unsigned shared, CUstream stream, void **params,
                        void **extra)
{
    (void)gx, (void)gy, (void)gz, (void)bx, (void)by, (void)bz, (void)shared;
    (void)stream, (void)params, (void)extra;
    return f ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
