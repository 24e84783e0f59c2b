/* Birth and death of driver memory, which of it are segments, and the sums of what lives. */
#include "model/model_state.h"

#include <stdlib.h>
#include <string.h>

/* ---- usage ---- */

/* `reserved` and `allocated` are changes, added modulo 2^64. */
static void use(struct mt_model *model, uint32_t device, uint64_t reserved, uint64_t allocated,
                uint64_t time_ns)
{
    struct mt_usage *usage = &model->usage[device];
    usage->used = true;
    usage->reserved += reserved;
    if (usage->reserved > usage->peak_reserved) {
        usage->peak_reserved = usage->reserved;
        usage->peak_reserved_ns = time_ns;
    }
    mt_use_allocated(model, device, usage, allocated, time_ns);
}

static uint64_t *level_count(struct mt_model *model, const struct mt_block *block)
{
    struct mt_usage *usage = &model->usage[block->device];
    return block->level == MT_LEVEL_SEGMENT ? &usage->segments : &usage->blocks;
}

/* Driver memory that is told changes its bytes on a device. */
static void use_driver(struct mt_model *model, const struct mt_block *block, uint32_t device,
                       uint64_t change, uint64_t time_ns)
{
    use(model, device, change, block->level == MT_LEVEL_BLOCK ? change : 0, time_ns);
}

/* All bytes of driver memory, wherever they lie, come, go, or are allocated no more: `reserved` and
 * `allocated` times as many, which are 1, -1 or 0. */
static void use_all(struct mt_model *model, const struct mt_block *block, int reserved,
                    int allocated, uint64_t time_ns)
{
    uint64_t bytes = mt_block_bytes(block) - block->far;
    use(model, block->device, (uint64_t)reserved * bytes, (uint64_t)allocated * bytes, time_ns);
    for (uint32_t i = 0; block->far && i < MT_DEVICES; i++) {
        bytes = i == block->device ? 0 : mt_model_bytes_on(model, block, i);
        if (bytes)
            use(model, i, (uint64_t)reserved * bytes, (uint64_t)allocated * bytes, time_ns);
    }
}

/* ---- slots ---- */

bool mt_slots_grow(struct mt_model *model)
{
    uint32_t room = model->slots_room ? model->slots_room * 2 : 1024;
    uint32_t *free_slot = realloc(model->free_slot, room * sizeof *free_slot);
    if (!free_slot)
        return false;
    model->free_slot = free_slot;
    struct mt_block *block = aligned_alloc(_Alignof(struct mt_block), room * sizeof *block);
    if (!block)
        return false;
    if (model->slots)
        memcpy(block, model->block, model->slots * sizeof *block);
    else
        memset(&block[model->slots++], 0, sizeof *block);
    free(model->block);
    model->block = block;
    model->slots_room = room;
    return true;
}

uint32_t mt_slot_take(struct mt_model *model)
{
    uint32_t slot = mt_slot_spare(model);
    if (slot)
        mt_block_blank(&model->block[slot], slot);
    return slot;
}

/* ---- births that are not yet told ---- */

void mt_pending_tell(struct mt_model *model, uint32_t slot)
{
    uint32_t i = 0;
    while (i < model->pendings && model->pending[i].slot != slot)
        i++;
    if (i == model->pendings)
        return;
    model->pendings--;
    memmove(&model->pending[i], &model->pending[i + 1],
            (model->pendings - i) * sizeof model->pending[0]);
    struct mt_block *block = &model->block[slot];
    block->state = MT_STATE_TOLD;
    block->unheard = model->away;
    mt_block_set_reach(block);
    mt_tell_block(model, &model->births, block);
    ++*level_count(model, block);
    use_all(model, block, 1, block->level == MT_LEVEL_BLOCK, mt_told_ns(model, block));
}

static bool decides(const struct mt_model *model, const struct mt_record *record, uint32_t thread,
                    const struct mt_pending *pending)
{
    if (model->now - mt_told_ns(model, &model->block[pending->slot]) > MT_PENDING_NS)
        return true;
    if (thread != pending->thread)
        return false;
    switch (record->kind) {
    case MT_launch:
    case MT_access:
    case MT_copy:
    case MT_copy_rect:
    case MT_set:
    case MT_graph_launch:
        return true;
    case MT_block_alloc: /* inside it is another matter: then it is told as a segment */
        return record->word[0] - model->block[pending->slot].address >=
               model->block[pending->slot].extent;
    default:
        return false;
    }
}

void mt_pending_settle(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    for (uint32_t i = 0; i < model->pendings;) {
        if (decides(model, record, thread, &model->pending[i]))
            mt_pending_tell(model, model->pending[i].slot);
        else
            i++;
    }
}

static void add_pending(struct mt_model *model, uint32_t slot, uint32_t thread)
{
    if (model->pendings == MT_PENDING_MAX)
        mt_pending_tell(model, model->pending[0].slot);
    model->block[slot].state = MT_STATE_PENDING;
    model->pending[model->pendings++] = (struct mt_pending){slot, thread};
}

/* ---- driver memory ---- */

uint32_t mt_driver_at(const struct mt_model *model, uint64_t address)
{
    struct mt_range range;
    return mt_space_find(&model->driver, address, &range) ? range.item : 0;
}

/* What lives in [begin, end) must have ended unseen. */
static void evict(struct mt_model *model, uint64_t begin, uint64_t end)
{
    struct mt_range range;
    for (uint64_t at = begin; mt_space_next_in(&model->driver, at, end, &range); at = range.end) {
        model->counts.overlaps += !model->windows.kept;
        mt_driver_died(model, range.item);
    }
    for (uint64_t at = begin; mt_space_next_in(&model->blocks, at, end, &range); at = range.end) {
        model->counts.overlaps += !model->windows.kept;
        mt_block_died(model, range.item);
    }
}

uint32_t mt_driver_add(struct mt_model *model, const struct mt_birth *birth)
{
    uint64_t end = birth->address + birth->extent;
    evict(model, birth->address, end);
    uint32_t slot = mt_slot_take(model);
    if (!slot)
        return 0;
    if (mt_space_insert(&model->driver, birth->address, end, slot) != MT_SPACE_OK) {
        mt_slot_drop(model, slot);
        mt_model_note(model, MT_ERR_MEMORY);
        return 0;
    }
    struct mt_block *block = &model->block[slot];
    mt_block_set_birth(block, birth);
    block->level = MT_LEVEL_BLOCK;
    block->state = MT_STATE_RESERVED;
    return slot;
}

void mt_driver_remap(struct mt_model *model, uint32_t slot, uint64_t mapped, uint64_t aliased,
                     uint32_t device)
{
    struct mt_block *block = &model->block[slot];
    uint64_t before = mt_block_bytes(block);
    block->mapped = mapped;
    block->aliased = aliased;
    uint64_t change = mt_block_bytes(block) - before;
    block->far += device == block->device ? 0 : change;
    if (block->size < mapped)
        block->size = mapped;
    if (block->state == MT_STATE_TOLD) {
        mt_tell_block(model, &model->resizes, block);
        use_driver(model, block, device, change, model->now);
    }
}

static void forget_maps(struct mt_model *model, uint64_t begin, uint64_t end)
{
    struct mt_range range;
    for (uint64_t at = begin; mt_space_next_in(&model->maps, at, end, &range); at = range.end) {
        mt_space_remove(&model->maps, range.begin, NULL);
        mt_physical_settle(model, mt_piece_remove(model, range.item));
    }
}

void mt_driver_died(struct mt_model *model, uint32_t slot)
{
    uint64_t begin = model->block[slot].address, end = begin + model->block[slot].extent;
    struct mt_range range;
    if (model->block[slot].state == MT_STATE_PENDING)
        mt_pending_tell(model, slot);
    for (uint64_t at = begin; mt_space_next_in(&model->blocks, at, end, &range); at = range.end) {
        model->counts.died_with_segment++;
        mt_block_died(model, range.item);
    }
    struct mt_block *block = &model->block[slot];
    bool virtual = block->source == MT_SOURCE_VIRTUAL;
    mt_space_remove(&model->driver, begin, NULL);
    if (block->state == MT_STATE_TOLD) {
        block->death_ns = mt_happened_ns(model);
        --*level_count(model, block);
        use_all(model, block, -1, -(block->level == MT_LEVEL_BLOCK), model->now);
        mt_tell_death(model, &model->deaths, block);
    }
    block->state = MT_STATE_RESERVED; /* its bytes are gone; others' that were aliases may grow */
    if (virtual)
        forget_maps(model, begin, end);
    mt_slot_drop(model, slot);
}

/* ---- what dies with something else ---- */

typedef bool dies_fn(const struct mt_block *block, const void *with);

static void end_all(struct mt_model *model, dies_fn *dies, const void *with, uint64_t *counter)
{
    struct mt_range range;
    for (uint64_t at = 0; mt_space_next(&model->driver, at, &range); at = range.end) {
        if (!dies(&model->block[range.item], with))
            continue;
        ++*counter;
        mt_driver_died(model, range.item);
    }
}

static bool dies_with_context(const struct mt_block *block, const void *with)
{
    const struct mt_ev_context_end *event = with;
    bool pooled = block->source == MT_SOURCE_ASYNC || block->source == MT_SOURCE_GRAPH;
    if (block->source == MT_SOURCE_VIRTUAL)
        return false; /* belongs to the process */
    if (pooled)
        return event->primary && block->device == mt_model_device(event->device);
    return event->context && block->context == event->context;
}

static bool dies_with_module(const struct mt_block *block, const void *with)
{
    const uint64_t *module = with;
    return block->source == MT_SOURCE_GLOBAL && block->stream == *module;
}

void mt_module_died(struct mt_model *model, uint64_t module)
{
    uint64_t ended = 0;
    end_all(model, dies_with_module, &module, &ended);
}

static void end_arrays(struct mt_model *model, uint64_t context)
{
    struct mt_range range;
    for (uint64_t at = 0; context && mt_space_next(&model->arrays, at, &range); at = range.end) {
        if (model->block[range.item].context != context)
            continue;
        model->counts.died_with_context++;
        mt_array_died(model, range.begin);
    }
}

void mt_context_died(struct mt_model *model, const struct mt_ev_context_end *event)
{
    end_all(model, dies_with_context, event, &model->counts.died_with_context);
    end_arrays(model, event->context);
}

/* ---- arrays ---- */

void mt_array_died(struct mt_model *model, uint64_t handle)
{
    struct mt_range range;
    if (!mt_space_remove(&model->arrays, handle, &range))
        return;
    struct mt_block *block = &model->block[range.item];
    block->death_ns = model->now;
    --*level_count(model, block);
    use_all(model, block, -1, -(block->level == MT_LEVEL_BLOCK), model->now);
    mt_tell_death(model, &model->deaths, block);
    mt_slot_drop(model, range.item);
}

void mt_array_born(struct mt_model *model, const struct mt_ev_array *event, uint32_t thread)
{
    if (event->handle + 1 == 0 || event->size == 0) {
        model->counts.invalid_records++;
        return;
    }
    mt_array_died(model, event->handle); /* its end was not seen */
    uint32_t slot = mt_slot_take(model);
    if (!slot)
        return;
    if (mt_space_insert(&model->arrays, event->handle, event->handle + 1, slot) != MT_SPACE_OK) {
        mt_slot_drop(model, slot);
        mt_model_note(model, MT_ERR_MEMORY);
        return;
    }
    struct mt_block *block = &model->block[slot];
    block->address = event->handle;
    block->device = mt_model_device(event->device);
    block->api = (uint32_t)event->api;
    block->context = (uint32_t)event->context;
    bool imported = mt_source_of(model, event->api) == MT_SOURCE_IMPORTED;
    block->source = imported ? MT_SOURCE_IMPORTED : MT_SOURCE_ARRAY;
    block->level = MT_LEVEL_BLOCK;
    mt_driver_born(model, slot, event->size, thread, false);
}

/* ---- segments ---- */

/* Driver memory has a block inside: from now on it is a segment. */
static void become_segment(struct mt_model *model, uint32_t slot)
{
    struct mt_block *block = &model->block[slot];
    model->generation++;
    if (block->state == MT_STATE_TOLD) {
        --*level_count(model, block);
        use_all(model, block, 0, -1, model->now);
        block->level = MT_LEVEL_SEGMENT;
        mt_block_set_reach(block);
        ++*level_count(model, block);
    } else {
        block->level = MT_LEVEL_SEGMENT;
        mt_pending_tell(model, slot);
    }
}

void mt_segment_adopt(struct mt_model *model, uint32_t slot)
{
    if (model->block[slot].level == MT_LEVEL_BLOCK)
        become_segment(model, slot);
    model->block[slot].children++;
}

/* Blocks that were handed out of a range before memory was seen to be mapped there. */
static void adopt_orphans(struct mt_model *model, uint32_t slot)
{
    uint64_t begin = model->block[slot].address, end = begin + model->block[slot].extent;
    struct mt_range range;
    for (uint64_t at = begin; mt_space_next(&model->blocks, at, &range) && range.begin < end;
         at = range.end)
        mt_segment_adopt(model, slot);
}

void mt_driver_born(struct mt_model *model, uint32_t slot, uint64_t size, uint32_t thread,
                    bool wait)
{
    struct mt_block *block = &model->block[slot];
    model->generation++;
    block->id = model->next_id++;
    block->size = size;
    block->mapped = block->source == MT_SOURCE_VIRTUAL ? size : 0;
    block->birth_ns = mt_happened_ns(model);
    block->unseen = model->windows.kept;
    mt_block_enter(model, block);
    add_pending(model, slot, thread);
    adopt_orphans(model, slot);
    if (!wait)
        mt_pending_tell(model, slot);
}
