/* Birth and death of allocators' blocks, and the driver memory that they lie in. */
#include "model/model_state.h"

/* The driver memory around a new block [begin, end), 0 if none is known. Where only parts of a
 * range are known, a block may lie in several. */
static uint32_t surrounding(struct mt_model *model, uint64_t begin, uint64_t end)
{
    const struct mt_block *last = &model->block[model->segment];
    struct mt_range range;
    uint32_t first = 0;
    if (begin - last->address < last->extent && end - last->address <= last->extent &&
        last->level == MT_LEVEL_SEGMENT) {
        model->block[model->segment].children++;
        return model->segment;
    }
    for (uint64_t at = begin; mt_space_next(&model->driver, at, &range) && range.begin < end;
         at = range.end) {
        if (model->block[range.item].state == MT_STATE_RESERVED)
            continue;
        mt_segment_adopt(model, range.item);
        if (!first && range.begin <= begin)
            first = range.item;
        if (range.end >= end)
            break;
    }
    model->counts.orphan_blocks += !first;
    model->segment = first;
    return first;
}

/* What lives in the way of a new block must have ended unseen. */
static __attribute__((noinline)) enum mt_space_result
make_way(struct mt_model *model, uint64_t begin, uint64_t end, uint32_t slot)
{
    struct mt_range range;
    for (uint64_t at = begin; mt_space_next_in(&model->blocks, at, end, &range); at = range.end) {
        model->counts.overlaps += !model->windows.kept;
        mt_block_died(model, range.item);
    }
    return mt_space_insert(&model->blocks, begin, end, slot);
}

static inline bool insert_block(struct mt_model *model, uint64_t begin, uint64_t end, uint32_t slot)
{
    enum mt_space_result result = mt_space_insert(&model->blocks, begin, end, slot);
    if (__builtin_expect(result == MT_SPACE_OVERLAP, 0))
        result = make_way(model, begin, end, slot);
    if (__builtin_expect(result == MT_SPACE_OK, 1))
        return true;
    mt_model_note(model, MT_ERR_MEMORY);
    return false;
}

/* A slot with its place among the blocks, 0 on error. */
static inline uint32_t take_place(struct mt_model *model, uint64_t begin, uint64_t end)
{
    uint32_t slot = mt_slot_spare(model);
    if (!slot || insert_block(model, begin, end, slot))
        return slot;
    mt_slot_drop(model, slot);
    return 0;
}

static inline void begin_life(struct mt_model *model, struct mt_block *block, uint32_t slot,
                              uint32_t segment, const struct mt_birth *birth)
{
    uint64_t id = model->next_id++, segment_id = model->block[segment].id;
    uint64_t birth_ns = mt_happened_ns(model);
    bool unseen = model->windows.kept, unheard = model->away;
    mt_block_blank(block, slot);
    block->address = birth->address;
    block->extent = block->reach = block->size = birth->extent;
    block->id = id;
    block->segment_slot = segment;
    block->segment = segment_id;
    block->birth_ns = birth_ns;
    block->unseen = unseen;
    block->unheard = unheard;
    block->device = birth->device;
    block->stream = birth->stream;
    block->stack = birth->stack;
    block->level = MT_LEVEL_BLOCK;
    block->source = birth->source;
    block->alive_at_start = birth->alive_at_start;
    block->state = MT_STATE_TOLD;
}

/* Inline: so a birth is made where it is known, not in memory. */
static inline __attribute__((always_inline)) void born(struct mt_model *model,
                                                       const struct mt_birth *birth)
{
    uint64_t end = birth->address + birth->extent;
    uint32_t segment = surrounding(model, birth->address, end);
    uint32_t slot = take_place(model, birth->address, end);
    if (!slot)
        return;
    struct mt_block *block = &model->block[slot];
    begin_life(model, block, slot, segment, birth);
    mt_block_enter(model, block);
    *mt_cache_at(model, birth->address) = slot;
    struct mt_usage *usage = &model->usage[birth->device];
    usage->used = true;
    usage->allocator += birth->source == MT_SOURCE_ALLOCATOR ? birth->extent : 0;
    usage->blocks++;
    mt_tell_block(model, &model->births, block);
    mt_use_allocated(model, birth->device, usage, birth->extent, model->now);
}

void mt_block_born(struct mt_model *model, const struct mt_birth *birth)
{
    born(model, birth);
}

static inline __attribute__((always_inline)) void died(struct mt_model *model,
                                                       struct mt_block *block, uint8_t source)
{
    struct mt_usage *usage = &model->usage[block->device];
    uint64_t size = block->size;
    mt_space_remove(&model->blocks, block->address, NULL);
    block->death_ns = mt_happened_ns(model);
    usage->allocator -= source == MT_SOURCE_ALLOCATOR ? size : 0;
    usage->blocks--;
    mt_use_allocated(model, block->device, usage, 0 - size, model->now);
    mt_tell_death(model, &model->deaths, block);
    mt_slot_drop(model, block->slot);
}

void mt_block_died(struct mt_model *model, uint32_t slot)
{
    died(model, &model->block[slot], model->block[slot].source);
}

/* ---- caching allocators ---- */

/* The allocator tells its own sums; where they drift from ours something was lost. */
static inline void compare_sums(struct mt_model *model, struct mt_usage *usage, uint64_t allocated,
                                uint64_t reserved)
{
    uint64_t unknown = allocated - usage->allocator;
    if (__builtin_expect(model->windows.kept, 0)) /* what it said then is past */
        return;
    if (__builtin_expect(unknown != usage->unknown || !usage->told, 0)) {
        model->counts.allocator_mismatches += usage->told;
        usage->told = true;
        usage->unknown = unknown;
    }
    if (allocated > usage->peak_told_allocated)
        usage->peak_told_allocated = allocated;
    if (reserved > usage->peak_told_reserved)
        usage->peak_told_reserved = reserved;
}

int mt_do_block_alloc(struct mt_model *model, const struct mt_ev_block_alloc *event,
                      uint32_t thread)
{
    uint32_t device = mt_model_device(event->device);
    model->thread = thread;
    if (!mt_is_range(model, event->address, event->size))
        return model->status;
    model->counts.blocks_allocated++;
    born(model, &(struct mt_birth){.address = event->address,
                                   .extent = event->size,
                                   .device = device,
                                   .stack = mt_model_stack(event->stack),
                                   .source = MT_SOURCE_ALLOCATOR});
    compare_sums(model, &model->usage[device], event->allocated, event->reserved);
    return model->status;
}

static void count_late_free(struct mt_model *model, struct mt_usage *usage, uint64_t size)
{
    model->counts.late_block_frees++;
    model->counts.late_block_frees_bytes += size;
    usage->unknown -= usage->told ? size : 0;
}

/* The innermost block at an address, where the cache does not say; that of slot 0 if there is none.
 */
static __attribute__((noinline)) struct mt_block *found(struct mt_model *model, uint64_t address)
{
    const struct mt_block *block = mt_model_find(model, address);
    return &model->block[block ? block->slot : 0];
}

int mt_do_block_free(struct mt_model *model, const struct mt_ev_block_free *event)
{
    struct mt_usage *usage = &model->usage[mt_model_device(event->device)];
    struct mt_block *block = &model->block[*mt_cache_at(model, event->address)];
    if (__builtin_expect(block->address != event->address || block->reach == 0, 0))
        block = found(model, event->address);
    model->counts.blocks_freed++;
    if (block->address == event->address && block->reach && block->source == MT_SOURCE_ALLOCATOR)
        died(model, block, MT_SOURCE_ALLOCATOR);
    else
        count_late_free(model, usage, event->size);
    compare_sums(model, usage, event->allocated, event->reserved);
    return model->status;
}
