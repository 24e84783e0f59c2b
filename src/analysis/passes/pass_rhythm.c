/* What the first scan found, as tables; the replay adds the memory of each iteration. */
#include <stdlib.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "symbols/demangle.h"

struct state {
    const struct mt_run *run;
    const struct mt_iteration *current; /* the one being replayed, NULL between two */
    uint64_t start_bytes, peak_bytes;
    uint64_t allocated, device[MT_DEVICES]; /* now */
};

static void *rhythm_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (state)
        state->run = run;
    return state;
}

static int put(const struct state *state, const struct mt_table *table, struct mt_value *cells)
{
    struct mt_sink *sink = state->run->sink(state->run, table);
    return sink ? sink->row(sink, table, cells) : 0;
}

static int rhythm_usage(void *data, uint32_t device, const struct mt_usage *usage, uint64_t time_ns)
{
    struct state *state = data;
    (void)time_ns;
    state->allocated += usage->allocated - state->device[device];
    state->device[device] = usage->allocated;
    if (state->peak_bytes < state->allocated)
        state->peak_bytes = state->allocated;
    return 0;
}

static int put_iteration(const struct state *state, const struct mt_iteration *iteration)
{
    struct mt_value cell[MT_COLS_iterations];
#define CELL(name) cell[MT_COL_iterations_##name]
    CELL(iteration) = mt_uint((uint64_t)(iteration - state->run->rhythm->iteration));
    CELL(start_ns) = mt_uint(iteration->start_ns);
    CELL(end_ns) = mt_uint(iteration->end_ns);
    CELL(events) = mt_uint(iteration->events);
    CELL(steady) = mt_uint(iteration->steady);
    CELL(exact_share) = mt_real(iteration->exact_share);
    CELL(class_share) = mt_real(iteration->class_share);
    CELL(kind_share) = mt_real(iteration->kind_share);
    CELL(start_bytes) = mt_uint(state->start_bytes);
    CELL(peak_bytes) = mt_uint(state->peak_bytes);
    CELL(first_event) = mt_uint(iteration->first_event);
    CELL(reference) = mt_uint(iteration->reference);
    CELL(trace) = mt_uint(state->run->trace_index);
#undef CELL
    return put(state, &mt_table_iterations, cell);
}

static int rhythm_iteration(void *data, const struct mt_iteration *iteration)
{
    struct state *state = data;
    if (state->current)
        RETURN_IF_ERROR(put_iteration(state, state->current));
    state->current = iteration;
    state->start_bytes = state->peak_bytes = state->allocated;
    return 0;
}

static uint64_t warmup(const struct mt_rhythm *rhythm)
{
    size_t i = 0;
    while (i < rhythm->iterations && !rhythm->iteration[i].steady)
        i++;
    return i;
}

static int put_level(const struct state *state, size_t i)
{
    const struct mt_rhythm *rhythm = state->run->rhythm;
    const struct mt_rhythm_level *level = &rhythm->level[i];
    static const char *const place[] = {
        [MT_PLACE_UNKNOWN] = NULL,          [MT_PLACE_PART] = "part",
        [MT_PLACE_BETWEEN] = "between",     [MT_PLACE_BOTH] = "both",
        [MT_PLACE_ITERATION] = "iteration", [MT_PLACE_AROUND] = "around",
    };
    struct mt_value cell[MT_COLS_rhythm];
#define CELL(name) cell[MT_COL_rhythm_##name]
    CELL(level) = mt_uint(i);
    CELL(period_events) = mt_uint(level->period_events);
    CELL(period_ns) = mt_uint(level->period_ns);
    CELL(repetitions) = mt_uint(level->repetitions);
    CELL(start_ns) = mt_uint(level->start_ns);
    CELL(end_ns) = mt_uint(level->end_ns);
    CELL(exact_share) = mt_real(level->exact_share);
    CELL(class_share) = mt_real(level->class_share);
    CELL(kind_share) = mt_real(level->kind_share);
    CELL(is_iteration) = mt_uint(level->is_iteration);
    CELL(warmup) = level->is_iteration ? mt_uint(warmup(rhythm)) : mt_null();
    CELL(place) = mt_text(place[level->place]);
    CELL(per_iteration) = level->place ? mt_real(level->per_iteration) : mt_null();
    CELL(trace) = mt_uint(state->run->trace_index);
#undef CELL
    return put(state, &mt_table_rhythm, cell);
}

/* Kind, kernel or driver function, and size of a symbol; *text is to be freed. */
static void symbol_cells(const struct state *state, const struct mt_rhythm_symbol *symbol,
                         struct mt_value cell[3], char **text)
{
    struct mt_trace *trace = state->run->trace;
    const struct mt_event_info *info = mt_event_info(symbol->kind);
    *text = NULL;
    cell[0] = mt_text(info ? info->name : NULL);
    cell[1] = mt_null();
    cell[2] = symbol->size ? mt_uint(symbol->size) : mt_null();
    if (symbol->kind == MT_launch || symbol->kind == MT_access) {
        const struct mt_trace_kernel *kernel = mt_trace_kernel(trace, symbol->what);
        *text = kernel ? mt_demangle(kernel->name) : NULL;
        cell[1] = mt_text(*text);
    } else if (info && info->field[0].type == MT_API) {
        cell[1] = mt_text(mt_trace_api(trace, symbol->what));
    }
}

static int put_instability(const struct state *state, const struct mt_instability *row)
{
    static const char *const change[] = {
        [MT_CHANGE_SIZE] = "size",
        [MT_CHANGE_OTHER] = "other",
        [MT_CHANGE_MISSING] = "missing",
        [MT_CHANGE_EXTRA] = "extra",
    };
    struct mt_value cell[MT_COLS_instability];
    char *expected, *found;
#define CELL(name) cell[MT_COL_instability_##name]
    symbol_cells(state, &row->expected, &CELL(expected), &expected);
    symbol_cells(state, &row->found, &CELL(found), &found);
    CELL(thread) = mt_uint(row->thread);
    CELL(position) = mt_uint(row->position);
    CELL(change) = mt_text(change[row->change]);
    CELL(iterations) = mt_uint(row->iterations);
    CELL(reference) = mt_uint(row->reference);
    CELL(share) = mt_real((double)row->iterations / (double)state->run->rhythm->iterations);
    CELL(trace) = mt_uint(state->run->trace_index);
#undef CELL
    int code = put(state, &mt_table_instability, cell);
    free(expected);
    free(found);
    return code;
}

static int rhythm_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    const struct mt_rhythm *rhythm = state->run->rhythm;
    (void)end_ns;
    RETURN_IF_ERROR(rhythm_iteration(state, NULL));
    for (size_t i = 0; i < rhythm->levels; i++)
        RETURN_IF_ERROR(put_level(state, i));
    for (size_t i = 0; i < rhythm->instabilities; i++)
        RETURN_IF_ERROR(put_instability(state, &rhythm->instability[i]));
    return 0;
}

const struct mt_pass mt_pass_rhythm = {
    .name = "rhythm",
    .tables = (const struct mt_table *const[]){&mt_table_rhythm, &mt_table_iterations,
                                               &mt_table_instability, NULL},
    .new = rhythm_new,
    .free = free,
    .usage = rhythm_usage,
    .iteration = rhythm_iteration,
    .finish = rhythm_finish,
    .needs_rhythm = true,
};
