/* The stacks of a trace that a pass has met, dense from 0 in the order of first sight. */
#ifndef MT_STACKSET_H
#define MT_STACKSET_H

#include <stdint.h>

#include "base/dict.h"
#include "table/table.h"

struct mt_stacks;

struct mt_stackset {
    struct mt_dict by_id; /* stack -> index + 1 */
    uint32_t *id;         /* by index */
    uint32_t size, room;
    uint32_t last; /* index + 1 of the stack that was asked for last, 0: none */
};

void mt_stackset_release(struct mt_stackset *set);

/* Index of a stack; UINT32_MAX where memory is out. */
uint32_t mt_stackset_find(struct mt_stackset *set, uint32_t stack);
static inline uint32_t mt_stackset_index(struct mt_stackset *set, uint32_t stack)
{
    return set->last && set->id[set->last - 1] == stack ? set->last - 1
                                                        : mt_stackset_find(set, stack);
}

/* Cells that name a stack and its site; nothing for stack 0. */
static inline struct mt_value mt_stack_value(uint32_t stack)
{
    return stack ? mt_uint(stack) : mt_null();
}

struct mt_value mt_stackset_site(struct mt_stacks *stacks, uint32_t stack);
static inline struct mt_value mt_site_value(struct mt_stacks *stacks, uint32_t stack)
{
    return stack ? mt_stackset_site(stacks, stack) : mt_null();
}

#endif
