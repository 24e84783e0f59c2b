/* Reserved ranges and the physical memory that is mapped into them, in parts and again and again.
 */
#include "model/model_state.h"

static bool is_range(uint64_t address, uint64_t size)
{
    return size > 0 && address + size > address;
}

void mt_virtual_reserve(struct mt_model *model, const struct mt_ev_reserve *event)
{
    if (!is_range(event->address, event->size)) {
        model->counts.invalid_records++;
        return;
    }
    mt_driver_add(model, &(struct mt_birth){
                             .address = event->address,
                             .extent = event->size,
                             .device = MT_DEVICES - 1,
                             .source = MT_SOURCE_VIRTUAL,
                         });
}

void mt_virtual_unreserve(struct mt_model *model, const struct mt_ev_unreserve *event)
{
    uint32_t slot = mt_driver_at(model, event->address);
    if (slot && model->block[slot].address == event->address &&
        model->block[slot].source == MT_SOURCE_VIRTUAL)
        mt_driver_died(model, slot);
    else
        mt_virtual_unmap(model, event->address, event->size); /* ranges that were only inferred */
}

/* The virtual range around `address`; where its reservation was not seen, one as long as this map.
 */
static uint32_t range_around(struct mt_model *model, uint64_t address, uint64_t size)
{
    uint32_t slot = mt_driver_at(model, address);
    if (slot)
        return model->block[slot].source == MT_SOURCE_VIRTUAL ? slot : 0;
    model->counts.inferred_ranges++;
    return mt_driver_add(model, &(struct mt_birth){
                                    .address = address,
                                    .extent = size,
                                    .device = MT_DEVICES - 1,
                                    .source = MT_SOURCE_VIRTUAL,
                                    .alive_at_start = true,
                                });
}

static void note_device(struct mt_model *model, struct mt_block *block, uint64_t handle)
{
    uint32_t device, library;
    if (block->state != MT_STATE_RESERVED || !mt_physical_origin(model, handle, &device, &library))
        return;
    block->device = device;
    block->library = library;
}

/* A piece between two addresses, in the space of maps; how much of it does not count. Its place, 0
 * on error. */
static uint32_t put_piece(struct mt_model *model, uint64_t begin, uint64_t end,
                          const struct mt_piece *what, uint64_t handle, uint64_t *aliased)
{
    uint32_t place = mt_piece_add(model, what, handle);
    if (!place || mt_space_insert(&model->maps, begin, end, place) != MT_SPACE_OK) {
        mt_model_note(model, MT_ERR_MEMORY);
        return 0;
    }
    *aliased += what->size - model->physicals.piece[place].counted;
    return place;
}

void mt_virtual_put(struct mt_model *model, uint32_t slot, const struct mt_ev_map *event,
                    uint32_t thread)
{
    struct mt_piece piece = {.offset = event->offset, .size = event->size, .slot = slot};
    struct mt_block *block = &model->block[slot];
    uint64_t aliased = block->aliased;
    uint32_t place = put_piece(model, event->address, event->address + event->size, &piece,
                               event->handle, &aliased);
    if (!place)
        return;
    if (block->state == MT_STATE_RESERVED) {
        block->aliased = aliased;
        mt_driver_born(model, slot, event->size, thread, true);
    } else {
        mt_driver_remap(model, slot, block->mapped + event->size, aliased,
                        mt_piece_device(model, &model->physicals.piece[place]));
    }
}

void mt_virtual_map(struct mt_model *model, const struct mt_ev_map *event, uint32_t thread)
{
    uint64_t begin = event->address, end = begin + event->size;
    uint32_t slot = is_range(begin, event->size) ? range_around(model, begin, event->size) : 0;
    if (!slot || end > model->block[slot].address + model->block[slot].extent) {
        model->counts.invalid_records++;
        return;
    }
    note_device(model, &model->block[slot], event->handle);
    if (!model->block[slot].stack) /* who mapped first */
        model->block[slot].stack = mt_model_stack(event->stack);
    struct mt_range range;
    if (mt_space_next(&model->maps, begin, &range) && range.begin < end) {
        model->counts.overlaps++;
        mt_virtual_unmap(model, begin, event->size);
    }
    mt_virtual_put(model, slot, event, thread);
}

static uint64_t not_counted(const struct mt_model *model, uint32_t place)
{
    const struct mt_piece *piece = &model->physicals.piece[place];
    return piece->size - piece->counted;
}

/* What is left of a map on both sides of [begin, end), of which one side may be nothing. */
static void leave_sides(struct mt_model *model, const struct mt_range *map, uint64_t begin,
                        uint64_t end, uint64_t *aliased)
{
    struct mt_piece right = model->physicals.piece[map->item];
    uint64_t offset = right.offset, left = map->begin < begin ? begin - map->begin : 0;
    right.offset += end - map->begin;
    right.size = map->end > end ? map->end - end : 0;
    if (left) {
        mt_piece_cut(model, map->item, offset, left);
        if (mt_space_insert(&model->maps, map->begin, begin, map->item) != MT_SPACE_OK)
            mt_model_note(model, MT_ERR_MEMORY);
        *aliased += not_counted(model, map->item);
        if (right.size)
            put_piece(model, end, map->end, &right, 0, aliased);
        return;
    }
    mt_piece_cut(model, map->item, right.offset, right.size);
    if (mt_space_insert(&model->maps, end, map->end, map->item) != MT_SPACE_OK)
        mt_model_note(model, MT_ERR_MEMORY);
    *aliased += not_counted(model, map->item);
}

/* Cut [begin, end) out of one map. */
static void cut(struct mt_model *model, const struct mt_range *map, uint64_t begin, uint64_t end)
{
    struct mt_piece old = model->physicals.piece[map->item];
    if (model->block[old.slot].state ==
        MT_STATE_PENDING) /* it was larger for a moment, and that counts */
        mt_pending_tell(model, old.slot);
    const struct mt_block *block = &model->block[old.slot];
    uint64_t aliased = block->aliased - not_counted(model, map->item);
    uint64_t first = map->begin > begin ? map->begin : begin;
    uint64_t last = map->end < end ? map->end : end;
    mt_space_remove(&model->maps, map->begin, NULL);
    if (first == map->begin && last == map->end)
        mt_piece_remove(model, map->item);
    else
        leave_sides(model, map, first, last, &aliased);
    mt_driver_remap(model, old.slot, block->mapped - (last - first), aliased,
                    mt_piece_device(model, &old));
    mt_physical_settle(model, old.physical);
}

void mt_virtual_unmap(struct mt_model *model, uint64_t address, uint64_t size)
{
    uint64_t end = address + size;
    struct mt_range map;
    bool found = false;
    if (!is_range(address, size)) {
        model->counts.invalid_records++;
        return;
    }
    while (model->status == 0 && mt_space_next(&model->maps, address, &map) && map.begin < end) {
        cut(model, &map, address, end);
        found = true;
    }
    model->counts.late_unmaps += !found;
}
