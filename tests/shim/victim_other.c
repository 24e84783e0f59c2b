/* libvictim-other.so: another tool that wraps the driver, and finds the next cuMemAlloc_v2 as tools
 * do. */
#include <dlfcn.h>

#define __CUDA_API_VERSION_INTERNAL
#pragma GCC visibility push(default)
#include <cuda.h>

unsigned victim_other_calls;

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size)
{
    __typeof__(&cuMemAlloc_v2) next = (__typeof__(&cuMemAlloc_v2))dlsym(RTLD_NEXT, "cuMemAlloc_v2");
    victim_other_calls++;
    return next ? next(address, size) : CUDA_ERROR_NOT_FOUND;
}

/* It attaches to NVTX as well, and listens to nothing. */
__attribute__((visibility("default"))) int InitializeInjectionNvtx2(const void *get);
int InitializeInjectionNvtx2(const void *get)
{
    return get != NULL;
}
