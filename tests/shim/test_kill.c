/* SIGKILL at any moment: what had returned is in the trace, and at most the one call of each thread
 * that was on its way. */
#include "compare.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "foreign.h"
#include "unit/unit.h"

#define TIMES 100 /* of each of the two tests, for each prey */
#define TIMES_EMULATED 10
#define LONGEST_US 10000

static void sleep_us(unsigned us)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

static unsigned random_us(void)
{
    static unsigned state;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    state = (state ^ (unsigned)now.tv_nsec) * 2654435761u + 12345;
    return (state >> 8) % LONGEST_US;
}

static bool did_more(const struct run *run, uint32_t bytes)
{
    for (unsigned i = 0; i < LEDGER_THREADS; i++)
        if (run->ledger->part[i].done > bytes)
            return true;
    return false;
}

/* Four of five times it has begun; how long that takes depends on the machine. */
static void wait_a_while(struct run *run, bool for_begin)
{
    run->ledger = ledger_map(run->ledger_path);
    for (unsigned i = 0; for_begin && i < 20000 && !did_more(run, 300); i++)
        sleep_us(200);
    sleep_us(random_us());
}

/* What runs until it is killed. One call may have left `more` events when it was. */
struct prey {
    const char *command, *times;
    unsigned more;
};

/* Events compared; 0 where it was killed before it had begun. */
static uint64_t kill_once(const struct prey *prey, const char *ring, bool for_begin)
{
    struct run run;
    const struct order order = {
        .environment = LIST(ring, "MEMTRACE_WAIT_US=5000000", "SIMCUDA_DEVICES=2"),
        .arguments = LIST("victim", prey->command, prey->times)};
    run_init(&run);
    run_start(&run, &order);
    wait_a_while(&run, for_begin);
    kill(run.pid, SIGKILL);
    run_wait(&run, &order);
    ck_assert_str_eq(run.err, "");
    uint64_t events = 0;
    if (did_more(&run, 0)) {
        ck_assert_uint_eq(run.traces, 1);
        struct seen seen =
            compare_trace(run.trace[0], run.ledger, 0, COMPARE_PREFIX, prey->more);
        ck_assert_uint_eq(seen.lost, 0);
        events = seen.events;
    }
    run_free(&run);
    return events;
}

static void kill_often(const struct prey *prey, const char *ring)
{
    unsigned hit = 0, times = foreign_is() ? TIMES_EMULATED : TIMES;
    for (unsigned i = 0; i < times; i++)
        hit += kill_once(prey, ring, i % 5 != 0) > 0;
    /* Otherwise it is not tested at all. */
    ck_assert_uint_gt(hit, times / 2);
}

static const struct prey preys[] = {
    {"kill", "60000", 1},
    {"graphs-kill", "600", 1 + 64}, /* a definition and its nodes */
    {"vmm-kill", "2000", 1},
    {"devices-kill", "14000", 2}, /* that a context is made: it begins, and is done */
};
#define PREYS (int)(sizeof preys / sizeof *preys)

START_TEST(while_all_is_in_the_rings)
{
    kill_often(&preys[_i], "MEMTRACE_RING_KIB=4096");
}
END_TEST

START_TEST(while_the_drain_thread_works)
{
    kill_often(&preys[_i], "MEMTRACE_RING_KIB=64");
}
END_TEST

START_TEST(not_at_all)
{
    struct run run = run_clean(NULL, LIST("victim", "kill", "60000"));
    ck_assert_uint_gt(compare_run(&run).events, 2 * 50000);
    ck_assert_uint_eq(run_files(&run, ""), 1);
    run_free(&run);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {not_at_all, NULL};
    Suite *suite = unit_suite("kill", tests);
    TCase *often = tcase_create("often");
    tcase_set_timeout(often, 300);
    tcase_add_loop_test(often, while_all_is_in_the_rings, 0, PREYS);
    tcase_add_loop_test(often, while_the_drain_thread_works, 0, PREYS);
    suite_add_tcase(suite, often);
    return unit_run(suite);
}
