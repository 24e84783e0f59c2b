#include "analysis/engine/shift.h"

#include "base/error.h"

#define PROGRESS_EVENTS 65536u

static int hire(struct mt_shift *shift)
{
    for (size_t i = 0; mt_passes[i] && shift->workers < MT_PASSES_MAX; i++) {
        const struct mt_pass *pass = mt_passes[i];
        if ((shift->again && !mt_pass_glances(pass, &shift->run)) ||
            !mt_pass_is_wanted(pass, &shift->run))
            continue;
        struct mt_worker *worker = &shift->worker[shift->workers];
        *worker =
            (struct mt_worker){pass, pass->new (&shift->run), mt_pass_glances(pass, &shift->run)};
        if (!worker->state)
            return MT_ERR_MEMORY;
        shift->workers++;
        shift->kinds |= pass->event ? pass->kinds : 0;
    }
    return 0;
}

static const char *api_name(void *trace, uint64_t api)
{
    return mt_trace_api(trace, api);
}

static const char *string_text(void *trace, uint64_t id)
{
    return mt_trace_string(trace, id);
}

static int make_model(struct mt_shift *shift)
{
    struct mt_listener listener[MT_PASSES_MAX];
    for (size_t i = 0; i < shift->workers; i++) {
        const struct mt_pass *pass = shift->worker[i].pass;
        listener[i] = (struct mt_listener){
            .state = shift->worker[i].state,
            .birth = pass->birth,
            .access = pass->access,
            .launch = pass->launch,
            .death = pass->death,
            .usage = pass->usage,
            .by_launch = pass->by_launch,
            .host = pass->host,
            .closely = shift->worker[i].closely,
            .resize = pass->resize,
        };
    }
    shift->model = mt_model_new(api_name, shift->run.trace, listener, shift->workers);
    shift->run.model = shift->model;
    for (size_t i = 0; shift->model && i < shift->workers; i++)
        if (shift->worker[i].pass->ranges)
            mt_model_follow_ranges(shift->model, string_text, shift->run.trace);
    return shift->model ? 0 : MT_ERR_MEMORY;
}

int mt_shift_begin(struct mt_shift *shift, struct mt_glance *glance)
{
    const struct mt_rhythm *rhythm = shift->run.rhythm;
    shift->glance = glance;
    shift->run.glance = glance;
    shift->border = rhythm && rhythm->iterations ? rhythm->iteration[0].first_event : UINT64_MAX;
    RETURN_IF_ERROR(hire(shift));
    return make_model(shift);
}

/* ---- events ---- */

static int tell_event(struct mt_shift *shift, const struct mt_record *record, uint32_t thread)
{
    for (size_t i = 0; i < shift->workers; i++) {
        const struct mt_pass *pass = shift->worker[i].pass;
        if (pass->event && pass->kinds >> record->kind & 1)
            RETURN_IF_ERROR(pass->event(shift->worker[i].state, record, thread));
    }
    return 0;
}

/* ---- iterations ---- */

static int begin_iteration(struct mt_shift *shift, const struct mt_iteration *begun)
{
    for (size_t i = 0; i < shift->workers; i++) {
        const struct mt_worker *worker = &shift->worker[i];
        if (worker->pass->iteration && !(worker->closely && shift->away))
            RETURN_IF_ERROR(worker->pass->iteration(worker->state, begun));
    }
    return 0;
}

static int look_away(struct mt_shift *shift)
{
    for (size_t i = 0; i < shift->workers; i++) {
        const struct mt_worker *worker = &shift->worker[i];
        if (worker->closely)
            RETURN_IF_ERROR(worker->pass->away(worker->state));
    }
    shift->away = true;
    return mt_model_look(shift->model, false);
}

/* What lies between two iterations is looked at as the one before it. */
static int look(struct mt_shift *shift, size_t iteration)
{
    const uint8_t *look = shift->glance->look;
    bool away = look && look[iteration] == MT_LOOK_AWAY;
    if (away == shift->away)
        return 0;
    if (away)
        return look_away(shift);
    shift->away = false;
    return mt_model_look(shift->model, true);
}

/* Event number `shift->border` comes next: an iteration begins there, or one ends and none begins.
 */
static int tell_iteration(struct mt_shift *shift, uint64_t number)
{
    const struct mt_rhythm *rhythm = shift->run.rhythm;
    const struct mt_iteration *begun = NULL;
    if (shift->next < rhythm->iterations && rhythm->iteration[shift->next].first_event == number)
        begun = &rhythm->iteration[shift->next++];
    if (begun)
        shift->border = number + begun->events;
    else if (shift->next < rhythm->iterations)
        shift->border = rhythm->iteration[shift->next].first_event;
    else
        shift->border = UINT64_MAX;
    if (begun)
        RETURN_IF_ERROR(look(shift, shift->next - 1));
    return begin_iteration(shift, begun);
}

static int replay_run(struct mt_shift *shift, const struct mt_trace_run *run, uint64_t number)
{
    for (const struct mt_record *record = run->first; record < run->end;
         record = mt_record_next(record)) {
        if (number++ == shift->border)
            RETURN_IF_ERROR(tell_iteration(shift, number - 1));
        if (record->kind < MT_KINDS && shift->kinds >> record->kind & 1 &&
            mt_record_is_valid(record))
            RETURN_IF_ERROR(tell_event(shift, record, run->thread));
        RETURN_IF_ERROR(mt_model_replay(shift->model, record, run->thread));
    }
    return 0;
}

/* Where there was a first scan, the replay is the second half; what is done again takes no more. */
static uint64_t progressed(const struct mt_shift *shift, const struct mt_trace_stats *stats)
{
    uint64_t position = mt_trace_position(shift->run.trace);
    if (shift->again)
        return stats->events - 1;
    return shift->run.rhythm ? (stats->events + position) / 2 : position;
}

int mt_shift_go(struct mt_shift *shift, mt_progress *progress, void *context)
{
    struct mt_trace *trace = shift->run.trace;
    struct mt_trace_stats stats;
    struct mt_trace_run run;
    uint64_t told = 0, done = 0;
    int events;
    mt_trace_stats(trace, &stats);
    for (; (events = mt_trace_next_run(trace, &run)) > 0; done += (uint64_t)events) {
        if (progress && done >= told) {
            RETURN_IF_ERROR(progress(context, progressed(shift, &stats), stats.events));
            told = done + PROGRESS_EVENTS;
        }
        RETURN_IF_ERROR(replay_run(shift, &run, done));
    }
    if (done == shift->border) /* the last iteration ends with the trace */
        RETURN_IF_ERROR(tell_iteration(shift, done));
    return events < 0 ? events : mt_model_finish(shift->model);
}

/* ---- the end ---- */

bool mt_shift_missed_peak(struct mt_shift *shift)
{
    struct mt_glance *glance = shift->glance;
    bool missed = false;
    for (uint32_t device = 0; glance->look && device < MT_DEVICES; device++) {
        const struct mt_usage *usage = mt_model_usage(shift->model, device);
        size_t at = mt_glance_at(shift->run.rhythm, usage->peak_allocated_ns);
        if (!usage->peak_allocated || at == SIZE_MAX || glance->look[at] == MT_LOOK_CLOSE)
            continue;
        mt_glance_add(glance, at);
        missed = true;
    }
    return missed;
}

void mt_shift_dismiss(struct mt_shift *shift)
{
    size_t kept = 0;
    for (size_t i = 0; i < shift->workers; i++) {
        if (shift->worker[i].closely)
            shift->worker[i].pass->free(shift->worker[i].state);
        else
            shift->worker[kept++] = shift->worker[i];
    }
    shift->workers = kept;
}

int mt_shift_finish(struct mt_shift *shift)
{
    for (size_t i = 0; i < shift->workers; i++) {
        const struct mt_pass *pass = shift->worker[i].pass;
        if (pass->finish)
            RETURN_IF_ERROR(pass->finish(shift->worker[i].state, mt_model_now(shift->model)));
    }
    return 0;
}

void mt_shift_release(struct mt_shift *shift)
{
    for (size_t i = 0; i < shift->workers; i++)
        shift->worker[i].pass->free(shift->worker[i].state);
    shift->workers = 0;
    mt_model_free(shift->model);
    shift->model = NULL;
}
