#include "analysis/engine.h"

#include <sched.h>
#include <stdlib.h>

#include "analysis/pass.h"
#include "analysis/scan.h"
#include "analysis/tables.h"
#include "stacks/stacks.h"

#define PROGRESS_EVENTS 65536u
#define TABLES_MAX 64u
#define PASSES_MAX 64u
#define AHEAD_EVENTS 100000u /* for fewer no thread is worth its start */

struct member {
    struct mt_sink *sink;
    struct member *next;
};

/* All sinks of one table, as one sink. */
struct want {
    struct mt_sink tee;
    const struct mt_table *table;
    struct member *member;
};

struct mt_engine {
    struct mt_error *error;
    struct want want[TABLES_MAX];
    size_t wants;
    struct mt_symbols_options options;
    struct mt_swaprule swap;
    struct mt_symbols *symbols; /* one for all traces: they have much in common */
    uint64_t picture;
    uint32_t traces;
    bool begun;
    bool broken; /* a sink or pass failed: nothing more will do */
};

/* A pass at work on one trace. */
struct worker {
    const struct mt_pass *pass;
    void *state;
};

struct shift {
    struct mt_run run;
    struct worker worker[PASSES_MAX];
    size_t workers;
    uint64_t kinds;
    struct mt_model *model;
    struct mt_rhythm rhythm; /* where a pass needs it */
    size_t next;             /* iteration to begin */
    uint64_t border;         /* event before which passes are told of iterations */
};

/* ---- sinks ---- */

static struct want *want_of(struct mt_sink *tee)
{
    return (struct want *)(void *)tee;
}

static int tee_begin(struct mt_sink *tee, const struct mt_table *table)
{
    for (struct member *member = want_of(tee)->member; member; member = member->next)
        RETURN_IF_ERROR(member->sink->begin(member->sink, table));
    return 0;
}

static int tee_row(struct mt_sink *tee, const struct mt_table *table, const struct mt_value *cells)
{
    for (struct member *member = want_of(tee)->member; member; member = member->next)
        RETURN_IF_ERROR(member->sink->row(member->sink, table, cells));
    return 0;
}

static int tee_end(struct mt_sink *tee, const struct mt_table *table)
{
    for (struct member *member = want_of(tee)->member; member; member = member->next)
        RETURN_IF_ERROR(member->sink->end(member->sink, table));
    return 0;
}

struct mt_engine *mt_engine_new(struct mt_error *error)
{
    struct mt_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        mt_fail(error, MT_ERR_MEMORY, "out of memory");
    else
        *engine = (struct mt_engine){
            .error = error, .swap = mt_swaprule_default(), .picture = UINT64_MAX};
    return engine;
}

void mt_engine_picture(struct mt_engine *engine, uint64_t iteration)
{
    engine->picture = iteration;
}

void mt_engine_free(struct mt_engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; i < engine->wants; i++) {
        while (engine->want[i].member) {
            struct member *member = engine->want[i].member;
            engine->want[i].member = member->next;
            mt_sink_free(member->sink);
            free(member);
        }
    }
    mt_symbols_free(engine->symbols);
    free(engine);
}

void mt_engine_symbols(struct mt_engine *engine, const struct mt_symbols_options *options)
{
    engine->options = *options;
}

void mt_engine_swap(struct mt_engine *engine, const struct mt_swaprule *rule)
{
    engine->swap = *rule;
}

static struct want *find_want(struct mt_engine *engine, const struct mt_table *table)
{
    for (size_t i = 0; i < engine->wants; i++)
        if (engine->want[i].table == table)
            return &engine->want[i];
    return NULL;
}

int mt_engine_want(struct mt_engine *engine, const struct mt_table *table, struct mt_sink *sink)
{
    struct want *want = find_want(engine, table);
    struct member *member = malloc(sizeof *member);
    if (!member || (!want && engine->wants == TABLES_MAX)) {
        free(member);
        mt_sink_free(sink);
        return mt_fail(engine->error, MT_ERR_MEMORY, "out of memory for table %s", table->name);
    }
    if (!want) {
        want = &engine->want[engine->wants++];
        want->tee = (struct mt_sink){.begin = tee_begin, .row = tee_row, .end = tee_end};
        want->table = table;
    }
    *member = (struct member){sink, want->member};
    want->member = member;
    return 0;
}

static struct mt_sink *sink_for(const struct mt_run *run, const struct mt_table *table)
{
    struct want *want = find_want(run->owner, table);
    if (!want)
        return NULL;
    return want->member->next ? &want->tee : want->member->sink; /* no detour for only one */
}

static int break_down(struct mt_engine *engine, int code)
{
    engine->broken = true;
    if (engine->error->code == 0)
        mt_fail(engine->error, (enum mt_err)code, "%s", mt_err_text(code));
    return code;
}

static int each_sink(struct mt_engine *engine, bool end)
{
    for (size_t i = 0; i < engine->wants; i++) {
        struct want *want = &engine->want[i];
        int code = (end ? tee_end : tee_begin)(&want->tee, want->table);
        if (code < 0)
            return break_down(engine, code);
    }
    return 0;
}

int mt_engine_finish(struct mt_engine *engine)
{
    if (!engine->begun)
        RETURN_IF_ERROR(each_sink(engine, false));
    return each_sink(engine, true);
}

bool mt_engine_usable(const struct mt_engine *engine)
{
    return !engine->broken;
}

/* ---- one trace ---- */

static bool is_wanted(struct mt_engine *engine, const struct mt_pass *pass)
{
    for (const struct mt_table *const *table = pass->tables; *table; table++)
        if (find_want(engine, *table))
            return true;
    return false;
}

/* The first scan, where somebody needs what it finds. */
static int find_rhythm(struct mt_engine *engine, struct shift *shift, mt_progress *progress,
                       void *context)
{
    bool needed = false;
    for (size_t i = 0; mt_passes[i]; i++)
        needed |= mt_passes[i]->needs_rhythm && is_wanted(engine, mt_passes[i]);
    shift->border = UINT64_MAX;
    if (!needed)
        return 0;
    shift->run.rhythm = &shift->rhythm;
    RETURN_IF_ERROR(mt_scan_rhythm(shift->run.trace, &shift->rhythm, progress, context));
    if (shift->rhythm.iterations)
        shift->border = shift->rhythm.iteration[0].first_event;
    return 0;
}

static int hire(struct mt_engine *engine, struct shift *shift)
{
    for (size_t i = 0; mt_passes[i] && shift->workers < PASSES_MAX; i++) {
        const struct mt_pass *pass = mt_passes[i];
        if (!is_wanted(engine, pass))
            continue;
        struct worker *worker = &shift->worker[shift->workers];
        *worker = (struct worker){pass, pass->new (&shift->run)};
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

static int make_model(struct shift *shift)
{
    struct mt_listener listener[PASSES_MAX];
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

static int tell_event(struct shift *shift, const struct mt_record *record, uint32_t thread)
{
    for (size_t i = 0; i < shift->workers; i++) {
        const struct mt_pass *pass = shift->worker[i].pass;
        if (pass->event && pass->kinds >> record->kind & 1)
            RETURN_IF_ERROR(pass->event(shift->worker[i].state, record, thread));
    }
    return 0;
}

/* Event number `shift->border` comes next: an iteration begins there, or one ends and none begins.
 */
static int tell_iteration(struct shift *shift, uint64_t number)
{
    const struct mt_rhythm *rhythm = &shift->rhythm;
    const struct mt_iteration *begun = NULL;
    if (shift->next < rhythm->iterations && rhythm->iteration[shift->next].first_event == number)
        begun = &rhythm->iteration[shift->next++];
    if (begun)
        shift->border = number + begun->events;
    else if (shift->next < rhythm->iterations)
        shift->border = rhythm->iteration[shift->next].first_event;
    else
        shift->border = UINT64_MAX;
    for (size_t i = 0; i < shift->workers; i++) {
        const struct mt_pass *pass = shift->worker[i].pass;
        if (pass->iteration)
            RETURN_IF_ERROR(pass->iteration(shift->worker[i].state, begun));
    }
    return 0;
}

static int replay_run(struct shift *shift, const struct mt_trace_run *run, uint64_t number)
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

/* Where there was a first scan, the replay is the second half. */
static uint64_t progressed(const struct shift *shift, const struct mt_trace_stats *stats)
{
    uint64_t position = mt_trace_position(shift->run.trace);
    return shift->run.rhythm ? (stats->events + position) / 2 : position;
}

static int replay(struct shift *shift, mt_progress *progress, void *context)
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

static int finish(struct shift *shift)
{
    for (size_t i = 0; i < shift->workers; i++) {
        const struct mt_pass *pass = shift->worker[i].pass;
        if (pass->finish)
            RETURN_IF_ERROR(pass->finish(shift->worker[i].state, mt_model_now(shift->model)));
    }
    return 0;
}

static int make_stacks(struct mt_engine *engine, struct shift *shift)
{
    if (!engine->symbols)
        engine->symbols = mt_symbols_new(&engine->options);
    if (engine->symbols)
        shift->run.stacks = mt_stacks_new(shift->run.trace, engine->symbols);
    return shift->run.stacks ? 0 : MT_ERR_MEMORY;
}

/* A long trace is read by a thread of its own, where a processor is free for it. */
static int read_ahead(struct mt_trace *trace)
{
    struct mt_trace_stats stats;
    cpu_set_t allowed;
    mt_trace_stats(trace, &stats);
    if (stats.events < AHEAD_EVENTS || sched_getaffinity(0, sizeof allowed, &allowed) != 0 ||
        CPU_COUNT(&allowed) < 2)
        return 0;
    mt_trace_ahead(trace, true);
    return mt_trace_rewind(trace);
}

static int work(struct mt_engine *engine, struct shift *shift, mt_progress *progress, void *context)
{
    RETURN_IF_ERROR(read_ahead(shift->run.trace));
    RETURN_IF_ERROR(find_rhythm(engine, shift, progress, context));
    RETURN_IF_ERROR(make_stacks(engine, shift));
    RETURN_IF_ERROR(hire(engine, shift));
    RETURN_IF_ERROR(make_model(shift));
    RETURN_IF_ERROR(replay(shift, progress, context));
    return finish(shift);
}

static int begin(struct mt_engine *engine)
{
    if (engine->begun)
        return 0;
    engine->begun = true;
    return each_sink(engine, false);
}

int mt_engine_run(struct mt_engine *engine, const char *path, mt_progress *progress, void *context,
                  struct mt_trace_stats *stats)
{
    struct shift shift = {.run = {.picture = engine->picture,
                                  .trace_index = engine->traces++,
                                  .error = engine->error,
                                  .swap = &engine->swap,
                                  .sink = sink_for,
                                  .owner = engine}};
    RETURN_IF_ERROR(begin(engine));
    RETURN_IF_ERROR(mt_trace_open(&shift.run.trace, path, engine->error));
    int code = work(engine, &shift, progress, context);
    if (stats)
        mt_trace_stats(shift.run.trace, stats);
    for (size_t i = 0; i < shift.workers; i++)
        shift.worker[i].pass->free(shift.worker[i].state);
    mt_rhythm_release(&shift.rhythm);
    mt_model_free(shift.model);
    mt_stacks_free(shift.run.stacks);
    mt_trace_free(shift.run.trace);
    return code < 0 ? break_down(engine, code) : 0;
}
