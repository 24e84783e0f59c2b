/* The stand-in for libcudart: how it reaches the driver, and what all its files share.
 *
 * As the real one it links no driver: it finds libcuda.so.1 at the first call, asks
 * cuGetProcAddress for everything, and calls through the answers only. */
#ifndef RT_DRIVER_H
#define RT_DRIVER_H

#define __CUDA_API_VERSION_INTERNAL /* typedefs of the per-thread variants too */
#include <cuda.h>
#include <cudaProfiler.h>
#include <cudaProfilerTypedefs.h>
#include <cudaTypedefs.h>
#undef __CUDA_API_VERSION_INTERNAL
#pragma GCC visibility push(default)
#include <cuda_profiler_api.h>
#include <cuda_runtime_api.h>
#pragma GCC visibility pop

struct rt_driver {
#define R(name, version) PFN_cu##name##_v##version name;
#define S(name, version) PFN_cu##name##_v##version name;
#include "rt_driver.def"
#undef R
#undef S
};

extern struct rt_driver rt,
    rt_per_thread; /* the second: per-thread-stream variants where there are */

/* Loads and initialises the driver; with a context, makes the calling thread's device current. */
cudaError_t rt_begin(void);
cudaError_t rt_begin_without_context(void);

/* Keeps an error for cudaGetLastError. The numbers of the two APIs' errors are the same. */
cudaError_t rt_end(cudaError_t error);

#define RT_CALL(call)                                                                              \
    do {                                                                                           \
        cudaError_t begun_ = rt_begin();                                                           \
        return rt_end(begun_ != cudaSuccess ? begun_ : (cudaError_t)(call));                       \
    } while (0)

/* Device address and size of a host-side shadow variable. */
cudaError_t rt_symbol(const void *symbol, CUdeviceptr *address, size_t *bytes);

#endif
