/* What blocks are for, how they are used again, who makes the peak, and what could leave. All of it
 * comes from one log of each iteration (analysis/behaviour), so it is one pass. */
#include <stdlib.h>
#include <string.h>

#include "analysis/answers/tables.h"
#include "analysis/behaviour/behaviour.h"
#include "analysis/behaviour/logical.h"
#include "analysis/behaviour/peakset.h"
#include "analysis/measures/stackset.h"
#include "analysis/swap/swapspan.h"
#include "model/words.h"

#define SWAP_ROWS 200u /* of a device; and all that are planned */

/* What one rule placed on one device. */
struct placed {
    uint64_t blocks, bytes, largest, peak_blocks, peak_bytes;
    double byte_ns;
};

#define SINKS(X)                                                                                   \
    X(categories) X(roles) X(phases) X(patterns) X(peak) X(peak_blocks) X(swap) X(swap_plan)

struct state {
    const struct mt_run *run;
#define SINK(name) struct mt_sink *name;
    SINKS(SINK)
#undef SINK
    struct mt_behaviour behaviour;
    struct mt_logicals logicals;
    struct mt_peakset peakset[MT_DEVICES];
    struct mt_swapspan swapspan;
    struct placed placed[MT_DEVICES][MT_RULES];
    double byte_ns[MT_DEVICES];
};

/* ---- what the behaviour tells ---- */

static int on_born(void *data, uint32_t life)
{
    struct state *state = data;
    return mt_logicals_born(&state->logicals, life);
}

static int on_logged(void *data, const struct mt_spanlog *log)
{
    struct state *state = data;
    return mt_logicals_logged(&state->logicals, log);
}

static int on_begun(void *data, const struct mt_span *span)
{
    struct state *state = data;
    if (state->patterns)
        RETURN_IF_ERROR(mt_logicals_begun(&state->logicals, span));
    return mt_swapspan_begun(&state->swapspan, span);
}

#define CELL(name) cell[MT_COL_phases_##name]

static int put_phase(struct state *state, const struct mt_span *span,
                     const struct mt_stretch *stretch)
{
    const struct mt_spanlog *log = &state->behaviour.log;
    struct mt_value cell[MT_COLS_phases];
    uint32_t first = stretch->first, last = stretch->last;
    uint64_t held = 0, end = last < log->steps ? log->step[last].time_ns : span->end_ns;
    for (uint32_t i = first; i < last; i++)
        held = log->step[i].allocated > held ? log->step[i].allocated : held;
    CELL(iteration) = mt_uint(span->number);
    CELL(phase) = mt_text(mt_phase_roles[stretch->phase].name);
    CELL(start_ns) = mt_uint(first ? log->step[first].time_ns : span->start_ns);
    CELL(end_ns) = mt_uint(end);
    CELL(steps) = mt_uint(last - first);
    CELL(working_set_bytes) = mt_uint(stretch->bytes);
    CELL(allocated_bytes) = mt_uint(held);
    CELL(working_set_share) = mt_real(held ? (double)stretch->bytes / (double)held : 0);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->phases->row(state->phases, &mt_table_phases, cell);
}
#undef CELL

static int put_phases(struct state *state, const struct mt_span *span)
{
    for (uint32_t i = 0; state->phases && span->phases.known && i < span->stretches; i++)
        RETURN_IF_ERROR(put_phase(state, span, &span->stretch[i]));
    return 0;
}

static int on_span(void *data, const struct mt_span *span)
{
    struct state *state = data;
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        mt_peakset_span(&state->peakset[device], &state->behaviour);
    RETURN_IF_ERROR(put_phases(state, span));
    if (state->patterns)
        RETURN_IF_ERROR(mt_logicals_span(&state->logicals, span));
    return mt_swapspan_span(&state->swapspan, span);
}

static int on_parted(void *data)
{
    struct state *state = data;
    return mt_logicals_parted(&state->logicals);
}

#define CELL(name) cell[MT_COL_roles_##name]

static int put_role(struct state *state, const struct mt_life *life)
{
    struct mt_value cell[MT_COLS_roles];
    CELL(block_id) = mt_uint(life->id);
    CELL(device) = mt_device_value(life->device);
    CELL(size_bytes) = mt_uint(life->size);
    CELL(category) = mt_text(mt_category_roles[mt_rule_category(life->rule)].name);
    CELL(rule) = mt_text(mt_rule_roles[life->rule].name);
    CELL(birth_phase) = mt_text(mt_phase_roles[life->birth_phase].name);
    CELL(last_phase) = mt_text(mt_phase_roles[life->last_phase].name);
    CELL(death_phase) =
        life->death_ns == UINT64_MAX ? mt_null() : mt_text(mt_phase_roles[life->death_phase].name);
    CELL(iterations) = mt_uint(life->spans);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->roles->row(state->roles, &mt_table_roles, cell);
}
#undef CELL

static int on_judged(void *data, uint32_t number)
{
    struct state *state = data;
    const struct mt_life *life = mt_life_at(&state->behaviour.lives, number);
    struct placed *placed = &state->placed[life->device][life->rule];
    uint64_t end = life->death_ns == UINT64_MAX ? mt_model_now(state->run->model) : life->death_ns;
    placed->blocks++;
    placed->bytes += life->size;
    placed->largest = placed->largest > life->size ? placed->largest : life->size;
    placed->byte_ns += (double)life->size * (double)(end - life->birth_ns);
    if (state->patterns)
        RETURN_IF_ERROR(mt_logicals_judged(&state->logicals, number));
    return state->roles ? put_role(state, life) : 0;
}

/* ---- what the run tells ---- */

static void behaviour_free(void *data)
{
    struct state *state = data;
    mt_swapspan_release(&state->swapspan);
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        mt_peakset_release(&state->peakset[device]);
    mt_logicals_release(&state->logicals);
    mt_behaviour_release(&state->behaviour);
    free(state);
}

static void *behaviour_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
#define SINK(name) state->name = run->sink(run, &mt_table_##name);
    SINKS(SINK)
#undef SINK
    struct mt_behaviour_listener listener = {.state = state,
                                             .born = state->patterns ? on_born : NULL,
                                             .logged = state->patterns ? on_logged : NULL,
                                             .span = on_span,
                                             .parted = state->patterns ? on_parted : NULL,
                                             .begun = on_begun,
                                             .judged = on_judged};
    int code = mt_behaviour_init(&state->behaviour, run, &listener);
    if (state->patterns)
        mt_logicals_init(&state->logicals, &state->behaviour);
    mt_swapspan_init(&state->swapspan, &state->behaviour);
    if (code == 0)
        return state;
    behaviour_free(state);
    return NULL;
}

static int behaviour_birth(void *data, const struct mt_block *block)
{
    struct state *state = data;
    return mt_behaviour_birth(&state->behaviour, block);
}

static int behaviour_access(void *data, const struct mt_block *block,
                            const struct mt_access *access)
{
    struct state *state = data;
    return access->by == MT_BY_LAUNCH ? 0 : mt_behaviour_access(&state->behaviour, block, access);
}

static int behaviour_launch(void *data, const struct mt_launch *launch)
{
    struct state *state = data;
    return mt_behaviour_launch(&state->behaviour, launch);
}

static int behaviour_death(void *data, const struct mt_block *block)
{
    struct state *state = data;
    uint32_t life = mt_lives_of(&state->behaviour.lives, block);
    if (life && block->level == MT_LEVEL_BLOCK &&
        !mt_peakset_death(&state->peakset[block->device], &state->behaviour, life))
        return MT_ERR_MEMORY;
    return mt_behaviour_death(&state->behaviour, block);
}

static __attribute__((noinline)) int note_usage(struct state *state, uint32_t device,
                                                const struct mt_usage *usage, uint64_t time_ns)
{
    mt_peakset_usage(&state->peakset[device], &state->behaviour, usage, time_ns);
    return mt_swapspan_usage(&state->swapspan, device, usage->allocated, time_ns);
}

/* Most of what it is told is neither more than ever before nor of the iteration that is planned. */
static int behaviour_usage(void *data, uint32_t device, const struct mt_usage *usage,
                           uint64_t time_ns)
{
    struct state *state = data;
    bool news = usage->allocated > state->peakset[device].bytes || state->swapspan.gathering;
    return news ? note_usage(state, device, usage, time_ns) : 0;
}

static int behaviour_iteration(void *data, const struct mt_iteration *iteration)
{
    struct state *state = data;
    return mt_behaviour_iteration(&state->behaviour, iteration);
}

static int behaviour_away(void *data)
{
    return behaviour_iteration(data, NULL);
}

/* ---- the peak ---- */

static int compare_lives(const void *a, const void *b, void *data)
{
    const struct mt_lives *lives = data;
    const struct mt_life *left = &lives->life[*(const uint32_t *)a];
    const struct mt_life *right = &lives->life[*(const uint32_t *)b];
    if (left->size != right->size)
        return left->size > right->size ? -1 : 1;
    return left->id < right->id ? -1 : left->id > right->id;
}

#define CELL(name) cell[MT_COL_peak_blocks_##name]

static int put_peak_block(struct state *state, const struct mt_life *life, size_t rank)
{
    struct mt_value cell[MT_COLS_peak_blocks];
    bool died = life->death_ns != UINT64_MAX;
    CELL(device) = mt_device_value(life->device);
    CELL(rank) = mt_uint(rank);
    CELL(block_id) = mt_uint(life->id);
    CELL(address) = mt_uint(life->address);
    CELL(size_bytes) = mt_uint(life->size);
    CELL(category) = mt_text(mt_category_roles[mt_rule_category(life->rule)].name);
    CELL(rule) = mt_text(mt_rule_roles[life->rule].name);
    CELL(birth_ns) = mt_uint(life->birth_ns);
    CELL(death_ns) = died ? mt_uint(life->death_ns) : mt_null();
    CELL(accesses) = mt_uint(life->accesses);
    CELL(stack_id) = mt_stack_value(life->stack);
    CELL(site) = mt_site_value(state->run->stacks, life->stack);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->peak_blocks->row(state->peak_blocks, &mt_table_peak_blocks, cell);
}
#undef CELL

#define CELL(name) cell[MT_COL_peak_##name]

static int put_peak(struct state *state, uint32_t device, const uint64_t bytes[MT_CATEGORIES])
{
    struct mt_value cell[MT_COLS_peak];
    const struct mt_peakset *set = &state->peakset[device];
    struct mt_peaksite site;
    if (!mt_peakset_site(set, &state->behaviour.lives, state->run->stacks, &site))
        return MT_ERR_MEMORY;
    CELL(device) = mt_device_value(device);
    CELL(time_ns) = mt_uint(set->time_ns);
    CELL(iteration) = set->within ? mt_uint(set->iteration) : mt_null();
    CELL(iteration_share) = set->within ? mt_real(set->share) : mt_null();
    CELL(phase) = mt_text(mt_phase_roles[set->phase].name);
    CELL(allocated_bytes) = mt_uint(set->bytes);
    CELL(reserved_bytes) = mt_uint(set->reserved);
    CELL(blocks) = mt_uint(set->lives);
#define CATEGORY(name, doc) CELL(name##_bytes) = mt_uint(bytes[MT_CATEGORY_##name]);
#define PHASE(name, doc)
#define RULE(name, category, doc)
#include "analysis/answers/roles.def"
    CELL(site) = mt_site_value(state->run->stacks, site.stack);
    CELL(site_bytes) = site.stack ? mt_uint(site.bytes) : mt_null();
    CELL(site_blocks) = site.stack ? mt_uint(site.blocks) : mt_null();
    CELL(stack_id) = mt_stack_value(site.stack);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->peak->row(state->peak, &mt_table_peak, cell);
}
#undef CELL

static int finish_peak(struct state *state, uint32_t device)
{
    struct mt_peakset *set = &state->peakset[device];
    struct mt_lives *lives = &state->behaviour.lives;
    uint64_t bytes[MT_CATEGORIES] = {0};
    if (set->lives)
        qsort_r(set->life, set->lives, sizeof *set->life, compare_lives, lives);
    for (size_t i = 0; i < set->lives; i++) {
        const struct mt_life *life = mt_life_at(lives, set->life[i]);
        struct placed *placed = &state->placed[device][life->rule];
        bytes[mt_rule_category(life->rule)] += life->size;
        placed->peak_blocks++;
        placed->peak_bytes += life->size;
        if (state->peak_blocks)
            RETURN_IF_ERROR(put_peak_block(state, life, i + 1));
    }
    return state->peak && set->bytes ? put_peak(state, device, bytes) : 0;
}

/* ---- categories ---- */

#define CELL(name) cell[MT_COL_categories_##name]

static int put_rule(struct state *state, uint32_t device, enum mt_rule rule, double all)
{
    struct mt_value cell[MT_COLS_categories];
    const struct placed *placed = &state->placed[device][rule];
    CELL(device) = mt_device_value(device);
    CELL(category) = mt_text(mt_category_roles[mt_rule_category(rule)].name);
    CELL(rule) = mt_text(mt_rule_roles[rule].name);
    CELL(blocks) = mt_uint(placed->blocks);
    CELL(block_bytes) = mt_uint(placed->bytes);
    CELL(largest_bytes) = mt_uint(placed->largest);
    CELL(byte_time_share) = mt_real(all > 0 ? placed->byte_ns / all : 0);
    CELL(peak_blocks) = mt_uint(placed->peak_blocks);
    CELL(peak_bytes) = mt_uint(placed->peak_bytes);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->categories->row(state->categories, &mt_table_categories, cell);
}
#undef CELL

static int put_categories(struct state *state, uint32_t device)
{
    double all = 0;
    for (int rule = 0; rule < MT_RULES; rule++)
        all += state->placed[device][rule].byte_ns;
    for (int category = 0; state->categories && category < MT_CATEGORIES; category++)
        for (int rule = 0; rule < MT_RULES; rule++)
            if (mt_rule_category((enum mt_rule)rule) == (enum mt_category)category &&
                state->placed[device][rule].blocks)
                RETURN_IF_ERROR(put_rule(state, device, (enum mt_rule)rule, all));
    return 0;
}

/* ---- patterns ---- */

#define CELL(name) cell[MT_COL_patterns_##name]

static struct mt_value mean_ns(const struct mt_spread *spread)
{
    return spread->n ? mt_uint((uint64_t)(spread->mean + 0.5)) : mt_null();
}

static int put_pattern(struct state *state, const struct mt_logical *logical)
{
    struct mt_value cell[MT_COLS_patterns];
    double lives = logical->lives;
    struct mt_pattern_kinds kinds;
    mt_logical_kinds(logical, &kinds);
    bool judged = logical->rule_of[0] > 0;
    enum mt_rule rule = judged ? (enum mt_rule)(logical->rule_of[0] - 1) : MT_RULE_untouched;
    CELL(device) = mt_device_value(logical->device);
    CELL(block_id) = mt_uint(logical->block);
    CELL(size_bytes) = mt_uint(logical->size);
    CELL(nth) = logical->nth ? mt_uint(logical->nth) : mt_null();
    CELL(category) = judged ? mt_text(mt_category_roles[mt_rule_category(rule)].name) : mt_null();
    CELL(iterations) = mt_uint(logical->lives);
    CELL(exact_share) = mt_real(logical->exact / lives);
    CELL(accesses) = mt_uint(logical->beats);
    CELL(reads) = mt_uint(kinds.count[MT_ACCESS_READ]);
    CELL(writes) = mt_uint(kinds.count[MT_ACCESS_WRITE]);
    CELL(kinds) = mt_text(kinds.letters);
    CELL(mean_accesses) = mt_real(logical->accesses.mean);
    CELL(accesses_variation) = mt_real(mt_spread_variation(&logical->accesses));
    CELL(signature) = mt_uint(mt_logical_signature(logical, &state->logicals));
    CELL(interval_variation) = mt_real(mt_logical_variation(logical));
    CELL(before_first_ns) = mean_ns(&logical->before);
    CELL(after_last_ns) = mean_ns(&logical->after);
    CELL(same_address_share) = logical->nth && logical->lives > 1
                                   ? mt_real(logical->same_address / (lives - 1))
                                   : mt_null();
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->patterns->row(state->patterns, &mt_table_patterns, cell);
}
#undef CELL

static int put_patterns(struct state *state)
{
    for (uint32_t i = 1; state->patterns && i < state->logicals.n; i++)
        if (state->logicals.logical[i].lives)
            RETURN_IF_ERROR(put_pattern(state, &state->logicals.logical[i]));
    return 0;
}

/* ---- swap ---- */

#define CELL(name) cell[MT_COL_swap_##name]

static int put_swap(struct state *state, const struct mt_swapplan *plan, size_t i)
{
    struct mt_value cell[MT_COLS_swap];
    const struct mt_swap_gap *gap = &plan->gap[i];
    const struct mt_life *life = mt_life_at(&state->behaviour.lives, gap->life);
    uint64_t idle = gap->end_ns - gap->start_ns;
    CELL(device) = mt_device_value(gap->device);
    CELL(rank) = mt_uint(i + 1);
    CELL(block_id) = mt_uint(life->id);
    CELL(size_bytes) = mt_uint(gap->size);
    CELL(category) = mt_text(mt_category_roles[mt_rule_category(life->rule)].name);
    CELL(start_ns) = mt_uint(gap->start_ns);
    CELL(end_ns) = mt_uint(gap->end_ns);
    CELL(gap_ns) = mt_uint(idle);
    CELL(most_bytes) = mt_uint(mt_swaprule_most(&plan->rule, idle));
    CELL(wraps) = mt_uint(gap->wraps);
    CELL(at_peak) = mt_uint(gap->covers > 0);
    CELL(planned) = mt_uint(gap->planned);
    CELL(out_ns) = gap->planned ? mt_uint(gap->out_ns) : mt_null();
    CELL(in_ns) = gap->planned ? mt_uint(gap->in_ns) : mt_null();
    CELL(after) = mt_text(mt_behaviour_who(&state->behaviour, gap->after));
    CELL(before) = mt_text(mt_behaviour_who(&state->behaviour, gap->before));
    CELL(stack_id) = mt_stack_value(life->stack);
    CELL(site) = mt_site_value(state->run->stacks, life->stack);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->swap->row(state->swap, &mt_table_swap, cell);
}
#undef CELL

#define CELL(name) cell[MT_COL_swap_plan_##name]

static int put_plan(struct state *state, uint32_t device, const struct mt_swapplan *plan)
{
    struct mt_value cell[MT_COLS_swap_plan];
    CELL(device) = mt_device_value(device);
    CELL(iteration) = state->swapspan.wanted ? mt_uint(state->swapspan.iteration) : mt_null();
    CELL(start_ns) = mt_uint(plan->start_ns);
    CELL(end_ns) = mt_uint(plan->start_ns + plan->length_ns);
    CELL(d2h_bytes_per_second) = mt_uint((uint64_t)(plan->rule.d2h + 0.5));
    CELL(h2d_bytes_per_second) = mt_uint((uint64_t)(plan->rule.h2d + 0.5));
    CELL(latency_ns) = mt_uint((uint64_t)plan->rule.latency_ns);
    CELL(candidates) = mt_uint(plan->gaps + plan->over);
    CELL(peak_ns) = mt_uint(plan->peak_ns);
    CELL(peak_bytes) = mt_uint(plan->peak_bytes);
    CELL(at_peak_bytes) = mt_uint(plan->at_peak_bytes);
    CELL(planned) = mt_uint(plan->planned);
    CELL(planned_bytes) = mt_uint(plan->planned_bytes);
    CELL(result_bytes) = mt_uint(plan->result_bytes);
    CELL(link_share) = mt_real((double)plan->busy_ns / (double)plan->length_ns);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->swap_plan->row(state->swap_plan, &mt_table_swap_plan, cell);
}
#undef CELL

static int finish_swap(struct state *state, uint32_t device)
{
    const struct mt_swapplan *plan = state->swapspan.plan[device];
    for (size_t i = 0; plan && state->swap && i < plan->gaps; i++)
        if (i < SWAP_ROWS || plan->gap[i].planned)
            RETURN_IF_ERROR(put_swap(state, plan, i));
    return plan && state->swap_plan ? put_plan(state, device, plan) : 0;
}

static int behaviour_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    RETURN_IF_ERROR(mt_behaviour_finish(&state->behaviour, end_ns));
    RETURN_IF_ERROR(mt_swapspan_finish(&state->swapspan));
    for (uint32_t device = 0; device < MT_DEVICES; device++) {
        RETURN_IF_ERROR(finish_peak(state, device));
        RETURN_IF_ERROR(put_categories(state, device));
        RETURN_IF_ERROR(finish_swap(state, device));
    }
    return put_patterns(state);
}

const struct mt_pass mt_pass_behaviour = {
    .name = "behaviour",
    .tables =
        (const struct mt_table *const[]){
#define TABLE_OF(name) &mt_table_##name,
            SINKS(TABLE_OF)
#undef TABLE_OF
                NULL},
    .new = behaviour_new,
    .free = behaviour_free,
    .birth = behaviour_birth,
    .access = behaviour_access,
    .launch = behaviour_launch,
    .death = behaviour_death,
    .usage = behaviour_usage,
    .iteration = behaviour_iteration,
    .away = behaviour_away,
    .finish = behaviour_finish,
    .needs_rhythm = true,
    .by_launch = true,
    .glanced = (const struct mt_table *const[]){&mt_table_peak, &mt_table_swap_plan, NULL},
};
