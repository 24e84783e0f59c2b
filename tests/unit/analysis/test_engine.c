/* Every table of a trace whose answers are known. */
#include "analysis/engine/engine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "analysis/answers/tables.h"
#include "report/rows.h"
#include "knowntrace.h"
#include "training.h"

static char path[] = "/tmp/mt-engine-XXXXXX";
static struct mt_error error;
static struct mt_engine *engine;

static void setup(void)
{
    error.code = 0;
    strcpy(path, "/tmp/mt-engine-XXXXXX");
    close(mkstemp(path));
    knowntrace_write(path, "job", false);
    engine = mt_engine_new(&error);
}

static void teardown(void)
{
    mt_engine_free(engine);
    unlink(path);
}

static struct mt_rows *want(const struct mt_table *table)
{
    struct mt_rows *rows = mt_rows_new(0, NULL);
    ck_assert_int_eq(mt_engine_want(engine, table, mt_rows_sink(rows)), 0);
    return rows;
}

static struct mt_rows *run(const struct mt_table *table)
{
    struct mt_rows *rows = want(table);
    ck_assert_int_eq(mt_engine_run(engine, path, NULL, NULL, NULL), 0);
    ck_assert_int_eq(mt_engine_finish(engine), 0);
    return rows;
}

/* The row whose `column` is `u`. */
static size_t row_with(const struct mt_rows *rows, const char *column, uint64_t u)
{
    for (size_t i = 0; i < mt_rows_count(rows); i++)
        if (mt_rows_get(rows, i, column).u == u)
            return i;
    ck_abort_msg("no row with %s %lu", column, (unsigned long)u);
    return 0;
}

#define U(column, value) ck_assert_uint_eq(mt_rows_get(rows, i, column).u, value)
#define S(column, value) ck_assert_str_eq(mt_rows_get(rows, i, column).s, value)
#define EMPTY(column) ck_assert(mt_rows_get(rows, i, column).null)

START_TEST(blocks)
{
    struct mt_rows *rows = run(&mt_table_blocks);
    ck_assert_uint_eq(mt_rows_count(rows), 4);
    size_t i = row_with(rows, "block_id", 2);
    S("level", "block");
    S("source", "allocator");
    U("device", 0);
    U("address", 0x10000000);
    U("size_bytes", 0x40000);
    U("birth_ns", 2100);
    U("death_ns", 10000);
    U("lifetime_ns", 7900);
    U("accesses", 3);
    U("writes", 1);
    U("reads", 0);
    U("touches", 2);
    U("first_access_ns", 3000);
    U("last_access_ns", 6500);
    U("segment_id", 1);
    U("trace", 0);
    EMPTY("stream");
    EMPTY("api");
    i = row_with(rows, "block_id", 1);
    S("level", "segment");
    S("api", "cuMemAlloc_v2");
    U("lifetime_ns", 8000);
    EMPTY("death_ns");
    EMPTY("first_access_ns");
    EMPTY("segment_id");
    i = row_with(rows, "block_id", 4);
    S("level", "block");
    S("source", "async");
    U("stream", 7);
    U("writes", 1);
}
END_TEST

START_TEST(accesses)
{
    struct mt_rows *rows = run(&mt_table_accesses);
    ck_assert_uint_eq(mt_rows_count(rows), 6);
    size_t i = 0;
    U("time_ns", 3000);
    U("block_id", 2);
    U("offset_bytes", 0x100);
    U("size_bytes", 4096);
    S("kind", "write");
    S("by", "copy");
    S("kernel", "cuMemcpyHtoD_v2");
    i = 3;
    U("time_ns", 5000);
    U("block_id", 3);
    U("offset_bytes", 0x10);
    EMPTY("size_bytes");
    S("kind", "touch");
    S("by", "launch");
    S("kernel", "relu");
    i = 4;
    U("thread", 1);
    U("stream", 0x55);
    i = 5;
    S("by", "set");
    U("size_bytes", 0x10000);
}
END_TEST

START_TEST(segments)
{
    struct mt_rows *rows = run(&mt_table_segments);
    size_t i = 0;
    ck_assert_uint_eq(mt_rows_count(rows), 1);
    U("segment_id", 1);
    U("size_bytes", 0x100000);
    U("blocks", 2);
    U("peak_allocated_bytes", 0x60000);
    U("peak_blocks", 2);
    U("stale_touches", 1);
    S("source", "driver");
    EMPTY("death_ns");
}
END_TEST

START_TEST(kernels)
{
    struct mt_rows *rows = run(&mt_table_kernels);
    ck_assert_uint_eq(mt_rows_count(rows), 2); /* two ids of one name are one kernel */
    size_t i = 0;
    S("mangled_name", "_Z4gemmPfS_i");
#if MT_HAVE_IBERTY
    S("name", "gemm(float*, float*, int)");
#else
    S("name", "_Z4gemmPfS_i");
#endif
    U("launches", 1);
    U("captured_launches", 1);
    U("touches", 2);
    U("touched_bytes", 0x60000);
    i = 1;
    S("mangled_name", "relu");
    U("launches", 3);
    U("blocks", 2);
    U("block_bytes", 0x60000);
    U("touches", 2);
    U("touched_bytes", 0x60000);
    U("untouching_launches", 1);
}
END_TEST

START_TEST(timeline)
{
    struct mt_rows *rows = run(&mt_table_timeline);
    size_t n = mt_rows_count(rows);
    ck_assert_uint_gt(n, 900);
    uint64_t width = mt_rows_get(rows, 1, "time_ns").u;
    size_t i = 1980 / width;
    U("reserved_bytes", 0);
    i = 2000 / width;
    U("reserved_bytes", 0x100000);
    i = 2500 / width;
    U("allocated_bytes", 0x60000);
    U("live_bytes", 0);
    i = 3500 / width;
    U("live_bytes", 0x40000);
    i = 4500 / width;
    U("live_bytes", 0x60000);
    i = 5000 / width; /* the last access counts for its whole slice */
    U("live_bytes", 0x60000);
    i = 5500 / width;
    U("live_bytes", 0x40000);
    i = 7500 / width;
    U("allocated_bytes", 0x40000);
    U("live_bytes", 0);
    i = 8500 / width;
    U("reserved_bytes", 0x110000);
    i = n - 1;
    U("reserved_bytes", 0x100000);
}
END_TEST

START_TEST(failures)
{
    struct mt_rows *rows = run(&mt_table_failures);
    ck_assert_uint_eq(mt_rows_count(rows), 3);
    size_t i = 0;
    S("what", "allocation");
    U("size_bytes", 0x80000000);
    S("by", "cuMemAlloc_v2");
    U("error", 2);
    U("reserved_bytes", 0x110000);
    U("allocated_bytes", 0x50000);
    i = 1;
    S("what", "block");
    U("allocator_reserved_bytes", 0x100000);
    EMPTY("by");
    i = 2;
    S("what", "free");
    U("address", 0x123000);
    EMPTY("size_bytes");
}
END_TEST

#define FACT(key, value) ck_assert_str_eq(mt_rows_text(rows, key), value)

START_TEST(summary)
{
    struct mt_rows *rows = run(&mt_table_summary);
    FACT("command", "job");
    FACT("pid", "4711");
    FACT("duration_ns", "10000");
    FACT("events_read", "23");
    FACT("events_lost", "3");
    FACT("complete", "1");
    FACT("threads", "2");
    FACT("blocks", "3");
    FACT("segments", "1");
    FACT("blocks_never_accessed", "0");
    FACT("largest_block_bytes", "262144");
    FACT("device.0.name", "Sample GPU");
    FACT("device.0.total_bytes", "1073741824");
    FACT("device.0.peak_reserved_bytes", "1114112");
    FACT("device.0.peak_reserved_ns", "8000");
    FACT("device.0.peak_allocated_bytes", "393216");
    FACT("device.0.peak_allocated_ns", "2200");
    FACT("device.0.end_allocated_bytes", "0");
    FACT("device.0.allocator_peak_allocated_bytes", "393216");
    FACT("allocator_mismatches", "0");
    FACT("launches", "4");
    FACT("pointers_stale", "1");
    FACT("pointers_unresolved", "1");
    FACT("copies_to_device_bytes", "4096");
    FACT("variant.cuMemFoo_v9", "1");
    FACT("late_frees", "0"); /* it failed, so it freed nothing */
    /* bytes times ns: block 2 256K*7900, in use 3500, before 900, after 3500; block 3 128K*4800, in
     * use 1000, before 1800, after 2000; block 4 64K*1700, before 1000, after 700 */
    double whole = 4 * 7900 + 2 * 4800 + 1700;
    ck_assert_double_eq_tol(strtod(mt_rows_text(rows, "share_in_use"), NULL),
                            (4 * 3500 + 2 * 1000) / whole, 1e-6);
    ck_assert_double_eq_tol(strtod(mt_rows_text(rows, "share_before_first"), NULL),
                            (4 * 900 + 2 * 1800 + 1000) / whole, 1e-6);
}
END_TEST

/* The same memory again and again: what was known of the dead must not stick to the place. */
static void write_reuse(void)
{
    struct mt_tracewriter *w = mt_tracewriter_new(path, NULL);
    uint64_t word[] = {MT_WORD(0x1000, 0)};
    mt_tracewriter_kernel(w, 0, 0, 1, "k", 0, NULL);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t t = 1000 * i, size = 0x400 >> i;
        MT_TRACEWRITER_ADD(w, 0, t + 1, alloc, 1, 0x1000, 0x1000, 0, 0);
        MT_TRACEWRITER_ADD(w, 0, t + 2, block_alloc, 0x1000, size, size, 0x1000, 0);
        mt_tracewriter_launch(w, 0, t + 3, 1, 0, word, 1);
        mt_tracewriter_launch(w, 0, t + 4, 1, 0, word, 1);
        MT_TRACEWRITER_ADD(w, 0, t + 5, block_free, 0x1000, size, 0, 0x1000, 0);
        MT_TRACEWRITER_ADD(w, 0, t + 6, free, 1, 0x1000, 0);
    }
    mt_tracewriter_free(w);
}

START_TEST(places_are_used_again)
{
    write_reuse();
    struct mt_rows *rows = want(&mt_table_kernels), *segments_rows = want(&mt_table_segments);
    ck_assert_int_eq(mt_engine_run(engine, path, NULL, NULL, NULL), 0);
    size_t i = 0;
    U("blocks", 3);
    U("block_bytes", 0x700);
    U("touches", 6);
    rows = segments_rows;
    for (i = 0; i < 3; i++) {
        U("peak_allocated_bytes", 0x400u >> i);
        U("peak_blocks", 1);
    }
}
END_TEST

START_TEST(several_traces_and_sinks)
{
    struct mt_rows *rows = want(&mt_table_blocks), *again = want(&mt_table_blocks);
    struct mt_rows *large = mt_rows_new(3, "size_bytes");
    mt_rows_only(large, "level", "block");
    ck_assert_int_eq(mt_engine_want(engine, &mt_table_blocks, mt_rows_sink(large)), 0);
    ck_assert_int_eq(mt_engine_run(engine, path, NULL, NULL, NULL), 0);
    ck_assert_int_eq(mt_engine_run(engine, "/nowhere", NULL, NULL, NULL), MT_ERR_SYSTEM);
    ck_assert(mt_engine_usable(engine));
    ck_assert_ptr_nonnull(strstr(error.message, "/nowhere"));
    ck_assert_int_eq(mt_engine_run(engine, path, NULL, NULL, NULL), 0);
    ck_assert_int_eq(mt_engine_finish(engine), 0);
    ck_assert_uint_eq(mt_rows_count(rows), 8);
    ck_assert_uint_eq(mt_rows_count(again), 8);
    ck_assert_uint_eq(mt_rows_get(rows, 7, "trace").u, 2);
    ck_assert_uint_eq(mt_rows_count(large), 3);
    ck_assert_uint_eq(mt_rows_get(large, 0, "size_bytes").u, 0x40000);
    ck_assert_uint_eq(mt_rows_get(large, 1, "size_bytes").u, 0x40000);
    ck_assert_uint_eq(mt_rows_get(large, 2, "size_bytes").u, 0x20000);
}
END_TEST

static int full(struct mt_sink *sink, const struct mt_table *table, const struct mt_value *cells)
{
    (void)sink, (void)table, (void)cells;
    return mt_fail(&error, MT_ERR_SYSTEM, "disk full");
}

static int nothing(struct mt_sink *sink, const struct mt_table *table)
{
    (void)sink, (void)table;
    return 0;
}

static void leave(struct mt_sink *sink)
{
    (void)sink;
}

START_TEST(a_failing_sink_stops_the_run)
{
    static struct mt_sink sink = {
        .begin = nothing, .row = full, .end = nothing, .free = leave}; /* until teardown */
    ck_assert_int_eq(mt_engine_want(engine, &mt_table_blocks, &sink), 0);
    ck_assert_int_eq(mt_engine_run(engine, path, NULL, NULL, NULL), MT_ERR_SYSTEM);
    ck_assert(!mt_engine_usable(engine));
    ck_assert_str_eq(error.message, "disk full");
}
END_TEST

static int stop(void *context, uint64_t done, uint64_t events)
{
    ck_assert_uint_le(done, events);
    ++*(int *)context;
    return 0;
}

/* A whole training job: the replay finds what the generator did. */
static void write_training(const struct mt_training_options *options,
                           struct mt_training_facts *facts)
{
    struct mt_tracewriter *writer = mt_tracewriter_new(path, NULL);
    mt_training_write(writer, options, facts);
    mt_tracewriter_free(writer);
}

START_TEST(training)
{
    struct mt_training_options options = {.iterations = 20, .noise = 10};
    struct mt_training_facts facts;
    struct mt_trace_stats stats;
    int calls = 0;
    write_training(&options, &facts);
    struct mt_rows *rows = want(&mt_table_summary);
    ck_assert_int_eq(mt_engine_run(engine, path, stop, &calls, &stats), 0);
    ck_assert_int_eq(mt_engine_finish(engine), 0);
    ck_assert_int_gt(calls, 1);
    ck_assert_uint_eq(stats.events, facts.events);
    ck_assert_uint_eq(mt_rows_number(rows, "events_read"), facts.events);
    ck_assert_uint_eq(mt_rows_number(rows, "launches"), facts.launches);
    ck_assert_uint_eq(mt_rows_number(rows, "blocks"), facts.blocks);
    ck_assert_uint_eq(mt_rows_number(rows, "device.0.peak_allocated_bytes"), facts.peak_allocated);
    ck_assert_uint_eq(mt_rows_number(rows, "device.0.peak_reserved_bytes"), facts.peak_reserved);
    ck_assert_uint_eq(mt_rows_number(rows, "device.0.allocator_peak_allocated_bytes"),
                      facts.peak_allocated);
    ck_assert_uint_eq(mt_rows_number(rows, "allocator_mismatches"), 0);
    ck_assert_uint_eq(mt_rows_number(rows, "overlaps"), 0);
    ck_assert_uint_gt(mt_rows_number(rows, "pointers"), facts.launches);
    ck_assert_uint_eq(mt_rows_number(rows, "pointers_stale"), 0);
    ck_assert_uint_eq(mt_rows_number(rows, "pointers_unresolved"), 0);
    ck_assert_uint_eq(mt_rows_number(rows, "orphan_blocks"), 0);
}
END_TEST

/* Passes hear of an iteration before its first event, and of its end. */
START_TEST(iterations)
{
    struct mt_training_options options = {.iterations = 8};
    struct mt_training_facts facts;
    write_training(&options, &facts);
    struct mt_rows *rows = run(&mt_table_iterations);
    size_t n = mt_rows_count(rows);
    ck_assert_uint_ge(n, 7);
    for (size_t i = 0; i < n; i++) {
        U("iteration", i);
        if (i + 1 < n) {
            U("end_ns", mt_rows_get(rows, i + 1, "start_ns").u);
            ck_assert_uint_eq(mt_rows_get(rows, i, "start_bytes").u,
                              mt_rows_get(rows, i + 1, "start_bytes").u);
        }
        ck_assert_uint_gt(mt_rows_get(rows, i, "peak_bytes").u,
                          mt_rows_get(rows, i, "start_bytes").u);
        U("steady", 1);
    }
}
END_TEST

UNIT_MAIN_WITH("engine", setup, teardown, blocks, accesses, segments, kernels, timeline, failures,
               summary, several_traces_and_sinks, places_are_used_again, training, iterations,
               a_failing_sink_stops_the_run)
