/* Page-locked host memory. It is no device memory and lies in none: blocks of a level of their own,
 * which only listeners that ask for it hear of. Copies and sets access it; what kernels reach of it
 * is counted (pointers_pinned). */
#include "model/accesses/box.h"
#include "model/model_state.h"

#include <string.h>

uint32_t mt_host_at(const struct mt_model *model, uint64_t address)
{
    struct mt_range range;
    return mt_space_find(&model->host, address, &range) ? range.item : 0;
}

void mt_host_died(struct mt_model *model, uint32_t slot)
{
    struct mt_block *block = &model->block[slot];
    mt_space_remove(&model->host, block->address, NULL);
    model->host_generation++;
    model->pinned -= block->size;
    block->death_ns = model->now;
    mt_tell_death(model, &model->host_deaths, block);
    mt_slot_drop(model, slot);
}

/* What lives there must have ended unseen. */
static void evict(struct mt_model *model, uint64_t begin, uint64_t end)
{
    struct mt_range range;
    for (uint64_t at = begin; mt_space_next_in(&model->host, at, end, &range); at = range.end)
        mt_host_died(model, range.item);
}

static void count_pinned(struct mt_model *model, uint64_t size)
{
    model->host_generation++;
    model->pinned += size;
    if (model->pinned > model->counts.pinned_peak_bytes)
        model->counts.pinned_peak_bytes = model->pinned;
}

void mt_host_born(struct mt_model *model, const struct mt_birth *birth)
{
    uint64_t end = birth->address + birth->extent;
    if (!mt_is_range(model, birth->address, birth->extent))
        return;
    evict(model, birth->address, end);
    uint32_t slot = mt_slot_take(model);
    if (!slot)
        return;
    if (mt_space_insert(&model->host, birth->address, end, slot) != MT_SPACE_OK) {
        mt_slot_drop(model, slot);
        mt_model_note(model, MT_ERR_MEMORY);
        return;
    }
    struct mt_block *block = &model->block[slot];
    mt_block_set_birth(block, birth);
    block->size = birth->extent;
    block->id = model->next_id++;
    block->birth_ns = model->now;
    block->device = MT_DEVICES - 1;
    block->level = MT_LEVEL_HOST;
    block->state = MT_STATE_TOLD;
    mt_block_enter(model, block);
    count_pinned(model, block->size);
    mt_tell_block(model, &model->host_births, block);
}

void mt_do_host_alloc(struct mt_model *model, const struct mt_ev_host_alloc *event)
{
    const char *name = model->api_name ? model->api_name(model->context, event->api) : "";
    mt_host_born(model, &(struct mt_birth){.address = event->address,
                                           .extent = event->size,
                                           .api = (uint32_t)event->api,
                                           .stack = mt_model_stack(event->stack),
                                           .context = (uint32_t)event->context,
                                           .source = strstr(name, "Register") ? MT_SOURCE_REGISTERED
                                                                              : MT_SOURCE_PINNED});
}

void mt_host_context_died(struct mt_model *model, uint64_t context)
{
    struct mt_range range;
    for (uint64_t at = 0; context && mt_space_next(&model->host, at, &range); at = range.end)
        if (model->block[range.item].context == context)
            mt_host_died(model, range.item);
}

/* ---- accesses ---- */

void mt_host_tell(struct mt_model *model, const struct mt_block *block,
                  const struct mt_access *access)
{
    for (size_t i = 0; i < model->host_accesses.n; i++) {
        const struct mt_call *call = &model->host_accesses.call[i];
        mt_model_note(model, call->access(call->state, block, access));
    }
}

void mt_host_touch(struct mt_model *model, const struct mt_box *box, struct mt_access *access)
{
    struct mt_range range;
    for (uint64_t at = box->begin;
         mt_space_next(&model->host, at, &range) && range.begin < box->end; at = range.end) {
        struct mt_block *block = &model->block[range.item];
        uint64_t first;
        access->size = mt_box_within(box, range.begin, range.end, &first);
        access->offset = first - range.begin;
        if (access->size)
            mt_touch_add(model, block, access);
    }
}
