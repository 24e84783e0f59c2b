/* Stacks as a tree: what has the same callers is one node, with the sum of the weights. */
#ifndef MT_FLAMETREE_H
#define MT_FLAMETREE_H

#include <stdint.h>

#include "base/dict.h"

struct mt_flame_node {
    char *name;
    uint64_t weight;                 /* its own and its children's */
    uint32_t parent, child, sibling; /* 0: none, node 0 is the root */
};

struct mt_flame_tree {
    struct mt_flame_node *node;
    uint32_t nodes, room;
    struct mt_dict by_name; /* hash of parent and name -> node */
};

/* The root is made by the first add. 0, or MT_ERR_MEMORY. */
int mt_flame_tree_add(struct mt_flame_tree *tree, const char *frames, uint64_t weight);
void mt_flame_tree_release(struct mt_flame_tree *tree);

/* Order siblings: the heaviest first, by name where they are equal. */
int mt_flame_tree_sort(struct mt_flame_tree *tree);

#endif
