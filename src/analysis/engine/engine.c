#include "analysis/engine/engine.h"

#include <sched.h>
#include <stdlib.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/glance.h"
#include "analysis/engine/pass.h"
#include "analysis/engine/scan.h"
#include "analysis/engine/shift.h"
#include "stacks/stacks.h"

#define TABLES_MAX 64u
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

static int make_stacks(struct mt_engine *engine, struct mt_run *run)
{
    if (!engine->symbols)
        engine->symbols = mt_symbols_new(&engine->options);
    if (engine->symbols)
        run->stacks = mt_stacks_new(run->trace, engine->symbols);
    return run->stacks ? 0 : MT_ERR_MEMORY;
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

/* What one trace needs besides the replay. */
struct job {
    struct mt_run run;
    struct mt_rhythm rhythm; /* where a pass needs it */
    struct mt_glance glance;
    mt_progress *progress;
    void *context;
};

/* The first scan, where somebody needs what it finds. */
static int find_rhythm(struct job *job)
{
    struct mt_run *run = &job->run;
    struct mt_most most[MT_DEVICES] = {{0, 0, 0}};
    struct mt_trace_stats stats;
    bool needed = false, glances = false;
    for (size_t i = 0; mt_passes[i]; i++) {
        bool wanted = mt_pass_is_wanted(mt_passes[i], run);
        needed |= wanted && mt_passes[i]->needs_rhythm;
        glances |= wanted && mt_pass_glances(mt_passes[i], run);
    }
    if (!needed)
        return 0;
    RETURN_IF_ERROR(mt_scan_rhythm(run->trace, &job->rhythm, most, job->progress, job->context));
    run->rhythm = &job->rhythm;
    mt_trace_stats(run->trace, &stats);
    if (!mt_glance_choose(&job->glance, &job->rhythm, glances ? stats.events : 0))
        return MT_ERR_MEMORY;
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        if (most[device].bytes)
            mt_glance_add(&job->glance, mt_glance_of(&job->rhythm, most[device].event));
    return 0;
}

/* Passes that glance have to have seen the peak. Where it lay between, they go through the trace
 * once more. */
static int replay_all(struct job *job)
{
    struct mt_shift first = {.run = job->run}, again = {.run = job->run, .again = true};
    int code = mt_shift_begin(&first, &job->glance);
    if (code == 0)
        code = mt_shift_go(&first, job->progress, job->context);
    bool missed = code == 0 && mt_shift_missed_peak(&first);
    if (missed) {
        mt_shift_dismiss(&first);
        code = mt_trace_rewind(job->run.trace);
    }
    if (missed && code == 0)
        code = mt_shift_begin(&again, &job->glance);
    if (missed && code == 0)
        code = mt_shift_go(&again, job->progress, job->context);
    if (code == 0)
        code = mt_shift_finish(&first);
    if (missed && code == 0)
        code = mt_shift_finish(&again);
    mt_shift_release(&first);
    mt_shift_release(&again);
    return code;
}

static int work(struct mt_engine *engine, struct job *job)
{
    RETURN_IF_ERROR(read_ahead(job->run.trace));
    RETURN_IF_ERROR(find_rhythm(job));
    RETURN_IF_ERROR(make_stacks(engine, &job->run));
    return replay_all(job);
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
    struct job job = {.run = {.picture = engine->picture,
                              .trace_index = engine->traces++,
                              .error = engine->error,
                              .swap = &engine->swap,
                              .sink = sink_for,
                              .owner = engine},
                      .progress = progress,
                      .context = context};
    RETURN_IF_ERROR(begin(engine));
    RETURN_IF_ERROR(mt_trace_open(&job.run.trace, path, engine->error));
    int code = work(engine, &job);
    if (stats)
        mt_trace_stats(job.run.trace, stats);
    mt_glance_release(&job.glance);
    mt_rhythm_release(&job.rhythm);
    mt_stacks_free(job.run.stacks);
    mt_trace_free(job.run.trace);
    return code < 0 ? break_down(engine, code) : 0;
}
