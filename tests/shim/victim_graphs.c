/* Graphs and what becomes of them.
 *
 * graphs          by capture, by hand and out of order, with children, clones, conditional bodies
 * graphs-aborted  a capture that ends in an error, and one whose stream is destroyed
 * graphs-many N T a graph of N nodes, launched T times
 * graphs-kill N   three graphs, launched and changed until somebody ends it, or N times
 * vmm-kill N      a range that grows and shrinks
 * devices-kill N  two threads, each on a device of its own */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "victim.h"

#define MIB2 ((size_t)2 << 20)
#define MANY 64

static struct {
    CUcontext context;
    CUstream stream;
    CUfunction two;
    uint64_t kernel;
    CUdeviceptr d;
    uint64_t graphs;
} w;

static void begin(void)
{
    CUmodule module;
    victim_begin(DOOR_HANDLE);
    MUST(REAL(cuCtxGetCurrent)(&w.context));
    MUST(REAL(cuStreamCreate)(&w.stream, CU_STREAM_NON_BLOCKING));
    MUST(REAL(cuModuleLoadData)(&module, victim_ptx));
    MUST(REAL(cuModuleGetFunction)(&w.two, module, "k_two"));
    w.kernel = victim_tell_kernel(&victim_k_two);
    w.d = victim_alloc(MIB2);
}

/* ---- entries ---- */

static void did_launch(CUdeviceptr a, CUdeviceptr b, uint64_t stream, uint64_t flags)
{
    uint64_t fields[] = {w.kernel, stream, flags, 0}, tail[] = {MT_WORD(a, 0), MT_WORD(b, 8)};
    ledger_put(MT_launch, fields, 4, tail, 2);
}

static void did_graph(CUgraphExec exec, uint64_t nodes, uint64_t flags)
{
    DID(graph, .id = ++w.graphs, .graph = (uintptr_t)exec, .nodes = nodes, .flags = flags);
}

static void did_node(CUdeviceptr a, CUdeviceptr b)
{
    did_launch(a, b, 0, MT_LAUNCH_NODE);
}

static void did_node_set(CUdeviceptr address, size_t width)
{
    DID(set, .api = MT_API_cuGraphLaunch, .address = address, .width = width, .height = 1);
}

/* ---- calls ---- */

static void launch(CUdeviceptr a, CUdeviceptr b, uint64_t flags)
{
    unsigned n = 3;
    void *params[] = {&a, &b, &n};
    MUST(CU(cuLaunchKernel)(w.two, 1, 1, 1, 1, 1, 1, 0, w.stream, params, NULL));
    did_launch(a, b, (uintptr_t)w.stream, flags);
}

static void go(CUgraphExec exec, int times)
{
    for (int i = 0; i < times; i++) {
        MUST(CU(cuGraphLaunch)(exec, w.stream));
        DID(graph_launch, .graph = (uintptr_t)exec, .stream = (uintptr_t)w.stream);
    }
}

static void destroy(CUgraphExec exec)
{
    MUST(CU(cuGraphExecDestroy)(exec));
    DID(graph_end, .graph = (uintptr_t)exec);
}

static CUgraphExec instantiate(CUgraph graph)
{
    CUgraphExec exec;
    MUST(CU(cuGraphInstantiateWithFlags)(&exec, graph, 0));
    return exec;
}

static CUgraphNode add_kernel(CUgraph graph, const CUgraphNode *needs, size_t n, CUdeviceptr a,
                              CUdeviceptr b)
{
    unsigned number = 3;
    CUgraphNode node;
    void *params[] = {&a, &b, &number};
    CUDA_KERNEL_NODE_PARAMS kernel = {.func = w.two, .gridDimX = 1, .gridDimY = 1, .gridDimZ = 1,
                                      .blockDimX = 1, .blockDimY = 1, .blockDimZ = 1,
                                      .kernelParams = params};
    MUST(REAL(cuGraphAddKernelNode_v2)(&node, graph, needs, n, &kernel));
    return node;
}

static void set_kernel(CUgraphExec exec, CUgraphNode node, CUdeviceptr a, CUdeviceptr b)
{
    unsigned number = 3;
    void *params[] = {&a, &b, &number};
    CUDA_KERNEL_NODE_PARAMS kernel = {.func = w.two, .gridDimX = 1, .gridDimY = 1, .gridDimZ = 1,
                                      .blockDimX = 1, .blockDimY = 1, .blockDimZ = 1,
                                      .kernelParams = params};
    MUST(CU(cuGraphExecKernelNodeSetParams_v2)(exec, node, &kernel));
}

static CUgraphNode add_set(CUgraph graph, const CUgraphNode *needs, size_t n, CUdeviceptr address)
{
    CUgraphNode node;
    CUDA_MEMSET_NODE_PARAMS set = {.dst = address, .elementSize = 4, .width = 8, .height = 1};
    MUST(REAL(cuGraphAddMemsetNode)(&node, graph, needs, n, &set, w.context));
    return node;
}

/* ---- graphs ---- */

static void captured(void)
{
    CUgraph graph;
    CUdeviceptr inside;
    MUST(CU(cuStreamBeginCapture_v2)(w.stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    MUST(CU(cuMemAllocAsync)(&inside, 4096, w.stream));
    MUST(CU(cuMemsetD8Async)(inside, 0, 64, w.stream));
    launch(inside, w.d, MT_LAUNCH_CAPTURED);
    MUST(CU(cuMemcpyDtoDAsync_v2)(w.d, inside, 32, w.stream));
    MUST(CU(cuMemFreeAsync)(inside, w.stream));
    MUST(CU(cuStreamEndCapture)(w.stream, &graph));
    CUgraphExec exec = instantiate(graph);
    did_graph(exec, 5, 0);
    DID(alloc, .api = MT_API_cuGraphLaunch, .address = inside, .size = 4096);
    did_node_set(inside, 64);
    did_node(inside, w.d);
    DID(copy, .api = MT_API_cuGraphLaunch, .destination = w.d, .source = inside, .size = 32);
    DID(free, .api = MT_API_cuGraphLaunch, .address = inside);
    MUST(REAL(cuGraphDestroy)(graph)); /* the executable lives on */
    go(exec, 3);
    launch(w.d, w.d, 0); /* and the stream does not capture any more */
    destroy(exec);
}

/* Nodes made in the order 0 1 2 3, which run 2 0 1 3. */
static void out_of_order(void)
{
    CUgraph graph, clone;
    CUgraphNode node[4], from[3], to[3];
    MUST(REAL(cuGraphCreate)(&graph, 0));
    for (unsigned i = 0; i < 4; i++)
        node[i] = add_kernel(graph, NULL, 0, w.d + 8 * i, w.d);
    static const int order[] = {2, 0, 1, 3};
    for (unsigned i = 0; i < 3; i++) {
        from[i] = node[order[i]];
        to[i] = node[order[i + 1]];
    }
    MUST(REAL(cuGraphAddDependencies)(graph, from, to, 3));
    MUST(REAL(cuGraphClone)(&clone, graph));
    for (int round = 0; round < 2; round++) {
        CUgraphExec exec = instantiate(round ? clone : graph);
        did_graph(exec, 4, 0);
        for (unsigned i = 0; i < 4; i++)
            did_node(w.d + 8 * (unsigned)order[i], w.d);
        go(exec, 1);
        if (!round) { /* a node is known by its handle, wherever it stands */
            set_kernel(exec, node[0], w.d + 512, w.d);
            DID(graph_update, .graph = (uintptr_t)exec, .first = 1, .nodes = 1);
            did_node(w.d + 512, w.d);
        }
        destroy(exec);
    }
    MUST(REAL(cuGraphDestroy)(graph));
    MUST(REAL(cuGraphDestroy)(clone));
}

/* A child of two nodes between others, and a conditional node. */
static void nested(void)
{
    CUgraph graph, child;
    CUgraphNode first, inner, node;
    MUST(REAL(cuGraphCreate)(&graph, 0));
    MUST(REAL(cuGraphCreate)(&child, 0));
    inner = add_kernel(child, NULL, 0, w.d + 64, w.d);
    add_set(child, &inner, 1, w.d + 128);
    first = add_set(graph, NULL, 0, w.d);
    MUST(REAL(cuGraphAddChildGraphNode)(&node, graph, &first, 1, child));
    add_kernel(graph, &node, 1, w.d + 256, w.d);
    CUgraphNodeParams params = {.type = CU_GRAPH_NODE_TYPE_CONDITIONAL,
                                .conditional = {.type = CU_GRAPH_COND_TYPE_IF, .size = 1}};
    MUST(REAL(cuGraphConditionalHandleCreate)(&params.conditional.handle, graph, w.context, 1, 1));
    MUST(CU(cuGraphAddNode_v2)(&node, graph, NULL, NULL, 0, &params));
    add_kernel(params.conditional.phGraph_out[0], NULL, 0, w.d + 8, w.d);
    CUgraphExec exec = instantiate(graph);
    did_graph(exec, 5, MT_GRAPH_MAYBE);
    did_node_set(w.d, 32);
    did_node(w.d + 64, w.d);
    did_node_set(w.d + 128, 32);
    did_node(w.d + 256, w.d);
    did_launch(w.d + 8, w.d, 0, MT_LAUNCH_NODE | MT_LAUNCH_MAYBE);
    go(exec, 2);
    destroy(exec);
    /* Of the copy's conditional node nobody tells the body. */
    CUgraph clone;
    MUST(REAL(cuGraphClone)(&clone, graph));
    exec = instantiate(clone);
    did_graph(exec, 4, MT_GRAPH_MAYBE | MT_GRAPH_PARTIAL);
    did_node_set(w.d, 32);
    did_node(w.d + 64, w.d);
    did_node_set(w.d + 128, 32);
    did_node(w.d + 256, w.d);
    destroy(exec);
}

/* An executable launched into a capture is a child there, and not a launch. */
static void captured_launch(void)
{
    CUgraph graph, outer;
    MUST(REAL(cuGraphCreate)(&graph, 0));
    add_kernel(graph, NULL, 0, w.d + 64, w.d);
    CUgraphExec exec = instantiate(graph);
    did_graph(exec, 1, 0);
    did_node(w.d + 64, w.d);
    MUST(CU(cuStreamBeginCapture_v2)(w.stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    MUST(CU(cuGraphLaunch)(exec, w.stream));
    MUST(CU(cuStreamEndCapture)(w.stream, &outer));
    CUgraphExec whole = instantiate(outer);
    did_graph(whole, 1, 0);
    did_node(w.d + 64, w.d);
    go(whole, 1);
    destroy(whole);
    destroy(exec);
}

static int graphs(int argc, char **argv)
{
    (void)argc, (void)argv;
    begin();
    captured();
    out_of_order();
    nested();
    captured_launch();
    return 0;
}

static int aborted(int argc, char **argv)
{
    CUgraph graph;
    (void)argc, (void)argv;
    begin();
    MUST(CU(cuStreamBeginCapture_v2)(w.stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    launch(w.d, w.d, MT_LAUNCH_CAPTURED);
    REAL(simcuda_fail_call)("cuStreamEndCapture", 1, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, 0);
    if (CU(cuStreamEndCapture)(w.stream, &graph) != CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)
        victim_fail("the capture was not aborted: this tests nothing");
    MUST(REAL(cuStreamDestroy_v2)(w.stream)); /* the simulated one captures on */
    MUST(REAL(cuStreamCreate)(&w.stream, CU_STREAM_NON_BLOCKING));
    launch(w.d, w.d, 0);
    MUST(CU(cuStreamBeginCapture_v2)(w.stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    launch(w.d, w.d, MT_LAUNCH_CAPTURED);
    MUST(CU(cuStreamEndCapture)(w.stream, &graph));
    launch(w.d, w.d, 0);
    /* What the driver refuses is no graph. */
    CUgraphExec exec;
    REAL(simcuda_fail_call)("cuGraphInstantiateWithFlags", 1, CUDA_ERROR_OUT_OF_MEMORY, 0);
    if (CU(cuGraphInstantiateWithFlags)(&exec, graph, 0) == CUDA_SUCCESS)
        victim_fail("the graph was instantiated: this tests nothing");
    return 0;
}

static int many(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
    int times = argc > 2 ? atoi(argv[2]) : 100;
    CUgraph graph;
    CUgraphNode node;
    begin();
    MUST(REAL(cuGraphCreate)(&graph, 0));
    for (unsigned i = 0; i < n; i++)
        node = add_kernel(graph, i ? &node : NULL, i > 0, w.d + 8 * i, w.d);
    CUgraphExec exec = instantiate(graph);
    did_graph(exec, n, 0);
    for (unsigned i = 0; i < n; i++)
        did_node(w.d + 8 * i, w.d);
    go(exec, times);
    return 0;
}

/* ---- to be killed ---- */

static int graphs_kill(int argc, char **argv)
{
    unsigned times = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    begin();
    CUgraph graph;
    CUgraphNode node[MANY];
    MUST(REAL(cuGraphCreate)(&graph, 0));
    for (unsigned i = 0; i < MANY; i++)
        node[i] = add_kernel(graph, i ? &node[i - 1] : NULL, i > 0, w.d + 8 * i, w.d);
    for (unsigned i = 0; i < times; i++) {
        CUgraphExec exec = instantiate(graph);
        did_graph(exec, MANY, 0);
        for (unsigned j = 0; j < MANY; j++)
            did_node(w.d + 8 * j, w.d);
        go(exec, 20);
        set_kernel(exec, node[i % MANY], w.d + i, w.d);
        DID(graph_update, .graph = (uintptr_t)exec, .first = i % MANY, .nodes = 1);
        did_node(w.d + i, w.d);
        go(exec, 20);
        destroy(exec);
    }
    return 0;
}

static void grow(CUdeviceptr at, CUmemGenericAllocationHandle *handle)
{
    static const CUmemAllocationProp device = {.type = CU_MEM_ALLOCATION_TYPE_PINNED,
                                               .location.type = CU_MEM_LOCATION_TYPE_DEVICE};
    MUST(CU(cuMemCreate)(handle, MIB2, &device, 0));
    DID(create, .handle = *handle, .size = MIB2);
    MUST(CU(cuMemMap)(at, MIB2, 0, *handle, 0));
    DID(map, .address = at, .size = MIB2, .handle = *handle);
}

static void shrink(CUdeviceptr at, CUmemGenericAllocationHandle handle)
{
    MUST(CU(cuMemUnmap)(at, MIB2));
    DID(unmap, .address = at, .size = MIB2);
    MUST(CU(cuMemRelease)(handle));
    DID(release, .handle = handle);
}

static int vmm_kill(int argc, char **argv)
{
    unsigned times = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    CUmemGenericAllocationHandle handle[8];
    CUdeviceptr range;
    begin();
    MUST(CU(cuMemAddressReserve)(&range, 8 * MIB2, 0, 0, 0));
    DID(reserve, .address = range, .size = 8 * MIB2);
    for (unsigned i = 0; i < times; i++) {
        for (unsigned j = 0; j < 8; j++) {
            grow(range + j * MIB2, &handle[j]);
            launch(range + j * MIB2, w.d, 0);
        }
        for (unsigned j = 8; j-- > 0;)
            shrink(range + j * MIB2, handle[j]);
    }
    return 0;
}

static unsigned device_times;

static void *on_device(void *device)
{
    CUcontext context;
    CUdevice ordinal = (CUdevice)(uintptr_t)device;
    MUST(CU(cuDevicePrimaryCtxRetain)(&context, ordinal));
    if (ordinal > 0) /* that of the first was there before */
        victim_lasted(MT_API_cuDevicePrimaryCtxRetain, MT_UPKEEP_CONTEXT);
    MUST(REAL(cuCtxSetCurrent)(context));
    for (unsigned i = 0; i < device_times; i++) {
        CUdeviceptr address;
        MUST(CU(cuMemAlloc_v2)(&address, 4096));
        DID(alloc, .api = MT_API_cuMemAlloc_v2, .address = address, .size = 4096,
            .device = (uint64_t)ordinal, .context = 1 + (uint64_t)ordinal);
        MUST(CU(cuMemsetD8_v2)(address, 0, 16));
        DID(set, .api = MT_API_cuMemsetD8_v2, .address = address, .width = 16, .height = 1);
        MUST(CU(cuMemcpyPeer)(address, context, w.d, w.context, 64));
        DID(copy, .api = MT_API_cuMemcpyPeer, .destination = address, .source = w.d, .size = 64);
        victim_free(address);
    }
    return NULL;
}

/* SIMCUDA_DEVICES=2 */
static int devices_kill(int argc, char **argv)
{
    pthread_t thread[2];
    device_times = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    begin();
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, on_device, (void *)i);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    return 0;
}

const struct victim_command victim_graphs[] = {
    {"graphs", graphs},     {"graphs-aborted", aborted},  {"graphs-many", many},
    {"vmm-kill", vmm_kill}, {"graphs-kill", graphs_kill}, {"devices-kill", devices_kill},
    {NULL, NULL}};
