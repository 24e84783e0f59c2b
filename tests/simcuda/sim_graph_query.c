/* The shape of a graph: nodes, edges, types. */
#include "sim_graph.h"

#include <string.h>

/* The pattern of all such questions: without an array, how many; with one, at most as many as fit.
 */
static CUresult list(const struct sim_nodes *set, CUgraphNode *out, size_t *count)
{
    SIM_REQUIRE(count, CUDA_ERROR_INVALID_VALUE);
    size_t room = *count;
    *count = out && room < set->n ? room : set->n;
    for (size_t i = 0; out && i < room; i++)
        out[i] = i < set->n ? set->at[i] : NULL;
    return CUDA_SUCCESS;
}

CUresult cuGraphGetNodes(CUgraph hGraph, CUgraphNode *nodes, size_t *numNodes)
{
    SIM_ENTER(cuGraphGetNodes);
    SIM_REQUIRE(sim_is(hGraph, SIM_GRAPH), CUDA_ERROR_INVALID_VALUE);
    return list(&hGraph->nodes, nodes, numNodes);
}

CUresult cuGraphGetRootNodes(CUgraph hGraph, CUgraphNode *rootNodes, size_t *numRootNodes)
{
    SIM_ENTER(cuGraphGetRootNodes);
    SIM_REQUIRE(sim_is(hGraph, SIM_GRAPH), CUDA_ERROR_INVALID_VALUE);
    struct sim_nodes roots = {0};
    bool good = true;
    for (size_t i = 0; good && i < hGraph->nodes.n; i++)
        if (hGraph->nodes.at[i]->needs.n == 0)
            good = sim_nodes_add(&roots, hGraph->nodes.at[i]);
    CUresult result = good ? list(&roots, rootNodes, numRootNodes) : CUDA_ERROR_OUT_OF_MEMORY;
    sim_nodes_release(&roots);
    return result;
}

CUresult cuGraphNodeGetType(CUgraphNode hNode, CUgraphNodeType *type)
{
    SIM_ENTER(cuGraphNodeGetType);
    SIM_REQUIRE(sim_is(hNode, SIM_NODE) && type, CUDA_ERROR_INVALID_VALUE);
    *type = hNode->work.type;
    return CUDA_SUCCESS;
}

CUresult cuGraphNodeGetDependencies(CUgraphNode hNode, CUgraphNode *dependencies,
                                    size_t *numDependencies)
{
    SIM_ENTER(cuGraphNodeGetDependencies);
    SIM_REQUIRE(sim_is(hNode, SIM_NODE), CUDA_ERROR_INVALID_VALUE);
    return list(&hNode->needs, dependencies, numDependencies);
}

/* All edges are plain ones: full dependencies. */
static void plain(CUgraphEdgeData *data, const size_t *count)
{
    if (data)
        memset(data, 0, *count * sizeof(*data));
}

CUresult cuGraphNodeGetDependencies_v2(CUgraphNode hNode, CUgraphNode *dependencies,
                                       CUgraphEdgeData *edgeData, size_t *numDependencies)
{
    SIM_ENTER(cuGraphNodeGetDependencies_v2);
    SIM_REQUIRE(sim_is(hNode, SIM_NODE), CUDA_ERROR_INVALID_VALUE);
    CUresult result = list(&hNode->needs, dependencies, numDependencies);
    if (result == CUDA_SUCCESS)
        plain(edgeData, numDependencies);
    return result;
}

static CUresult edges(CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *count)
{
    SIM_REQUIRE(sim_is(graph, SIM_GRAPH) && count && !from == !to, CUDA_ERROR_INVALID_VALUE);
    size_t room = *count, n = 0;
    for (size_t i = 0; i < graph->nodes.n; i++) {
        CUgraphNode node = graph->nodes.at[i];
        for (size_t k = 0; k < node->needs.n; k++, n++)
            if (from && n < room) {
                from[n] = node->needs.at[k];
                to[n] = node;
            }
    }
    *count = from && room < n ? room : n;
    return CUDA_SUCCESS;
}

CUresult cuGraphGetEdges(CUgraph hGraph, CUgraphNode *from, CUgraphNode *to, size_t *numEdges)
{
    SIM_ENTER(cuGraphGetEdges);
    return edges(hGraph, from, to, numEdges);
}

CUresult cuGraphGetEdges_v2(CUgraph hGraph, CUgraphNode *from, CUgraphNode *to,
                            CUgraphEdgeData *edgeData, size_t *numEdges)
{
    SIM_ENTER(cuGraphGetEdges_v2);
    CUresult result = edges(hGraph, from, to, numEdges);
    if (result == CUDA_SUCCESS)
        plain(edgeData, numEdges);
    return result;
}

static CUresult connect(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t n)
{
    SIM_REQUIRE(sim_is(graph, SIM_GRAPH) && (n == 0 || (from && to)), CUDA_ERROR_INVALID_VALUE);
    for (size_t i = 0; i < n; i++) {
        SIM_REQUIRE(sim_is(from[i], SIM_NODE) && sim_is(to[i], SIM_NODE) && from[i] != to[i] &&
                        from[i]->graph == graph && to[i]->graph == graph,
                    CUDA_ERROR_INVALID_VALUE);
        SIM_REQUIRE(sim_nodes_add(&to[i]->needs, from[i]), CUDA_ERROR_OUT_OF_MEMORY);
    }
    return CUDA_SUCCESS;
}

CUresult cuGraphAddDependencies(CUgraph hGraph, const CUgraphNode *from, const CUgraphNode *to,
                                size_t numDependencies)
{
    SIM_ENTER(cuGraphAddDependencies);
    return connect(hGraph, from, to, numDependencies);
}

CUresult cuGraphAddDependencies_v2(CUgraph hGraph, const CUgraphNode *from, const CUgraphNode *to,
                                   const CUgraphEdgeData *edgeData, size_t numDependencies)
{
    SIM_ENTER(cuGraphAddDependencies_v2);
    (void)edgeData;
    return connect(hGraph, from, to, numDependencies);
}

static void forget(struct sim_nodes *set, CUgraphNode node)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->at[i] == node) {
            memmove(&set->at[i], &set->at[i + 1], (set->n - i - 1) * sizeof(*set->at));
            set->n--;
            return;
        }
}

CUresult cuGraphDestroyNode(CUgraphNode hNode)
{
    SIM_ENTER(cuGraphDestroyNode);
    SIM_REQUIRE(sim_is(hNode, SIM_NODE), CUDA_ERROR_INVALID_VALUE);
    CUgraph graph = hNode->graph;
    forget(&graph->nodes, hNode);
    for (size_t i = 0; i < graph->nodes.n; i++)
        forget(&graph->nodes.at[i]->needs, hNode);
    sim_node_free(hNode);
    return CUDA_SUCCESS;
}
