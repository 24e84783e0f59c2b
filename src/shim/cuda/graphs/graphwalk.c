#include "shim/cuda/graphs/graphwalk.h"

#include <pthread.h>
#include <string.h>

#include "shim/cuda/boxes.h"
#include "shim/cuda/graphs/graphcalls.h"
#include "shim/cuda/graphs/graphorder.h"
#include "shim/cuda/note.h"
#include "shim/guest/glibc.h"
#include "shim/guest/guard.h"

#define DEPTH_MAX 32 /* of graphs in graphs */

/* ---- bodies of conditional nodes ---- */

struct bodies {
    CUgraphNode node;
    CUgraph *graph; /* the driver's, as long as the node */
    uint32_t n;
};

static struct {
    pthread_mutex_t lock;
    struct mt_pile pile;
    uint32_t n;
} bodies = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct bodies *find_bodies(CUgraphNode node)
{
    struct bodies *at = bodies.pile.at;
    for (uint32_t i = bodies.n; i-- > 0;) /* the last ones are asked for, as a rule */
        if (at[i].node == node)
            return &at[i];
    return NULL;
}

void mt_bodies_learn(CUgraphNode node, const CUDA_CONDITIONAL_NODE_PARAMS *params)
{
    struct mt_guard guard = mt_lock(&bodies.lock);
    struct bodies *at = find_bodies(node); /* a handle that is used again */
    if (!at && mt_pile_room(&bodies.pile, (bodies.n + 1) * sizeof *at))
        at = (struct bodies *)bodies.pile.at + bodies.n++;
    if (at)
        *at = (struct bodies){node, params->phGraph_out, params->size};
    mt_unlock(&bodies.lock, &guard);
}

static struct bodies bodies_of(CUgraphNode node)
{
    struct mt_guard guard = mt_lock(&bodies.lock);
    const struct bodies *at = find_bodies(node);
    struct bodies found = at ? *at : (struct bodies){0};
    mt_unlock(&bodies.lock, &guard);
    return found;
}

static void child_of_fork(void)
{
    pthread_mutex_init(&bodies.lock, NULL);
}

__attribute__((constructor)) static void load(void)
{
    mt_in_forked_child(child_of_fork);
}

/* ---- what a node does ---- */

bool mt_node_counts(CUgraphNodeType type)
{
    switch ((int)type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        return mt_config.LAUNCHES;
    case CU_GRAPH_NODE_TYPE_MEMCPY:
    case CU_GRAPH_NODE_TYPE_MEMSET:
        return mt_config.COPIES;
    default:
        return type == CU_GRAPH_NODE_TYPE_MEM_ALLOC || type == CU_GRAPH_NODE_TYPE_MEM_FREE;
    }
}

static bool ask_launch(CUgraphNode handle, struct mt_node *node)
{
    CUDA_KERNEL_NODE_PARAMS params = {0};
    if (mt_ask.cuGraphKernelNodeGetParams_v2 &&
        mt_ask.cuGraphKernelNodeGetParams_v2(handle, &params) == CUDA_SUCCESS) {
        node->launch.handle = params.func ? params.func : (CUfunction)params.kern;
        node->launch.params = params.kernelParams;
        node->launch.extra = params.extra;
        return node->launch.handle != NULL;
    }
    CUDA_KERNEL_NODE_PARAMS_v1 old = {0};
    if (!mt_ask.cuGraphKernelNodeGetParams ||
        mt_ask.cuGraphKernelNodeGetParams(handle, &old) != CUDA_SUCCESS)
        return false;
    node->launch.handle = old.func;
    node->launch.params = old.kernelParams;
    node->launch.extra = old.extra;
    return old.func != NULL;
}

static bool ask_free(CUgraphNode handle, struct mt_node *node)
{
    return mt_ask.cuGraphMemFreeNodeGetParams &&
           mt_ask.cuGraphMemFreeNodeGetParams(handle, &node->memory.dptr) == CUDA_SUCCESS;
}

static bool ask(CUgraphNode handle, struct mt_node *node)
{
    switch ((int)node->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        return ask_launch(handle, node);
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        return mt_ask.cuGraphMemcpyNodeGetParams &&
               mt_ask.cuGraphMemcpyNodeGetParams(handle, &node->copy) == CUDA_SUCCESS;
    case CU_GRAPH_NODE_TYPE_MEMSET:
        return mt_ask.cuGraphMemsetNodeGetParams &&
               mt_ask.cuGraphMemsetNodeGetParams(handle, &node->set) == CUDA_SUCCESS;
    case CU_GRAPH_NODE_TYPE_MEM_ALLOC:
        return mt_ask.cuGraphMemAllocNodeGetParams &&
               mt_ask.cuGraphMemAllocNodeGetParams(handle, &node->memory) == CUDA_SUCCESS;
    default:
        return ask_free(handle, node);
    }
}

/* ---- its record ---- */

static void put_copy(uint64_t when, const CUDA_MEMCPY3D *box)
{
    struct mt_ev_copy_rect rect = {.api = MT_API_cuGraphLaunch, MT_BOX_3D(box)};
    if (rect.height > 1 || rect.depth > 1)
        MT_NOTE(copy_rect, when, .api = rect.api, MT_BOX_3D(box));
    else
        MT_NOTE(copy, when, .api = rect.api, .destination = rect.destination, .source = rect.source,
                .size = rect.width);
}

static void put_set(uint64_t when, const CUDA_MEMSET_NODE_PARAMS *set)
{
    size_t rows = set->height ? set->height : 1;
    MT_NOTE(set, when, .api = MT_API_cuGraphLaunch, .address = set->dst,
            .width = set->width * set->elementSize, .height = rows,
            .pitch = rows > 1 ? set->pitch : 0);
}

static void put_alloc(uint64_t when, const CUDA_MEM_ALLOC_NODE_PARAMS *memory)
{
    bool known = memory->poolProps.location.type == CU_MEM_LOCATION_TYPE_DEVICE;
    mt_granules_mark(memory->dptr, memory->bytesize);
    MT_NOTE(alloc, when, .api = MT_API_cuGraphLaunch, .address = memory->dptr,
            .size = memory->bytesize,
            .device = known ? (uint64_t)memory->poolProps.location.id : MT_DEVICE_UNKNOWN);
}

void mt_node_put(const struct mt_node *node, uint64_t when)
{
    switch ((int)node->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        mt_launch_put(when, node->kernel, 0, MT_LAUNCH_NODE | node->flags, node->launch.params,
                      node->launch.extra);
        break;
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        put_copy(when, &node->copy);
        break;
    case CU_GRAPH_NODE_TYPE_MEM_ALLOC:
        put_alloc(when, &node->memory);
        break;
    case CU_GRAPH_NODE_TYPE_MEM_FREE:
        MT_NOTE(free, when, .api = MT_API_cuGraphLaunch, .address = node->memory.dptr);
        break;
    default:
        put_set(when, &node->set);
        break;
    }
}

static void put_call(uint64_t when, const struct mt_ev_collective *call)
{
    MT_NOTE(collective, when, .op = call->op, .send = call->send, .receive = call->receive,
            .send_bytes = call->send_bytes, .receive_bytes = call->receive_bytes,
            .peer = call->peer, .comm = call->comm, .flags = MT_COLLECTIVE_NODE);
}

void mt_walk_put(const struct mt_walk *walk, uint64_t when)
{
    const struct mt_step *step = walk->steps.at;
    const struct mt_graph_call *call = walk->calls.at;
    for (uint32_t i = 0; i < walk->n_steps; i++) {
        if (step[i].type == MT_STEP_COLLECTIVE) {
            put_call(when, &call[step[i].call].collective);
            continue;
        }
        struct mt_node node = {.type = (CUgraphNodeType)step[i].type,
                               .flags = step[i].flags,
                               .kernel = step[i].kernel};
        if (!ask(step[i].node, &node)) /* nothing, but in its place */
            node = (struct mt_node){.type = CU_GRAPH_NODE_TYPE_MEMSET};
        mt_node_put(&node, when);
    }
}

/* ---- looking through ---- */

static void look_through(struct mt_walk *walk, CUgraph graph, uint32_t flags, unsigned depth);

/* Whether the node can be told. Kernels are told here, before the graph that they belong to. */
static bool add_step(struct mt_walk *walk, CUgraphNode handle, CUgraphNodeType type, uint32_t flags)
{
    struct mt_node node = {.type = type};
    const struct mt_kernel *kernel = NULL;
    struct mt_step *step = mt_pile_room(&walk->steps, (walk->n_steps + 1) * sizeof(struct mt_step));
    if (!step || !ask(handle, &node))
        return false;
    if (type == CU_GRAPH_NODE_TYPE_KERNEL && !(kernel = mt_kernel_get(node.launch.handle)))
        return false;
    walk->memory |= type == CU_GRAPH_NODE_TYPE_MEM_ALLOC || type == CU_GRAPH_NODE_TYPE_MEM_FREE;
    step[walk->n_steps++] = (struct mt_step){handle, kernel, (uint32_t)type, {flags}};
    return true;
}

/* The captured collectives from `next` to `end` that come behind the first `nodes` nodes; which is
 * the next one. */
static uint32_t add_calls(struct mt_walk *walk, uint32_t next, uint32_t end, uint32_t nodes)
{
    const struct mt_graph_call *call = walk->calls.at;
    while (next < end && call[next].behind <= nodes) {
        struct mt_step *step =
            mt_pile_room(&walk->steps, (walk->n_steps + 1) * sizeof(struct mt_step));
        if (step)
            step[walk->n_steps++] = (struct mt_step){.type = MT_STEP_COLLECTIVE, .call = next};
        next++;
    }
    return next;
}

static bool add_child(struct mt_walk *walk, CUgraphNode handle, uint32_t flags, unsigned depth)
{
    CUgraph child;
    if (!mt_ask.cuGraphChildGraphNodeGetGraph ||
        mt_ask.cuGraphChildGraphNodeGetGraph(handle, &child) != CUDA_SUCCESS)
        return false;
    look_through(walk, child, flags, depth + 1);
    return true;
}

static bool add_bodies(struct mt_walk *walk, CUgraphNode handle, unsigned depth)
{
    struct bodies found = bodies_of(handle);
    walk->flags |= MT_GRAPH_MAYBE;
    for (uint32_t i = 0; found.graph && i < found.n; i++)
        look_through(walk, found.graph[i], MT_LAUNCH_MAYBE, depth + 1);
    return found.graph != NULL;
}

static bool add_node(struct mt_walk *walk, CUgraphNode handle, uint32_t flags, unsigned depth)
{
    CUgraphNodeType type;
    if (!mt_ask.cuGraphNodeGetType || mt_ask.cuGraphNodeGetType(handle, &type) != CUDA_SUCCESS)
        return false;
    if (type == CU_GRAPH_NODE_TYPE_GRAPH)
        return add_child(walk, handle, flags, depth);
    if (type == CU_GRAPH_NODE_TYPE_CONDITIONAL)
        return add_bodies(walk, handle, depth);
    return !mt_node_counts(type) || add_step(walk, handle, type, flags);
}

static void look_through(struct mt_walk *walk, CUgraph graph, uint32_t flags, unsigned depth)
{
    struct mt_pile nodes = {0};
    long n = depth < DEPTH_MAX ? mt_graph_order(graph, &nodes) : -1;
    const CUgraphNode *handle = nodes.at;
    struct mt_place *place =
        depth || n <= 0 ? NULL : mt_pile_room(&walk->places, (size_t)n * sizeof *place);
    uint32_t next = walk->n_calls;
    walk->flags |= n < 0 ? MT_GRAPH_PARTIAL : 0;
    /* Those of graphs inside come behind. */
    uint32_t end = walk->n_calls = mt_graph_calls_of(graph, &walk->calls, walk->n_calls);
    for (long i = 0; i < n; i++) {
        next = add_calls(walk, next, end, (uint32_t)i);
        uint32_t first = walk->n_steps;
        if (!add_node(walk, handle[i], flags, depth))
            walk->flags |= MT_GRAPH_PARTIAL;
        if (place)
            place[walk->n_places++] = (struct mt_place){handle[i], first, walk->n_steps - first};
    }
    add_calls(walk, next, end, UINT32_MAX);
    mt_pile_release(&nodes);
}

void mt_walk_graph(struct mt_walk *walk, CUgraph graph)
{
    *walk = (struct mt_walk){0};
    mt_kernels_hold();
    look_through(walk, graph, 0, 0);
}

void mt_walk_release(struct mt_walk *walk)
{
    mt_pile_release(&walk->steps);
    mt_pile_release(&walk->places);
    mt_pile_release(&walk->calls);
    mt_kernels_let_go();
}
