/* Contexts: a stack of them in each thread, one primary context a device. They own nothing. */
#include <pthread.h>
#include <time.h>

#include "sim_config.h"
#include "sim_device.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take_time(void)
{
    const struct timespec pause = {.tv_nsec = (long)sim_config()->context_ns};
    if (pause.tv_nsec)
        nanosleep(&pause, NULL);
}

static CUcontext context_new(CUdevice dev, unsigned flags)
{
    take_time();
    CUcontext ctx = sim_object_new(SIM_CONTEXT, sizeof(*ctx));
    if (ctx) {
        ctx->device = dev;
        ctx->flags = flags;
        ctx->id = ctx->head.serial;
    }
    return ctx;
}

static CUresult push(struct sim_thread *self, CUcontext ctx)
{
    SIM_REQUIRE(sim_is(ctx, SIM_CONTEXT), CUDA_ERROR_INVALID_CONTEXT);
    SIM_REQUIRE(self->depth < SIM_CONTEXT_DEPTH, CUDA_ERROR_OUT_OF_MEMORY);
    self->stack[self->depth++] = ctx;
    return CUDA_SUCCESS;
}

static CUresult pop(struct sim_thread *self, CUcontext *ctx)
{
    SIM_REQUIRE(self->depth > 0, CUDA_ERROR_INVALID_CONTEXT);
    self->depth--;
    if (ctx)
        *ctx = self->stack[self->depth];
    return CUDA_SUCCESS;
}

static CUresult create(struct sim_thread *self, CUcontext *pctx, unsigned flags, CUdevice dev)
{
    SIM_REQUIRE(pctx, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    CUcontext ctx = context_new(dev, flags);
    SIM_REQUIRE(ctx, CUDA_ERROR_OUT_OF_MEMORY);
    *pctx = ctx;
    return push(self, ctx);
}

static CUresult destroy(struct sim_thread *self, CUcontext ctx)
{
    SIM_REQUIRE(sim_is(ctx, SIM_CONTEXT) && !ctx->primary, CUDA_ERROR_INVALID_CONTEXT);
    if (self->depth > 0 && self->stack[self->depth - 1] == ctx)
        self->depth--;
    take_time();
    sim_object_free(ctx);
    return CUDA_SUCCESS;
}

CUresult cuCtxCreate(CUcontext *pctx, unsigned int flags, CUdevice dev)
{
    SIM_ENTER(cuCtxCreate);
    return create(self, pctx, flags, dev);
}

CUresult cuCtxCreate_v2(CUcontext *pctx, unsigned int flags, CUdevice dev)
{
    SIM_ENTER(cuCtxCreate_v2);
    return create(self, pctx, flags, dev);
}

CUresult cuCtxCreate_v3(CUcontext *pctx, CUexecAffinityParam *paramsArray, int numParams,
                        unsigned int flags, CUdevice dev)
{
    SIM_ENTER(cuCtxCreate_v3);
    SIM_REQUIRE(numParams == 0 || paramsArray, CUDA_ERROR_INVALID_VALUE);
    return create(self, pctx, flags, dev);
}

CUresult cuCtxCreate_v4(CUcontext *pctx, CUctxCreateParams *ctxCreateParams, unsigned int flags,
                        CUdevice dev)
{
    SIM_ENTER(cuCtxCreate_v4);
    (void)ctxCreateParams;
    return create(self, pctx, flags, dev);
}

CUresult cuCtxDestroy(CUcontext ctx)
{
    SIM_ENTER(cuCtxDestroy);
    return destroy(self, ctx);
}

CUresult cuCtxDestroy_v2(CUcontext ctx)
{
    SIM_ENTER(cuCtxDestroy_v2);
    return destroy(self, ctx);
}

CUresult cuCtxPushCurrent(CUcontext ctx)
{
    SIM_ENTER(cuCtxPushCurrent);
    return push(self, ctx);
}

CUresult cuCtxPushCurrent_v2(CUcontext ctx)
{
    SIM_ENTER(cuCtxPushCurrent_v2);
    return push(self, ctx);
}

CUresult cuCtxPopCurrent(CUcontext *pctx)
{
    SIM_ENTER(cuCtxPopCurrent);
    return pop(self, pctx);
}

CUresult cuCtxPopCurrent_v2(CUcontext *pctx)
{
    SIM_ENTER(cuCtxPopCurrent_v2);
    return pop(self, pctx);
}

CUresult cuCtxSetCurrent(CUcontext ctx)
{
    SIM_ENTER(cuCtxSetCurrent);
    if (self->depth > 0)
        self->depth--;
    return ctx ? push(self, ctx) : CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *pctx)
{
    SIM_ENTER(cuCtxGetCurrent);
    SIM_REQUIRE(pctx, CUDA_ERROR_INVALID_VALUE);
    *pctx = self->depth ? self->stack[self->depth - 1] : NULL;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice *device)
{
    SIM_ENTER_CTX(cuCtxGetDevice);
    SIM_REQUIRE(device, CUDA_ERROR_INVALID_VALUE);
    *device = sim_current_device(self);
    return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice_v2(CUdevice *device, CUcontext ctx)
{
    SIM_ENTER(cuCtxGetDevice_v2);
    SIM_REQUIRE(device, CUDA_ERROR_INVALID_VALUE);
    if (ctx == NULL && self->depth)
        ctx = self->stack[self->depth - 1];
    SIM_REQUIRE(sim_is(ctx, SIM_CONTEXT), CUDA_ERROR_INVALID_CONTEXT);
    *device = ctx->device;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetFlags(unsigned int *flags)
{
    SIM_ENTER_CTX(cuCtxGetFlags);
    SIM_REQUIRE(flags, CUDA_ERROR_INVALID_VALUE);
    *flags = self->stack[self->depth - 1]->flags;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetId(CUcontext ctx, unsigned long long *ctxId)
{
    SIM_ENTER(cuCtxGetId);
    SIM_REQUIRE(ctxId, CUDA_ERROR_INVALID_VALUE);
    if (ctx == NULL && self->depth)
        ctx = self->stack[self->depth - 1];
    SIM_REQUIRE(sim_is(ctx, SIM_CONTEXT), CUDA_ERROR_INVALID_CONTEXT);
    *ctxId = ctx->id;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetApiVersion(CUcontext ctx, unsigned int *version)
{
    SIM_ENTER(cuCtxGetApiVersion);
    SIM_REQUIRE(version, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(ctx == NULL || sim_is(ctx, SIM_CONTEXT), CUDA_ERROR_INVALID_CONTEXT);
    *version = 3020;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetStreamPriorityRange(int *leastPriority, int *greatestPriority)
{
    SIM_ENTER_CTX(cuCtxGetStreamPriorityRange);
    if (leastPriority)
        *leastPriority = 0;
    if (greatestPriority)
        *greatestPriority = -5;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetLimit(size_t *pvalue, CUlimit limit)
{
    SIM_ENTER_CTX(cuCtxGetLimit);
    SIM_REQUIRE(pvalue, CUDA_ERROR_INVALID_VALUE);
    *pvalue = limit == CU_LIMIT_STACK_SIZE ? 1024 : 8 << 20;
    return CUDA_SUCCESS;
}

CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
    SIM_ENTER_CTX(cuCtxSetLimit);
    (void)limit;
    (void)value;
    return CUDA_SUCCESS;
}

CUresult cuCtxSetCacheConfig(CUfunc_cache config)
{
    SIM_ENTER_CTX(cuCtxSetCacheConfig);
    (void)config;
    return CUDA_SUCCESS;
}

CUresult cuCtxEnablePeerAccess(CUcontext peerContext, unsigned int Flags)
{
    SIM_ENTER_CTX(cuCtxEnablePeerAccess);
    SIM_REQUIRE(Flags == 0, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(peerContext, SIM_CONTEXT), CUDA_ERROR_INVALID_CONTEXT);
    return CUDA_SUCCESS;
}

CUresult cuCtxDisablePeerAccess(CUcontext peerContext)
{
    SIM_ENTER_CTX(cuCtxDisablePeerAccess);
    SIM_REQUIRE(sim_is(peerContext, SIM_CONTEXT), CUDA_ERROR_INVALID_CONTEXT);
    return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize(void)
{
    SIM_ENTER_CTX(cuCtxSynchronize);
    return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize_v2(CUcontext ctx)
{
    SIM_ENTER(cuCtxSynchronize_v2);
    SIM_REQUIRE(ctx == NULL || sim_is(ctx, SIM_CONTEXT), CUDA_ERROR_INVALID_CONTEXT);
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *pctx, CUdevice dev)
{
    SIM_ENTER(cuDevicePrimaryCtxRetain);
    SIM_REQUIRE(pctx, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    pthread_mutex_lock(&lock);
    CUcontext ctx = sim_devices[dev].primary;
    if (ctx && ctx->retained == 0)
        take_time();
    if (ctx == NULL && (ctx = context_new(dev, 0))) {
        ctx->primary = true;
        sim_devices[dev].primary = ctx;
    }
    if (ctx)
        ctx->retained++;
    pthread_mutex_unlock(&lock);
    SIM_REQUIRE(ctx, CUDA_ERROR_OUT_OF_MEMORY);
    *pctx = ctx;
    return CUDA_SUCCESS;
}

/* The object stays when the last user is gone, as its handle is given out again. */
static CUresult primary_release(CUdevice dev, bool all)
{
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    pthread_mutex_lock(&lock);
    CUcontext ctx = sim_devices[dev].primary;
    bool held = ctx && ctx->retained > 0;
    if (held)
        ctx->retained = all ? 0 : ctx->retained - 1;
    pthread_mutex_unlock(&lock);
    if (all)
        take_time();
    return held || all ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice dev)
{
    SIM_ENTER(cuDevicePrimaryCtxRelease);
    return primary_release(dev, false);
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev)
{
    SIM_ENTER(cuDevicePrimaryCtxRelease_v2);
    return primary_release(dev, false);
}

CUresult cuDevicePrimaryCtxReset(CUdevice dev)
{
    SIM_ENTER(cuDevicePrimaryCtxReset);
    return primary_release(dev, true);
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice dev)
{
    SIM_ENTER(cuDevicePrimaryCtxReset_v2);
    return primary_release(dev, true);
}

static CUresult primary_set_flags(CUdevice dev)
{
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxSetFlags(CUdevice dev, unsigned int flags)
{
    SIM_ENTER(cuDevicePrimaryCtxSetFlags);
    (void)flags;
    return primary_set_flags(dev);
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice dev, unsigned int flags)
{
    SIM_ENTER(cuDevicePrimaryCtxSetFlags_v2);
    (void)flags;
    return primary_set_flags(dev);
}

CUresult cuDevicePrimaryCtxGetState(CUdevice dev, unsigned int *flags, int *active)
{
    SIM_ENTER(cuDevicePrimaryCtxGetState);
    SIM_REQUIRE(flags && active, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    pthread_mutex_lock(&lock);
    CUcontext ctx = sim_devices[dev].primary;
    *flags = 0;
    *active = ctx && ctx->retained > 0;
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}
