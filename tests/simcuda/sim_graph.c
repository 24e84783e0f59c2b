/* See sim_graph.h. */
#include "sim_graph.h"

#include <stdlib.h>
#include <string.h>

#include "sim_capture.h"
#include "sim_kernel.h"

bool sim_nodes_add(struct sim_nodes *set, CUgraphNode node)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->at[i] == node)
            return true;
    if (set->n == set->room) {
        size_t room = set->room ? set->room * 2 : 4;
        CUgraphNode *grown = realloc(set->at, room * sizeof(*grown));
        if (!grown)
            return false;
        set->at = grown;
        set->room = room;
    }
    set->at[set->n++] = node;
    return true;
}

bool sim_nodes_union(struct sim_nodes *set, const struct sim_nodes *more)
{
    for (size_t i = 0; i < more->n; i++)
        if (!sim_nodes_add(set, more->at[i]))
            return false;
    return true;
}

void sim_nodes_release(struct sim_nodes *set)
{
    free(set->at);
    *set = (struct sim_nodes){0};
}

/* Pointers and values in one piece of memory; NULL in *out where there are none. */
static bool copy_params(const struct sim_entry *e, void **params, void **out)
{
    const struct sim_param *last = e->n_params ? &e->params[e->n_params - 1] : NULL;
    *out = NULL;
    if (last == NULL)
        return true;
    size_t pointers = e->n_params * sizeof(void *);
    void **copy = calloc(1, pointers + last->offset + last->size);
    if (!copy)
        return false;
    for (unsigned i = 0; i < e->n_params; i++) {
        copy[i] = (char *)copy + pointers + e->params[i].offset;
        memcpy(copy[i], params[i], e->params[i].size);
    }
    *out = copy;
    return true;
}

/* {BUFFER_POINTER, buffer, BUFFER_SIZE, &size, END}, in either order of the pairs. */
static bool copy_extra(void **extra, void **out)
{
    const void *buffer = NULL;
    size_t size = 0;
    for (; *extra != CU_LAUNCH_PARAM_END; extra += 2)
        if (*extra == CU_LAUNCH_PARAM_BUFFER_POINTER)
            buffer = extra[1];
        else if (*extra == CU_LAUNCH_PARAM_BUFFER_SIZE)
            size = *(const size_t *)extra[1];
    struct {
        void *extra[5];
        size_t size;
    } *copy = calloc(1, sizeof(*copy) + size);
    if (!copy)
        return false;
    copy->size = size;
    copy->extra[0] = CU_LAUNCH_PARAM_BUFFER_POINTER;
    copy->extra[1] = copy + 1;
    copy->extra[2] = CU_LAUNCH_PARAM_BUFFER_SIZE;
    copy->extra[3] = &copy->size;
    copy->extra[4] = CU_LAUNCH_PARAM_END;
    if (size)
        memcpy(copy + 1, buffer, size);
    *out = copy;
    return true;
}

CUresult sim_node_set_work(CUgraphNode node, const struct sim_work *work)
{
    struct sim_work own = *work;
    void *params = NULL;
    if (work->type == CU_GRAPH_NODE_TYPE_KERNEL) {
        const struct CUfunc_st *f = work->launch.function;
        bool good = work->launch.extra ? copy_extra(work->launch.extra, &params)
                                       : copy_params(f->entry, work->launch.params, &params);
        SIM_REQUIRE(good, CUDA_ERROR_OUT_OF_MEMORY);
        own.launch.params = work->launch.extra ? NULL : params;
        own.launch.extra = work->launch.extra ? params : NULL;
    }
    free(node->params);
    node->params = params;
    node->work = own;
    return CUDA_SUCCESS;
}

CUgraph sim_graph_new(void)
{
    return sim_object_new(SIM_GRAPH, sizeof(struct CUgraph_st));
}

static void disown_memory(struct sim_graph_memory *m)
{
    if (m == NULL || --m->owners > 0)
        return;
    struct sim_block block;
    _Atomic uint64_t uncounted = 0;
    if (sim_arena_starting(&sim_device_range.arena, m->address, &block) && block.id == m->block_id)
        sim_memory_give(m->address, 1u << SIM_ASYNC, &uncounted);
    free(m);
}

void sim_node_free(CUgraphNode node)
{
    disown_memory(node->memory);
    sim_graph_free_inner(&node->work);
    sim_nodes_release(&node->needs);
    free(node->params);
    sim_object_free(node);
}

void sim_graph_free(CUgraph graph)
{
    for (size_t i = graph->nodes.n; i-- > 0;)
        sim_node_free(graph->nodes.at[i]);
    sim_nodes_release(&graph->nodes);
    sim_object_free(graph);
}

CUresult sim_graph_add(CUgraph graph, const struct sim_work *work, const CUgraphNode *needs,
                       size_t n_needs, CUgraphNode *out)
{
    CUgraphNode node = sim_object_new(SIM_NODE, sizeof(*node));
    SIM_REQUIRE(node, CUDA_ERROR_OUT_OF_MEMORY);
    node->graph = graph;
    CUresult result = sim_node_set_work(node, work);
    for (size_t i = 0; i < n_needs && result == CUDA_SUCCESS; i++)
        if (!sim_is(needs[i], SIM_NODE) || needs[i]->graph != graph)
            result = CUDA_ERROR_INVALID_VALUE;
        else if (!sim_nodes_add(&node->needs, needs[i]))
            result = CUDA_ERROR_OUT_OF_MEMORY;
    if (result == CUDA_SUCCESS && !sim_nodes_add(&graph->nodes, node))
        result = CUDA_ERROR_OUT_OF_MEMORY;
    if (result == CUDA_SUCCESS)
        *out = node;
    else {
        node->work.type = CU_GRAPH_NODE_TYPE_EMPTY; /* a child graph stays the caller's */
        sim_node_free(node);
    }
    return result;
}

CUresult sim_node_own_memory(CUgraphNode node, CUdeviceptr address)
{
    struct sim_block block;
    SIM_REQUIRE(sim_arena_starting(&sim_device_range.arena, address, &block),
                CUDA_ERROR_INVALID_VALUE);
    struct sim_graph_memory *m = calloc(1, sizeof(*m));
    SIM_REQUIRE(m, CUDA_ERROR_OUT_OF_MEMORY);
    *m = (struct sim_graph_memory){1, address, block.id};
    node->memory = m;
    return CUDA_SUCCESS;
}

CUgraphNode sim_graph_find(CUgraph clone, CUgraphNode original)
{
    for (size_t i = 0; i < clone->nodes.n; i++)
        if (clone->nodes.at[i]->original == original)
            return clone->nodes.at[i];
    return NULL;
}

void sim_graph_free_inner(const struct sim_work *work)
{
    if (work->type == CU_GRAPH_NODE_TYPE_GRAPH)
        sim_graph_free(work->child);
    if (work->type != CU_GRAPH_NODE_TYPE_CONDITIONAL)
        return;
    for (unsigned i = 0; i < work->conditional.n; i++)
        sim_graph_free(work->conditional.body[i]);
    free(work->conditional.body);
}

/* Graphs within become the copy's own. */
static bool clone_inner(struct sim_work *work)
{
    if (work->type == CU_GRAPH_NODE_TYPE_GRAPH)
        return (work->child = sim_graph_clone(work->child)) != NULL;
    if (work->type != CU_GRAPH_NODE_TYPE_CONDITIONAL)
        return true;
    CUgraph *from = work->conditional.body;
    unsigned n = work->conditional.n;
    work->conditional.n = 0;
    work->conditional.body = calloc(n, sizeof(*from));
    while (work->conditional.body && work->conditional.n < n) {
        CUgraph body = sim_graph_clone(from[work->conditional.n]);
        if (!body)
            break;
        work->conditional.body[work->conditional.n++] = body;
    }
    if (work->conditional.n == n)
        return true;
    sim_graph_free_inner(work);
    return false;
}

static bool clone_node(CUgraph clone, CUgraphNode node)
{
    CUgraphNode copy;
    struct sim_work work = node->work;
    if (!clone_inner(&work))
        return false;
    if (sim_graph_add(clone, &work, NULL, 0, &copy) != CUDA_SUCCESS) {
        sim_graph_free_inner(&work);
        return false;
    }
    copy->original = node;
    copy->disabled = node->disabled;
    copy->memory = node->memory;
    if (copy->memory)
        copy->memory->owners++;
    return true;
}

CUgraph sim_graph_clone(CUgraph graph)
{
    CUgraph clone = sim_graph_new();
    bool good = clone != NULL;
    for (size_t i = 0; good && i < graph->nodes.n; i++)
        good = clone_node(clone, graph->nodes.at[i]);
    for (size_t i = 0; good && i < graph->nodes.n; i++) {
        const struct sim_nodes *needs = &graph->nodes.at[i]->needs;
        for (size_t k = 0; good && k < needs->n; k++)
            good = sim_nodes_add(&clone->nodes.at[i]->needs, sim_graph_find(clone, needs->at[k]));
    }
    if (!good && clone) {
        sim_graph_free(clone);
        clone = NULL;
    }
    return clone;
}

/* Child graphs run in the order in which their nodes were made, which captures keep. */
void sim_graph_run(CUgraph graph)
{
    for (size_t i = 0; i < graph->nodes.n; i++)
        if (!graph->nodes.at[i]->disabled)
            sim_work_run(&graph->nodes.at[i]->work);
}
