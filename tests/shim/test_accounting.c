/* What NVML says, and which library asked the driver for memory. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "unit/unit.h"

static const char *libraries(void)
{
    static char text[8192];
    snprintf(text, sizeof text, "LD_LIBRARY_PATH=%s:%s:%s", getenv("MT_NVML"), getenv("MT_SIM"),
             getenv("MT_VICTIMS"));
    return text;
}

/* The last sample in a trace, and how many there are. */
static struct mt_ev_usage last_sample(const struct run *run, unsigned *samples)
{
    struct mt_ev_usage last = {0};
    struct mt_trace *trace = open_trace(run->trace[0]);
    *samples = 0;
    for (const struct mt_record *r; (r = mt_trace_next(trace, NULL));)
        if (r->kind == MT_usage) {
            memcpy(&last, r->word, sizeof last);
            ++*samples;
        }
    mt_trace_free(trace);
    return last;
}

static struct mt_ev_usage sample(const char *setting, unsigned *samples)
{
    struct run run =
        run_clean(LIST(libraries(), setting, "MEMTRACE_NVML_MS=1"), LIST("victim", "plain", "200"));
    struct mt_ev_usage last = last_sample(&run, samples);
    run_free(&run);
    return last;
}

START_TEST(by_process_id)
{
    unsigned n;
    struct mt_ev_usage usage = sample("SIMNVML_PROCESSES=1:900,self:700,elsewhere:5", &n);
    ck_assert_uint_ge(n, 1);
    ck_assert_uint_eq(usage.device, 0);
    ck_assert_uint_eq(usage.process_bytes, 700ull << 20);
    ck_assert_uint_eq(usage.used_bytes, 1000ull << 20);
    ck_assert_uint_eq(usage.total_bytes, 16384ull << 20);
    ck_assert_uint_eq(usage.how, MT_USAGE_PROCESS);
}
END_TEST

/* In a container the number is another one. */
START_TEST(without_a_process_id)
{
    unsigned n;
    struct mt_ev_usage usage = sample("SIMNVML_PROCESSES=elsewhere:600", &n);
    ck_assert_uint_eq(usage.process_bytes, 600ull << 20);
    ck_assert_uint_eq(usage.how, MT_USAGE_ALONE);
    usage = sample("SIMNVML_PROCESSES=elsewhere:600,1:2", &n);
    ck_assert_uint_eq(usage.process_bytes, 0);
    ck_assert_uint_eq(usage.used_bytes, 1000ull << 20);
    ck_assert_uint_eq(usage.how, MT_USAGE_DEVICE);
    usage = sample("SIMNVML_PROCESSES=", &n);
    ck_assert_uint_ge(n, 1);
    ck_assert_uint_eq(usage.how, MT_USAGE_DEVICE);
}
END_TEST

/* Its contexts are gone: what is left there is others'. */
START_TEST(not_listed_any_more)
{
    unsigned n;
    struct run run = run_clean(LIST(libraries(), "SIMNVML_PROCESSES=self:700,elsewhere:5",
                                    "SIMNVML_GONE=2", "MEMTRACE_NVML_MS=1"),
                               LIST("victim", "plain", "20000"));
    struct mt_ev_usage usage = last_sample(&run, &n);
    run_free(&run);
    ck_assert_uint_ge(n, 2);
    ck_assert_uint_eq(usage.process_bytes, 0);
    ck_assert_uint_eq(usage.how, MT_USAGE_PROCESS);
}
END_TEST

START_TEST(slice_of_a_device)
{
    unsigned n;
    struct mt_ev_usage usage = sample("SIMNVML_KIND=MIG", &n);
    ck_assert_uint_ge(n, 1);
    ck_assert_uint_eq(usage.process_bytes, 700ull << 20);
    sample("SIMNVML_KIND=XYZ", &n); /* a device that NVML does not know */
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(not_asked)
{
    struct run run =
        run_clean(LIST(libraries(), "MEMTRACE_NVML_MS=0"), LIST("victim", "plain", "200"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_usage), 0);
    run_free(&run);
}
END_TEST

/* Which file called the driver, of the alloc or create events that say so. */
static void expect_library(const char *path, enum mt_kind kind, const char *library)
{
    struct mt_trace *trace = open_trace(path);
    unsigned n = 0;
    for (const struct mt_record *r; (r = mt_trace_next(trace, NULL));) {
        if (r->kind != kind)
            continue;
        const char *text = mt_trace_string(trace, r->word[r->words - 1]);
        ck_assert_str_eq(text ? text : "(none)", library);
        n++;
    }
    ck_assert_uint_gt(n, 0);
    mt_trace_free(trace);
}

START_TEST(library_of_the_caller)
{
    struct run run = run_clean(NULL, LIST("victim", "plain", "200"));
    expect_library(run.trace[0], MT_alloc, "victim");
    run_free(&run);
    run = run_clean(NULL, LIST("victim", "nccl", "framework"));
    expect_library(run.trace[0], MT_create, "libnccl.so.2");
    run_free(&run);
}
END_TEST

/* What CUPTI asks the driver for is told, and nobody else's questions. If it began before anything
 * was recorded it is told once, without a name, before the first module. */
START_TEST(a_profiler)
{
    bool early = _i;
    struct run run =
        run_clean(LIST(libraries()), LIST("victim", "profiled", early ? "early" : "late"));
    struct mt_trace *trace = open_trace(run.trace[0]);
    uint64_t why[3] = {0, 0, 0};
    unsigned n = 0;
    for (const struct mt_record *r; (r = mt_trace_next(trace, NULL));) {
        const struct mt_ev_upkeep *event = (const void *)r->word;
        if (r->kind != MT_upkeep)
            continue;
        ck_assert_uint_lt(n, 3);
        why[n++] = event->why;
        const char *library = mt_trace_string(trace, (uint32_t)event->library);
        if (event->why == MT_UPKEEP_PROFILER)
            ck_assert_str_eq(library ? library : "(none)", early ? "(none)" : "libcupti.so");
    }
    ck_assert_uint_eq(why[0], MT_UPKEEP_PROFILER);
    ck_assert_uint_eq(why[1], MT_UPKEEP_MODULE); /* it begins, and is done */
    ck_assert_uint_eq(why[2], MT_UPKEEP_MODULE);
    mt_trace_free(trace);
    run_free(&run);
}
END_TEST

/* A number in a row of CSV. */
static long long cell(const char *table, const char *row, const char *column)
{
    const char *name = strstr(table, column);
    ck_assert_msg(name != NULL, "no column %s", column);
    for (const char *at = table; at < name; at++)
        row += *at == ',' ? strcspn(row, ",") + 1 : 0;
    return atoll(row);
}

/* Contexts take their time to come and go, and there are samples meanwhile: what is more by then is
 * the contexts'. */
START_TEST(contexts_that_come_and_go)
{
    if (foreign_skip("contexts_that_come_and_go: exec of the tools"))
        return;
    struct run run = run_clean(LIST(libraries(), "MEMTRACE_NVML_MS=1", "SIMCUDA_CONTEXT_NS=650M"),
                               LIST("victim", "contexts-slow"));
    struct run tool =
        run_order(&(struct order){.preload = "",
                                  .arguments = LIST(getenv("MT_ANALYZE"), "-q", "--table=samples",
                                                    "--format=csv", run.trace[0])});
    unsigned samples = 0, grown = 0;
    long long before = 0;
    run_must_succeed(&tool);
    for (const char *row = strchr(tool.out, '\n'); row && row[1]; row = strchr(row + 1, '\n')) {
        long long total = cell(tool.out, row + 1, "total_bytes");
        ck_assert_int_eq(cell(tool.out, row + 1, "unattributed_bytes"), 0);
        grown += samples++ && total > before;
        before = total;
    }
    ck_assert_uint_ge(samples, 8);
    ck_assert_uint_ge(grown, 4); /* while two contexts are made */
    run_free(&tool);
    run_free(&run);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {by_process_id,
                                  without_a_process_id,
                                  slice_of_a_device,
                                  not_asked,
                                  library_of_the_caller,
                                  not_listed_any_more,
                                  contexts_that_come_and_go,
                                  NULL};
    Suite *suite = unit_suite("accounting", tests);
    TCase *profilers = tcase_create("profilers");
    tcase_add_loop_test(profilers, a_profiler, 0, 2);
    suite_add_tcase(suite, profilers);
    return unit_run(suite);
}
