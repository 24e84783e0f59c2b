/* The simulated driver as benchmarks of hooks call it, and PyTorch's allocator as it reports. */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include <stddef.h>
#include <stdint.h>

/* Every variant under its own name. */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>

typedef void bench_report_fn(void *block, int64_t size, size_t allocated, size_t reserved,
                             uint16_t device);

struct bench_driver {
    __typeof__(&cuCtxSetCurrent) set_context;
    __typeof__(&cuMemAlloc_v2) alloc;
    __typeof__(&cuMemFree_v2) release;
    __typeof__(&cuLaunchKernel) launch;
    __typeof__(&cuLaunchKernelEx) launch_ex;
    bench_report_fn *report; /* NULL: nobody hears it */
    CUcontext context;
    CUfunction three;   /* three pointers and a number */
    CUfunction large;   /* one structure of BENCH_LARGE bytes */
    CUdeviceptr memory; /* 1 MiB */
};
#define BENCH_LARGE 2880

/* Exits where the driver is not there. */
void bench_driver_open(struct bench_driver *driver);
void bench_check(CUresult result, const char *what);

/* One call, or a pair of calls, of each kind. */
void bench_launch(const struct bench_driver *driver);
void bench_launch_ex(const struct bench_driver *driver);
void bench_launch_large(const struct bench_driver *driver);
void bench_alloc_free(const struct bench_driver *driver);
void bench_block(const struct bench_driver *driver);

#endif
