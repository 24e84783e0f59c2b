/* Instances of graphs. */
#include "sim_capture.h"
#include "sim_config.h"
#include "sim_graph.h"

/* Nodes whose needs are all placed, again and again; a round without one means a cycle. */
static bool sort(CUgraph graph, struct sim_nodes *order)
{
    size_t before;
    do {
        before = order->n;
        for (size_t i = 0; i < graph->nodes.n; i++) {
            CUgraphNode node = graph->nodes.at[i];
            size_t ready = 0;
            for (size_t k = 0; k < node->needs.n; k++)
                for (size_t j = 0; j < order->n; j++)
                    ready += order->at[j] == node->needs.at[k];
            if (ready == node->needs.n && !sim_nodes_add(order, node))
                return false;
        }
    } while (order->n > before && order->n < graph->nodes.n);
    return order->n == graph->nodes.n;
}

static void exec_free(CUgraphExec exec)
{
    if (exec->graph)
        sim_graph_free(exec->graph);
    sim_nodes_release(&exec->order);
    sim_object_free(exec);
}

static CUresult instantiate(CUgraphExec *out, CUgraph graph, unsigned long long flags)
{
    SIM_REQUIRE(out && sim_is(graph, SIM_GRAPH), CUDA_ERROR_INVALID_VALUE);
    CUgraphExec exec = sim_object_new(SIM_EXEC, sizeof(*exec));
    SIM_REQUIRE(exec, CUDA_ERROR_OUT_OF_MEMORY);
    exec->flags = flags;
    exec->graph = sim_graph_clone(graph);
    if (exec->graph && sort(exec->graph, &exec->order)) {
        *out = exec;
        return CUDA_SUCCESS;
    }
    CUresult result = exec->graph ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_OUT_OF_MEMORY;
    exec_free(exec);
    return result;
}

CUresult cuGraphInstantiate(CUgraphExec *phGraphExec, CUgraph hGraph, CUgraphNode *phErrorNode,
                            char *logBuffer, size_t bufferSize)
{
    SIM_ENTER(cuGraphInstantiate);
    if (phErrorNode)
        *phErrorNode = NULL;
    if (logBuffer && bufferSize)
        *logBuffer = '\0';
    return instantiate(phGraphExec, hGraph, 0);
}

CUresult cuGraphInstantiate_v2(CUgraphExec *phGraphExec, CUgraph hGraph, CUgraphNode *phErrorNode,
                               char *logBuffer, size_t bufferSize)
{
    SIM_ENTER(cuGraphInstantiate_v2);
    if (phErrorNode)
        *phErrorNode = NULL;
    if (logBuffer && bufferSize)
        *logBuffer = '\0';
    return instantiate(phGraphExec, hGraph, 0);
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *phGraphExec, CUgraph hGraph,
                                     unsigned long long flags)
{
    SIM_ENTER(cuGraphInstantiateWithFlags);
    return instantiate(phGraphExec, hGraph, flags);
}

static CUresult instantiate_with(CUgraphExec *out, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS *p)
{
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    CUresult result = instantiate(out, graph, p->flags);
    p->hErrNode_out = NULL;
    p->result_out =
        result == CUDA_SUCCESS ? CUDA_GRAPH_INSTANTIATE_SUCCESS : CUDA_GRAPH_INSTANTIATE_ERROR;
    return result;
}
SIM_PTSZ(cuGraphInstantiateWithParams,
         (CUgraphExec * phGraphExec, CUgraph hGraph, CUDA_GRAPH_INSTANTIATE_PARAMS *p),
         instantiate_with(phGraphExec, hGraph, p))

CUresult cuGraphExecDestroy(CUgraphExec hGraphExec)
{
    SIM_ENTER(cuGraphExecDestroy);
    SIM_REQUIRE(sim_is(hGraphExec, SIM_EXEC), CUDA_ERROR_INVALID_VALUE);
    exec_free(hGraphExec);
    return CUDA_SUCCESS;
}

CUresult cuGraphExecGetFlags(CUgraphExec hGraphExec, cuuint64_t *flags)
{
    SIM_ENTER(cuGraphExecGetFlags);
    SIM_REQUIRE(sim_is(hGraphExec, SIM_EXEC) && flags, CUDA_ERROR_INVALID_VALUE);
    *flags = hGraphExec->flags;
    return CUDA_SUCCESS;
}

/* A launch into a capturing stream becomes a child graph there. */
static CUresult capture_launch(CUgraphExec exec, CUstream stream)
{
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_GRAPH,
                            .child = sim_graph_clone(exec->graph)};
    SIM_REQUIRE(work.child, CUDA_ERROR_OUT_OF_MEMORY);
    CUresult result = sim_capture_add(stream, &work);
    if (result != CUDA_SUCCESS)
        sim_graph_free(work.child);
    return result;
}

static CUresult launch(CUgraphExec exec, CUstream stream)
{
    SIM_REQUIRE(sim_is(exec, SIM_EXEC), CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    if (sim_capture_of(stream))
        return capture_launch(exec, stream);
    if (sim_config()->launch_ns)
        sim_delay(sim_config()->launch_ns);
    for (size_t i = 0; i < exec->order.n; i++)
        if (!exec->order.at[i]->disabled)
            sim_work_run(&exec->order.at[i]->work);
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuGraphLaunch, (CUgraphExec hGraphExec, CUstream hStream), launch(hGraphExec, hStream))

static CUresult upload(CUgraphExec exec, CUstream stream)
{
    SIM_REQUIRE(sim_is(exec, SIM_EXEC), CUDA_ERROR_INVALID_VALUE);
    return sim_stream_ok(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
SIM_PTSZ(cuGraphUpload, (CUgraphExec hGraphExec, CUstream hStream), upload(hGraphExec, hStream))

/* Whether two graphs have the same shape, node by node in order of creation; *at is the first node
 * that does not fit. */
static CUgraphExecUpdateResult fits(CUgraph own, CUgraph graph, CUgraphNode *at)
{
    struct sim_nodes *old = &own->nodes, *new = &graph->nodes;
    CUgraphExecUpdateResult result = CU_GRAPH_EXEC_UPDATE_SUCCESS;
    if (old->n != new->n)
        return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
    for (size_t i = 0; i < new->n && result == CU_GRAPH_EXEC_UPDATE_SUCCESS; i++) {
        *at = new->at[i];
        if (old->at[i]->work.type != new->at[i]->work.type)
            return CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED;
        if (old->at[i]->needs.n != new->at[i]->needs.n)
            return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
        if (new->at[i]->work.type == CU_GRAPH_NODE_TYPE_GRAPH)
            result = fits(old->at[i]->work.child, new->at[i]->work.child, at);
        else if (new->at[i]->work.type == CU_GRAPH_NODE_TYPE_CONDITIONAL)
            return CU_GRAPH_EXEC_UPDATE_ERROR_NOT_SUPPORTED;
    }
    return result;
}

static bool take_over(CUgraph own, CUgraph graph)
{
    bool good = true;
    for (size_t i = 0; good && i < graph->nodes.n; i++) {
        CUgraphNode old = own->nodes.at[i], new = graph->nodes.at[i];
        if (new->work.type == CU_GRAPH_NODE_TYPE_GRAPH)
            good = take_over(old->work.child, new->work.child);
        else
            good = sim_node_set_work(old, &new->work) == CUDA_SUCCESS;
    }
    return good;
}

/* Nothing was changed where it does not fit. */
static CUgraphExecUpdateResult update(CUgraphExec exec, CUgraph graph, CUgraphNode *at)
{
    *at = NULL;
    CUgraphExecUpdateResult result = fits(exec->graph, graph, at);
    if (result != CU_GRAPH_EXEC_UPDATE_SUCCESS)
        return result;
    *at = NULL;
    return take_over(exec->graph, graph) ? result : CU_GRAPH_EXEC_UPDATE_ERROR;
}

static CUresult exec_update(CUgraphExec exec, CUgraph graph, CUgraphNode *at,
                            CUgraphExecUpdateResult *result)
{
    SIM_REQUIRE(sim_is(exec, SIM_EXEC) && sim_is(graph, SIM_GRAPH), CUDA_ERROR_INVALID_VALUE);
    *result = update(exec, graph, at);
    return *result == CU_GRAPH_EXEC_UPDATE_SUCCESS ? CUDA_SUCCESS
                                                   : CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
}

CUresult cuGraphExecUpdate(CUgraphExec hGraphExec, CUgraph hGraph, CUgraphNode *hErrorNode_out,
                           CUgraphExecUpdateResult *updateResult_out)
{
    SIM_ENTER(cuGraphExecUpdate);
    SIM_REQUIRE(hErrorNode_out && updateResult_out, CUDA_ERROR_INVALID_VALUE);
    return exec_update(hGraphExec, hGraph, hErrorNode_out, updateResult_out);
}

CUresult cuGraphExecUpdate_v2(CUgraphExec hGraphExec, CUgraph hGraph,
                              CUgraphExecUpdateResultInfo *resultInfo)
{
    SIM_ENTER(cuGraphExecUpdate_v2);
    SIM_REQUIRE(resultInfo, CUDA_ERROR_INVALID_VALUE);
    resultInfo->errorFromNode = NULL;
    return exec_update(hGraphExec, hGraph, &resultInfo->errorNode, &resultInfo->result);
}

static CUgraphNode in_exec(CUgraphExec exec, CUgraphNode node)
{
    return sim_is(exec, SIM_EXEC) ? sim_graph_find(exec->graph, node) : NULL;
}

CUresult cuGraphNodeSetEnabled(CUgraphExec hGraphExec, CUgraphNode hNode, unsigned int isEnabled)
{
    SIM_ENTER(cuGraphNodeSetEnabled);
    CUgraphNode node = in_exec(hGraphExec, hNode);
    SIM_REQUIRE(node, CUDA_ERROR_INVALID_VALUE);
    node->disabled = !isEnabled;
    return CUDA_SUCCESS;
}

CUresult cuGraphNodeGetEnabled(CUgraphExec hGraphExec, CUgraphNode hNode, unsigned int *isEnabled)
{
    SIM_ENTER(cuGraphNodeGetEnabled);
    const struct CUgraphNode_st *node = in_exec(hGraphExec, hNode);
    SIM_REQUIRE(node && isEnabled, CUDA_ERROR_INVALID_VALUE);
    *isEnabled = !node->disabled;
    return CUDA_SUCCESS;
}
