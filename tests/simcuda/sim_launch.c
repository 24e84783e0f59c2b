/* Launches. A kernel does nothing, so that a launch costs a few checks: benchmarks subtract it. */
#include "sim_capture.h"
#include "sim_config.h"
#include "sim_kernel.h"

static __attribute__((noinline)) CUresult capture(CUstream stream, const struct sim_launch *l)
{
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_KERNEL, .launch = *l};
    return sim_capture_add(stream, &work);
}

/* By value and inlined, so that the structure exists only where a capture needs it. */
static inline __attribute__((always_inline)) CUresult launch(CUstream stream, struct sim_launch l)
{
    CUresult result = sim_launch_check(&l);
    if (result != CUDA_SUCCESS)
        return result;
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    if (__builtin_expect(sim_capture_of(stream) != NULL, 0)) {
        struct sim_launch kept = l;
        return capture(stream, &kept);
    }
    if (__builtin_expect(sim_config_now.launch_ns != 0, 0))
        sim_delay(sim_config_now.launch_ns);
    return CUDA_SUCCESS;
}

#define LAUNCH(params_, extra_)                                                                    \
    launch(hStream, (struct sim_launch){f,                                                         \
                                        {gridDimX, gridDimY, gridDimZ},                            \
                                        {blockDimX, blockDimY, blockDimZ},                         \
                                        sharedMemBytes,                                            \
                                        params_,                                                   \
                                        extra_})

SIM_PTSZ(cuLaunchKernel,
         (CUfunction f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ,
          unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ,
          unsigned int sharedMemBytes, CUstream hStream, void **kernelParams, void **extra),
         LAUNCH(kernelParams, extra))
SIM_PTSZ(cuLaunchCooperativeKernel,
         (CUfunction f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ,
          unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ,
          unsigned int sharedMemBytes, CUstream hStream, void **kernelParams),
         LAUNCH(kernelParams, NULL))

static CUresult launch_config(const CUlaunchConfig *c, CUfunction f, void **params, void **extra)
{
    SIM_REQUIRE(c && (c->attrs || c->numAttrs == 0), CUDA_ERROR_INVALID_VALUE);
    struct sim_launch l = {f,
                           {c->gridDimX, c->gridDimY, c->gridDimZ},
                           {c->blockDimX, c->blockDimY, c->blockDimZ},
                           c->sharedMemBytes,
                           params,
                           extra};
    return launch(c->hStream, l);
}
SIM_PTSZ(cuLaunchKernelEx,
         (const CUlaunchConfig *config, CUfunction f, void **kernelParams, void **extra),
         launch_config(config, f, kernelParams, extra))
