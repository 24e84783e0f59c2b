/* Making graphs by hand: nodes of every kind, and what is asked about them. */
#include <stdlib.h>

#include "sim_graph.h"
#include "sim_kernel.h"

CUresult cuGraphCreate(CUgraph *phGraph, unsigned int flags)
{
    SIM_ENTER(cuGraphCreate);
    SIM_REQUIRE(phGraph && flags == 0, CUDA_ERROR_INVALID_VALUE);
    *phGraph = sim_graph_new();
    return *phGraph ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuGraphDestroy(CUgraph hGraph)
{
    SIM_ENTER(cuGraphDestroy);
    SIM_REQUIRE(sim_is(hGraph, SIM_GRAPH), CUDA_ERROR_INVALID_VALUE);
    sim_graph_free(hGraph);
    return CUDA_SUCCESS;
}

CUresult cuGraphClone(CUgraph *phGraphClone, CUgraph originalGraph)
{
    SIM_ENTER(cuGraphClone);
    SIM_REQUIRE(phGraphClone && sim_is(originalGraph, SIM_GRAPH), CUDA_ERROR_INVALID_VALUE);
    *phGraphClone = sim_graph_clone(originalGraph);
    return *phGraphClone ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuGraphNodeFindInClone(CUgraphNode *phNode, CUgraphNode hOriginalNode,
                                CUgraph hClonedGraph)
{
    SIM_ENTER(cuGraphNodeFindInClone);
    SIM_REQUIRE(phNode && sim_is(hClonedGraph, SIM_GRAPH), CUDA_ERROR_INVALID_VALUE);
    *phNode = sim_graph_find(hClonedGraph, hOriginalNode);
    return *phNode ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult add(CUgraphNode *out, CUgraph graph, const CUgraphNode *needs, size_t n,
                    const struct sim_work *work)
{
    SIM_REQUIRE(out && sim_is(graph, SIM_GRAPH) && (needs || n == 0), CUDA_ERROR_INVALID_VALUE);
    CUresult result = sim_work_check(work);
    return result == CUDA_SUCCESS ? sim_graph_add(graph, work, needs, n, out) : result;
}

/* The three forms of a kernel node's parameters begin alike. */
#define KERNEL_WORK(p, f)                                                                          \
    {                                                                                              \
        .type = CU_GRAPH_NODE_TYPE_KERNEL, .launch = {                                             \
            f,                                                                                     \
            {p->gridDimX, p->gridDimY, p->gridDimZ},                                               \
            {p->blockDimX, p->blockDimY, p->blockDimZ},                                            \
            p->sharedMemBytes,                                                                     \
            p->kernelParams,                                                                       \
            p->extra                                                                               \
        }                                                                                          \
    }

static const void *function_of(CUfunction func, CUkernel kern)
{
    return func ? (const void *)func : (const void *)kern;
}

#define KERNEL_PARAMS(p, l)                                                                        \
    do {                                                                                           \
        (p)->func = sim_is((l)->function, SIM_FUNCTION) ? node_function(l) : NULL;                 \
        (p)->gridDimX = (l)->grid[0];                                                              \
        (p)->gridDimY = (l)->grid[1];                                                              \
        (p)->gridDimZ = (l)->grid[2];                                                              \
        (p)->blockDimX = (l)->block[0];                                                            \
        (p)->blockDimY = (l)->block[1];                                                            \
        (p)->blockDimZ = (l)->block[2];                                                            \
        (p)->sharedMemBytes = (l)->shared;                                                         \
        (p)->kernelParams = (l)->params;                                                           \
        (p)->extra = (l)->extra;                                                                   \
    } while (0)

static void *handle_of(const struct sim_launch *l)
{
    return (void *)(uintptr_t)l->function;
}

static CUfunction node_function(const struct sim_launch *l)
{
    return handle_of(l);
}

CUresult cuGraphAddKernelNode(CUgraphNode *phGraphNode, CUgraph hGraph,
                              const CUgraphNode *dependencies, size_t numDependencies,
                              const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
    SIM_ENTER(cuGraphAddKernelNode);
    SIM_REQUIRE(nodeParams, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = KERNEL_WORK(nodeParams, nodeParams->func);
    return add(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

CUresult cuGraphAddKernelNode_v2(CUgraphNode *phGraphNode, CUgraph hGraph,
                                 const CUgraphNode *dependencies, size_t numDependencies,
                                 const CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
    SIM_ENTER(cuGraphAddKernelNode_v2);
    SIM_REQUIRE(nodeParams, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = KERNEL_WORK(nodeParams, function_of(nodeParams->func, nodeParams->kern));
    return add(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

static bool is_node(CUgraphNode node, CUgraphNodeType type)
{
    return sim_is(node, SIM_NODE) && node->work.type == type;
}

CUresult cuGraphKernelNodeGetParams(CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
    SIM_ENTER(cuGraphKernelNodeGetParams);
    SIM_REQUIRE(is_node(hNode, CU_GRAPH_NODE_TYPE_KERNEL) && nodeParams, CUDA_ERROR_INVALID_VALUE);
    KERNEL_PARAMS(nodeParams, &hNode->work.launch);
    return CUDA_SUCCESS;
}

CUresult cuGraphKernelNodeGetParams_v2(CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
    SIM_ENTER(cuGraphKernelNodeGetParams_v2);
    SIM_REQUIRE(is_node(hNode, CU_GRAPH_NODE_TYPE_KERNEL) && nodeParams, CUDA_ERROR_INVALID_VALUE);
    KERNEL_PARAMS(nodeParams, &hNode->work.launch);
    nodeParams->ctx = NULL;
    nodeParams->kern = nodeParams->func ? NULL : handle_of(&hNode->work.launch);
    return CUDA_SUCCESS;
}

static CUresult set_work(CUgraphNode node, const struct sim_work *work)
{
    SIM_REQUIRE(node && is_node(node, work->type), CUDA_ERROR_INVALID_VALUE);
    CUresult result = sim_work_check(work);
    return result == CUDA_SUCCESS ? sim_node_set_work(node, work) : result;
}

static CUgraphNode in_exec(CUgraphExec exec, CUgraphNode node)
{
    return sim_is(exec, SIM_EXEC) ? sim_graph_find(exec->graph, node) : NULL;
}

CUresult cuGraphKernelNodeSetParams(CUgraphNode hNode, const CUDA_KERNEL_NODE_PARAMS_v1 *p)
{
    SIM_ENTER(cuGraphKernelNodeSetParams);
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = KERNEL_WORK(p, p->func);
    return set_work(hNode, &work);
}

CUresult cuGraphKernelNodeSetParams_v2(CUgraphNode hNode, const CUDA_KERNEL_NODE_PARAMS *p)
{
    SIM_ENTER(cuGraphKernelNodeSetParams_v2);
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = KERNEL_WORK(p, function_of(p->func, p->kern));
    return set_work(hNode, &work);
}

CUresult cuGraphExecKernelNodeSetParams(CUgraphExec hGraphExec, CUgraphNode hNode,
                                        const CUDA_KERNEL_NODE_PARAMS_v1 *p)
{
    SIM_ENTER(cuGraphExecKernelNodeSetParams);
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = KERNEL_WORK(p, p->func);
    return set_work(in_exec(hGraphExec, hNode), &work);
}

CUresult cuGraphExecKernelNodeSetParams_v2(CUgraphExec hGraphExec, CUgraphNode hNode,
                                           const CUDA_KERNEL_NODE_PARAMS *p)
{
    SIM_ENTER(cuGraphExecKernelNodeSetParams_v2);
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = KERNEL_WORK(p, function_of(p->func, p->kern));
    return set_work(in_exec(hGraphExec, hNode), &work);
}

static CUresult copy_work(const CUDA_MEMCPY3D *p, struct sim_work *work)
{
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    work->type = CU_GRAPH_NODE_TYPE_MEMCPY;
    return sim_copy_from_3d(&work->copy, p);
}

CUresult cuGraphAddMemcpyNode(CUgraphNode *phGraphNode, CUgraph hGraph,
                              const CUgraphNode *dependencies, size_t numDependencies,
                              const CUDA_MEMCPY3D *copyParams, CUcontext ctx)
{
    SIM_ENTER(cuGraphAddMemcpyNode);
    (void)ctx;
    struct sim_work work;
    CUresult result = copy_work(copyParams, &work);
    return result == CUDA_SUCCESS ? add(phGraphNode, hGraph, dependencies, numDependencies, &work)
                                  : result;
}

CUresult cuGraphMemcpyNodeSetParams(CUgraphNode hNode, const CUDA_MEMCPY3D *nodeParams)
{
    SIM_ENTER(cuGraphMemcpyNodeSetParams);
    struct sim_work work;
    CUresult result = copy_work(nodeParams, &work);
    return result == CUDA_SUCCESS ? set_work(hNode, &work) : result;
}

CUresult cuGraphExecMemcpyNodeSetParams(CUgraphExec hGraphExec, CUgraphNode hNode,
                                        const CUDA_MEMCPY3D *copyParams, CUcontext ctx)
{
    SIM_ENTER(cuGraphExecMemcpyNodeSetParams);
    (void)ctx;
    struct sim_work work;
    CUresult result = copy_work(copyParams, &work);
    return result == CUDA_SUCCESS ? set_work(in_exec(hGraphExec, hNode), &work) : result;
}

#define COPY_SIDE(p, side, copy, prefix)                                                           \
    do {                                                                                           \
        bool on_device = sim_is_device_address((copy)->prefix);                                    \
        (p)->side##MemoryType = on_device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;             \
        (p)->side##Device = on_device ? (copy)->prefix : 0;                                        \
        (p)->side##Host = on_device ? NULL : (void *)(uintptr_t)(copy)->prefix;                    \
        (p)->side##Pitch = (copy)->prefix##_pitch;                                                 \
        (p)->side##Height =                                                                        \
            (copy)->prefix##_pitch ? (copy)->prefix##_slice / (copy)->prefix##_pitch : 0;          \
    } while (0)

/* Offsets and arrays come back resolved to addresses. */
CUresult cuGraphMemcpyNodeGetParams(CUgraphNode hNode, CUDA_MEMCPY3D *nodeParams)
{
    SIM_ENTER(cuGraphMemcpyNodeGetParams);
    SIM_REQUIRE(is_node(hNode, CU_GRAPH_NODE_TYPE_MEMCPY) && nodeParams, CUDA_ERROR_INVALID_VALUE);
    const struct sim_copy *c = &hNode->work.copy;
    *nodeParams = (CUDA_MEMCPY3D){.WidthInBytes = c->width, .Height = c->height, .Depth = c->depth};
    COPY_SIDE(nodeParams, dst, c, dst);
    COPY_SIDE(nodeParams, src, c, src);
    return CUDA_SUCCESS;
}

static struct sim_work set_of(const CUDA_MEMSET_NODE_PARAMS *p)
{
    return (struct sim_work){
        .type = CU_GRAPH_NODE_TYPE_MEMSET,
        .set = {p->dst, p->pitch, p->width, p->height, p->value, p->elementSize}};
}

CUresult cuGraphAddMemsetNode(CUgraphNode *phGraphNode, CUgraph hGraph,
                              const CUgraphNode *dependencies, size_t numDependencies,
                              const CUDA_MEMSET_NODE_PARAMS *memsetParams, CUcontext ctx)
{
    SIM_ENTER(cuGraphAddMemsetNode);
    (void)ctx;
    SIM_REQUIRE(memsetParams && memsetParams->elementSize, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = set_of(memsetParams);
    return add(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

CUresult cuGraphMemsetNodeGetParams(CUgraphNode hNode, CUDA_MEMSET_NODE_PARAMS *nodeParams)
{
    SIM_ENTER(cuGraphMemsetNodeGetParams);
    SIM_REQUIRE(is_node(hNode, CU_GRAPH_NODE_TYPE_MEMSET) && nodeParams, CUDA_ERROR_INVALID_VALUE);
    const struct sim_set *s = &hNode->work.set;
    *nodeParams =
        (CUDA_MEMSET_NODE_PARAMS){s->dst, s->pitch, s->value, s->element, s->width, s->height};
    return CUDA_SUCCESS;
}

CUresult cuGraphMemsetNodeSetParams(CUgraphNode hNode, const CUDA_MEMSET_NODE_PARAMS *nodeParams)
{
    SIM_ENTER(cuGraphMemsetNodeSetParams);
    SIM_REQUIRE(nodeParams && nodeParams->elementSize, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = set_of(nodeParams);
    return set_work(hNode, &work);
}

CUresult cuGraphExecMemsetNodeSetParams(CUgraphExec hGraphExec, CUgraphNode hNode,
                                        const CUDA_MEMSET_NODE_PARAMS *memsetParams, CUcontext ctx)
{
    SIM_ENTER(cuGraphExecMemsetNodeSetParams);
    (void)ctx;
    SIM_REQUIRE(memsetParams && memsetParams->elementSize, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = set_of(memsetParams);
    return set_work(in_exec(hGraphExec, hNode), &work);
}

CUresult cuGraphAddHostNode(CUgraphNode *phGraphNode, CUgraph hGraph,
                            const CUgraphNode *dependencies, size_t numDependencies,
                            const CUDA_HOST_NODE_PARAMS *nodeParams)
{
    SIM_ENTER(cuGraphAddHostNode);
    SIM_REQUIRE(nodeParams, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_HOST,
                            .host = {nodeParams->fn, nodeParams->userData}};
    return add(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

CUresult cuGraphAddEmptyNode(CUgraphNode *phGraphNode, CUgraph hGraph,
                             const CUgraphNode *dependencies, size_t numDependencies)
{
    SIM_ENTER(cuGraphAddEmptyNode);
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_EMPTY};
    return add(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

static CUresult add_child(CUgraphNode *out, CUgraph graph, const CUgraphNode *needs, size_t n,
                          CUgraph child)
{
    SIM_REQUIRE(sim_is(child, SIM_GRAPH), CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_GRAPH, .child = sim_graph_clone(child)};
    SIM_REQUIRE(work.child, CUDA_ERROR_OUT_OF_MEMORY);
    CUresult result = add(out, graph, needs, n, &work);
    if (result != CUDA_SUCCESS)
        sim_graph_free(work.child);
    return result;
}

CUresult cuGraphAddChildGraphNode(CUgraphNode *phGraphNode, CUgraph hGraph,
                                  const CUgraphNode *dependencies, size_t numDependencies,
                                  CUgraph childGraph)
{
    SIM_ENTER(cuGraphAddChildGraphNode);
    return add_child(phGraphNode, hGraph, dependencies, numDependencies, childGraph);
}

CUresult cuGraphChildGraphNodeGetGraph(CUgraphNode hNode, CUgraph *phGraph)
{
    SIM_ENTER(cuGraphChildGraphNodeGetGraph);
    SIM_REQUIRE(is_node(hNode, CU_GRAPH_NODE_TYPE_GRAPH) && phGraph, CUDA_ERROR_INVALID_VALUE);
    *phGraph = hNode->work.child;
    return CUDA_SUCCESS;
}

/* The address is fixed when the node is made, as in the real driver. */
static CUresult add_alloc(CUgraphNode *out, CUgraph graph, const CUgraphNode *needs, size_t n,
                          const CUmemPoolProps *props, size_t bytes, CUdeviceptr *address)
{
    SIM_REQUIRE(bytes && sim_device_ok(props->location.id), CUDA_ERROR_INVALID_VALUE);
    struct sim_block block = {.bytes = bytes, .use = SIM_ASYNC, .device = props->location.id};
    CUresult result = sim_memory_take(&block, SIM_UNIT);
    if (result != CUDA_SUCCESS)
        return result;
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_MEM_ALLOC, .memory = {block.address, bytes}};
    result = add(out, graph, needs, n, &work);
    *address = block.address;
    return result == CUDA_SUCCESS ? sim_node_own_memory(*out, block.address) : result;
}

CUresult cuGraphAddMemAllocNode(CUgraphNode *phGraphNode, CUgraph hGraph,
                                const CUgraphNode *dependencies, size_t numDependencies,
                                CUDA_MEM_ALLOC_NODE_PARAMS *nodeParams)
{
    SIM_ENTER(cuGraphAddMemAllocNode);
    SIM_REQUIRE(nodeParams, CUDA_ERROR_INVALID_VALUE);
    return add_alloc(phGraphNode, hGraph, dependencies, numDependencies, &nodeParams->poolProps,
                     nodeParams->bytesize, &nodeParams->dptr);
}

CUresult cuGraphMemAllocNodeGetParams(CUgraphNode hNode, CUDA_MEM_ALLOC_NODE_PARAMS *params_out)
{
    SIM_ENTER(cuGraphMemAllocNodeGetParams);
    SIM_REQUIRE(is_node(hNode, CU_GRAPH_NODE_TYPE_MEM_ALLOC) && params_out,
                CUDA_ERROR_INVALID_VALUE);
    struct sim_block block = {0};
    sim_find_block(hNode->work.memory.address, &block);
    *params_out = (CUDA_MEM_ALLOC_NODE_PARAMS){
        .poolProps.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = block.device},
        .bytesize = hNode->work.memory.bytes,
        .dptr = hNode->work.memory.address};
    return CUDA_SUCCESS;
}

CUresult cuGraphAddMemFreeNode(CUgraphNode *phGraphNode, CUgraph hGraph,
                               const CUgraphNode *dependencies, size_t numDependencies,
                               CUdeviceptr dptr)
{
    SIM_ENTER(cuGraphAddMemFreeNode);
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_MEM_FREE, .memory = {dptr, 0}};
    return add(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

CUresult cuGraphMemFreeNodeGetParams(CUgraphNode hNode, CUdeviceptr *dptr_out)
{
    SIM_ENTER(cuGraphMemFreeNodeGetParams);
    SIM_REQUIRE(is_node(hNode, CU_GRAPH_NODE_TYPE_MEM_FREE) && dptr_out, CUDA_ERROR_INVALID_VALUE);
    *dptr_out = hNode->work.memory.address;
    return CUDA_SUCCESS;
}

/* Work that takes nothing along: no graphs, no memory. */
static CUresult plain_work(const CUgraphNodeParams *p, struct sim_work *work)
{
    const CUDA_KERNEL_NODE_PARAMS_v3 *k = &p->kernel;
    *work = (struct sim_work){.type = p->type};
    if (p->type == CU_GRAPH_NODE_TYPE_KERNEL)
        *work = (struct sim_work)KERNEL_WORK(k, function_of(k->func, k->kern));
    else if (p->type == CU_GRAPH_NODE_TYPE_MEMCPY)
        return copy_work(&p->memcpy.copyParams, work);
    else if (p->type == CU_GRAPH_NODE_TYPE_MEMSET)
        work->set = (struct sim_set){p->memset.dst,    p->memset.pitch, p->memset.width,
                                     p->memset.height, p->memset.value, p->memset.elementSize};
    else if (p->type == CU_GRAPH_NODE_TYPE_HOST) {
        work->host.fn = p->host.fn;
        work->host.data = p->host.userData;
    } else if (p->type == CU_GRAPH_NODE_TYPE_MEM_FREE)
        work->memory.address = p->free.dptr;
    else if (p->type != CU_GRAPH_NODE_TYPE_EMPTY)
        return CUDA_ERROR_NOT_SUPPORTED;
    return CUDA_SUCCESS;
}

/* The bodies are the program's to fill, through an array that stays the node's. */
static CUresult add_conditional(CUgraphNode *out, CUgraph graph, const CUgraphNode *needs, size_t n,
                                CUDA_CONDITIONAL_NODE_PARAMS *p)
{
    SIM_REQUIRE(p->handle && p->size, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_CONDITIONAL,
                            .conditional.body = calloc(p->size, sizeof(CUgraph))};
    SIM_REQUIRE(work.conditional.body, CUDA_ERROR_OUT_OF_MEMORY);
    CUresult result = CUDA_SUCCESS;
    for (unsigned i = 0; i < p->size && result == CUDA_SUCCESS; i++)
        if ((work.conditional.body[i] = sim_graph_new()))
            work.conditional.n++;
        else
            result = CUDA_ERROR_OUT_OF_MEMORY;
    if (result == CUDA_SUCCESS)
        result = add(out, graph, needs, n, &work);
    if (result != CUDA_SUCCESS)
        sim_graph_free_inner(&work);
    else
        p->phGraph_out = work.conditional.body;
    return result;
}

CUresult cuGraphConditionalHandleCreate(CUgraphConditionalHandle *pHandle_out, CUgraph hGraph,
                                        CUcontext ctx, unsigned int defaultLaunchValue,
                                        unsigned int flags)
{
    static _Atomic CUgraphConditionalHandle handles;
    SIM_ENTER(cuGraphConditionalHandleCreate);
    (void)ctx, (void)defaultLaunchValue, (void)flags;
    SIM_REQUIRE(pHandle_out && sim_is(hGraph, SIM_GRAPH), CUDA_ERROR_INVALID_VALUE);
    *pHandle_out = ++handles;
    return CUDA_SUCCESS;
}

static CUresult add_any(CUgraphNode *out, CUgraph graph, const CUgraphNode *needs, size_t n,
                        CUgraphNodeParams *p)
{
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work;
    if (p->type == CU_GRAPH_NODE_TYPE_GRAPH)
        return add_child(out, graph, needs, n, p->graph.graph);
    if (p->type == CU_GRAPH_NODE_TYPE_CONDITIONAL)
        return add_conditional(out, graph, needs, n, &p->conditional);
    if (p->type == CU_GRAPH_NODE_TYPE_MEM_ALLOC)
        return add_alloc(out, graph, needs, n, &p->alloc.poolProps, p->alloc.bytesize,
                         &p->alloc.dptr);
    CUresult result = plain_work(p, &work);
    return result == CUDA_SUCCESS ? add(out, graph, needs, n, &work) : result;
}

CUresult cuGraphAddNode(CUgraphNode *phGraphNode, CUgraph hGraph, const CUgraphNode *dependencies,
                        size_t numDependencies, CUgraphNodeParams *nodeParams)
{
    SIM_ENTER(cuGraphAddNode);
    return add_any(phGraphNode, hGraph, dependencies, numDependencies, nodeParams);
}

CUresult cuGraphAddNode_v2(CUgraphNode *phGraphNode, CUgraph hGraph,
                           const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
                           size_t numDependencies, CUgraphNodeParams *nodeParams)
{
    SIM_ENTER(cuGraphAddNode_v2);
    (void)dependencyData;
    return add_any(phGraphNode, hGraph, dependencies, numDependencies, nodeParams);
}

CUresult cuGraphAddNode_v3(CUgraphNode *phGraphNode, CUgraph hGraph,
                           const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
                           size_t numDependencies, CUgraphNodeParams *nodeParams)
{
    SIM_ENTER(cuGraphAddNode_v3);
    (void)dependencyData;
    return add_any(phGraphNode, hGraph, dependencies, numDependencies, nodeParams);
}

static CUresult set_child(CUgraphNode node, CUgraph child)
{
    SIM_REQUIRE(node && is_node(node, CU_GRAPH_NODE_TYPE_GRAPH) && sim_is(child, SIM_GRAPH) &&
                    child->nodes.n == node->work.child->nodes.n,
                CUDA_ERROR_INVALID_VALUE);
    CUgraph clone = sim_graph_clone(child);
    SIM_REQUIRE(clone, CUDA_ERROR_OUT_OF_MEMORY);
    sim_graph_free(node->work.child);
    node->work.child = clone;
    return CUDA_SUCCESS;
}

CUresult cuGraphExecChildGraphNodeSetParams(CUgraphExec hGraphExec, CUgraphNode hNode,
                                            CUgraph childGraph)
{
    SIM_ENTER(cuGraphExecChildGraphNodeSetParams);
    return set_child(in_exec(hGraphExec, hNode), childGraph);
}

static CUresult set_any(CUgraphNode node, const CUgraphNodeParams *p)
{
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    struct sim_work work;
    if (p->type == CU_GRAPH_NODE_TYPE_GRAPH)
        return set_child(node, p->graph.graph);
    CUresult result = plain_work(p, &work);
    return result == CUDA_SUCCESS ? set_work(node, &work) : result;
}

CUresult cuGraphExecNodeSetParams(CUgraphExec hGraphExec, CUgraphNode hNode,
                                  CUgraphNodeParams *nodeParams)
{
    SIM_ENTER(cuGraphExecNodeSetParams);
    return set_any(in_exec(hGraphExec, hNode), nodeParams);
}

CUresult cuGraphNodeSetParams(CUgraphNode hNode, CUgraphNodeParams *nodeParams)
{
    SIM_ENTER(cuGraphNodeSetParams);
    return set_any(hNode, nodeParams);
}
