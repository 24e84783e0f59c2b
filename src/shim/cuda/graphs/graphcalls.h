/* Collectives that were captured: their nodes do not tell which ranges they read and write, so the
 * calls are kept with the graph that is being captured, and become records of its definition. */
#ifndef MT_GRAPHCALLS_H
#define MT_GRAPHCALLS_H

#include "event/event.h"
#include "shim/cuda/resolve.h"
#include "shim/image/pile.h"

/* A call that comes behind the first `behind` nodes of its graph. */
struct mt_graph_call {
    CUgraph graph;
    uint32_t behind;
    struct mt_ev_collective collective;
};

/* A collective was captured by a stream; its nodes are there already. */
void mt_graph_calls_add(CUstream stream, const struct mt_ev_collective *collective);

/* Those of a graph, in order, are appended to `calls`, of which there are n; how many there are
 * then. */
uint32_t mt_graph_calls_of(CUgraph graph, struct mt_pile *calls, uint32_t n);

/* A graph was copied, with all graphs in it, to a clone or into a node. */
void mt_graph_calls_copy(CUgraph to, CUgraph from);
void mt_graph_calls_copy_to_node(CUgraphNode node, CUgraph from);

/* The graph is destroyed, with all graphs in it: before, because its handle may then be another
 * one's. And a new one has its handle: graphs whose capture fails are destroyed unseen. */
void mt_graph_calls_drop(CUgraph graph);
void mt_graph_calls_captured(CUstream stream);

#endif
