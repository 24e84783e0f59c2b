#include "analysis/measures/stackset.h"

#include <stdlib.h>

#include "base/grow.h"
#include "stacks/stacks.h"

void mt_stackset_release(struct mt_stackset *set)
{
    mt_dict_release(&set->by_id);
    free(set->id);
}

uint32_t mt_stackset_find(struct mt_stackset *set, uint32_t stack)
{
    uint64_t *place = mt_dict_add(&set->by_id, stack);
    if (!place)
        return UINT32_MAX;
    if (*place == 0) {
        if (!MT_ROOM(set->id, set->size, set->room, 64))
            return UINT32_MAX;
        set->id[set->size] = stack;
        *place = ++set->size;
    }
    set->last = (uint32_t)*place;
    return set->last - 1;
}

struct mt_value mt_stackset_site(struct mt_stacks *stacks, uint32_t stack)
{
    uint32_t site = mt_stacks_site(stacks, stack);
    return mt_text(site == MT_NO_SITE ? NULL : mt_stacks_site_at(stacks, site)->text);
}
