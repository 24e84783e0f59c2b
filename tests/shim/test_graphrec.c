/* What is recorded of graphs: their nodes once, in an order in which they run, and each launch. */
#include "compare.h"

#include "unit/unit.h"

static struct seen check(const char *const *environment, const char *const *arguments)
{
    struct run run = run_clean(environment, arguments);
    struct seen seen = compare_run(&run);
    run_free(&run);
    return seen;
}

START_TEST(nodes_and_launches)
{
    ck_assert_uint_gt(check(NULL, LIST("victim", "graphs")).events, 50);
}
END_TEST


START_TEST(aborted_captures)
{
    ck_assert_uint_eq(check(NULL, LIST("victim", "graphs-aborted")).events, 1 + 4);
}
END_TEST

START_TEST(large_graph_launched_often)
{
    struct seen seen = check(NULL, LIST("victim", "graphs-many", "2000", "10000"));
    ck_assert_uint_eq(seen.events, 1 + 1 + 2000 + 10000);
}
END_TEST

/* Rings that hold less than a definition. */
START_TEST(larger_than_a_ring)
{
    check(LIST("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
          LIST("victim", "graphs-many", "5000", "10"));
}
END_TEST

START_TEST(not_wanted)
{
    struct run run = run_clean(LIST("MEMTRACE_LAUNCHES=0"), LIST("victim", "graphs"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_launch), 0);
    ck_assert_uint_gt(count_events(run.trace[0], MT_graph), 0);
    ck_assert_uint_gt(count_events(run.trace[0], MT_set), 0);
    run_free(&run);
    run = run_clean(LIST("MEMTRACE_COPIES=0"), LIST("victim", "graphs"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_set), 0);
    ck_assert_uint_gt(count_events(run.trace[0], MT_launch), 0);
    run_free(&run);
}
END_TEST

UNIT_MAIN("graphrec", nodes_and_launches, aborted_captures, large_graph_launched_often,
          larger_than_a_ring, not_wanted)
