#include "rhythm/search/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/grow.h"

/* In a step's kind, which is none that an event has then. */
#define BEAT 0x8000u   /* levels beat */
#define ANCHOR 0x4000u /* a border is told */
#define MARKS (BEAT | ANCHOR)

/* ---- the plan ---- */

/* A thread's part of the reference, which follows itself. */
struct ring {
    const struct mt_window *window;
    const uint32_t *sym;
    uint32_t length;
};

static struct ring ring_of(const struct mt_window *window, const struct mt_reference *reference,
                           uint32_t thread)
{
    if (thread >= reference->threads)
        return (struct ring){0};
    uint32_t begin = reference->begin[thread];
    return (struct ring){window, reference->sym + begin, reference->begin[thread + 1] - begin};
}

/* Whether the anchor begins at a place of the ring. */
static bool begins_at(const struct ring *ring, const struct mt_anchor *anchor, uint32_t place)
{
    uint32_t at = place;
    for (uint32_t i = 0; i < anchor->mode.length; i++) {
        uint32_t id = ring->sym[at];
        if (anchor->id[i] != (anchor->mode.bare ? ring->window->table.sym[id].bare : id))
            return false;
        at = at + 1 == ring->length ? 0 : at + 1;
    }
    return true;
}

/* The only place at which an anchor begins; UINT32_MAX: there is none, or there are several. */
static uint32_t only_place(const struct ring *ring, const struct mt_anchor *anchor)
{
    uint32_t found = UINT32_MAX;
    for (uint32_t place = 0; place < ring->length; place++) {
        if (!begins_at(ring, anchor, place))
            continue;
        if (found != UINT32_MAX)
            return UINT32_MAX;
        found = place;
    }
    return found;
}

/* Where what iterations begin with stands for the nth time in the ring, from its first symbol on;
 * and where once more, or the ring's end. */
static bool find_nth(const struct ring *ring, const struct mt_anchor *begin, uint32_t nth,
                     uint32_t *place, uint32_t *more)
{
    uint32_t times = 0;
    *more = ring->length;
    if (!ring->length || !begins_at(ring, begin, 0))
        return false;
    for (uint32_t at = 0; at < ring->length && times <= nth; at++) {
        if (!begins_at(ring, begin, at))
            continue;
        times++;
        *place = times <= nth ? at : *place;
        *more = times > nth ? at : *more;
    }
    return times >= nth;
}

/* How borders are told, if they are where the reference begins: mt_cut_find goes back from the
 * anchor over what stands before it. *at: the anchor's place in its ring. */
static bool plan_border(struct mt_follow *follow, const struct mt_window *window,
                        const struct mt_reference *reference, const struct mt_cut *cut,
                        uint32_t *at)
{
    const struct mt_anchor *begin = cut->nth ? &cut->begin : &cut->anchor;
    struct ring ring = ring_of(window, reference, cut->anchor.thread);
    struct ring beginning = ring_of(window, reference, begin->thread);
    uint32_t place = 0;
    *at = only_place(&ring, &cut->anchor);
    if (*at == UINT32_MAX || (!cut->nth && *at) ||
        !find_nth(&beginning, begin, cut->nth ? cut->nth : 1, &place, &follow->most))
        return false;
    follow->thread = begin->thread;
    follow->anchor = cut->anchor.thread;
    follow->least = place + 1;
    follow->confirmed = *at + cut->anchor.mode.length;
    follow->begun = place + begin->mode.length;
    return follow->confirmed <= ring.length && follow->begun <= beginning.length;
}

static void plan_thread(struct mt_step *step, const struct ring *ring)
{
    for (uint32_t i = 0; i < ring->length; i++) {
        const struct mt_sym *sym = &ring->window->table.sym[ring->sym[i]];
        step[i] = (struct mt_step){
            .size = sym->size, .what = sym->what, .id = ring->sym[i], .kind = sym->kind};
    }
    step[ring->length] = (struct mt_step){0};
}

/* Marks where a level's anchor ends. */
static void plan_level(struct mt_step *step, const struct ring *ring,
                       const struct mt_anchor *anchor, uint32_t level)
{
    for (uint32_t place = 0; place < ring->length; place++) {
        if (!begins_at(ring, anchor, place))
            continue;
        struct mt_step *end = &step[(place + anchor->mode.length - 1) % ring->length];
        end->kind |= BEAT;
        end->beats |= (uint16_t)(1u << level);
    }
}

static int make_plan_room(struct mt_follow *follow, const struct mt_reference *reference)
{
    uint32_t threads = reference->threads;
    free(follow->step);
    free(follow->begin);
    free(follow->next);
    follow->threads = threads;
    follow->step = malloc((reference->length + threads) * sizeof *follow->step);
    follow->begin = malloc((threads + 1) * sizeof *follow->begin);
    follow->next = malloc(threads * sizeof *follow->next);
    return follow->step && follow->begin && follow->next ? 0 : MT_ERR_MEMORY;
}

static int plan(struct mt_follow *follow, const struct mt_window *window,
                const struct mt_track *track, const struct mt_cut *cut,
                const struct mt_nesting *nesting)
{
    const struct mt_reference *reference = &track->reference[track->last];
    struct ring ring;
    uint32_t at;
    follow->planned = true;
    follow->reference = track->last;
    follow->told = plan_border(follow, window, reference, cut, &at);
    if (!follow->told)
        return 0;
    follow->planned = false;
    RETURN_IF_ERROR(make_plan_room(follow, reference));
    for (uint32_t t = 0; t < follow->threads; t++) {
        ring = ring_of(window, reference, t);
        follow->begin[t] = reference->begin[t] + t;
        plan_thread(&follow->step[follow->begin[t]], &ring);
    }
    follow->begin[follow->threads] = reference->length + follow->threads;
    follow->step[follow->begin[follow->anchor] + at].kind |= ANCHOR;
    for (uint32_t i = 0; i < nesting->levels; i++) {
        const struct mt_anchor *anchor = &nesting->nested[i].anchor;
        ring = ring_of(window, reference, anchor->thread);
        if (ring.length)
            plan_level(&follow->step[follow->begin[anchor->thread]], &ring, anchor, i);
        follow->length[i] = anchor->mode.length;
    }
    follow->planned = true;
    return 0;
}

/* ---- on the way ---- */

static uint32_t done_by(const struct mt_follow *follow, uint32_t thread)
{
    return (uint32_t)(follow->next[thread] - &follow->step[follow->begin[thread]]);
}

/* Where the border's thread begins the reference anew: a border, if all threads are at its end. */
static int turn(struct mt_follow *follow, uint32_t thread, uint32_t position, bool *border)
{
    *border = thread == follow->thread;
    for (uint32_t t = 0; *border && t < follow->threads; t++)
        *border = follow->next[t]->kind == 0;
    if (!*border)
        return 0;
    for (uint32_t t = 0; t < follow->threads; t++)
        follow->next[t] = &follow->step[follow->begin[t]];
    if (!MT_ROOM(follow->border, follow->borders, follow->border_room, 256))
        return MT_ERR_MEMORY;
    follow->border[follow->borders++] = position;
    return 0;
}

/* Levels beat here if their anchors do not begin before the window. */
static int note_beats(struct mt_follow *follow, const struct mt_step *step, uint32_t thread,
                      uint32_t position)
{
    uint64_t part = follow->begin[thread + 1] - follow->begin[thread] - 1;
    uint64_t past = (follow->borders - 1) * part + done_by(follow, thread) + 1;
    for (uint32_t left = step->beats; left; left &= left - 1) {
        uint32_t level = (uint32_t)__builtin_ctz(left);
        struct mt_beats *beats = &follow->beats[level];
        if (past < follow->length[level])
            continue;
        if (!MT_ROOM(beats->at, beats->n, beats->room, 256))
            return MT_ERR_MEMORY;
        beats->at[beats->n++] = position;
    }
    return 0;
}

/* The border is told if what the iteration begins with came by as often as it should. */
static bool tells(const struct mt_follow *follow, const struct mt_step *step)
{
    uint32_t done = done_by(follow, follow->thread) + (follow->thread == follow->anchor);
    return !(step->kind & ANCHOR) || (done >= follow->least && done <= follow->most);
}

static inline bool goes_on(const struct mt_step *step, const struct mt_symbol *symbol,
                           uint16_t kind)
{
    return kind == symbol->kind && step->what == symbol->what && step->size == symbol->size;
}

/* What is no plain step. *expected: the thread's next one is the symbol; else following ends. */
static int look_closer(struct mt_follow *follow, const struct mt_symbol *symbol, uint32_t thread,
                       uint32_t position, bool *expected)
{
    *expected = thread < follow->threads;
    if (*expected && follow->next[thread]->kind == 0)
        RETURN_IF_ERROR(turn(follow, thread, position, expected));
    if (!*expected)
        return 0;
    const struct mt_step *step = follow->next[thread];
    *expected = goes_on(step, symbol, step->kind & (uint16_t)~MARKS) && tells(follow, step);
    return *expected ? note_beats(follow, step, thread, position) : 0;
}

/* Nearly all symbols are plain steps: then nothing is called. */
int mt_follow_add(struct mt_follow *follow, struct mt_window *window,
                  const struct mt_symbol *symbol, size_t n, size_t *taken)
{
    uint32_t position = window->n, threads = follow->threads, one = follow->merged ? 0 : UINT32_MAX;
    const struct mt_step **next = follow->next;
    size_t i = 0;
    n = n < window->room - position ? n : window->room - position;
    for (; i < n; i++, position++) {
        uint32_t thread = symbol[i].thread & one;
        if (__builtin_expect(
                thread >= threads || !goes_on(next[thread], &symbol[i], next[thread]->kind), 0)) {
            RETURN_IF_ERROR(look_closer(follow, &symbol[i], thread, position, &follow->on));
            if (!follow->on)
                break;
        }
        window->sym[position] = next[thread]++->id;
        window->time_ns[position] = symbol[i].time_ns;
        window->event[position] = symbol[i].event;
    }
    window->n = position;
    *taken = i;
    return 0;
}

/* What is in the window already. */
static int walk(struct mt_follow *follow, const struct mt_window *window)
{
    for (uint32_t i = 0; i < window->n && follow->on; i++) {
        const struct mt_sym *sym = mt_window_sym(window, i);
        struct mt_symbol symbol = {.size = sym->size, .what = sym->what, .kind = sym->kind};
        RETURN_IF_ERROR(look_closer(follow, &symbol, sym->thread, i, &follow->on));
        if (follow->on)
            follow->next[sym->thread]++;
    }
    return 0;
}

int mt_follow_begin(struct mt_follow *follow, const struct mt_window *window,
                    const struct mt_track *track, const struct mt_cut *cut,
                    const struct mt_nesting *nesting)
{
    bool broken = track->gaps && window->n && track->gap[track->gaps - 1] >= window->event[0];
    follow->on = false;
    if (track->references == 0 || broken)
        return 0;
    if (!follow->planned || follow->reference != track->last)
        RETURN_IF_ERROR(plan(follow, window, track, cut, nesting));
    if (!follow->told)
        return 0;
    follow->on = true;
    follow->borders = 0;
    for (uint32_t i = 0; i < MT_LEVELS_MAX; i++)
        follow->beats[i].n = 0;
    for (uint32_t t = 0; t < follow->threads; t++)
        follow->next[t] = &follow->step[follow->begin[t + 1] - 1];
    return walk(follow, window);
}

bool mt_follow_is_whole(const struct mt_follow *follow)
{
    return follow->on && follow->borders >= 2 &&
           done_by(follow, follow->anchor) >= follow->confirmed &&
           done_by(follow, follow->thread) >= follow->begun;
}

int mt_follow_finish(struct mt_follow *follow, struct mt_window *window, struct mt_track *track,
                     struct mt_nesting *nesting)
{
    uint32_t last = follow->border[follow->borders - 1];
    follow->on = false;
    RETURN_IF_ERROR(mt_track_repeat(track, window, follow->border, follow->borders));
    for (uint32_t i = 0; i < nesting->levels; i++)
        mt_nesting_beats(&nesting->nested[i], window, track, follow->beats[i].at,
                         follow->beats[i].n, last);
    mt_window_drop(window, last);
    return 0;
}

void mt_follow_release(struct mt_follow *follow)
{
    free(follow->step);
    free(follow->begin);
    free(follow->next);
    free(follow->border);
    for (uint32_t i = 0; i < MT_LEVELS_MAX; i++)
        free(follow->beats[i].at);
    memset(follow, 0, sizeof *follow);
}
