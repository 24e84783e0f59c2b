/* What is recorded of launches: kernels are told before they are used; pointers in parameters. */
#include "compare.h"

#include <stdio.h>

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
        struct seen seen = check(LIST("SIMCUDA_DRIVER_VERSION=12020", again),
                                 LIST("victim", "launches-image"));
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
          context_that_others_release, many_kernels, not_wanted, copies_not_wanted)
