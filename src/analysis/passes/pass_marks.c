/* Marks and ranges of time. The peak within every open range is kept without looking at each of
 * them when memory changes: `high` is the most since a range last began or ended, and is folded
 * into all that are open when the next one does. */
#include <stdlib.h>
#include <string.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "base/dict.h"
#include "base/grow.h"

struct peak {
    uint64_t bytes, ns;
};

struct open {
    uint64_t name, domain, id, start_ns;
    struct peak peak;
    uint32_t thread, depth;
    bool span;
};

struct sums {
    uint64_t name, domain;
    uint64_t count, open, total, shortest, longest, first_ns, last_ns;
    struct peak peak;
};

struct state {
    const struct mt_run *run;
    struct mt_sink *ranges, *marks; /* NULL: not wanted */
    struct open *open;
    uint32_t opens, open_room;
    struct sums *sums;
    uint32_t n, room;
    struct mt_dict by_name; /* index + 1 of name and domain */
    uint64_t allocated[MT_DEVICES], total;
    struct peak high;
};

static void *marks_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->ranges = run->sink(run, &mt_table_ranges);
    state->marks = run->sink(run, &mt_table_marks);
    return state;
}

static void marks_free(void *data)
{
    struct state *state = data;
    mt_dict_release(&state->by_name);
    free(state->open);
    free(state->sums);
    free(state);
}

static int marks_usage(void *data, uint32_t device, const struct mt_usage *usage, uint64_t time_ns)
{
    struct state *state = data;
    state->total += usage->allocated - state->allocated[device];
    state->allocated[device] = usage->allocated;
    if (state->total > state->high.bytes)
        state->high = (struct peak){state->total, time_ns};
    return 0;
}

static void raise_to(struct peak *peak, struct peak other)
{
    if (other.bytes > peak->bytes)
        *peak = other;
}

static void fold(struct state *state, uint64_t now)
{
    for (uint32_t i = 0; i < state->opens; i++)
        raise_to(&state->open[i].peak, state->high);
    state->high = (struct peak){state->total, now};
}

/* ---- rows ---- */

static struct mt_value text_of(const struct state *state, uint64_t id)
{
    const char *text = id ? mt_trace_string(state->run->trace, id) : NULL;
    return id && !text ? mt_text("(name lost)") : mt_text(text);
}

#define CELL(name) cell[MT_COL_marks_##name]

static int put_mark(struct state *state, const struct open *mark, const char *kind,
                    struct mt_value end)
{
    struct mt_value cell[MT_COLS_marks];
    if (!state->marks)
        return 0;
    CELL(time_ns) = mt_uint(mark->start_ns);
    CELL(end_ns) = end;
    CELL(kind) = mt_text(kind);
    CELL(name) = text_of(state, mark->name);
    CELL(domain) = text_of(state, mark->domain);
    CELL(depth) = mt_uint(mark->depth);
    CELL(thread) = mt_uint(mark->thread);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->marks->row(state->marks, &mt_table_marks, cell);
}
#undef CELL

#define CELL(name) cell[MT_COL_ranges_##name]

static int put_sums(struct state *state, const struct sums *sums)
{
    struct mt_value cell[MT_COLS_ranges];
    CELL(name) = text_of(state, sums->name);
    CELL(domain) = text_of(state, sums->domain);
    CELL(count) = mt_uint(sums->count);
    CELL(open) = mt_uint(sums->open);
    CELL(total_ns) = mt_uint(sums->total);
    CELL(shortest_ns) = sums->count ? mt_uint(sums->shortest) : mt_null();
    CELL(longest_ns) = sums->count ? mt_uint(sums->longest) : mt_null();
    CELL(first_ns) = mt_uint(sums->first_ns);
    CELL(last_ns) = mt_uint(sums->last_ns);
    CELL(peak_allocated_bytes) = mt_uint(sums->peak.bytes);
    CELL(peak_ns) = mt_uint(sums->peak.ns);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->ranges->row(state->ranges, &mt_table_ranges, cell);
}

/* ---- ranges ---- */

static struct sums *sums_for(struct state *state, uint64_t name, uint64_t domain)
{
    uint64_t *index = mt_dict_add(&state->by_name, domain << 32 ^ name);
    if (index && *index == 0 && !MT_ROOM(state->sums, state->n, state->room, 64))
        return NULL;
    if (index && *index == 0) {
        state->sums[state->n] =
            (struct sums){.name = name, .domain = domain, .shortest = UINT64_MAX};
        *index = ++state->n;
    }
    return index ? &state->sums[*index - 1] : NULL;
}

static uint32_t depth_of(const struct state *state, uint32_t thread)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < state->opens; i++)
        depth += !state->open[i].span && state->open[i].thread == thread;
    return depth;
}

static int begin_range(struct state *state, const struct open *range)
{
    struct sums *sums = sums_for(state, range->name, range->domain);
    if (!sums || !MT_ROOM(state->open, state->opens, state->open_room, 64))
        return MT_ERR_MEMORY;
    if (sums->count + sums->open++ == 0)
        sums->first_ns = range->start_ns;
    sums->last_ns = range->start_ns;
    fold(state, range->start_ns);
    state->open[state->opens++] = *range;
    return 0;
}

/* The i-th range that is open ends, or (UINT64_MAX) is lost sight of. */
static int end_range(struct state *state, uint32_t i, uint64_t end_ns)
{
    bool ends = end_ns != UINT64_MAX;
    fold(state, ends ? end_ns : mt_model_now(state->run->model));
    struct open range = state->open[i];
    struct sums *sums = sums_for(state, range.name, range.domain);
    memmove(&state->open[i], &state->open[i + 1], (--state->opens - i) * sizeof range);
    raise_to(&sums->peak, range.peak);
    if (ends) {
        uint64_t lasted = end_ns - range.start_ns;
        sums->open--;
        sums->count++;
        sums->total += lasted;
        sums->shortest = lasted < sums->shortest ? lasted : sums->shortest;
        sums->longest = lasted > sums->longest ? lasted : sums->longest;
    }
    return put_mark(state, &range, range.span ? "span" : "range",
                    ends ? mt_uint(end_ns) : mt_null());
}

/* What was pushed before the recording is popped in it: such an end finds nothing. */
static int pop(struct state *state, uint32_t thread, uint64_t domain, uint64_t now)
{
    for (uint32_t i = state->opens; i-- > 0;)
        if (!state->open[i].span && state->open[i].thread == thread &&
            state->open[i].domain == domain)
            return end_range(state, i, now);
    return 0;
}

static int end_span(struct state *state, uint64_t id, uint64_t now)
{
    for (uint32_t i = state->opens; i-- > 0;)
        if (state->open[i].span && state->open[i].id == id)
            return end_range(state, i, now);
    return 0;
}

#define AS(event) ((const struct mt_ev_##event *)(const void *)record->word)

static int marks_event(void *data, const struct mt_record *record, uint32_t thread)
{
    struct state *state = data;
    struct open range = {.start_ns = record->time, .thread = thread};
    switch (record->kind) {
    case MT_mark:
        range.name = AS(mark)->name;
        range.domain = AS(mark)->domain;
        range.depth = depth_of(state, thread);
        return put_mark(state, &range, "mark", mt_null());
    case MT_range_push:
        range.name = AS(range_push)->name;
        range.domain = AS(range_push)->domain;
        range.depth = depth_of(state, thread);
        return begin_range(state, &range);
    case MT_range_start:
        range.name = AS(range_start)->name;
        range.domain = AS(range_start)->domain;
        range.id = AS(range_start)->id;
        range.span = true;
        return begin_range(state, &range);
    case MT_pause: /* their ends may come unseen */
        while (state->opens)
            RETURN_IF_ERROR(end_range(state, 0, UINT64_MAX));
        return 0;
    case MT_range_pop:
        return pop(state, thread, AS(range_pop)->domain, record->time);
    case MT_range_end:
        return end_span(state, AS(range_end)->id, record->time);
    default:
        return 0;
    }
}

static int marks_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    (void)end_ns;
    while (state->opens)
        RETURN_IF_ERROR(end_range(state, 0, UINT64_MAX));
    for (uint32_t i = 0; state->ranges && i < state->n; i++)
        RETURN_IF_ERROR(put_sums(state, &state->sums[i]));
    return 0;
}

const struct mt_pass mt_pass_marks = {
    .name = "marks",
    .tables = (const struct mt_table *const[]){&mt_table_ranges, &mt_table_marks, NULL},
    .kinds = MT_KIND_BIT(mark) | MT_KIND_BIT(range_push) | MT_KIND_BIT(range_pop) |
             MT_KIND_BIT(range_start) | MT_KIND_BIT(range_end) | MT_KIND_BIT(pause),
    .new = marks_new,
    .free = marks_free,
    .event = marks_event,
    .usage = marks_usage,
    .finish = marks_finish,
};
