/* All driver memory that lives at one moment. */
#include "model/model_state.h"

static int each_of(const struct mt_model *model, const struct mt_space *space,
                   int (*each)(void *state, const struct mt_block *block, bool told), void *state)
{
    struct mt_range range;
    for (uint64_t at = 0; mt_space_next(space, at, &range); at = range.end) {
        const struct mt_block *block = &model->block[range.item];
        if (block->state != MT_STATE_RESERVED)
            RETURN_IF_ERROR(each(state, block, block->state == MT_STATE_TOLD));
    }
    return 0;
}

int mt_model_each_driver(const struct mt_model *model,
                         int (*each)(void *state, const struct mt_block *block, bool told),
                         void *state)
{
    RETURN_IF_ERROR(each_of(model, &model->driver, each, state));
    return each_of(model, &model->arrays, each, state);
}

uint64_t mt_model_unmapped(const struct mt_model *model, uint32_t device)
{
    const struct mt_physicals *all = &model->physicals;
    uint64_t bytes = 0;
    for (uint32_t i = 1; i <= all->size; i++) {
        const struct mt_physical *physical = &all->physical[i];
        uint64_t mapped = 0;
        if (!physical->handles || physical->foreign || physical->device != device)
            continue;
        for (uint32_t p = physical->first; p; p = all->piece[p].next)
            mapped += all->piece[p].counted;
        bytes += physical->size > mapped ? physical->size - mapped : 0;
    }
    return bytes;
}
