/* Graphs: nodes of work with dependencies, and instances of them that run. As in CUDA, a graph is
 * for one thread at a time. */
#ifndef SIM_GRAPH_H
#define SIM_GRAPH_H

#include "sim_work.h"

bool sim_nodes_add(struct sim_nodes *set, CUgraphNode node); /* false: no memory */
bool sim_nodes_union(struct sim_nodes *set, const struct sim_nodes *more);
void sim_nodes_release(struct sim_nodes *set);

/* Memory of an allocation node; belongs to the graph and all its copies together. */
struct sim_graph_memory {
    unsigned owners;
    CUdeviceptr address;
    uint64_t block_id; /* the program may have freed it, and the address may be another's by now */
};

struct CUgraphNode_st {
    struct sim_head head;
    CUgraph graph;
    struct sim_work work; /* parameters of kernels are the node's own copy */
    void *params;         /* that copy */
    struct sim_graph_memory *memory;
    struct sim_nodes needs; /* nodes that come before */
    CUgraphNode original;   /* in the graph this one was cloned from */
    bool disabled;
};

struct CUgraph_st {
    struct sim_head head;
    struct sim_nodes nodes; /* owned, in order of creation */
};

struct CUgraphExec_st {
    struct sim_head head;
    CUgraph graph;          /* a clone of its own */
    struct sim_nodes order; /* each after what it needs */
    unsigned long long flags;
};

CUgraph sim_graph_new(void);
void sim_graph_free(CUgraph graph);
/* A copy whose nodes know their originals. NULL: no memory. */
CUgraph sim_graph_clone(CUgraph graph);
CUgraphNode sim_graph_find(CUgraph clone, CUgraphNode original);

/* Adds a node that does this work, after the nodes it needs. Copies kernel parameters. */
CUresult sim_graph_add(CUgraph graph, const struct sim_work *work, const CUgraphNode *needs,
                       size_t n_needs, CUgraphNode *out);
/* Replaces a node's work by work of the same type. */
CUresult sim_node_set_work(CUgraphNode node, const struct sim_work *work);
void sim_node_free(CUgraphNode node);
/* Frees the graphs that belong to child and conditional nodes. */
void sim_graph_free_inner(const struct sim_work *work);

/* Memory of an allocation node, already taken: from now on the node's. */
CUresult sim_node_own_memory(CUgraphNode node, CUdeviceptr address);

#endif
