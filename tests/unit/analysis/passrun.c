#include "passrun.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "tracewriter.h"

#define TABLES 12
#define ITERATIONS 64
#define KERNELS 64
#define HOST 0xf0000000u
#define SEGMENT 0x10000u
#define SEGMENT_BYTES (UINT64_C(1) << 30)

struct passrun {
    char path[32];
    struct mt_tracewriter *writer;
    struct mt_trace *trace;
    struct mt_error error;
    struct mt_model *model;
    struct mt_rhythm rhythm;
    struct mt_iteration iteration[ITERATIONS];
    struct mt_rows *rows[TABLES];
    const struct mt_table *table[TABLES];
    size_t tables;
    char *kernel[KERNELS];
    uint32_t kernels;
    struct {
        uint64_t address, size;
    } block[4096];
    size_t blocks;
    uint64_t allocated;
    const struct mt_swaprule *swap;
};

struct passrun *passrun_new(void)
{
    struct passrun *run = calloc(1, sizeof *run);
    strcpy(run->path, "/tmp/mt-passrun-XXXXXX");
    close(mkstemp(run->path));
    run->writer = mt_tracewriter_new(run->path, NULL);
    mt_tracewriter_meta(run->writer, "api.0", "cuMemAlloc_v2");
    mt_tracewriter_meta(run->writer, "api.1", "cuMemcpyAsync");
    mt_tracewriter_meta(run->writer, "api.2", "cuMemsetD8Async");
    mt_tracewriter_meta(run->writer, "api.3", "cuMemAllocAsync");
    mt_tracewriter_meta(run->writer, "api.4", "cuMemAllocManaged");
    mt_tracewriter_meta(run->writer, "api.5", "cuMemFree_v2");
    MT_TRACEWRITER_ADD(run->writer, 0, 0, alloc, .api = 0, .address = SEGMENT,
                       .size = SEGMENT_BYTES, .device = 0, .stream = 0);
    run->rhythm.iteration = run->iteration;
    return run;
}

struct mt_tracewriter *passrun_writer(struct passrun *run)
{
    return run->writer;
}

void passrun_free(struct passrun *run)
{
    for (size_t i = 0; i < run->tables; i++)
        mt_sink_free(mt_rows_sink(run->rows[i]));
    for (uint32_t i = 0; i < run->kernels; i++)
        free(run->kernel[i]);
    mt_model_free(run->model);
    mt_trace_free(run->trace);
    unlink(run->path);
    free(run);
}

void passrun_end(struct passrun *run, uint64_t end_ns)
{
    size_t n = run->rhythm.iterations;
    if (n && run->iteration[n - 1].end_ns == 0)
        run->iteration[n - 1].end_ns = end_ns;
}

void passrun_iteration(struct passrun *run, uint64_t start_ns)
{
    passrun_end(run, start_ns);
    ck_assert_uint_lt(run->rhythm.iterations, ITERATIONS);
    run->iteration[run->rhythm.iterations++] = (struct mt_iteration){
        .start_ns = start_ns, .exact_share = 1, .class_share = 1, .kind_share = 1, .steady = true};
}

void passrun_birth(struct passrun *run, uint64_t time_ns, uint64_t address, uint64_t size)
{
    run->allocated += size;
    run->block[run->blocks].address = address;
    run->block[run->blocks++].size = size;
    MT_TRACEWRITER_ADD(run->writer, 0, time_ns, block_alloc, .address = address, .size = size,
                       .allocated = run->allocated, .reserved = SEGMENT_BYTES, .device = 0);
}

void passrun_death(struct passrun *run, uint64_t time_ns, uint64_t address)
{
    size_t i = 0;
    while (i < run->blocks && run->block[i].address != address)
        i++;
    ck_assert_uint_lt(i, run->blocks);
    uint64_t size = run->block[i].size;
    run->block[i] = run->block[--run->blocks];
    run->allocated -= size;
    MT_TRACEWRITER_ADD(run->writer, 0, time_ns, block_free, .address = address, .size = size,
                       .allocated = run->allocated, .reserved = SEGMENT_BYTES, .device = 0);
}

void passrun_copy(struct passrun *run, uint64_t time_ns, uint64_t to, uint64_t from, uint64_t size)
{
    MT_TRACEWRITER_ADD(run->writer, 0, time_ns, copy, .api = 1, .destination = to, .source = from,
                       .size = size, .stream = 0);
}

void passrun_pause(struct passrun *run, uint64_t from_ns, uint64_t to_ns)
{
    MT_TRACEWRITER_ADD(run->writer, 0, from_ns, pause, .why = MT_WHY_PROGRAM);
    MT_TRACEWRITER_ADD(run->writer, 0, to_ns, resume, .why = MT_WHY_PROGRAM);
    MT_TRACEWRITER_ADD(run->writer, 0, to_ns, resumed, .window = 1);
}

void passrun_set(struct passrun *run, uint64_t time_ns, uint64_t address, uint64_t size)
{
    MT_TRACEWRITER_ADD(run->writer, 0, time_ns, set, .api = 2, .address = address, .width = size,
                       .height = 1, .pitch = 0, .stream = 0);
}

static uint64_t kernel_id(struct passrun *run, uint64_t time_ns, const char *name)
{
    uint32_t i = 0;
    while (i < run->kernels && strcmp(run->kernel[i], name) != 0)
        i++;
    if (i == run->kernels) {
        ck_assert_uint_lt(i, KERNELS);
        run->kernel[run->kernels++] = strdup(name);
        mt_tracewriter_kernel(run->writer, 0, time_ns, i + 1, name, 0, NULL);
    }
    return i + 1;
}

void passrun_launch_of(struct passrun *run, uint64_t time_ns, uint32_t thread, const char *kernel,
                       const uint64_t *address, uint32_t n)
{
    uint64_t word[512];
    ck_assert_uint_le(n, 512);
    uint64_t id = kernel_id(run, time_ns, kernel);
    for (uint32_t i = 0; i < n; i++)
        word[i] = MT_WORD(address[i], 8 * i);
    mt_tracewriter_launch(run->writer, thread, time_ns, id, 0, word, n);
}

void passrun_swap(struct passrun *run, const struct mt_swaprule *rule)
{
    run->swap = rule;
}

/* ---- the replay ---- */

static const char *api_name(void *trace, uint64_t api)
{
    return mt_trace_api(trace, api);
}

static struct mt_sink *sink_of(const struct mt_run *run, const struct mt_table *table)
{
    struct passrun *owner = run->owner;
    size_t i = owner->tables++;
    ck_assert_uint_lt(i, TABLES);
    owner->table[i] = table;
    owner->rows[i] = mt_rows_new(0, NULL);
    struct mt_sink *sink = mt_rows_sink(owner->rows[i]);
    ck_assert_int_eq(sink->begin(sink, table), 0);
    return sink;
}

/* Events of each iteration, by their times. */
static void number_iterations(struct passrun *run)
{
    const struct mt_record *record;
    uint64_t event = 0;
    while ((record = mt_trace_next(run->trace, NULL)) != NULL) {
        for (size_t i = 0; i < run->rhythm.iterations; i++) {
            struct mt_iteration *iteration = &run->iteration[i];
            if (record->time < iteration->start_ns || record->time >= iteration->end_ns)
                continue;
            if (iteration->events++ == 0)
                iteration->first_event = event;
        }
        event++;
    }
    ck_assert_int_eq(mt_trace_rewind(run->trace), 0);
}

/* As the engine: tell the iteration that begins before this event, or that one has ended. */
static int tell(struct passrun *run, const struct mt_pass *pass, void *state, uint64_t event)
{
    const struct mt_iteration *ended = NULL;
    for (size_t i = 0; i < run->rhythm.iterations; i++) {
        const struct mt_iteration *iteration = &run->iteration[i];
        if (iteration->events && iteration->first_event == event)
            return pass->iteration(state, iteration);
        if (iteration->first_event + iteration->events == event)
            ended = iteration;
    }
    return ended ? pass->iteration(state, NULL) : 0;
}

static void replay(struct passrun *run, const struct mt_pass *pass, void *state)
{
    const struct mt_record *record;
    uint32_t thread = 0;
    for (uint64_t event = 0; (record = mt_trace_next(run->trace, &thread)) != NULL; event++) {
        if (pass->iteration)
            ck_assert_int_eq(tell(run, pass, state, event), 0);
        if (pass->event && pass->kinds >> record->kind & 1)
            ck_assert_int_eq(pass->event(state, record, thread), 0);
        ck_assert_int_eq(mt_model_replay(run->model, record, thread), 0);
    }
    ck_assert_int_eq(mt_model_finish(run->model), 0);
}

void passrun_go(struct passrun *run, const struct mt_pass *pass)
{
    struct mt_run asked = {.error = &run->error, .sink = sink_of, .owner = run};
    mt_tracewriter_free(run->writer);
    ck_assert_int_eq(mt_trace_open(&run->trace, run->path, &run->error), 0);
    number_iterations(run);
    asked.trace = run->trace;
    asked.rhythm = &run->rhythm;
    asked.swap = run->swap;
    asked.model = run->model = NULL;
    void *state = pass->new (&asked);
    ck_assert_ptr_nonnull(state);
    struct mt_listener listener = {.state = state,
                                   .birth = pass->birth,
                                   .access = pass->access,
                                   .launch = pass->launch,
                                   .death = pass->death,
                                   .usage = pass->usage,
                                   .by_launch = pass->by_launch};
    run->model = mt_model_new(api_name, run->trace, &listener, 1);
    asked.model = run->model;
    replay(run, pass, state);
    if (pass->finish)
        ck_assert_int_eq(pass->finish(state, mt_model_now(run->model)), 0);
    pass->free(state);
}

struct mt_rows *passrun_rows(struct passrun *run, const struct mt_table *table)
{
    for (size_t i = 0; i < run->tables; i++)
        if (run->table[i] == table)
            return run->rows[i];
    ck_abort_msg("the pass did not ask for table %s", table->name);
    return NULL;
}

size_t passrun_row(const struct mt_rows *rows, const char *column, const char *text)
{
    for (size_t i = 0; i < mt_rows_count(rows); i++) {
        struct mt_value value = mt_rows_get(rows, i, column);
        if (!value.null && strcmp(value.s, text) == 0)
            return i;
    }
    ck_abort_msg("no row with %s %s", column, text);
    return 0;
}

size_t passrun_row_of(const struct mt_rows *rows, const char *column, uint64_t number)
{
    for (size_t i = 0; i < mt_rows_count(rows); i++) {
        struct mt_value value = mt_rows_get(rows, i, column);
        if (!value.null && value.u == number)
            return i;
    }
    ck_abort_msg("no row with %s %lu", column, (unsigned long)number);
    return 0;
}
