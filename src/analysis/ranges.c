/* Reserved ranges and the physical memory that is mapped into them, in parts and again and again.
 */
#include "analysis/model_state.h"

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
    const uint64_t *device = mt_dict_find(&model->devices, handle);
    if (device && block->state == MT_STATE_RESERVED) {
        block->device = mt_model_device(*device & UINT32_MAX);
        block->library = (uint32_t)(*device >> 32);
    }
}

void mt_virtual_put(struct mt_model *model, uint32_t slot, uint64_t begin, uint64_t end,
                    uint32_t thread)
{
    if (mt_space_insert(&model->maps, begin, end, slot) != MT_SPACE_OK) {
        mt_model_note(model, MT_ERR_MEMORY);
        return;
    }
    if (model->block[slot].state == MT_STATE_RESERVED)
        mt_driver_born(model, slot, end - begin, thread, true);
    else
        mt_driver_remap(model, slot, model->block[slot].mapped + (end - begin));
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
    mt_virtual_put(model, slot, begin, end, thread);
}

/* Cut [begin, end) out of one map. */
static void cut(struct mt_model *model, const struct mt_range *map, uint64_t begin, uint64_t end)
{
    uint64_t left = map->begin < begin ? begin - map->begin : 0;
    uint64_t right = map->end > end ? map->end - end : 0;
    uint64_t gone = map->end - map->begin - left - right;
    mt_space_remove(&model->maps, map->begin, NULL);
    if (left && mt_space_insert(&model->maps, map->begin, begin, map->item) != MT_SPACE_OK)
        mt_model_note(model, MT_ERR_MEMORY);
    if (right && mt_space_insert(&model->maps, end, map->end, map->item) != MT_SPACE_OK)
        mt_model_note(model, MT_ERR_MEMORY);
    mt_driver_remap(model, map->item, model->block[map->item].mapped - gone);
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
