/* Every invariant of the model, from the ranges and slots up to the sums. */
#include "model/model_state.h"

#include <string.h>

static bool range_fits(const struct mt_range *range, const struct mt_block *block)
{
    return range->begin == block->address && range->end - range->begin == block->extent;
}

static uint64_t mapped_in(const struct mt_model *model, const struct mt_block *block,
                          uint64_t *aliased, uint64_t *far)
{
    struct mt_range map;
    uint64_t sum = 0, end = block->address + block->extent;
    for (uint64_t at = block->address; mt_space_next(&model->maps, at, &map) && map.begin < end;
         at = map.end) {
        const struct mt_piece *piece = &model->physicals.piece[map.item];
        if (piece->slot != block->slot || map.begin < block->address || map.end > end ||
            piece->size != map.end - map.begin || piece->counted > piece->size)
            return UINT64_MAX;
        sum += map.end - map.begin;
        *aliased += piece->size - piece->counted;
        *far += mt_piece_device(model, piece) == block->device ? 0 : piece->counted;
    }
    return sum;
}

static bool driver_is_valid(const struct mt_model *model, const struct mt_range *range)
{
    if (range->item >= model->slots)
        return false;
    const struct mt_block *block = &model->block[range->item];
    if (block->slot != range->item || !range_fits(range, block) || block->segment_slot ||
        block->state == MT_STATE_FREE)
        return false;
    uint64_t aliased = 0, far = 0;
    if (block->source == MT_SOURCE_VIRTUAL &&
        (mapped_in(model, block, &aliased, &far) != block->mapped || aliased != block->aliased ||
         far != block->far || block->mapped > block->size))
        return false;
    if (block->source != MT_SOURCE_VIRTUAL && block->size != block->extent)
        return false;
    return (block->level == MT_LEVEL_SEGMENT) == (block->children > 0);
}

static bool block_is_valid(const struct mt_model *model, const struct mt_range *range)
{
    if (range->item >= model->slots)
        return false;
    const struct mt_block *block = &model->block[range->item];
    if (block->slot != range->item || !range_fits(range, block) || block->state != MT_STATE_TOLD ||
        !mt_source_is_allocator(block->source) || block->level != MT_LEVEL_BLOCK)
        return false;
    const struct mt_block *segment = &model->block[block->segment_slot];
    return !block->segment_slot ||
           (segment->id == block->segment && segment->level == MT_LEVEL_SEGMENT &&
            block->address - segment->address < segment->extent);
}

static bool counts_are_valid(const struct mt_block *block)
{
    return block->accesses >= block->reads + block->writes &&
           (block->accesses == 0 || (block->first_access_ns <= block->last_access_ns &&
                                     block->first_access_ns >= block->birth_ns));
}

static bool host_is_valid(const struct mt_model *model)
{
    struct mt_range range;
    uint64_t sum = 0;
    for (uint64_t at = 0; mt_space_next(&model->host, at, &range); at = range.end) {
        if (range.item >= model->slots)
            return false;
        const struct mt_block *block = &model->block[range.item];
        if (block->slot != range.item || !range_fits(&range, block) ||
            block->level != MT_LEVEL_HOST || block->state != MT_STATE_TOLD ||
            block->size != block->extent || !counts_are_valid(block))
            return false;
        sum += block->size;
    }
    return mt_space_is_valid(&model->host) && sum == model->pinned;
}

static void add_up(const struct mt_model *model, struct mt_usage sums[MT_DEVICES],
                   const struct mt_block *block)
{
    struct mt_usage *sum = &sums[block->device];
    if (block->state != MT_STATE_TOLD)
        return;
    if (block->source == MT_SOURCE_ALLOCATOR)
        sum->allocator += block->size;
    for (uint32_t i = 0; i < MT_DEVICES; i++) {
        uint64_t bytes = mt_model_bytes_on(model, block, i);
        sums[i].reserved += mt_source_is_allocator(block->source) ? 0 : bytes;
        sums[i].allocated += block->level == MT_LEVEL_BLOCK ? bytes : 0;
    }
    sum->blocks += block->level == MT_LEVEL_BLOCK;
    sum->segments += block->level == MT_LEVEL_SEGMENT;
}

static bool sums_are_valid(const struct mt_model *model, const struct mt_usage sums[MT_DEVICES])
{
    for (uint32_t i = 0; i < MT_DEVICES; i++) {
        const struct mt_usage *usage = &model->usage[i];
        if (usage->reserved != sums[i].reserved || usage->allocated != sums[i].allocated ||
            usage->allocator != sums[i].allocator || usage->blocks != sums[i].blocks ||
            usage->segments != sums[i].segments || usage->reserved > usage->peak_reserved ||
            usage->allocated > usage->peak_allocated)
            return false;
    }
    return true;
}

static bool reaches_are_valid(const struct mt_model *model)
{
    for (uint32_t i = 0; i < model->slots; i++) {
        struct mt_block block = model->block[i];
        mt_block_set_reach(&block);
        if (block.reach != model->block[i].reach)
            return false;
    }
    return true;
}

static bool pendings_are_valid(const struct mt_model *model)
{
    uint32_t pending = 0;
    for (uint32_t i = 1; i < model->slots; i++)
        pending += model->block[i].state == MT_STATE_PENDING;
    for (uint32_t i = 0; i < model->pendings; i++)
        if (model->block[model->pending[i].slot].state != MT_STATE_PENDING)
            return false;
    return pending == model->pendings;
}

bool mt_model_is_valid(const struct mt_model *model)
{
    struct mt_usage sums[MT_DEVICES];
    struct mt_range range;
    memset(sums, 0, sizeof sums);
    if (!mt_space_is_valid(&model->driver) || !mt_space_is_valid(&model->blocks) ||
        !mt_space_is_valid(&model->maps) || !host_is_valid(model))
        return false;
    for (uint64_t at = 0; mt_space_next(&model->driver, at, &range); at = range.end) {
        if (!driver_is_valid(model, &range) || !counts_are_valid(&model->block[range.item]))
            return false;
        add_up(model, sums, &model->block[range.item]);
    }
    for (uint64_t at = 0; mt_space_next(&model->arrays, at, &range); at = range.end)
        add_up(model, sums, &model->block[range.item]);
    for (uint64_t at = 0; mt_space_next(&model->blocks, at, &range); at = range.end) {
        if (!block_is_valid(model, &range) || !counts_are_valid(&model->block[range.item]))
            return false;
        add_up(model, sums, &model->block[range.item]);
    }
    return model->slots == 1 + model->free_slots + model->driver.size + model->blocks.size +
                               model->arrays.size + model->host.size &&
           model->block[0].extent == 0 && reaches_are_valid(model) && pendings_are_valid(model) &&
           sums_are_valid(model, sums);
}
