/* What is given back, by name; and, where the call turns out to have failed, lives on. */
#include "model/model_state.h"

/* Room to remember a call that gives back; the oldest one is forgotten. */
static struct mt_freed *remember(struct mt_model *model, enum mt_kind kind, uint64_t address)
{
    struct mt_freed *freed = &model->freed[model->freed_next++ % MT_FREED_MAX];
    *freed = (struct mt_freed){.birth.address = address,
                               .at = model->now,
                               .kind = (uint16_t)kind,
                               .told = model->windows.kept};
    return freed;
}

/* What it was, in case the call turns out to have failed. */
static void keep(struct mt_freed *freed, const struct mt_block *block)
{
    freed->known = true;
    freed->birth = (struct mt_birth){.address = freed->birth.address,
                                     .extent = block->size,
                                     .stream = block->stream,
                                     .device = block->device,
                                     .api = block->api,
                                     .stack = block->stack,
                                     .context = block->context,
                                     .source = block->source};
}

void mt_do_free(struct mt_model *model, const struct mt_ev_free *event)
{
    uint32_t slot = mt_driver_at(model, event->address);
    const struct mt_block *block = &model->block[slot];
    struct mt_freed *freed = remember(model, MT_free, event->address);
    if (event->address == 0) /* allowed, and nothing happens */
        return;
    model->counts.driver_frees++;
    if (!slot || block->address != event->address || block->source == MT_SOURCE_VIRTUAL) {
        model->counts.late_frees++;
        return;
    }
    keep(freed, block);
    mt_driver_died(model, slot);
}

void mt_do_host_free(struct mt_model *model, uint64_t address)
{
    struct mt_freed *freed = remember(model, MT_host_free, address);
    uint32_t slot = mt_host_at(model, address);
    if (!slot || model->block[slot].address != address)
        return;
    keep(freed, &model->block[slot]);
    mt_host_died(model, slot);
}

void mt_do_unmap(struct mt_model *model, const struct mt_ev_unmap *event)
{
    struct mt_range map;
    struct mt_freed *freed = remember(model, MT_unmap, event->address);
    freed->known = mt_space_find(&model->maps, event->address, &map);
    freed->birth.extent = event->size;
    model->counts.unmaps++;
    mt_virtual_unmap(model, event->address, event->size);
}

void mt_do_unreserve(struct mt_model *model, const struct mt_ev_unreserve *event)
{
    struct mt_freed *freed = remember(model, MT_unreserve, event->address);
    freed->known = mt_driver_at(model, event->address) != 0;
    freed->birth.extent = event->size;
    mt_virtual_unreserve(model, event);
}

static bool is_empty(const struct mt_space *space, uint64_t begin, uint64_t size)
{
    struct mt_range range;
    return !mt_space_next(space, begin, &range) ||
           (range.begin > begin && range.begin - begin >= size);
}

static void map_again(struct mt_model *model, uint64_t begin, uint64_t size, uint32_t thread)
{
    uint32_t slot = mt_driver_at(model, begin);
    const struct mt_block *block = &model->block[slot];
    if (slot && size && block->source == MT_SOURCE_VIRTUAL && is_empty(&model->maps, begin, size) &&
        size <= block->extent - (begin - block->address))
        mt_virtual_put(model, slot, &(struct mt_ev_map){.address = begin, .size = size}, thread);
}

/* Unless something else has come in its place: then it was given back. */
static void revive(struct mt_model *model, const struct mt_freed *freed, uint32_t thread)
{
    const struct mt_birth *birth = &freed->birth;
    const struct mt_space *space = freed->kind == MT_host_free ? &model->host : &model->driver;
    if (freed->kind != MT_unmap && !is_empty(space, birth->address, birth->extent))
        return;
    switch (freed->kind) {
    case MT_free:
        mt_driver_put(model, birth, thread);
        break;
    case MT_host_free:
        mt_host_born(model, birth);
        break;
    case MT_unreserve:
        mt_virtual_reserve(model, &(struct mt_ev_reserve){birth->address, birth->extent});
        break;
    case MT_unmap:
        map_again(model, birth->address, birth->extent, thread);
        break;
    default:
        break;
    }
}

/* Whether it is of the call that failed: told before it had come back, or stamped as that was. What
 * was given back by an earlier call is gone, and the failure is that of giving it back twice. */
static bool is_of_failure(const struct mt_model *model, const struct mt_freed *freed)
{
    return freed->told || freed->at == model->now;
}

/* The thing given back at that address lives on; its story begins anew, as another block. */
void mt_do_free_failed(struct mt_model *model, const struct mt_ev_free_failed *event,
                       uint32_t thread)
{
    model->counts.frees_failed++;
    model->thread = UINT32_MAX; /* in which ranges it was asked for is past */
    for (uint32_t i = 1; i <= MT_FREED_MAX && i <= model->freed_next; i++) {
        struct mt_freed *freed = &model->freed[(model->freed_next - i) % MT_FREED_MAX];
        if (freed->birth.address != event->address || freed->kind == MT_NONE)
            continue;
        if (!is_of_failure(model, freed))
            return;
        if (freed->known)
            revive(model, freed, thread);
        else if (freed->kind == MT_free && event->address)
            model->counts.late_frees--;
        freed->kind = MT_NONE;
        return;
    }
}
