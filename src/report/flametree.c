#include "report/flametree.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fnv.h"
#include "report/stacksinks.h"

static uint64_t hash(uint32_t parent, const char *name, size_t length)
{
    return mt_fnv(mt_fnv(MT_FNV_START, &parent, sizeof parent), name, length);
}

static int append(struct mt_flame_tree *tree, uint32_t parent, const char *name, size_t length)
{
    if (tree->nodes == tree->room) {
        uint32_t room = tree->room ? tree->room * 2 : 1024;
        struct mt_flame_node *node = realloc(tree->node, room * sizeof *node);
        if (!node)
            return MT_ERR_MEMORY;
        tree->node = node;
        tree->room = room;
    }
    struct mt_flame_node *node = &tree->node[tree->nodes];
    *node = (struct mt_flame_node){.name = strndup(name, length), .parent = parent};
    if (!node->name)
        return MT_ERR_MEMORY;
    if (tree->nodes > 0) { /* all but the root hang on something */
        node->sibling = tree->node[parent].child;
        tree->node[parent].child = tree->nodes;
    }
    tree->nodes++;
    return 0;
}

static bool is_node(const struct mt_flame_node *node, uint32_t parent, const char *name,
                    size_t length)
{
    return node->parent == parent && strncmp(node->name, name, length) == 0 && !node->name[length];
}

/* The node of a name below `parent`; names of one hash lie behind each other. 0: out of memory. */
static uint32_t below(struct mt_flame_tree *tree, uint32_t parent, const char *name, size_t length)
{
    for (uint64_t key = hash(parent, name, length);; key++) {
        uint64_t *place = mt_dict_add(&tree->by_name, key);
        if (!place)
            return 0;
        if (*place && is_node(&tree->node[*place], parent, name, length))
            return (uint32_t)*place;
        if (*place)
            continue;
        if (append(tree, parent, name, length) < 0)
            return 0;
        *place = tree->nodes - 1;
        return tree->nodes - 1;
    }
}

int mt_flame_tree_add(struct mt_flame_tree *tree, const char *frames, uint64_t weight)
{
    size_t length, end = strlen(frames);
    const char *frame;
    uint32_t at = 0;
    if (tree->nodes == 0)
        RETURN_IF_ERROR(append(tree, 0, "all", 3));
    tree->node[0].weight += weight;
    while ((frame = mt_frame_from_end(frames, &end, &length)) != NULL) {
        at = below(tree, at, frame, length);
        if (at == 0)
            return MT_ERR_MEMORY;
        tree->node[at].weight += weight;
    }
    return 0;
}

void mt_flame_tree_release(struct mt_flame_tree *tree)
{
    for (uint32_t i = 0; i < tree->nodes; i++)
        free(tree->node[i].name);
    free(tree->node);
    mt_dict_release(&tree->by_name);
    *tree = (struct mt_flame_tree){NULL};
}

static int compare(const void *a, const void *b, void *nodes)
{
    const struct mt_flame_node *node = nodes;
    const struct mt_flame_node *left = &node[*(const uint32_t *)a],
                               *right = &node[*(const uint32_t *)b];
    if (left->weight != right->weight)
        return left->weight > right->weight ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* All nodes in order, then hung up again from the last to the first: each comes before those that
 * were hung up before it. */
int mt_flame_tree_sort(struct mt_flame_tree *tree)
{
    uint32_t *order = malloc((tree->nodes + 1) * sizeof *order);
    if (!order)
        return MT_ERR_MEMORY;
    for (uint32_t i = 0; i < tree->nodes; i++) {
        order[i] = i;
        tree->node[i].child = tree->node[i].sibling = 0;
    }
    if (tree->nodes)
        qsort_r(order, tree->nodes, sizeof *order, compare, tree->node);
    for (uint32_t i = tree->nodes; i-- > 0;) {
        struct mt_flame_node *node = &tree->node[order[i]];
        if (order[i] == 0)
            continue;
        node->sibling = tree->node[node->parent].child;
        tree->node[node->parent].child = order[i];
    }
    free(order);
    return 0;
}
