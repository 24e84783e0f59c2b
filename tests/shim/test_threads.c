/* Many threads: each one's events in order and complete, or counted as lost. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <string.h>

#include "foreign.h"
#include "unit/unit.h"

START_TEST(eight_threads)
{
    struct run run = run_clean(NULL, LIST("victim", "threads", "8", "40000"));
    struct seen seen = compare_run(&run);
    ck_assert_uint_eq(seen.events, 8 * 40000);
    run_free(&run);
}
END_TEST

START_TEST(small_rings)
{
    struct run run = run_clean(LIST("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
                               LIST("victim", "threads", "8", "40000"));
    struct seen seen = compare_run(&run);
    ck_assert_uint_eq(seen.events, 8 * 40000);
    run_free(&run);
}
END_TEST

START_TEST(threads_that_come_and_go)
{
    struct run run = run_clean(NULL, LIST("victim", "waves", "6", "20", "20"));
    struct seen seen = compare_run(&run);
    ck_assert_uint_eq(seen.events, 6 * 20 * 20);
    ck_assert_uint_eq(seen.threads, 6 * 20);
    run_free(&run);
}
END_TEST

/* Of a ring little is on the disk before it is written. */
START_TEST(a_crowd)
{
    struct run run = run_clean(NULL, LIST("victim", "crowd", "200"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_free), 200);
    ck_assert_uint_gt(strtoul(run.out, NULL, 10), 0);
    ck_assert_uint_lt(strtoul(run.out, NULL, 10), 512);
    run_free(&run);
}
END_TEST

START_TEST(destructors_of_thread_local_data)
{
    struct run run = run_clean(NULL, LIST("victim", "tls"));
    struct seen seen = compare_run(&run);
    ck_assert_uint_eq(seen.events, 2 + 5 * 8 * 204);
    run_free(&run);
}
END_TEST

START_TEST(kernels_that_all_meet_at_once)
{
    struct run run = run_clean(NULL, LIST("victim", "newcomers", "8"));
    struct seen seen = compare_run(&run);
    ck_assert_uint_eq(seen.events, 8 * 101);
    ck_assert_uint_eq(seen.kernels, 100);
    run_free(&run);
}
END_TEST

START_TEST(context_that_all_meet_at_once)
{
    struct run run = run_clean(NULL, LIST("victim", "contexts", "2", "4000"));
    ck_assert_uint_eq(compare_run(&run).events, 2 + 4000 * (2 * 2 + 3));
    run_free(&run);
}
END_TEST

START_TEST(large_records_in_small_rings)
{
    struct run run = run_clean(LIST("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
                               LIST("victim", "blocks", "500"));
    ck_assert_uint_eq(compare_run(&run).events, 501);
    run_free(&run);
}
END_TEST

/* ---- losses ---- */

static void count_all(const char *path, uint64_t *events, uint64_t *lost)
{
    struct mt_trace *trace = open_trace(path);
    struct mt_trace_stats stats;
    *events = 0;
    for (const struct mt_record *r; (r = mt_trace_next(trace, NULL));)
        *events += r->kind == MT_alloc || r->kind == MT_free;
    mt_trace_stats(trace, &stats);
    *lost = stats.events_lost;
    mt_trace_free(trace);
}

static unsigned reasons; /* of losses, that traces tell */

/* A disk that is full to its last byte has no room for the reason: then it is only said. On a busy
 * machine a ring was full before that, too. */
static void check_reason(const char *path)
{
    static const char *const wanted =
        "cannot write: No space left on device; make room, or use another --output";
    struct mt_trace *trace = open_trace(path);
    const char *why = mt_trace_meta(trace, "lost_reason");
    if (why)
        ck_assert_msg(strncmp(why, wanted, strlen(wanted)) == 0, "%s", why);
    reasons += why != NULL;
    mt_trace_free(trace);
}

static bool mounted;

/* A disk too small for the trace: what is recorded and what is lost add up to what was done. */
static void check_full(const char *ring, const char *wait, unsigned kib)
{
    struct run run;
    char disk[80], path[100], output[160], options[64];
    uint64_t events, lost;
    run_init(&run);
    snprintf(disk, sizeof disk, "%s/disk", run.folder);
    snprintf(path, sizeof path, "%s/full.mtrace", disk);
    snprintf(output, sizeof output, "MEMTRACE_OUTPUT=%s", path);
    snprintf(options, sizeof options, "size=%uk,mode=700", kib);
    mkdir(disk, 0700);
    if (mount("none", disk, "tmpfs", 0, options) < 0) {
        run_free(&run);
        return; /* not allowed here */
    }
    mounted = true;
    const struct order order = {.environment = LIST(output, ring, wait),
                                .arguments = LIST("victim", "flood", "60000")};
    run_start(&run, &order);
    run_wait(&run, &order);
    run_must_succeed(&run);
    count_all(path, &events, &lost);
    check_reason(path);
    umount(disk);
    ck_assert_str_eq(run.out, "60000\n");
    ck_assert_msg(strstr(run.err, "cannot write") != NULL, "said: %s", run.err);
    ck_assert_msg(strstr(run.err, path) != NULL, "said: %s", run.err);
    /* At once, and at the end, as there is no launcher. */
    const char *end = strchr(run.err, '\n') + 1;
    ck_assert_msg(strstr(end, "events were lost: cannot write: No space") != NULL, "said: %s", end);
    ck_assert_msg(strchr(end, '\n')[1] == 0, "said: %s", run.err);
    run_free(&run);
    ck_assert_uint_gt(events, 1000);
    ck_assert_uint_gt(lost, 0);
    ck_assert_uint_eq(events + lost, 60000);
}

START_TEST(full_disk)
{
    check_full("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=2000000", 160);
    check_full("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=2000000", 128);
    /* No room for a ring in its file: that makes room for the number of what is lost, which needs
     * it where the trace fills the disk to its last bytes, one time in twenty. */
    unsigned runs = foreign_is() ? 2 : 42, checked = 0;
    for (; checked < runs; checked++)
        check_full("MEMTRACE_RING_KIB=256", "MEMTRACE_WAIT_US=200000", 56 + checked % 7 * 4);
    if (mounted && !foreign_is())
        ck_assert_uint_ge(reasons, runs / 2);
}
END_TEST

/* Handlers that record while their thread is anywhere in a hook: all that the thread did itself is
 * there, and what the handler did is there or counted. */
START_TEST(signal_handlers)
{
    struct run run = run_clean(LIST("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
                               LIST("victim", "signals", "1500"));
    struct seen seen = compare_kinds(&run, KIND_BIT(MT_alloc) | KIND_BIT(MT_free));
    ck_assert_uint_eq(seen.events, 1 + 2 * 1500);
    uint64_t launches = count_events(run.trace[0], MT_launch);
    uint64_t blocks = count_events(run.trace[0], MT_block_alloc);
    ck_assert_uint_gt(blocks, 100);
    ck_assert_uint_ge(launches, 1500 * 20);
    ck_assert_uint_eq(seen.events + launches + blocks + seen.lost, strtoul(run.out, NULL, 10));
    run_free(&run);
}
END_TEST

UNIT_MAIN("threads", eight_threads, small_rings, threads_that_come_and_go, a_crowd,
          destructors_of_thread_local_data, kernels_that_all_meet_at_once,
          context_that_all_meet_at_once, large_records_in_small_rings, signal_handlers, full_disk)
