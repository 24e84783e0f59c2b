/* The nodes of a graph, each after those that it needs. */
#ifndef MT_GRAPHORDER_H
#define MT_GRAPHORDER_H

#include "shim/cuda/graphs/graphwalk.h"

#define MT_GRAPH_NODES_MAX (1u << 22) /* larger ones are not looked through */

/* Fill `nodes` with handles; how many, or -1 where the driver would not tell. The order is that in
 * which they were made wherever that will do: it is the same for graphs made alike. */
long mt_graph_order(CUgraph graph, struct mt_pile *nodes);

#endif
