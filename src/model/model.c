/* From a record to what it does to the model; frees of what is not known, and frees that fail. */
#include "model/model_state.h"

#include <stdlib.h>
#include <string.h>

static bool make_calls(struct mt_calls *calls, size_t n)
{
    calls->call = calloc(n ? n : 1, sizeof *calls->call);
    return calls->call != NULL;
}

static void hear_host(struct mt_model *model, const struct mt_listener *it)
{
    if (it->birth)
        model->host_births.call[model->host_births.n++] =
            (struct mt_call){it->state, .block = it->birth};
    if (it->access)
        model->host_accesses.call[model->host_accesses.n++] =
            (struct mt_call){it->state, .access = it->access};
    if (it->death)
        model->host_deaths.call[model->host_deaths.n++] =
            (struct mt_call){it->state, .block = it->death};
}

static void hear_one(struct mt_model *model, const struct mt_listener *it)
{
    if (it->birth)
        model->births.call[model->births.n++] = (struct mt_call){it->state, .block = it->birth};
    if (it->access)
        model->accesses.call[model->accesses.n++] =
            (struct mt_call){it->state, .access = it->access};
    if (it->access && !it->by_launch)
        model->touches.call[model->touches.n++] = (struct mt_call){it->state, .access = it->access};
    if (it->launch)
        model->launches.call[model->launches.n++] =
            (struct mt_call){it->state, .launch = it->launch};
    if (it->death)
        model->deaths.call[model->deaths.n++] = (struct mt_call){it->state, .block = it->death};
    if (it->usage)
        model->usages.call[model->usages.n++] = (struct mt_call){it->state, .usage = it->usage};
    if (it->resize)
        model->resizes.call[model->resizes.n++] = (struct mt_call){it->state, .block = it->resize};
    if (it->host)
        hear_host(model, it);
}

static bool hear(struct mt_model *model, const struct mt_listener *listeners, size_t n)
{
    if (!make_calls(&model->births, n) || !make_calls(&model->accesses, n) ||
        !make_calls(&model->touches, n) || !make_calls(&model->launches, n) ||
        !make_calls(&model->deaths, n) || !make_calls(&model->usages, n) ||
        !make_calls(&model->resizes, n) || !make_calls(&model->host_births, n) ||
        !make_calls(&model->host_accesses, n) || !make_calls(&model->host_deaths, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!listeners[i].closely)
            hear_one(model, &listeners[i]);
    mt_looks_note(model, false);
    for (size_t i = 0; i < n; i++)
        if (listeners[i].closely)
            hear_one(model, &listeners[i]);
    mt_looks_note(model, true);
    return true;
}

struct mt_model *mt_model_new(mt_api_name *api_name, void *context,
                              const struct mt_listener *listeners, size_t n)
{
    struct mt_model *model = calloc(1, sizeof *model);
    if (!model)
        return NULL;
    model->api_name = api_name;
    model->context = context;
    model->next_id = 1;
    if (!hear(model, listeners, n) || !mt_slots_grow(model)) {
        mt_model_free(model);
        return NULL;
    }
    return model;
}

void mt_model_free(struct mt_model *model)
{
    if (!model)
        return;
    mt_space_release(&model->driver);
    mt_space_release(&model->blocks);
    mt_space_release(&model->maps);
    mt_space_release(&model->host);
    mt_space_release(&model->arrays);
    mt_physicals_release(&model->physicals);
    mt_graphs_release(&model->graphs);
    mt_windows_release(&model->windows);
    mt_scopes_release(&model->scopes);
    free(model->block);
    free(model->free_slot);
    free(model->births.call);
    free(model->accesses.call);
    free(model->touches.call);
    free(model->launches.call);
    free(model->deaths.call);
    free(model->usages.call);
    free(model->resizes.call);
    free(model->host_births.call);
    free(model->host_accesses.call);
    free(model->host_deaths.call);
    free(model);
}

uint64_t mt_model_now(const struct mt_model *model)
{
    return model->now;
}

const struct mt_counts *mt_model_counts(const struct mt_model *model)
{
    return &model->counts;
}

const struct mt_usage *mt_model_usage(const struct mt_model *model, uint32_t device)
{
    return &model->usage[device];
}

/* ---- allocations ---- */

void mt_driver_put(struct mt_model *model, const struct mt_birth *birth, uint32_t thread)
{
    uint32_t slot = mt_driver_add(model, birth);
    /* No allocator builds on stream-ordered memory: tell that at once. */
    if (slot)
        mt_driver_born(model, slot, birth->extent, thread,
                       birth->source != MT_SOURCE_ASYNC && birth->source != MT_SOURCE_GRAPH);
}

void mt_do_alloc(struct mt_model *model, const struct mt_ev_alloc *event, uint32_t thread)
{
    if (!mt_is_range(model, event->address, event->size))
        return;
    model->counts.driver_allocations++;
    mt_driver_put(model,
                  &(struct mt_birth){
                      .address = event->address,
                      .extent = event->size,
                      .stream = event->stream,
                      .device = mt_model_device(event->device),
                      .api = (uint32_t)event->api,
                      .stack = mt_model_stack(event->stack),
                      .library = (uint32_t)event->library,
                      .context = (uint32_t)event->context,
                      .source = (uint8_t)mt_source_of(model, event->api),
                  },
                  thread);
}

/* ---- allocators of the program's own ---- */

/* The program tells what it does with memory that it holds. Levels do not nest further: what it
 * cuts out of a caching allocator's block is not followed. */
static void do_pool_alloc(struct mt_model *model, const struct mt_ev_pool_alloc *event)
{
    struct mt_range range;
    if (!mt_is_range(model, event->address, event->size))
        return;
    model->counts.reported_allocated++;
    if (mt_space_find(&model->blocks, event->address, &range) &&
        model->block[range.item].source == MT_SOURCE_ALLOCATOR) {
        model->counts.reported_nested++;
        return;
    }
    uint32_t around = mt_driver_at(model, event->address);
    mt_block_born(
        model, &(struct mt_birth){.address = event->address,
                                  .extent = event->size,
                                  .stream = event->stream,
                                  .device = around ? model->block[around].device : MT_DEVICES - 1,
                                  .stack = mt_model_stack(event->stack),
                                  .source = MT_SOURCE_REPORTED});
}

static void do_pool_free(struct mt_model *model, const struct mt_ev_pool_free *event)
{
    const struct mt_block *block = mt_model_find(model, event->address);
    model->counts.reported_freed++;
    if (block && block->address == event->address && block->source == MT_SOURCE_REPORTED)
        mt_block_died(model, block->slot);
}

/* ---- dispatch ---- */

#define AS(name) ((const struct mt_ev_##name *)(const void *)record->word)

static void replay_memory(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    switch (record->kind) {
    case MT_alloc:
        mt_do_alloc(model, AS(alloc), thread);
        break;
    case MT_free:
        mt_do_free(model, AS(free));
        break;
    case MT_free_failed:
        mt_do_free_failed(model, AS(free_failed), thread);
        break;
    case MT_alloc_failed:
        model->counts.allocations_failed++;
        break;
    case MT_host_alloc:
        mt_do_host_alloc(model, AS(host_alloc));
        break;
    case MT_host_free:
        mt_do_host_free(model, AS(host_free)->address);
        break;
    case MT_reserve:
        mt_virtual_reserve(model, AS(reserve));
        break;
    case MT_unreserve:
        mt_do_unreserve(model, AS(unreserve));
        break;
    case MT_create:
        mt_do_create(model, AS(create));
        break;
    case MT_import:
        mt_do_import(model, AS(import));
        break;
    case MT_retain:
        mt_physical_retain(model, AS(retain)->handle, AS(retain)->address);
        break;
    case MT_release:
        mt_physical_release(model, AS(release)->handle);
        break;
    case MT_context_end:
        mt_do_context_end(model, AS(context_end));
        break;
    case MT_global:
        mt_do_global(model, AS(global), thread);
        break;
    case MT_module_end:
        mt_module_died(model, AS(module_end)->module);
        break;
    case MT_array:
        mt_array_born(model, AS(array), thread);
        break;
    case MT_array_end:
        mt_array_died(model, AS(array_end)->handle);
        break;
    case MT_prefetch:
    case MT_pool:
    case MT_hint:
        mt_do_saying(model, record);
        break;
    case MT_map:
        model->counts.maps++;
        mt_virtual_map(model, AS(map), thread);
        break;
    case MT_unmap:
        mt_do_unmap(model, AS(unmap));
        break;
    case MT_pool_alloc:
        do_pool_alloc(model, AS(pool_alloc));
        break;
    case MT_pool_free:
        do_pool_free(model, AS(pool_free));
        break;
    default: /* facts about the recording, not about memory */
        break;
    }
}

static int replay_rest(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    model->thread = thread;
    switch (record->kind) {
    case MT_access:
        mt_touch_access(model, AS(access), thread);
        break;
    case MT_block_oom:
        model->counts.blocks_failed++;
        break;
    case MT_copy:
        mt_touch_copy(model, AS(copy), thread);
        break;
    case MT_copy_rect:
        mt_touch_copy_rect(model, AS(copy_rect), thread);
        break;
    case MT_set:
        mt_touch_set(model, AS(set), thread);
        break;
    case MT_collective:
        mt_touch_collective(model, AS(collective), thread);
        break;
    case MT_graph_launch:
        mt_graph_launch(model, AS(graph_launch), thread);
        break;
    case MT_graph:
        mt_graph_define(model, AS(graph), thread);
        break;
    case MT_graph_update:
        mt_graph_update(model, AS(graph_update), thread);
        break;
    case MT_range_push:
    case MT_range_pop:
        mt_scopes_note(model, record, thread);
        break;
    case MT_graph_end:
        mt_graph_end(model, AS(graph_end)->graph);
        break;
    default:
        if (record->kind >= MT_pause && record->kind <= MT_resumed)
            mt_windows_note(model, record, thread);
        else
            replay_memory(model, record, thread);
        break;
    }
    return model->status;
}

static int do_record(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    switch (record->kind) {
    case MT_launch:
        return mt_touch_launch(model, record, thread);
    case MT_block_alloc:
        return mt_do_block_alloc(model, AS(block_alloc), thread);
    case MT_block_free:
        return mt_do_block_free(model, AS(block_free));
    default:
        return replay_rest(model, record, thread);
    }
}

/* Whether a pause takes the record out of the usual way. */
static bool is_of_pause(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    if (model->windows.kept && thread == model->windows.teller) {
        do_record(model, record, thread);
        model->windows.kept = false;
        return true;
    }
    return mt_windows_pass_over(model, record, thread);
}

static inline void go_to(struct mt_model *model, const struct mt_record *record)
{
    if (record->time > model->now)
        model->now = record->time;
}

/* Whether something waits for the next record. */
static bool waits(const struct mt_model *model)
{
    return model->pendings || model->is_open || model->graphs.openings || model->windows.state ||
           model->windows.kept;
}

/* What waited for the next record, before and after its time has come. Whether the record is a node
 * of a graph that is being defined, and nothing else. */
static bool settle(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    if (model->is_open && (record->kind != MT_access || record->time > model->now))
        mt_touch_close(model);
    go_to(model, record);
    if (model->graphs.openings && mt_graph_take(model, record, thread))
        return true;
    if (model->pendings)
        mt_pending_settle(model, record, thread);
    return (model->windows.kept || model->windows.state) && is_of_pause(model, record, thread);
}

/* Any record at any time. */
static __attribute__((noinline)) int replay_any(struct mt_model *model,
                                                const struct mt_record *record, uint32_t thread)
{
    if (!mt_record_is_valid(record)) {
        model->counts.invalid_records++;
        return model->status;
    }
    if (model->is_calm)
        go_to(model, record);
    if (model->is_calm || !settle(model, record, thread))
        do_record(model, record, thread);
    model->is_calm = !waits(model);
    return model->status;
}

/* Every event passes here, and nearly all are of three kinds that leave nothing to wait for the
 * next: they take the short way, on which nothing is kept in registers over a call, so none has to
 * be saved. */
int mt_model_replay(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    uint32_t kind = record->kind;
    if (__builtin_expect(!model->is_calm, 0))
        return replay_any(model, record, thread);
    if (kind == MT_launch && mt_words_fit(MT_launch, record->words)) {
        go_to(model, record);
        return mt_touch_launch(model, record, thread);
    }
    if (kind == MT_block_alloc && mt_words_fit(MT_block_alloc, record->words)) {
        go_to(model, record);
        return mt_do_block_alloc(model, AS(block_alloc), thread);
    }
    if (kind == MT_block_free && mt_words_fit(MT_block_free, record->words)) {
        go_to(model, record);
        return mt_do_block_free(model, AS(block_free));
    }
    return replay_any(model, record, thread);
}

static void tell_survivors(struct mt_model *model, const struct mt_space *space,
                           const struct mt_calls *deaths)
{
    struct mt_range range;
    for (uint64_t at = 0; mt_space_next(space, at, &range); at = range.end) {
        struct mt_block *block = &model->block[range.item];
        if (block->state == MT_STATE_TOLD)
            mt_tell_death(model, deaths, block);
    }
}

int mt_model_finish(struct mt_model *model)
{
    mt_windows_finish(model);
    if (model->is_open)
        mt_touch_close(model);
    while (model->pendings)
        mt_pending_tell(model, model->pending[0].slot);
    tell_survivors(model, &model->blocks, &model->deaths);
    tell_survivors(model, &model->driver, &model->deaths);
    tell_survivors(model, &model->arrays, &model->deaths);
    tell_survivors(model, &model->host, &model->host_deaths);
    return model->status;
}
