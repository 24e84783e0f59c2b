/* Runtime API: devices, streams, events, capture, graphs, profiler. */
#include "rt_driver.h"

#include <string.h>

cudaError_t cudaGetDeviceCount(int *count)
{
    cudaError_t result = rt_begin_without_context();
    *count = 0;
    return rt_end(result != cudaSuccess ? result : (cudaError_t)rt.DeviceGetCount(count));
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device)
{
    cudaError_t result = rt_begin_without_context();
    return rt_end(
        result != cudaSuccess
            ? result /* the numbers of the two APIs' attributes are the same */
            : (cudaError_t)rt.DeviceGetAttribute(value, (CUdevice_attribute)attr, device));
}

static void fill_limits(struct cudaDeviceProp *p, int device)
{
    const struct {
        enum cudaDeviceAttr attribute;
        int *value;
    } rows[] = {
        {cudaDevAttrComputeCapabilityMajor, &p->major},
        {cudaDevAttrComputeCapabilityMinor, &p->minor},
        {cudaDevAttrMultiProcessorCount, &p->multiProcessorCount},
        {cudaDevAttrWarpSize, &p->warpSize},
        {cudaDevAttrMaxThreadsPerBlock, &p->maxThreadsPerBlock},
        {cudaDevAttrMaxBlockDimX, &p->maxThreadsDim[0]},
        {cudaDevAttrMaxBlockDimY, &p->maxThreadsDim[1]},
        {cudaDevAttrMaxBlockDimZ, &p->maxThreadsDim[2]},
        {cudaDevAttrMaxGridDimX, &p->maxGridSize[0]},
        {cudaDevAttrMaxGridDimY, &p->maxGridSize[1]},
        {cudaDevAttrMaxGridDimZ, &p->maxGridSize[2]},
        {cudaDevAttrMaxRegistersPerBlock, &p->regsPerBlock},
        {cudaDevAttrMaxRegistersPerMultiprocessor, &p->regsPerMultiprocessor},
        {cudaDevAttrMaxThreadsPerMultiProcessor, &p->maxThreadsPerMultiProcessor},
        {cudaDevAttrL2CacheSize, &p->l2CacheSize},
        {cudaDevAttrGlobalMemoryBusWidth, &p->memoryBusWidth},
        {cudaDevAttrAsyncEngineCount, &p->asyncEngineCount},
        {cudaDevAttrUnifiedAddressing, &p->unifiedAddressing},
        {cudaDevAttrManagedMemory, &p->managedMemory},
        {cudaDevAttrConcurrentKernels, &p->concurrentKernels},
        {cudaDevAttrCooperativeLaunch, &p->cooperativeLaunch},
        {cudaDevAttrMemoryPoolsSupported, &p->memoryPoolsSupported},
        {cudaDevAttrPciBusId, &p->pciBusID},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        rt.DeviceGetAttribute(rows[i].value, (CUdevice_attribute)rows[i].attribute, device);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int device)
{
    cudaError_t result = rt_begin_without_context();
    memset(prop, 0, sizeof(*prop));
    if (result == cudaSuccess)
        result = (cudaError_t)rt.DeviceGetName(prop->name, sizeof(prop->name), device);
    if (result != cudaSuccess)
        return rt_end(result);
    int shared = 0, optin = 0;
    fill_limits(prop, device);
    rt.DeviceTotalMem(&prop->totalGlobalMem, device);
    rt.DeviceGetUuid((CUuuid *)&prop->uuid, device);
    rt.DeviceGetAttribute(&shared, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, device);
    rt.DeviceGetAttribute(&optin, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device);
    prop->sharedMemPerBlock = (size_t)shared;
    prop->sharedMemPerBlockOptin = (size_t)optin;
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void)
{
    RT_CALL(rt.CtxSynchronize());
}

cudaError_t cudaDeviceCanAccessPeer(int *can, int device, int peer)
{
    RT_CALL(rt.DeviceCanAccessPeer(can, device, peer));
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest)
{
    RT_CALL(rt.CtxGetStreamPriorityRange(least, greatest));
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
    RT_CALL(rt.MemGetInfo(free, total));
}

cudaError_t cudaProfilerStart(void)
{
    RT_CALL(rt.ProfilerStart());
}

cudaError_t cudaProfilerStop(void)
{
    RT_CALL(rt.ProfilerStop());
}

cudaError_t cudaGetDriverEntryPointByVersion(const char *symbol, void **fn, unsigned int version,
                                             unsigned long long flags,
                                             enum cudaDriverEntryPointQueryResult *status)
{
    CUdriverProcAddressQueryResult found = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    cudaError_t result = rt_begin_without_context();
    if (result == cudaSuccess)
        result = (cudaError_t)rt.GetProcAddress(symbol, fn, (int)version, flags, &found);
    if (status)
        *status = (enum cudaDriverEntryPointQueryResult)found;
    return rt_end(result);
}

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    RT_CALL(rt.StreamCreate(stream, CU_STREAM_DEFAULT));
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags)
{
    RT_CALL(rt.StreamCreate(stream, flags));
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned int flags, int priority)
{
    RT_CALL(rt.StreamCreateWithPriority(stream, flags, priority));
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    RT_CALL(rt.StreamDestroy(stream));
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    RT_CALL(rt.StreamSynchronize(stream));
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    RT_CALL(rt.StreamQuery(stream));
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
    RT_CALL(rt.StreamWaitEvent(stream, event, flags));
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    RT_CALL(rt.StreamBeginCapture(stream, (CUstreamCaptureMode)mode));
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    RT_CALL(rt.StreamEndCapture(stream, graph));
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status)
{
    CUstreamCaptureStatus is = CU_STREAM_CAPTURE_STATUS_NONE;
    cudaError_t result = rt_begin();
    if (result == cudaSuccess)
        result = (cudaError_t)rt.StreamIsCapturing(stream, &is);
    *status = (enum cudaStreamCaptureStatus)is;
    return rt_end(result);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags)
{
    RT_CALL(rt.GraphInstantiateWithFlags(exec, graph, flags));
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    RT_CALL(rt.GraphLaunch(exec, stream));
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    RT_CALL(rt.GraphExecDestroy(exec));
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    RT_CALL(rt.GraphDestroy(graph));
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    RT_CALL(rt.EventCreate(event, CU_EVENT_DEFAULT));
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags)
{
    RT_CALL(rt.EventCreate(event, flags));
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    RT_CALL(rt.EventRecord(event, stream));
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    RT_CALL(rt.EventQuery(event));
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    RT_CALL(rt.EventSynchronize(event));
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    RT_CALL(rt.EventDestroy(event));
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
    RT_CALL(rt.EventElapsedTime(ms, start, end));
}
