/* Recording that begins late, stops and goes on: what lives is known whenever it goes on, and what
 * used memory meanwhile is not in the trace. */
#include "living.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "foreign.h"
#include "unit/unit.h"

START_TEST(between_start_and_stop_of_the_profiler)
{
    struct run run = run_clean(LIST("MEMTRACE_RECORD=profiler"), LIST("victim", "windows-ways"));
    struct replay *r = replay(&run, false);
    ck_assert_uint_eq(r->windows, 2);
    ck_assert_uint_eq(r->pauses, 3);
    ck_assert_uint_eq(r->launches_in[1], 3);
    ck_assert_uint_eq(r->launches_in[2], 2);
    ck_assert_uint_eq(r->launches, 5);
    ck_assert_uint_eq(r->unknown + r->doubles + r->lives, 0);
    run_free(&run);
}
END_TEST

START_TEST(the_profiler_means_nothing_otherwise)
{
    struct run run = run_clean(NULL, LIST("victim", "windows-ways"));
    struct replay *r = replay(&run, false);
    ck_assert_uint_eq(r->pauses + r->windows, 0);
    ck_assert_uint_eq(r->launches, 7 + 3 + 5 + 2 + 9);
    run_free(&run);
}
END_TEST

START_TEST(never_asked)
{
    struct run run = run_clean(LIST("MEMTRACE_RECORD=asked"), LIST("victim", "windows-ways"));
    struct replay *r = replay(&run, false);
    ck_assert_uint_eq(r->pauses, 1);
    ck_assert_uint_eq(r->windows + r->launches, 0);
    ck_assert_uint_eq(r->unknown + r->doubles + r->lives, 0);
    run_free(&run);
}
END_TEST

static const char *const rings[] = {"MEMTRACE_RING_KIB=64", "MEMTRACE_RING_KIB=8192"};

/* The emulator's counter moves once in a microsecond, and what happens in one has no order. */
static bool has_coarse_clock(const char *test)
{
    char why[100];
    snprintf(why, sizeof why, "%s: a clock for what follows within a microsecond", test);
    return foreign_skip(why);
}

START_TEST(what_lives_when_it_goes_on)
{
    if (has_coarse_clock("what_lives_when_it_goes_on"))
        return;
    struct run run = run_clean(LIST(rings[_i], "MEMTRACE_WAIT_US=5000000"),
                               LIST("victim", "windows-quiet", "8", "100"));
    struct replay *r = replay(&run, true);
    ck_assert_uint_eq(r->windows, 100);
    ck_assert_uint_eq(r->left, 0);
    ck_assert_uint_eq(r->unknown, 0);
    ck_assert_uint_eq(r->doubles, 0);
    ck_assert_uint_gt(r->launches, 100);
    compare_living(r, 101);
    run_free(&run);
}
END_TEST

/* Frees are in the midst of the driver's work when recording goes on, their addresses are others'
 * by then: the longest of these outlast pauses and windows. */
static const char *const frees_take[] = {"SIMCUDA_FREE_NS=0", "SIMCUDA_FREE_NS=50000",
                                         "SIMCUDA_FREE_NS=500000", "SIMCUDA_FREE_NS=5000000"};
#define FREES_TAKE (int)(sizeof frees_take / sizeof *frees_take)

START_TEST(what_lives_while_nobody_waits)
{
    if (has_coarse_clock("what_lives_while_nobody_waits"))
        return;
    struct run run =
        run_clean(LIST(rings[_i % 2], frees_take[_i / 2 % FREES_TAKE], "MEMTRACE_WAIT_US=5000000"),
                  LIST("victim", "windows-race", "8", "100", _i / 2 < FREES_TAKE ? NULL : "hurry"));
    struct replay *r = replay(&run, false);
    ck_assert_uint_eq(r->windows, 100);
    ck_assert_uint_eq(r->left, 0);
    ck_assert_uint_eq(r->unknown, 0);
    ck_assert_uint_eq(r->doubles, 0);
    compare_living(r, 101);
    run_free(&run);
}
END_TEST

/* By the clock and by signals, at a rate that nobody needs; and memory is mapped as well. */
static const char *const ways[][3] = {
    {"windows-steady", "MEMTRACE_EVERY_MS=4", "MEMTRACE_FOR_MS=2"},
    {"windows-signals", "MEMTRACE_SIGNAL=SIGUSR1", "MEMTRACE_RECORD=always"},
};
#define WAYS (int)(sizeof ways / sizeof *ways)

START_TEST(however_it_stops)
{
    if (has_coarse_clock("however_it_stops"))
        return;
    const char *const *way = ways[_i / 2];
    struct run run = run_clean(
        LIST(way[1], way[2], rings[0], frees_take[1 + _i % 2], "MEMTRACE_WAIT_US=5000000"),
        LIST("victim", way[0], "8", "600"));
    struct replay *r = replay(&run, false);
    ck_assert_uint_ge(r->windows, 2);
    ck_assert_uint_eq(r->left, 0);
    ck_assert_uint_eq(r->unknown, 0);
    ck_assert_uint_eq(r->doubles, 0);
    ck_assert_uint_eq(r->inside, 0);
    run_free(&run);
}
END_TEST

/* The recorder looks all through the pauses: calls come late that say something of all memory, and
 * what has happened since their time is known. */
START_TEST(looked_at_all_the_time)
{
    if (has_coarse_clock("looked_at_all_the_time"))
        return;
    struct run run = run_clean(LIST(rings[0], frees_take[_i], "MEMTRACE_WAIT_US=5000000"),
                               LIST("victim", "windows-nudged", "8", "20"));
    struct replay *r = replay(&run, false);
    ck_assert_uint_eq(r->windows, 20);
    ck_assert_uint_eq(r->left, 0);
    ck_assert_uint_eq(r->unknown, 0);
    ck_assert_uint_eq(r->doubles, 0);
    ck_assert_uint_eq(r->inside, 0);
    run_free(&run);
}
END_TEST

/* Its end was told while it was under way; that it failed is told behind that. */
START_TEST(a_free_that_fails)
{
    static const enum mt_kind wanted[] = {MT_resume, MT_free, MT_free_failed, MT_resumed};
    const struct mt_record *record;
    uint32_t thread;
    unsigned found = 0;
    struct run run = run_clean(LIST("SIMCUDA_ALLOC_NS=400000000", "SIMCUDA_FREE_FAIL_AT=1"),
                               LIST("victim", "windows-failing"));
    struct mt_trace *trace = open_trace(run.trace[0]);
    while ((record = mt_trace_next(trace, &thread)))
        if (found < 4 && record->kind == wanted[found])
            found++;
    ck_assert_uint_eq(found, 4);
    ck_assert_uint_eq(count_events(run.trace[0], MT_free), 1);
    mt_trace_free(trace);
    run_free(&run);
}
END_TEST

/* Its segments are told before its blocks, and the sums that it tells afterwards are ours. */
START_TEST(blocks_of_the_caching_allocator)
{
    static const char *const segments[] = {"SIMC10_EXPANDABLE=0", "SIMC10_EXPANDABLE=1"};
    struct run run =
        run_clean(LIST("MEMTRACE_RECORD=asked", segments[_i], "MEMTRACE_OUTPUT=c10.mtrace"),
                  LIST("victim", "windows-c10"));
    struct replay *r = replay(&run, true);
    ck_assert_uint_eq(r->windows, 1);
    ck_assert_uint_eq(r->launches, 1);
    ck_assert_uint_eq(r->unknown + r->doubles, 0);
    ck_assert_uint_eq(blocks_of(r), 0);
    run_free(&run);
}
END_TEST

/* ---- the clock ---- */

/* Where much else runs, an emulated victim may not have begun yet when its window is over; hardly
 * three times. */
#define TRIES 3

static uint64_t launches_by_clock(const char *from, const char *length, const char *every,
                                  struct replay **r)
{
    uint64_t all = 0;
    *r = NULL;
    for (int i = 0; i < TRIES && (!*r || (*r)->launches == 0); i++) {
        struct run run =
            run_clean(LIST(from, length, every), LIST("victim", "windows-clock", "900"));
        *r = replay(&run, false);
        all = strtoul(run.out, NULL, 10);
        ck_assert_uint_gt(all, 50);
        run_free(&run);
    }
    return all;
}

START_TEST(a_window_of_time)
{
    struct replay *r;
    uint64_t all =
        launches_by_clock("MEMTRACE_FROM_MS=300", "MEMTRACE_FOR_MS=200", "MEMTRACE_EVERY_MS=0", &r);
    ck_assert_uint_eq(r->windows, 1);
    ck_assert_uint_eq(r->pauses, 2);
    ck_assert_uint_ge(r->resumed_ns[1], 300000000);
    ck_assert_uint_gt(r->launches, 0);
    ck_assert_uint_lt(r->launches, all / 2);
}
END_TEST

START_TEST(the_first_milliseconds)
{
    struct replay *r;
    uint64_t all =
        launches_by_clock("MEMTRACE_FROM_MS=0", "MEMTRACE_FOR_MS=300", "MEMTRACE_EVERY_MS=0", &r);
    ck_assert_uint_eq(r->windows, 0);
    ck_assert_uint_eq(r->pauses, 1);
    ck_assert_uint_gt(r->launches, 0);
    ck_assert_uint_lt(r->launches, all * 2 / 3);
}
END_TEST

START_TEST(again_and_again)
{
    struct replay *r;
    uint64_t all = launches_by_clock("MEMTRACE_FROM_MS=100", "MEMTRACE_FOR_MS=50",
                                     "MEMTRACE_EVERY_MS=200", &r);
    ck_assert_uint_ge(r->windows, 3);
    ck_assert_uint_le(r->windows, 6);
    ck_assert_uint_gt(r->launches, 0);
    ck_assert_uint_lt(r->launches, all / 2);
}
END_TEST

/* ---- the signal ---- */

struct signal_case {
    const char *what;
    const char *said; /* how often the job's own handler ran; whether the signal seemed free */
    uint64_t launches, windows;
    bool taken; /* by the job */
};

static const struct signal_case signal_cases[] = {
    {"none", "0 1\n", 1 + 4, 1, false},
    {"before", "2 0\n", 7, 0, true},
    {"after", "2 1\n", 7, 0, true},
    {"ignored", "0 0\n", 7, 0, true},
};
#define SIGNAL_CASES (int)(sizeof signal_cases / sizeof *signal_cases)

START_TEST(a_signal)
{
    const struct signal_case *is = &signal_cases[_i];
    struct run run =
        run_clean(LIST("MEMTRACE_SIGNAL=SIGUSR1"), LIST("victim", "windows-signal", is->what));
    struct replay *r = replay(&run, false);
    ck_assert_str_eq(run.out, is->said);
    ck_assert_uint_eq(r->launches, is->launches);
    ck_assert_uint_eq(r->windows, is->windows);
    struct mt_trace *trace = open_trace(run.trace[0]);
    ck_assert(is->taken == (mt_trace_meta(trace, "signal_taken_by_job") != NULL));
    mt_trace_free(trace);
    run_free(&run);
}
END_TEST

START_TEST(a_signal_that_begins_it)
{
    struct run run = run_clean(LIST("MEMTRACE_SIGNAL=SIGUSR1", "MEMTRACE_RECORD=asked"),
                               LIST("victim", "windows-signal", "none"));
    struct replay *r = replay(&run, false);
    ck_assert_uint_eq(r->launches, 2);
    ck_assert_uint_eq(r->windows, 1);
    run_free(&run);
}
END_TEST

/* ---- children, graphs ---- */

START_TEST(fork_while_it_is_stopped)
{
    struct run run = run_clean(LIST("MEMTRACE_SIGNAL=SIGUSR2"), LIST("victim", "windows-fork"));
    struct replay *r = replay(&run, false);
    ck_assert_int_eq(atoi(run.out), SIGUSR2);
    ck_assert_uint_eq(r->windows, 1);
    ck_assert_uint_eq(r->launches, 2);
    ck_assert_uint_eq(r->lives, 2);
    ck_assert_uint_eq(r->unknown + r->doubles, 0);
    run_free(&run);
}
END_TEST

START_TEST(a_child_begins_by_the_settings)
{
    struct run run = run_clean(NULL, LIST("victim", "windows-late"));
    struct replay *r = replay(&run, false);
    ck_assert_uint_eq(r->pauses, 0);
    ck_assert_uint_eq(r->launches, 1);
    run_free(&run);
}
END_TEST

START_TEST(a_graph_made_while_it_is_stopped)
{
    struct run run = run_clean(NULL, LIST("victim", "windows-graph"));
    struct replay *r = replay(&run, false);
    ck_assert_uint_eq(count_events(run.trace[0], MT_graph), 1);
    ck_assert_uint_eq(r->graph_launches, 3);
    ck_assert_uint_eq(r->launches, 1);
    ck_assert_uint_eq(r->lives, 2);
    run_free(&run);
}
END_TEST

/* The end stands between the launches, as it came: behind them it would be that of the second. */
START_TEST(memory_of_a_graph)
{
    static const enum mt_kind wanted[] = {MT_graph_launch, MT_free, MT_graph_launch, MT_resume};
    const struct mt_record *record;
    uint32_t thread;
    unsigned found = 0;
    struct run run = run_clean(NULL, LIST("victim", "windows-graph-memory"));
    struct mt_trace *trace = open_trace(run.trace[0]);
    while ((record = mt_trace_next(trace, &thread)))
        if (record->kind == MT_graph_launch || record->kind == MT_free ||
            record->kind == MT_resume) {
            ck_assert_uint_lt(found, sizeof wanted / sizeof *wanted);
            ck_assert_uint_eq(record->kind, wanted[found++]);
        }
    ck_assert_uint_eq(found, sizeof wanted / sizeof *wanted);
    mt_trace_free(trace);
    run_free(&run);
}
END_TEST

/* ---- killed ---- */

#define TIMES 50
#define KILLED_THREADS 8

static void sleep_us(unsigned us)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

/* What was told before the kill is right, and the trace can be read to its end. */
static bool kill_once(unsigned us)
{
    struct run run;
    const struct order order = {.environment = LIST("MEMTRACE_WAIT_US=5000000"),
                                .arguments = LIST("victim", "windows-kill")};
    run_init(&run);
    run_start(&run, &order);
    run.ledger = ledger_map(run.ledger_path);
    for (unsigned i = 0; i < 20000 && run.ledger->part[0].done == 0; i++)
        sleep_us(200);
    sleep_us(us);
    kill(run.pid, SIGKILL);
    run_wait(&run, &order);
    ck_assert_str_eq(run.err, "");
    bool hit = run_died(&run, SIGKILL) && run.traces == 1;
    struct replay *r = hit ? replay(&run, true) : NULL;
    if (r) {
        ck_assert_uint_eq(r->unknown, 0);
        /* Killed between its call and its record: the address may have been handed out again. */
        ck_assert_uint_le(r->doubles, KILLED_THREADS);
    }
    run_free(&run);
    return hit;
}

START_TEST(killed_at_any_moment)
{
    if (has_coarse_clock("killed_at_any_moment"))
        return;
    unsigned hit = 0, state = 12345;
    for (unsigned i = 0; i < TIMES; i++) {
        state = state * 1664525u + 1013904223u;
        hit += kill_once((state >> 8) % 20000);
    }
    ck_assert_uint_gt(hit, TIMES / 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {between_start_and_stop_of_the_profiler,
                                  the_profiler_means_nothing_otherwise,
                                  never_asked,
                                  a_window_of_time,
                                  the_first_milliseconds,
                                  again_and_again,
                                  a_signal_that_begins_it,
                                  fork_while_it_is_stopped,
                                  a_child_begins_by_the_settings,
                                  a_graph_made_while_it_is_stopped,
                                  memory_of_a_graph,
                                  NULL};
    Suite *suite = unit_suite("windows", tests);
    TCase *races = tcase_create("races"), *loops = tcase_create("loops");
    tcase_set_timeout(races, 300);
    tcase_add_loop_test(races, what_lives_when_it_goes_on, 0, 2);
    tcase_add_loop_test(races, what_lives_while_nobody_waits, 0, 2 * FREES_TAKE + 1);
    tcase_add_loop_test(races, however_it_stops, 0, 2 * WAYS);
    tcase_add_loop_test(races, looked_at_all_the_time, 0, FREES_TAKE);
    tcase_add_test(races, a_free_that_fails);
    suite_add_tcase(suite, races);
    tcase_set_timeout(loops, 300);
    tcase_add_loop_test(loops, blocks_of_the_caching_allocator, 0, 2);
    tcase_add_loop_test(loops, a_signal, 0, SIGNAL_CASES);
    tcase_add_test(loops, killed_at_any_moment);
    suite_add_tcase(suite, loops);
    return unit_run(suite);
}
