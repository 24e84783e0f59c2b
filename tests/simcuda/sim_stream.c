/* Streams and events. */
#include "sim_stream.h"

#include <time.h>

#include "sim_capture.h"

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static CUresult create(struct sim_thread *self, CUstream *out, unsigned flags, int priority)
{
    SIM_REQUIRE(out && flags <= CU_STREAM_NON_BLOCKING, CUDA_ERROR_INVALID_VALUE);
    CUstream s = sim_object_new(SIM_STREAM, sizeof(*s));
    SIM_REQUIRE(s, CUDA_ERROR_OUT_OF_MEMORY);
    s->context = self->stack[self->depth - 1];
    s->flags = flags;
    s->priority = priority < -5 ? -5 : priority > 0 ? 0 : priority;
    *out = s;
    return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *phStream, unsigned int Flags)
{
    SIM_ENTER_CTX(cuStreamCreate);
    return create(self, phStream, Flags, 0);
}

CUresult cuStreamCreateWithPriority(CUstream *phStream, unsigned int flags, int priority)
{
    SIM_ENTER_CTX(cuStreamCreateWithPriority);
    return create(self, phStream, flags, priority);
}

static CUresult destroy(CUstream stream)
{
    SIM_REQUIRE(!sim_stream_is_special(stream) && sim_is(stream, SIM_STREAM),
                CUDA_ERROR_INVALID_HANDLE);
    sim_capture_abandon(stream);
    sim_object_free(stream);
    return CUDA_SUCCESS;
}

CUresult cuStreamDestroy(CUstream hStream)
{
    SIM_ENTER(cuStreamDestroy);
    return destroy(hStream);
}

CUresult cuStreamDestroy_v2(CUstream hStream)
{
    SIM_ENTER(cuStreamDestroy_v2);
    return destroy(hStream);
}

static CUresult wait_for(CUstream stream)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    return sim_capture_of(stream) ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

SIM_PTSZ(cuStreamSynchronize, (CUstream hStream), wait_for(hStream))
SIM_PTSZ(cuStreamQuery, (CUstream hStream), wait_for(hStream))

static CUresult get_priority(CUstream stream, int *priority)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(priority, CUDA_ERROR_INVALID_VALUE);
    *priority = sim_stream_is_special(stream) ? 0 : stream->priority;
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamGetPriority, (CUstream hStream, int *priority), get_priority(hStream, priority))

static CUresult get_flags(CUstream stream, unsigned *flags)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(flags, CUDA_ERROR_INVALID_VALUE);
    *flags = sim_stream_is_special(stream) ? 0 : stream->flags;
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamGetFlags, (CUstream hStream, unsigned int *flags), get_flags(hStream, flags))

static CUresult get_id(CUstream stream, unsigned long long *id)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(id, CUDA_ERROR_INVALID_VALUE);
    *id = sim_stream_is_special(stream) ? (uintptr_t)stream : stream->head.serial;
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamGetId, (CUstream hStream, unsigned long long *streamId), get_id(hStream, streamId))

static CUresult get_context(struct sim_thread *self, CUstream stream, CUcontext *ctx)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(ctx, CUDA_ERROR_INVALID_VALUE);
    *ctx = sim_stream_is_special(stream) ? self->stack[self->depth - 1] : stream->context;
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamGetCtx, (CUstream hStream, CUcontext *pctx), get_context(self, hStream, pctx))

static CUresult get_contexts(struct sim_thread *self, CUstream stream, CUcontext *ctx,
                             CUgreenCtx *green)
{
    if (green)
        *green = NULL;
    return get_context(self, stream, ctx);
}
SIM_PTSZ(cuStreamGetCtx_v2, (CUstream hStream, CUcontext *pCtx, CUgreenCtx *pGreenCtx),
         get_contexts(self, hStream, pCtx, pGreenCtx))

static CUresult get_device(struct sim_thread *self, CUstream stream, CUdevice *device)
{
    CUcontext ctx = NULL;
    SIM_REQUIRE(device, CUDA_ERROR_INVALID_VALUE);
    CUresult result = get_context(self, stream, &ctx);
    if (result == CUDA_SUCCESS)
        *device = ctx->device;
    return result;
}
SIM_PTSZ(cuStreamGetDevice, (CUstream hStream, CUdevice *device), get_device(self, hStream, device))

static CUresult wait_event(CUstream stream, CUevent event)
{
    SIM_REQUIRE(sim_stream_ok(stream) && sim_is(event, SIM_EVENT), CUDA_ERROR_INVALID_HANDLE);
    return sim_capture_follow(stream, event);
}
SIM_PTSZ(cuStreamWaitEvent, (CUstream hStream, CUevent hEvent, unsigned int Flags),
         ((void)Flags, wait_event(hStream, hEvent)))

static CUresult add_callback(CUstream stream, CUstreamCallback callback, void *data)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(callback, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(!sim_capture_of(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    callback(stream, CUDA_SUCCESS, data);
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamAddCallback,
         (CUstream hStream, CUstreamCallback callback, void *userData, unsigned int flags),
         ((void)flags, add_callback(hStream, callback, userData)))

static CUresult attach(CUstream stream)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamAttachMemAsync,
         (CUstream hStream, CUdeviceptr dptr, size_t length, unsigned int flags),
         ((void)dptr, (void)length, (void)flags, attach(hStream)))

CUresult cuEventCreate(CUevent *phEvent, unsigned int Flags)
{
    SIM_ENTER_CTX(cuEventCreate);
    SIM_REQUIRE(phEvent, CUDA_ERROR_INVALID_VALUE);
    CUevent e = sim_object_new(SIM_EVENT, sizeof(*e));
    SIM_REQUIRE(e, CUDA_ERROR_OUT_OF_MEMORY);
    e->flags = Flags;
    *phEvent = e;
    return CUDA_SUCCESS;
}

static CUresult event_destroy(CUevent event)
{
    SIM_REQUIRE(sim_is(event, SIM_EVENT), CUDA_ERROR_INVALID_HANDLE);
    sim_nodes_release(&event->after);
    sim_object_free(event);
    return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent hEvent)
{
    SIM_ENTER(cuEventDestroy);
    return event_destroy(hEvent);
}

CUresult cuEventDestroy_v2(CUevent hEvent)
{
    SIM_ENTER(cuEventDestroy_v2);
    return event_destroy(hEvent);
}

static CUresult record(CUevent event, CUstream stream)
{
    SIM_REQUIRE(sim_is(event, SIM_EVENT) && sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    event->recorded = true;
    event->time_ns = now_ns();
    sim_capture_mark(event, stream);
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuEventRecord, (CUevent hEvent, CUstream hStream), record(hEvent, hStream))
SIM_PTSZ(cuEventRecordWithFlags, (CUevent hEvent, CUstream hStream, unsigned int flags),
         ((void)flags, record(hEvent, hStream)))

CUresult cuEventQuery(CUevent hEvent)
{
    SIM_ENTER(cuEventQuery);
    SIM_REQUIRE(sim_is(hEvent, SIM_EVENT), CUDA_ERROR_INVALID_HANDLE);
    return CUDA_SUCCESS;
}

CUresult cuEventSynchronize(CUevent hEvent)
{
    SIM_ENTER(cuEventSynchronize);
    SIM_REQUIRE(sim_is(hEvent, SIM_EVENT), CUDA_ERROR_INVALID_HANDLE);
    return CUDA_SUCCESS;
}

static CUresult elapsed(float *ms, CUevent start, CUevent end)
{
    SIM_REQUIRE(ms, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(start, SIM_EVENT) && sim_is(end, SIM_EVENT), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(start->recorded && end->recorded &&
                    !((start->flags | end->flags) & CU_EVENT_DISABLE_TIMING),
                CUDA_ERROR_INVALID_HANDLE);
    *ms = (float)((double)(int64_t)(end->time_ns - start->time_ns) * 1e-6);
    return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *pMilliseconds, CUevent hStart, CUevent hEnd)
{
    SIM_ENTER(cuEventElapsedTime);
    return elapsed(pMilliseconds, hStart, hEnd);
}

CUresult cuEventElapsedTime_v2(float *pMilliseconds, CUevent hStart, CUevent hEnd)
{
    SIM_ENTER(cuEventElapsedTime_v2);
    return elapsed(pMilliseconds, hStart, hEnd);
}
