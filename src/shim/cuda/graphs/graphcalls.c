#include "shim/cuda/graphs/graphcalls.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "shim/guest/glibc.h"
#include "shim/guest/guard.h"

#define CALLS_MAX 65536u
#define DEPTH_MAX 32 /* of graphs in graphs */

static struct {
    pthread_mutex_t lock;
    struct mt_pile pile;
    _Atomic uint32_t n; /* most jobs have none: then nobody waits for the lock */
} calls = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void child_of_fork(void)
{
    pthread_mutex_init(&calls.lock, NULL);
}

__attribute__((constructor)) static void load(void)
{
    mt_in_forked_child(child_of_fork);
}

static bool find_graph(CUstream stream, CUgraph *graph, size_t *nodes)
{
    CUstreamCaptureStatus status;
    return mt_ask.cuStreamGetCaptureInfo_v2 && mt_ask.cuGraphGetNodes &&
           mt_ask.cuStreamGetCaptureInfo_v2(stream, &status, NULL, graph, NULL, NULL) ==
               CUDA_SUCCESS &&
           status == CU_STREAM_CAPTURE_STATUS_ACTIVE &&
           mt_ask.cuGraphGetNodes(*graph, NULL, nodes) == CUDA_SUCCESS;
}

void mt_graph_calls_add(CUstream stream, const struct mt_ev_collective *collective)
{
    CUgraph graph = NULL;
    size_t nodes = 0;
    if (!find_graph(stream, &graph, &nodes))
        return;
    struct mt_guard guard = mt_lock(&calls.lock);
    struct mt_graph_call *call = mt_pile_room(&calls.pile, (calls.n + 1) * sizeof *call);
    if (call && calls.n < CALLS_MAX)
        call[calls.n++] = (struct mt_graph_call){graph, (uint32_t)nodes, *collective};
    mt_unlock(&calls.lock, &guard);
}

uint32_t mt_graph_calls_of(CUgraph graph, struct mt_pile *found, uint32_t n)
{
    if (atomic_load(&calls.n) == 0)
        return n;
    struct mt_guard guard = mt_lock(&calls.lock);
    const struct mt_graph_call *call = calls.pile.at;
    for (uint32_t i = 0; i < calls.n; i++) {
        struct mt_graph_call *room =
            call[i].graph == graph ? mt_pile_room(found, (n + 1) * sizeof *room) : NULL;
        if (room)
            room[n++] = call[i];
    }
    mt_unlock(&calls.lock, &guard);
    return n;
}

/* ---- graphs in graphs ---- */

static bool child_of(CUgraphNode node, CUgraph *child)
{
    CUgraphNodeType type;
    return mt_ask.cuGraphNodeGetType && mt_ask.cuGraphNodeGetType(node, &type) == CUDA_SUCCESS &&
           type == CU_GRAPH_NODE_TYPE_GRAPH && mt_ask.cuGraphChildGraphNodeGetGraph &&
           mt_ask.cuGraphChildGraphNodeGetGraph(node, child) == CUDA_SUCCESS;
}

/* The graphs in a graph, in the order of their nodes; how many. */
static size_t children_of(CUgraph graph, struct mt_pile *found)
{
    size_t n = 0, children = 0;
    if (!mt_ask.cuGraphGetNodes || mt_ask.cuGraphGetNodes(graph, NULL, &n) != CUDA_SUCCESS)
        return 0;
    CUgraphNode *node = mt_pile_room(found, n * sizeof *node);
    if (!n || !node || mt_ask.cuGraphGetNodes(graph, node, &n) != CUDA_SUCCESS)
        return 0;
    for (size_t i = 0; i < n; i++) {
        CUgraph child;
        if (child_of(node[i], &child)) /* a pointer takes a pointer's place */
            ((CUgraph *)found->at)[children++] = child;
    }
    return children;
}

static void drop_calls(CUgraph graph)
{
    uint32_t kept = 0;
    struct mt_guard guard = mt_lock(&calls.lock);
    struct mt_graph_call *call = calls.pile.at;
    for (uint32_t i = 0; i < calls.n; i++)
        if (call[i].graph != graph)
            call[kept++] = call[i];
    calls.n = kept;
    mt_unlock(&calls.lock, &guard);
}

static void drop(CUgraph graph, unsigned depth)
{
    struct mt_pile children = {0};
    size_t n = depth < DEPTH_MAX ? children_of(graph, &children) : 0;
    for (size_t i = 0; i < n; i++)
        drop(((CUgraph *)children.at)[i], depth + 1);
    mt_pile_release(&children);
    drop_calls(graph);
}

void mt_graph_calls_drop(CUgraph graph)
{
    if (atomic_load(&calls.n) != 0)
        drop(graph, 0);
}

void mt_graph_calls_captured(CUstream stream)
{
    CUgraph graph = NULL;
    size_t nodes;
    if (atomic_load(&calls.n) != 0 && find_graph(stream, &graph, &nodes))
        drop_calls(graph);
}

static void copy_calls(CUgraph to, CUgraph from)
{
    struct mt_guard guard = mt_lock(&calls.lock);
    for (uint32_t i = 0, n = calls.n; i < n && calls.n < CALLS_MAX; i++) {
        struct mt_graph_call *call = mt_pile_room(&calls.pile, (calls.n + 1) * sizeof *call);
        if (!call || call[i].graph != from)
            continue;
        call[calls.n] = call[i];
        call[calls.n++].graph = to;
    }
    mt_unlock(&calls.lock, &guard);
}

/* Copies have their nodes in the order of the original. */
static void copy(CUgraph to, CUgraph from, unsigned depth)
{
    struct mt_pile old = {0}, new = {0};
    size_t n = depth < DEPTH_MAX ? children_of(from, &old) : 0;
    drop_calls(to);
    copy_calls(to, from);
    if (n && children_of(to, &new) == n)
        for (size_t i = 0; i < n; i++)
            copy(((CUgraph *)new.at)[i], ((CUgraph *)old.at)[i], depth + 1);
    mt_pile_release(&old);
    mt_pile_release(&new);
}

void mt_graph_calls_copy(CUgraph to, CUgraph from)
{
    if (atomic_load(&calls.n) != 0 && to != from) /* else it was moved */
        copy(to, from, 0);
}

void mt_graph_calls_copy_to_node(CUgraphNode node, CUgraph from)
{
    CUgraph child;
    if (atomic_load(&calls.n) != 0 && child_of(node, &child))
        mt_graph_calls_copy(child, from);
}
