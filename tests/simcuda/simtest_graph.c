/* Graphs, made by hand and captured: what they do when launched. */
#include "simtest.h"

#include <string.h>

static const char ptx[] = ".version 8.8\n.entry k(.param .u64 p, .param .u32 n) { ret; }\n";

struct scene {
    CUfunction k;
    CUstream s, t;
    CUevent e;
    CUdeviceptr d;
};

static struct scene begin(void)
{
    struct scene s;
    CUmodule m;
    simtest_context();
    OK(cuModuleLoadData(&m, ptx));
    OK(cuModuleGetFunction(&s.k, m, "k"));
    OK(cuStreamCreate(&s.s, CU_STREAM_NON_BLOCKING));
    OK(cuStreamCreate(&s.t, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&s.e, CU_EVENT_DISABLE_TIMING));
    OK(cuMemAlloc(&s.d, 4096));
    return s;
}

static unsigned value_at(CUdeviceptr d)
{
    unsigned v;
    OK(cuMemcpyDtoH(&v, d, 4));
    return v;
}

static void launch_captured(struct scene *s)
{
    unsigned n = 7;
    void *params[] = {&s->d, &n};
    OK(cuLaunchKernel(s->k, 1, 1, 1, 32, 1, 1, 0, s->s, params, NULL));
    n = 0; /* the node has its own copy by now */
}

START_TEST(a_capture_runs_when_launched)
{
    struct scene s = begin();
    CUgraph g;
    CUgraphExec exec;
    CUstreamCaptureStatus status;
    CUgraphNode nodes[8];
    CUgraphNodeType type;
    size_t n = 8;
    OK(cuMemsetD32(s.d, 1, 10));
    OK(cuStreamBeginCapture(s.s, CU_STREAM_CAPTURE_MODE_GLOBAL));
    FAILS(CUDA_ERROR_ILLEGAL_STATE, cuStreamBeginCapture(s.s, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuStreamIsCapturing(s.s, &status));
    ck_assert_int_eq(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    FAILS(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuStreamSynchronize(s.s));
    launch_captured(&s);
    OK(cuMemsetD32Async(s.d, 5, 1, s.s));
    OK(cuMemcpyDtoDAsync(s.d + 4, s.d, 4, s.s));
    OK(cuStreamEndCapture(s.s, &g));
    ck_assert_uint_eq(value_at(s.d), 1); /* nothing happened yet */
    OK(cuGraphGetNodes(g, nodes, &n));
    ck_assert_uint_eq(n, 3);
    OK(cuGraphNodeGetType(nodes[0], &type));
    ck_assert_int_eq(type, CU_GRAPH_NODE_TYPE_KERNEL);
    CUDA_KERNEL_NODE_PARAMS p;
    OK(cuGraphKernelNodeGetParams(nodes[0], &p));
    ck_assert_ptr_eq(p.func, s.k);
    ck_assert_uint_eq(*(CUdeviceptr *)p.kernelParams[0], s.d);
    ck_assert_uint_eq(*(unsigned *)p.kernelParams[1], 7);
    OK(cuGraphInstantiate(&exec, g, 0));
    OK(cuGraphDestroy(g));
    OK(cuGraphLaunch(exec, s.s));
    ck_assert_uint_eq(value_at(s.d + 4), 5);
    OK(cuMemsetD32(s.d, 1, 10));
    OK(cuGraphLaunch(exec, NULL));
    ck_assert_uint_eq(value_at(s.d + 4), 5);
    OK(cuGraphExecDestroy(exec));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuGraphLaunch(exec, NULL));
}
END_TEST

START_TEST(events_draw_streams_into_a_capture)
{
    struct scene s = begin();
    CUgraph g;
    CUgraphNode from[8], to[8];
    size_t n = 8;
    CUstreamCaptureStatus status;
    OK(cuStreamBeginCapture(s.s, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cuMemsetD32Async(s.d, 5, 1, s.s));
    OK(cuEventRecord(s.e, s.s));
    OK(cuStreamWaitEvent(s.t, s.e, 0));
    OK(cuStreamIsCapturing(s.t, &status));
    ck_assert_int_eq(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    OK(cuMemsetD32Async(s.d + 4, 6, 1, s.t));
    OK(cuMemsetD32Async(s.d + 8, 7, 1, s.s));
    OK(cuEventRecord(s.e, s.t));
    OK(cuStreamWaitEvent(s.s, s.e, 0));
    OK(cuMemsetD32Async(s.d + 12, 8, 1, s.s));
    FAILS(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, cuStreamEndCapture(s.t, &g));
    OK(cuStreamEndCapture(s.s, &g));
    OK(cuStreamIsCapturing(s.t, &status));
    ck_assert_int_eq(status, CU_STREAM_CAPTURE_STATUS_NONE);
    CUgraph next;
    OK(cuStreamBeginCapture(s.s, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cuStreamWaitEvent(s.t, s.e, 0)); /* of the capture that is over, not of this one */
    OK(cuStreamIsCapturing(s.t, &status));
    ck_assert_int_eq(status, CU_STREAM_CAPTURE_STATUS_NONE);
    OK(cuStreamEndCapture(s.s, &next));
    OK(cuGraphGetEdges(g, from, to, NULL, &n));
    ck_assert_uint_eq(n, 4); /* 0-1, 0-2, 1-3, 2-3 */
    OK(cuGraphGetRootNodes(g, NULL, &n));
    ck_assert_uint_eq(n, 1);
    FAILS(CUDA_ERROR_ILLEGAL_STATE, cuStreamEndCapture(s.s, &g));
    OK(cuGraphDestroy(g));
}
END_TEST

static void count(void *data)
{
    ++*(int *)data;
}

START_TEST(a_graph_by_hand_runs_in_order)
{
    struct scene s = begin();
    CUgraph g, copy;
    CUgraphExec exec;
    CUgraphNode set, move, call, kernel, found;
    int calls = 0;
    CUDA_MEMSET_NODE_PARAMS fill = {
        .dst = s.d, .value = 9, .elementSize = 4, .width = 4, .height = 1};
    CUDA_MEMCPY3D box = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
                         .srcDevice = s.d,
                         .dstMemoryType = CU_MEMORYTYPE_DEVICE,
                         .dstDevice = s.d + 64,
                         .WidthInBytes = 16,
                         .Height = 1,
                         .Depth = 1};
    CUDA_HOST_NODE_PARAMS host = {count, &calls};
    unsigned n = 3;
    void *params[] = {&s.d, &n};
    CUDA_KERNEL_NODE_PARAMS k = {.func = s.k,
                                 .gridDimX = 1,
                                 .gridDimY = 1,
                                 .gridDimZ = 1,
                                 .blockDimX = 1,
                                 .blockDimY = 1,
                                 .blockDimZ = 1,
                                 .kernelParams = params};
    OK(cuGraphCreate(&g, 0));
    OK(cuGraphAddMemcpyNode(&move, g, NULL, 0, &box,
                            NULL)); /* before the set, but after it in time */
    OK(cuGraphAddMemsetNode(&set, g, NULL, 0, &fill, NULL));
    OK(cuGraphAddDependencies(g, &set, &move, NULL, 1));
    OK(cuGraphAddHostNode(&call, g, &move, 1, &host));
    OK(cuGraphAddKernelNode(&kernel, g, &call, 1, &k));
    OK(cuGraphClone(&copy, g));
    OK(cuGraphNodeFindInClone(&found, move, copy));
    ck_assert_ptr_ne(found, move);
    OK(cuGraphInstantiate(&exec, g, 0));
    OK(cuGraphLaunch(exec, s.s));
    ck_assert_uint_eq(value_at(s.d + 64), 9);
    ck_assert_int_eq(calls, 1);
    fill.value = 4;
    OK(cuGraphExecMemsetNodeSetParams(exec, set, &fill, NULL));
    OK(cuGraphNodeSetEnabled(exec, call, 0));
    OK(cuGraphLaunch(exec, s.s));
    ck_assert_uint_eq(value_at(s.d + 64), 4);
    ck_assert_int_eq(calls, 1);
    CUgraphExecUpdateResultInfo info;
    OK(cuGraphExecUpdate(exec, copy, &info));
    OK(cuGraphLaunch(exec, s.s));
    ck_assert_uint_eq(value_at(s.d + 64), 9);
    OK(cuGraphAddEmptyNode(&found, copy, NULL, 0));
    FAILS(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, cuGraphExecUpdate(exec, copy, &info));
    ck_assert_int_eq(info.result, CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED);
    OK(cuGraphAddDependencies(g, &move, &set, NULL, 1)); /* a circle */
    FAILS(CUDA_ERROR_INVALID_VALUE, cuGraphInstantiate(&exec, g, 0));
}
END_TEST

START_TEST(memory_of_a_graph_lives_as_long_as_its_copies)
{
    struct scene s = begin();
    CUgraph g;
    CUgraphExec exec;
    CUdeviceptr p;
    OK(cuStreamBeginCapture(s.s, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuMemAllocAsync(&p, 1000, s.s));
    OK(cuMemsetD32Async(p, 3, 1, s.s));
    OK(cuMemFreeAsync(p, s.s));
    OK(cuStreamEndCapture(s.s, &g));
    OK(cuGraphInstantiate(&exec, g, 0));
    OK(cuGraphDestroy(g));
    ck_assert_uint_eq(simcuda_live(), 2); /* the scene's block and this one */
    OK(cuGraphLaunch(exec, s.s));
    OK(cuGraphExecDestroy(exec));
    ck_assert_uint_eq(simcuda_live(), 1);
}
END_TEST

START_TEST(a_graph_launched_into_a_capture_is_its_child)
{
    struct scene s = begin();
    CUgraph g, outer;
    CUgraphExec exec, outer_exec;
    OK(cuStreamBeginCapture(s.s, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuMemsetD32Async(s.d, 5, 1, s.s));
    OK(cuStreamEndCapture(s.s, &g));
    OK(cuGraphInstantiate(&exec, g, 0));
    OK(cuStreamBeginCapture(s.s, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuGraphLaunch(exec, s.s));
    OK(cuStreamEndCapture(s.s, &outer));
    OK(cuMemsetD32(s.d, 0, 1));
    OK(cuGraphInstantiate(&outer_exec, outer, 0));
    OK(cuGraphLaunch(outer_exec, s.s));
    ck_assert_uint_eq(value_at(s.d), 5);
}
END_TEST

UNIT_MAIN("graph", a_capture_runs_when_launched, events_draw_streams_into_a_capture,
             a_graph_by_hand_runs_in_order, memory_of_a_graph_lives_as_long_as_its_copies,
             a_graph_launched_into_a_capture_is_its_child)
