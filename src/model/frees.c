/* What is given back, by name; and, where the call turns out to have failed, lives on. */
#include "model/model_state.h"

/* Room to remember a call that gives back; the oldest one is forgotten. */
static struct mt_freed *remember(struct mt_model *model, enum mt_kind kind, uint64_t address)
{
    struct mt_freed *freed = &model->freed[model->freed_next++ % MT_FREED_MAX];
    *freed = (struct mt_freed){
        .kind = (uint16_t)kind, .address = address, .at = model->now, .told = model->windows.kept};
    return freed;
}

/* What it was, in case the call turns out to have failed. */
static void keep(struct mt_freed *freed, const struct mt_block *block)
{
    freed->known = true;
    freed->device = block->device;
    freed->api = block->api;
    freed->stack = block->stack;
    freed->context = block->context;
    freed->source = block->source;
    freed->size = block->size;
    freed->stream = block->stream;
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
    freed->size = event->size;
    model->counts.unmaps++;
    mt_virtual_unmap(model, event->address, event->size);
}

void mt_do_unreserve(struct mt_model *model, const struct mt_ev_unreserve *event)
{
    struct mt_freed *freed = remember(model, MT_unreserve, event->address);
    freed->known = mt_driver_at(model, event->address) != 0;
    freed->size = event->size;
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
    struct mt_birth birth = {.address = freed->address,
                             .extent = freed->size,
                             .stream = freed->stream,
                             .device = freed->device,
                             .api = freed->api,
                             .stack = freed->stack,
                             .context = freed->context,
                             .source = freed->source};
    const struct mt_space *space = freed->kind == MT_host_free ? &model->host : &model->driver;
    if (freed->kind != MT_unmap && !is_empty(space, freed->address, freed->size))
        return;
    switch (freed->kind) {
    case MT_free:
        mt_driver_put(model, &birth, thread);
        break;
    case MT_host_free:
        mt_host_born(model, &birth);
        break;
    case MT_unreserve:
        mt_virtual_reserve(model, &(struct mt_ev_reserve){freed->address, freed->size});
        break;
    case MT_unmap:
        map_again(model, freed->address, freed->size, thread);
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
        if (freed->address != event->address || freed->kind == MT_NONE)
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
