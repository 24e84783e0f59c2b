/* What is recorded of launches: kernels are told before they are used; pointers in parameters. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "unit/unit.h"

static struct seen check(const char *const *environment, const char *const *arguments)
{
    struct run run = run_clean(environment, arguments);
    struct seen seen = compare_run(&run);
    run_free(&run);
    return seen;
}

START_TEST(pointers_wherever_they_are)
{
    struct seen seen = check(NULL, LIST("victim", "launches"));
    ck_assert_uint_eq(seen.kernels, 7);
    ck_assert_uint_eq(seen.events, 1 + 1 + 3 + 2 + 3 + 2);
}
END_TEST

/* The functions that tell parameters came with 12.4, those that tell names with 12.3. */
START_TEST(driver_that_cannot_tell_parameters)
{
    check(LIST("SIMCUDA_DRIVER_VERSION=12030"), LIST("victim", "launches-blind", "k_two"));
    check(LIST("SIMCUDA_DRIVER_VERSION=12000"), LIST("victim", "launches-blind", "?"));
}
END_TEST

/* Then what was loaded tells: never the names or layouts of what had the handles before. */
START_TEST(layouts_out_of_images)
{
    for (unsigned reuse = 0; reuse < 2; reuse++) {
        const char *again = reuse ? "SIMCUDA_HANDLE_REUSE=1" : "SIMCUDA_HANDLE_REUSE=0";
        struct seen seen =
            check(LIST("SIMCUDA_DRIVER_VERSION=12020", again), LIST("victim", "launches-image"));
        ck_assert_uint_eq(seen.kernels, 30);
    }
    check(NULL, LIST("victim", "launches-image")); /* the same, told by the driver */
}
END_TEST

START_TEST(captured_launches_are_no_accesses)
{
    ck_assert_uint_eq(check(NULL, LIST("victim", "capture")).events, 7);
}
END_TEST

/* Also when the table is renewed meanwhile. */
START_TEST(handles_used_again)
{
    ck_assert_uint_eq(check(NULL, LIST("victim", "reload", "50")).kernels, 50);
    ck_assert_uint_eq(check(NULL, LIST("victim", "reload", "600")).kernels, 600);
}
END_TEST

/* Holds KiB mapped since the beginning and, unless 0, names the driver was asked for; returns the
 * kernels that were told. */
static uint64_t check_beside(const char *const *environment, const char *const *arguments,
                             unsigned long most_kib, unsigned long asked)
{
    struct run run = run_clean(environment, arguments);
    unsigned long kib = 0, names = 0;
    ck_assert_int_eq(sscanf(run.out, "%lu %lu", &kib, &names), 2);
    ck_assert_uint_le(kib, most_kib);
    if (asked)
        ck_assert_uint_eq(names, asked);
    uint64_t kernels = count_events(run.trace[0], MT_kernel);
    run_free(&run);
    return kernels;
}

/* What stays is not asked for again, and what comes again is what it was. */
START_TEST(module_that_comes_and_goes)
{
    const char *const *alike = LIST("victim", "beside", "500", "200", "1");
    ck_assert_uint_eq(check_beside(NULL, alike, 64, 500 + 200), 501);
    const char *const *others = LIST("victim", "beside", "500", "200", "0");
    ck_assert_uint_eq(check_beside(NULL, others, 1024, 500 + 200), 700);
}
END_TEST

START_TEST(memory_of_modules_that_come_and_go)
{
    const char *times = foreign_is() ? "3000" : "100000";
    unsigned long n = strtoul(times, NULL, 10);
    const char *const *alike = LIST("victim", "beside", "0", times, "1");
    ck_assert_uint_eq(check_beside(NULL, alike, 64, n), 1);
    const char *const *others = LIST("victim", "beside", "0", times, "0");
    ck_assert_uint_eq(check_beside(NULL, others, 2048, n), n);
}
END_TEST

/* Tables are replaced and unmapped while threads read them: each launch of "six" has six words, all
 * others one. What is asked for while others unload may be asked for, and told, again. */
START_TEST(launches_amid_others_modules)
{
    struct run run = run_clean(NULL, LIST("victim", "amid", foreign_is() ? "4" : "2"));
    struct mt_trace *trace = open_trace(run.trace[0]);
    static bool is_six[1 << 22];
    uint64_t launches = 0, told = 0, kernels = 0;
    for (const struct mt_record *r; (r = mt_trace_next(trace, NULL));) {
        if (r->kind != MT_kernel && r->kind != MT_launch)
            continue;
        bool *six = &is_six[r->word[0] % (sizeof is_six / sizeof *is_six)];
        if (r->kind == MT_kernel) {
            *six = strcmp((const char *)&r->word[3], "six") == 0;
            told += *six;
            kernels++;
            continue;
        }
        launches += *six;
        ck_assert_uint_eq(r->words - mt_event_info(MT_launch)->fields, *six ? 6 : 1);
    }
    ck_assert_uint_gt(launches, 3000);
    mt_trace_free(trace);
    ck_assert_uint_ge(told, 1);
    ck_assert_uint_eq(kernels - told, strtoul(run.out, NULL, 10) - 1);
    run_free(&run);
}
END_TEST

/* There names are kept as well. */
START_TEST(memory_where_images_tell)
{
    const char *const *environment = LIST("SIMCUDA_DRIVER_VERSION=12020");
    const char *times = foreign_is() ? "2000" : "20000"; /* an emulator's own memory grows, too */
    const char *const *others = LIST("victim", "beside", "10", times, "0");
    ck_assert_uint_eq(check_beside(environment, others, 2048, 0), strtoul(times, NULL, 10) + 10);
}
END_TEST

START_TEST(context_that_others_release)
{
    ck_assert_uint_eq(check(NULL, LIST("victim", "others-release")).kernels, 1);
}
END_TEST

START_TEST(many_kernels)
{
    ck_assert_uint_eq(check(NULL, LIST("victim", "many", "5000")).kernels, 5000);
}
END_TEST

START_TEST(not_wanted)
{
    struct run run = run_clean(LIST("MEMTRACE_LAUNCHES=0"), LIST("victim", "launches"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_launch), 0);
    ck_assert_uint_eq(count_events(run.trace[0], MT_kernel), 0);
    ck_assert_uint_eq(count_events(run.trace[0], MT_alloc), 1);
    run_free(&run);
}
END_TEST

START_TEST(copies_not_wanted)
{
    struct run run = run_clean(LIST("MEMTRACE_COPIES=0"), LIST("victim", "capture"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_set), 0);
    ck_assert_uint_gt(count_events(run.trace[0], MT_launch), 0);
    run_free(&run);
}
END_TEST

UNIT_MAIN("launches", pointers_wherever_they_are, driver_that_cannot_tell_parameters,
          layouts_out_of_images, captured_launches_are_no_accesses, handles_used_again,
          module_that_comes_and_goes, memory_of_modules_that_come_and_go, memory_where_images_tell,
          launches_amid_others_modules, context_that_others_release, many_kernels, not_wanted,
          copies_not_wanted)
