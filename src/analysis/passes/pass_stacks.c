/* Stacks and what each asked for; frames, as the trace has them. */
#include <stdlib.h>
#include <string.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/sitebook.h"
#include "analysis/measures/stackset.h"

/* What the sitebook does not know of a stack. */
struct more {
    uint64_t segments, hosts, failures, launches;
};

/* A stack over all devices. */
struct sums {
    uint32_t index;
    uint64_t at_peak_bytes, peak_bytes, blocks, allocated_bytes;
};

struct state {
    const struct mt_run *run;
    struct mt_sink *stacks_sink, *frames_sink;
    struct mt_stackset stacks;
    struct more *more; /* by index */
    uint32_t room;
    uint64_t last_frame; /* largest id */
    struct mt_sitebook book;
};

static void *stacks_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->stacks_sink = run->sink(run, &mt_table_stacks);
    state->frames_sink = run->sink(run, &mt_table_frames);
    return state;
}

static void stacks_free(void *data)
{
    struct state *state = data;
    mt_sitebook_release(&state->book);
    mt_stackset_release(&state->stacks);
    free(state->more);
    free(state);
}

static struct more *more_of(struct state *state, uint64_t stack, uint32_t *index)
{
    *index = mt_stackset_index(&state->stacks, stack <= UINT32_MAX ? (uint32_t)stack : 0);
    if (*index == UINT32_MAX)
        return NULL;
    if (*index >= state->room) {
        uint32_t room = state->stacks.room;
        struct more *more = realloc(state->more, room * sizeof *more);
        if (!more)
            return NULL;
        memset(more + state->room, 0, (room - state->room) * sizeof *more);
        state->more = more;
        state->room = room;
    }
    return &state->more[*index];
}

static int stacks_birth(void *data, const struct mt_block *block)
{
    struct state *state = data;
    struct mt_groups groups = {.n = 1};
    if (!more_of(state, block->stack, &groups.group[MT_BY_GROUP_STACK]))
        return MT_ERR_MEMORY;
    return mt_sitebook_birth(&state->book, block, &groups);
}

static int stacks_resize(void *data, const struct mt_block *block)
{
    struct state *state = data;
    return mt_sitebook_resize(&state->book, block);
}

static int stacks_death(void *data, const struct mt_block *block)
{
    struct state *state = data;
    uint32_t index;
    if (block->level == MT_LEVEL_SEGMENT) {
        struct more *more = more_of(state, block->stack, &index);
        if (!more)
            return MT_ERR_MEMORY;
        more->segments++;
    }
    return mt_sitebook_death(&state->book, block,
                             block->death_ns != UINT64_MAX ? block->death_ns
                                                           : mt_model_now(state->run->model));
}

static int stacks_usage(void *data, uint32_t device, const struct mt_usage *usage, uint64_t time_ns)
{
    struct state *state = data;
    (void)time_ns;
    mt_sitebook_usage(&state->book, device, usage);
    return 0;
}

static int stacks_launch(void *data, const struct mt_launch *launch)
{
    uint32_t index;
    if (launch->stack == 0)
        return 0;
    struct more *more = more_of(data, launch->stack, &index);
    if (!more)
        return MT_ERR_MEMORY;
    more->launches++;
    return 0;
}

#define AS(name) ((const struct mt_ev_##name *)(const void *)record->word)

static int stacks_event(void *data, const struct mt_record *record, uint32_t thread)
{
    struct state *state = data;
    uint32_t index;
    (void)thread;
    if (record->kind == MT_frame) {
        if (AS(frame)->id > state->last_frame && mt_trace_frame(state->run->trace, AS(frame)->id))
            state->last_frame = AS(frame)->id;
        return 0;
    }
    uint64_t stack = record->kind == MT_host_alloc     ? AS(host_alloc)->stack
                     : record->kind == MT_alloc_failed ? AS(alloc_failed)->stack
                                                       : AS(block_oom)->stack;
    struct more *more = stack ? more_of(state, stack, &index) : NULL;
    if (stack && !more)
        return MT_ERR_MEMORY;
    if (more)
        ++*(record->kind == MT_host_alloc ? &more->hosts : &more->failures);
    return 0;
}

/* ---- rows of stacks ---- */

#define CELL(name) cell[MT_COL_stacks_##name]

static int put_stack(struct state *state, const struct sums *sums)
{
    struct mt_value cell[MT_COLS_stacks];
    uint32_t stack = state->stacks.id[sums->index];
    const struct more *more = &state->more[sums->index];
    const char *frames = mt_stacks_text(state->run->stacks, stack);
    if (!frames)
        return MT_ERR_MEMORY;
    CELL(stack_id) = mt_stack_value(stack);
    CELL(depth) = mt_uint(mt_stacks_depth(state->run->stacks, stack));
    CELL(at_peak_bytes) = mt_uint(sums->at_peak_bytes);
    CELL(peak_bytes) = mt_uint(sums->peak_bytes);
    CELL(blocks) = mt_uint(sums->blocks);
    CELL(allocated_bytes) = mt_uint(sums->allocated_bytes);
    CELL(segments) = mt_uint(more->segments);
    CELL(host_allocations) = mt_uint(more->hosts);
    CELL(failures) = mt_uint(more->failures);
    CELL(launches) = mt_uint(more->launches);
    CELL(trace) = mt_uint(state->run->trace_index);
    /* The text of the frames does not survive the search for a site. */
    char *kept = strdup(frames);
    if (!kept)
        return MT_ERR_MEMORY;
    CELL(frames) = mt_text(kept);
    CELL(site) = mt_site_value(state->run->stacks, stack);
    int code = state->stacks_sink->row(state->stacks_sink, &mt_table_stacks, cell);
    free(kept);
    return code;
}

static void sum_up(struct state *state, uint32_t index, struct sums *sums)
{
    *sums = (struct sums){.index = index};
    for (uint32_t device = 0; device < MT_DEVICES; device++) {
        const struct mt_tally *tally =
            mt_sitebook_tally(&state->book, MT_BY_GROUP_STACK, device, index);
        if (!tally)
            continue;
        sums->at_peak_bytes += tally->at_peak_bytes;
        sums->peak_bytes += tally->peak_bytes;
        sums->blocks += tally->blocks;
        sums->allocated_bytes += tally->allocated_bytes;
    }
}

static int compare(const void *a, const void *b)
{
    const struct sums *left = a, *right = b;
    if (left->at_peak_bytes != right->at_peak_bytes)
        return left->at_peak_bytes > right->at_peak_bytes ? -1 : 1;
    if (left->allocated_bytes != right->allocated_bytes)
        return left->allocated_bytes > right->allocated_bytes ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

/* Blocks without a stack are a row too, where there are others, so that the rows add up. */
static int put_stacks(struct state *state)
{
    uint32_t n = state->stacks.size, used = 0;
    bool any = n > 1 || (n == 1 && state->stacks.id[0] != 0);
    struct sums *sums = calloc(n + UINT64_C(1), sizeof *sums);
    int code = sums ? 0 : MT_ERR_MEMORY;
    for (uint32_t i = 0; sums && any && i < n; i++) {
        sum_up(state, i, &sums[used]);
        used += state->stacks.id[i] != 0 || sums[used].blocks > 0;
    }
    if (used)
        qsort(sums, used, sizeof *sums, compare);
    for (uint32_t i = 0; code == 0 && i < used; i++)
        code = put_stack(state, &sums[i]);
    free(sums);
    return code;
}

/* ---- rows of frames ---- */

#undef CELL
#define CELL(name) cell[MT_COL_frames_##name]

static int put_line(struct state *state, const struct mt_line_walk *walk,
                    const struct mt_line *line)
{
    struct mt_value cell[MT_COLS_frames];
    const struct mt_trace_frame *frame = walk->frame;
    const struct mt_trace_module *module = mt_trace_module(state->run->trace, frame->module);
    bool inlined = walk->places && walk->place + 1 < walk->places->n;
    CELL(frame_id) = mt_uint(frame->id);
    CELL(caller_id) = frame->caller ? mt_uint(frame->caller) : mt_null();
    CELL(kind) = mt_text(line->python ? "python" : "native");
    CELL(inlined) = mt_uint(inlined);
    CELL(function) = mt_text(line->function);
    CELL(file) = mt_text(line->file);
    CELL(line) = line->line ? mt_uint(line->line) : mt_null();
    CELL(module) = mt_text(line->module);
    CELL(module_address) = line->python ? mt_null() : mt_uint(frame->where);
    CELL(build_id) =
        mt_text(module && *module->build_id && !line->python ? module->build_id : NULL);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->frames_sink->row(state->frames_sink, &mt_table_frames, cell);
}

static int put_frame(struct state *state, uint32_t id)
{
    struct mt_line_walk walk;
    struct mt_line line;
    mt_stacks_walk(state->run->stacks, id, &walk);
    while (walk.frame && mt_stacks_next(state->run->stacks, &walk, &line) && walk.frame &&
           walk.frame->id == id)
        RETURN_IF_ERROR(put_line(state, &walk, &line));
    return 0;
}

static int put_frames(struct state *state)
{
    int code = 0;
    for (uint64_t id = 1; code == 0 && id <= state->last_frame; id++)
        code = put_frame(state, (uint32_t)id);
    return code;
}

static int stacks_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    (void)end_ns;
    if (state->stacks_sink)
        RETURN_IF_ERROR(put_stacks(state));
    return state->frames_sink ? put_frames(state) : 0;
}

const struct mt_pass mt_pass_stacks = {
    .name = "stacks",
    .tables = (const struct mt_table *const[]){&mt_table_stacks, &mt_table_frames, NULL},
    .kinds = MT_KIND_BIT(frame) | MT_KIND_BIT(host_alloc) | MT_KIND_BIT(alloc_failed) |
             MT_KIND_BIT(block_oom),
    .new = stacks_new,
    .free = stacks_free,
    .event = stacks_event,
    .birth = stacks_birth,
    .resize = stacks_resize,
    .death = stacks_death,
    .usage = stacks_usage,
    .launch = stacks_launch,
    .finish = stacks_finish,
};
