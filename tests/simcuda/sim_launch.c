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

static CUresult launch_all(const CUDA_LAUNCH_PARAMS *list, unsigned n)
{
    CUresult result = list && n ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    for (unsigned i = 0; i < n && result == CUDA_SUCCESS; i++) {
        const CUDA_LAUNCH_PARAMS *p = &list[i];
        struct sim_launch l = {p->function,
                               {p->gridDimX, p->gridDimY, p->gridDimZ},
                               {p->blockDimX, p->blockDimY, p->blockDimZ},
                               p->sharedMemBytes,
                               p->kernelParams,
                               NULL};
        result = launch(p->hStream, l);
    }
    return result;
}

CUresult cuLaunchCooperativeKernelMultiDevice(CUDA_LAUNCH_PARAMS *launchParamsList,
                                              unsigned int numDevices, unsigned int flags)
{
    SIM_ENTER_CTX(cuLaunchCooperativeKernelMultiDevice);
    (void)flags;
    return launch_all(launchParamsList, numDevices);
}

/* Launches of before CUDA 4. The calls that set their parameters are stubs, so none are checked. */
static CUresult launch_old(CUfunction f, int width, int height, CUstream stream)
{
    SIM_REQUIRE(sim_is(f, SIM_FUNCTION), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(width > 0 && height > 0, CUDA_ERROR_INVALID_VALUE);
    return sim_stream_ok(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

#define OLD(name, params, width, height, stream)                                                   \
    CUresult name params                                                                           \
    {                                                                                              \
        SIM_ENTER_CTX(name);                                                                       \
        return launch_old(f, width, height, stream);                                               \
    }
OLD(cuLaunch, (CUfunction f), 1, 1, NULL)
OLD(cuLaunchGrid, (CUfunction f, int grid_width, int grid_height), grid_width, grid_height, NULL)
OLD(cuLaunchGridAsync, (CUfunction f, int grid_width, int grid_height, CUstream hStream),
    grid_width, grid_height, hStream)
