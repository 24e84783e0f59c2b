/* What a graph holds, as the driver tells it: its nodes in an order in which they may run, those of
 * child graphs and of the bodies of conditional nodes in their places. Asking takes a microsecond a
 * node; it is done when a graph is instantiated, and nothing is asked when it is launched. */
#ifndef MT_GRAPHWALK_H
#define MT_GRAPHWALK_H

#include "shim/cuda/kernels/kernels.h"
#include "shim/image/pile.h"

/* What a node does. Parameters belong to the driver or the caller. */
struct mt_node {
    CUgraphNodeType type; /* KERNEL, MEMCPY, MEMSET, MEM_ALLOC, MEM_FREE */
    uint64_t flags;       /* MT_LAUNCH_MAYBE */
    const struct mt_kernel *kernel;
    union {
        struct {
            CUfunction handle;
            void *const *params, *const *extra;
        } launch;
        CUDA_MEMCPY3D copy;
        CUDA_MEMSET_NODE_PARAMS set;
        CUDA_MEM_ALLOC_NODE_PARAMS memory;
    };
};

/* A node that leaves a record, or a captured collective. */
#define MT_STEP_COLLECTIVE UINT32_MAX
struct mt_step {
    CUgraphNode node; /* NULL: a collective */
    const struct mt_kernel *kernel;
    uint32_t type; /* CUgraphNodeType, or MT_STEP_COLLECTIVE */
    union {
        uint32_t flags;
        uint32_t call; /* place among the walk's calls */
    };
};

/* A node of the graph itself and the records that come of it: none of an event, as many as it has
 * nodes of a child graph. */
struct mt_place {
    CUgraphNode node;
    uint32_t first, count;
};

struct mt_walk {
    struct mt_pile steps, places, calls;
    uint32_t n_steps, n_places, n_calls;
    uint32_t flags; /* MT_GRAPH_* */
    bool memory;    /* it has nodes that allocate or free */
};

/* Look through a graph; kernels not yet known are asked for and told, and held until the release,
 * which comes in any case. */
void mt_walk_graph(struct mt_walk *walk, CUgraph graph);
void mt_walk_release(struct mt_walk *walk);

/* One record for each step, in order; what can no longer be asked becomes an empty one. */
void mt_walk_put(const struct mt_walk *walk, uint64_t when);

/* Whether nodes of this type are recorded (settings LAUNCHES, COPIES). */
bool mt_node_counts(CUgraphNodeType type);

/* The record of one node. */
void mt_node_put(const struct mt_node *node, uint64_t when);

/* A conditional node was made: the driver tells its bodies then and never again. */
void mt_bodies_learn(CUgraphNode node, const CUDA_CONDITIONAL_NODE_PARAMS *params);

#endif
