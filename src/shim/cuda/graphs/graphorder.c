/* Nodes are made in an order in which they could run, as a rule and always by a capture; then one
 * look at the edges is all. Else Kahn's algorithm: again and again the nodes that need no more. */
#include "shim/cuda/graphs/graphorder.h"

#include <string.h>

/* From handles to their positions: open addressing, twice as large as it is full. */
struct index {
    uint32_t *slot; /* position + 1 */
    uint32_t mask;
};

struct edges {
    struct mt_pile from, to, data;
    size_t n;
};

static uint32_t hash(CUgraphNode node)
{
    return (uint32_t)(((uintptr_t)node >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static bool make_index(struct index *index, struct mt_pile *room, const CUgraphNode *node, size_t n)
{
    uint32_t slots = 16;
    while (slots < 2 * n)
        slots *= 2;
    index->slot = mt_pile_room(room, slots * sizeof *index->slot);
    index->mask = slots - 1;
    if (!index->slot)
        return false;
    memset(index->slot, 0, slots * sizeof *index->slot);
    for (size_t i = 0; i < n; i++) {
        uint32_t at = hash(node[i]);
        while (index->slot[at & index->mask])
            at++;
        index->slot[at & index->mask] = (uint32_t)i + 1;
    }
    return true;
}

/* UINT32_MAX for a node of another graph. */
static uint32_t position(const struct index *index, const CUgraphNode *node, CUgraphNode wanted)
{
    for (uint32_t at = hash(wanted);; at++) {
        uint32_t there = index->slot[at & index->mask];
        if (!there || node[there - 1] == wanted)
            return there - 1;
    }
}

/* An edge with data (of programmatic launches) is told only to who asks for the data. */
static bool ask_edges(CUgraph graph, struct edges *edges)
{
    size_t n = 0;
    bool wide = mt_ask.cuGraphGetEdges_v2 != NULL;
    if (!wide && !mt_ask.cuGraphGetEdges)
        return false;
    CUresult result = wide ? mt_ask.cuGraphGetEdges_v2(graph, NULL, NULL, NULL, &n)
                           : mt_ask.cuGraphGetEdges(graph, NULL, NULL, &n);
    if (result != CUDA_SUCCESS || n > 64 * (size_t)MT_GRAPH_NODES_MAX)
        return false;
    edges->n = n;
    CUgraphNode *from = mt_pile_room(&edges->from, (n + 1) * sizeof *from);
    CUgraphNode *to = mt_pile_room(&edges->to, (n + 1) * sizeof *to);
    CUgraphEdgeData *data = mt_pile_room(&edges->data, (n + 1) * sizeof *data);
    if (n == 0 || !from || !to || !data)
        return n == 0;
    result = wide ? mt_ask.cuGraphGetEdges_v2(graph, from, to, data, &edges->n)
                  : mt_ask.cuGraphGetEdges(graph, from, to, &edges->n);
    return result == CUDA_SUCCESS && edges->n <= n;
}

/* Edges as positions, in place of the handles; whether all of them lead forward. */
static bool number_edges(struct edges *edges, const struct index *index, const CUgraphNode *node)
{
    CUgraphNode *from = edges->from.at, *to = edges->to.at;
    uint32_t *left = edges->from.at, *right = edges->to.at;
    size_t kept = 0;
    bool forward = true;
    for (size_t i = 0; i < edges->n; i++) {
        uint32_t a = position(index, node, from[i]), b = position(index, node, to[i]);
        if (a == UINT32_MAX || b == UINT32_MAX)
            continue;
        forward &= a < b;
        left[kept] = a; /* half as large as the handles, so it never catches up with them */
        right[kept++] = b;
    }
    edges->n = kept;
    return forward;
}

/* `work`: for each node what it still needs, and its list of edges; for each edge the next one of
 * the list; the order found; a copy of the handles. */
static void sort(const struct edges *edges, CUgraphNode *node, size_t n, uint32_t *work)
{
    const uint32_t *from = edges->from.at, *to = edges->to.at;
    CUgraphNode *copy = (CUgraphNode *)(void *)work;
    uint32_t *needs = (uint32_t *)(void *)(copy + n), *first = needs + n, *order = first + n;
    uint32_t *next = order + n;
    size_t done = 0;
    memcpy(copy, node, n * sizeof *copy);
    memset(needs, 0, 2 * n * sizeof *needs);
    for (size_t i = edges->n; i-- > 0;) { /* backwards, so that lists run forward */
        needs[to[i]]++;
        next[i] = first[from[i]];
        first[from[i]] = (uint32_t)i + 1;
    }
    for (uint32_t i = 0; i < n; i++)
        if (needs[i] == 0)
            order[done++] = i;
    for (size_t i = 0; i < done; i++)
        for (uint32_t edge = first[order[i]]; edge; edge = next[edge - 1])
            if (--needs[to[edge - 1]] == 0)
                order[done++] = to[edge - 1];
    for (size_t i = 0; done == n && i < n; i++) /* a circle would leave some out */
        node[i] = copy[order[i]];
}

static void put_in_order(CUgraph graph, CUgraphNode *node, size_t n)
{
    struct edges edges = {0};
    struct mt_pile room = {0}, work = {0};
    struct index index;
    if (ask_edges(graph, &edges) && edges.n && make_index(&index, &room, node, n) &&
        !number_edges(&edges, &index, node)) {
        size_t bytes = n * (sizeof *node + 3 * sizeof(uint32_t)) + edges.n * sizeof(uint32_t);
        if (mt_pile_room(&work, bytes))
            sort(&edges, node, n, work.at);
    }
    mt_pile_release(&edges.from);
    mt_pile_release(&edges.to);
    mt_pile_release(&edges.data);
    mt_pile_release(&room);
    mt_pile_release(&work);
}

long mt_graph_order(CUgraph graph, struct mt_pile *nodes)
{
    size_t n = 0;
    if (!mt_ask.cuGraphGetNodes || mt_ask.cuGraphGetNodes(graph, NULL, &n) != CUDA_SUCCESS ||
        n > MT_GRAPH_NODES_MAX)
        return -1;
    CUgraphNode *node = mt_pile_room(nodes, (n + 1) * sizeof *node);
    if (!node || (n && mt_ask.cuGraphGetNodes(graph, node, &n) != CUDA_SUCCESS))
        return -1;
    if (n > 1)
        put_in_order(graph, node, n);
    return (long)n;
}
