/* Pauses of the recording: when they were, and how long the recording went on between two times. */
#include "model/model_state.h"

#include <stdlib.h>

#include "base/grow.h"

void mt_windows_release(struct mt_windows *windows)
{
    free(windows->pause);
}

static struct mt_pause *add_pause(struct mt_windows *windows)
{
    if (!MT_ROOM(windows->pause, windows->n, windows->room, 16))
        return NULL;
    return &windows->pause[windows->n++];
}

/* The last of those that began before `time`, NULL: there is none. */
static const struct mt_pause *last_before(const struct mt_windows *windows, uint64_t time)
{
    uint32_t low = 0, high = windows->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (windows->pause[middle].from < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &windows->pause[low - 1] : NULL;
}

static uint64_t paused_before(const struct mt_windows *windows, uint64_t time)
{
    const struct mt_pause *pause = last_before(windows, time);
    if (!pause)
        return 0;
    return pause->before + (time < pause->to ? time : pause->to) - pause->from;
}

uint64_t mt_model_recorded_ns(const struct mt_model *model, uint64_t from, uint64_t to)
{
    const struct mt_windows *windows = &model->windows;
    if (to <= from || windows->n == 0)
        return to <= from ? 0 : to - from;
    return to - from - (paused_before(windows, to) - paused_before(windows, from));
}

bool mt_model_was_paused(const struct mt_model *model, uint64_t from, uint64_t to)
{
    const struct mt_pause *pause = last_before(&model->windows, to);
    return pause && pause->to > from;
}

bool mt_model_has_pauses(const struct mt_model *model)
{
    return model->windows.n > 0;
}

uint64_t mt_model_recorded_from_ns(const struct mt_model *model)
{
    const struct mt_windows *windows = &model->windows;
    if (windows->n == 0 || windows->pause[0].from > 0)
        return 0;
    return windows->pause[0].to < model->now ? windows->pause[0].to : model->now;
}

static void pause_begins(struct mt_model *model, const struct mt_ev_pause *event, uint32_t thread)
{
    struct mt_windows *windows = &model->windows;
    windows->teller = thread;
    model->counts.pauses++;
    mt_scopes_leave(&model->scopes);
    if (windows->state != MT_WINDOW_OPEN) { /* its end was lost */
        windows->state = MT_WINDOW_PAUSED;
        return;
    }
    windows->state = MT_WINDOW_PAUSED;
    uint64_t before = 0;
    if (windows->n) {
        const struct mt_pause *last = &windows->pause[windows->n - 1];
        before = last->before + last->to - last->from;
    }
    struct mt_pause *pause = add_pause(windows);
    if (!pause) {
        mt_model_note(model, MT_ERR_MEMORY);
        return;
    }
    /* Before the first call nothing was recorded either. */
    bool first = windows->n == 1 && event->why == MT_WHY_START;
    *pause = (struct mt_pause){first ? 0 : model->now, UINT64_MAX, before};
}

static void resume(struct mt_model *model, uint32_t thread)
{
    model->windows.teller = thread;
    if (model->windows.state == MT_WINDOW_PAUSED)
        model->windows.state = MT_WINDOW_TOLD;
}

static void goes_on(struct mt_model *model)
{
    struct mt_windows *windows = &model->windows;
    if (windows->state == MT_WINDOW_OPEN || windows->n == 0)
        return;
    windows->state = MT_WINDOW_OPEN;
    windows->pause[windows->n - 1].to = model->now;
}

static void keep(struct mt_model *model, const struct mt_ev_kept *event, uint32_t thread)
{
    struct mt_windows *windows = &model->windows;
    windows->teller = thread;
    windows->kept = true;
    windows->told_ns = model->now;
    windows->kept_ns = event->before < model->now ? model->now - event->before : 0;
    model->counts.kept++;
}

#define AS(name) ((const struct mt_ev_##name *)(const void *)record->word)

void mt_windows_note(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    if (record->kind == MT_pause)
        pause_begins(model, AS(pause), thread);
    else if (record->kind == MT_resume)
        resume(model, thread);
    else if (record->kind == MT_kept)
        keep(model, AS(kept), thread);
    else
        goes_on(model);
}

/* Only once recording goes on is there an event of these. */
static bool is_use(unsigned kind)
{
    const uint64_t uses = 1ull << MT_launch | 1ull << MT_copy | 1ull << MT_copy_rect |
                          1ull << MT_set | 1ull << MT_access | 1ull << MT_collective |
                          1ull << MT_graph_launch;
    return kind < MT_KINDS && uses >> kind & 1;
}

static bool is_told_later(unsigned kind)
{
    const uint64_t kinds = 1ull << MT_alloc | 1ull << MT_free | 1ull << MT_block_alloc |
                           1ull << MT_block_free | 1ull << MT_pool_alloc | 1ull << MT_pool_free;
    return kind < MT_KINDS && kinds >> kind & 1;
}

bool mt_windows_pass_over(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    struct mt_windows *windows = &model->windows;
    if (windows->state == MT_WINDOW_TOLD && thread != windows->teller && is_use(record->kind))
        goes_on(model); /* killed just then */
    if (windows->state != MT_WINDOW_PAUSED || thread == windows->teller)
        return false;
    if (record->kind == MT_free_failed)
        model->counts.frees_failed++;
    model->counts.kept_lost += is_told_later(record->kind);
    return record->kind == MT_free_failed || is_told_later(record->kind);
}

void mt_windows_finish(struct mt_model *model)
{
    struct mt_windows *windows = &model->windows;
    if (windows->n && windows->pause[windows->n - 1].to == UINT64_MAX)
        windows->pause[windows->n - 1].to = model->now;
}
