/* What the recorder asks of the system is refused at one moment or another: the job goes on. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "foreign.h"
#include "unit/unit.h"

#define EVENTS 4000u

static const char *preload(void)
{
    static char both[4096];
    snprintf(both, sizeof both, "%s/libvictim-faults.so:%s", getenv("MT_VICTIMS"),
             getenv("MT_SHIM"));
    return both;
}

static struct run run_faulty(const char *fault, const char *const *arguments)
{
    char setting[64];
    snprintf(setting, sizeof setting, "FAULT=%s", fault);
    const struct order order = {
        .preload = preload(),
        .environment = LIST(setting, "MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
        .arguments = arguments};
    struct run run = run_order(&order);
    ck_assert_msg(run_exited(&run, 0), "%s: wait status %#x; stderr: %s", fault, run.status,
                  run.err);
    return run;
}

/* Silence, or one line. */
static void check_said(const struct run *run, const char *fault)
{
    const char *end = strchr(run->err, '\n');
    if (*run->err)
        ck_assert_msg(strncmp(run->err, "memtrace: ", 10) == 0 && end && end[1] == 0,
                      "%s: said: %s", fault, run->err);
}

/* All that was done is recorded or lost; who is not recorded is told so and left nothing. */
static void check_run(struct run *run, const char *fault)
{
    check_said(run, fault);
    if (run->traces == 0) {
        ck_assert_msg(strstr(run->err, "not recorded") != NULL, "%s: said: %s", fault, run->err);
        ck_assert_uint_eq(run_files(run, ""), 0);
    } else {
        struct mt_trace *trace = open_trace(run->trace[0]);
        struct mt_trace_stats stats;
        uint64_t events = 0;
        for (const struct mt_record *r; (r = mt_trace_next(trace, NULL));)
            events += r->kind == MT_alloc || r->kind == MT_free;
        mt_trace_stats(trace, &stats);
        ck_assert_msg(events + stats.events_lost == EVENTS, "%s: %llu recorded, %llu lost", fault,
                      (unsigned long long)events, (unsigned long long)stats.events_lost);
        mt_trace_free(trace);
    }
    run_free(run);
}

static void check(const char *name, unsigned nth)
{
    char fault[32];
    snprintf(fault, sizeof fault, "%s:%u", name, nth);
    struct run run = run_faulty(fault, LIST("victim", "plain", "2000"));
    check_run(&run, fault);
}

static void check_some(const char *name, unsigned most)
{
    for (unsigned nth = 0; nth <= most; nth++)
        check(name, nth);
}

START_TEST(memory)
{
    check_some("mmap", 10);
}
END_TEST

START_TEST(files)
{
    check_some("open", 3);
    check_some("fallocate", 3);
    check_some("ftruncate", 1);
}
END_TEST

/* The rest of the ring lies in memory, and nothing is lost. */
START_TEST(a_ring_that_cannot_grow)
{
    const struct order order = {.preload = preload(),
                                .environment = LIST("FAULT=fallocate:3"),
                                .arguments = LIST("victim", "plain", "20000")};
    struct run run = run_order(&order);
    ck_assert_msg(run_exited(&run, 0), "wait status %#x; stderr: %s", run.status, run.err);
    ck_assert_uint_eq(run.traces, 1);
    ck_assert_uint_eq(count_events(run.trace[0], MT_alloc), 20000);
    ck_assert_uint_eq(count_events(run.trace[0], MT_free), 20000);
    run_free(&run);
}
END_TEST

/* What a thread tells before it ends by _exit is in the ring file alone, if there is one. */
static void check_ring(const char *fault, bool in_file)
{
    const struct order order = {.preload = preload(),
                                .environment = LIST(fault),
                                .arguments = LIST("victim", "end", "_exit")};
    struct run run = run_order(&order);
    ck_assert_msg(run_exited(&run, 3), "%s: wait status %#x", fault, run.status);
    ck_assert_uint_eq(run.traces, 1);
    ck_assert_int_eq(count_events(run.trace[0], MT_alloc) > 0, in_file);
    ck_assert_uint_eq(run_files(&run, ""), 1 + in_file);
    run_free(&run);
}

/* A disk that fills while a ring takes the rest of it: a store into a hole would be a SIGBUS. */
static void check_small_disk(unsigned kib)
{
    struct run run;
    char disk[80], output[160], options[64];
    run_init(&run);
    snprintf(disk, sizeof disk, "%s/disk", run.folder);
    snprintf(output, sizeof output, "MEMTRACE_OUTPUT=%s/t.mtrace", disk);
    snprintf(options, sizeof options, "size=%uk,mode=700", kib);
    mkdir(disk, 0700);
    if (mount("none", disk, "tmpfs", 0, options) == 0) { /* where that is allowed */
        const struct order order = {
            .preload = preload(),
            .environment = LIST("FAULT=nofallocate:0", output, "MEMTRACE_WAIT_US=1000"),
            .arguments = LIST("victim", "flood", "60000")};
        run_start(&run, &order);
        run_wait(&run, &order);
        umount(disk);
        run_must_succeed(&run);
    }
    run_free(&run);
}

START_TEST(file_systems_without_fallocate)
{
    check("nofallocate", 0);
    check("nosync", 0);
    check_ring("FAULT=none:0", true);
    check_ring("FAULT=nofallocate:0", true);
    check_ring("FAULT=nosync:0", false);
    for (unsigned kib = 64; kib <= 640; kib += foreign_is() ? 512 : 64)
        check_small_disk(kib);
}
END_TEST

/* Where signals keep coming the job waits for no end of them; one or two are no fault. */
START_TEST(interrupted)
{
    check_some("interrupted", 2);
    check_ring("FAULT=interrupted:0", false);
    check_ring("FAULT=interrupted:1", true);
}
END_TEST

START_TEST(file_systems_that_copy_on_write)
{
    check_ring("FAULT=btrfs:0", false);
    check_ring("FAULT=nilfs:0", false);
}
END_TEST

/* Without /proc the program's own name is not known; the job's errno stays as it is. */
START_TEST(names)
{
    struct run run = run_faulty("readlink:0", LIST("victim", "keep-errno"));
    run_free(&run);
}
END_TEST

START_TEST(writing)
{
    for (unsigned nth = 1; nth <= 12; nth++)
        check("pwrite", nth);
    check("pwrite", 0);
}
END_TEST

#define OTHERS 16 /* records that a run has besides, as of its thread; they may be lost, too */

/* "memtrace: PATH: N events were lost: ..." */
static uint64_t said_lost(const char *said)
{
    const char *at = strstr(said, " events were lost");
    while (at && at > said && at[-1] != ' ')
        at--;
    return at ? strtoull(at, NULL, 10) : 0;
}

/* In the trace, if that had room for it, or else said at the end. */
static void check_number(const struct run *run, const char *fault)
{
    struct mt_trace *trace = open_trace(run->trace[0]);
    struct mt_trace_stats stats;
    uint64_t events = 0;
    for (const struct mt_record *r; (r = mt_trace_next(trace, NULL));)
        events += r->kind == MT_alloc || r->kind == MT_free;
    mt_trace_stats(trace, &stats);
    bool told = mt_trace_meta(trace, "lost.untold") != NULL;
    uint64_t lost = told ? stats.events_lost : said_lost(run->err);
    ck_assert_uint_eq(stats.chunks_damaged, 0);
    ck_assert_msg(events + lost >= EVENTS && events + lost <= EVENTS + OTHERS,
                  "%s: %llu recorded, %llu lost; said: %s", fault, (unsigned long long)events,
                  (unsigned long long)lost, run->err);
    mt_trace_free(trace);
}

/* First they come too fast, then the disk is full: the number of what is lost, once told, is never
 * damaged by one that needs more room. */
START_TEST(a_disk_that_is_full_at_the_end)
{
    for (unsigned nth = 1; nth <= 80; nth++) {
        char fault[32];
        snprintf(fault, sizeof fault, "FAULT=full:%u", 1 + nth % 40);
        struct run run = run_order(
            &(struct order){.preload = preload(),
                            .environment = LIST(fault, "MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=0",
                                                "MEMTRACE_OUTPUT=t.mtrace"),
                            .arguments = LIST("victim", "plain", "2000")});
        ck_assert_msg(run_exited(&run, 0), "%s: wait status %#x", fault, run.status);
        if (run.traces)
            check_number(&run, fault);
        run_free(&run);
    }
}
END_TEST

START_TEST(threads)
{
    check_some("thread", 1);
}
END_TEST

/* As containers forbid them: with an error, and from the start. */
START_TEST(system_calls_denied)
{
    static const struct {
        const char *name;
        long number;
    } calls[] = {{"fallocate", SYS_fallocate},   {"memfd_create", SYS_memfd_create},
                 {"fstatfs", SYS_fstatfs},       {"ftruncate", SYS_ftruncate},
                 {"pwrite64", SYS_pwrite64},     {"madvise", SYS_madvise},
                 {"membarrier", SYS_membarrier}, {"getrandom", SYS_getrandom},
                 {"prlimit64", SYS_prlimit64},   {"fcntl", SYS_fcntl},
                 {"fdatasync", SYS_fdatasync},   {"gettid", SYS_gettid},
                 {"tgkill", SYS_tgkill},         {"prctl", SYS_prctl},
                 {"ioctl", SYS_ioctl},           {"readlinkat", SYS_readlinkat}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls && !foreign_is(); i++) {
        char number[16];
        snprintf(number, sizeof number, "%ld", calls[i].number);
        struct run run = run_order(
            &(struct order){.environment = LIST("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
                            .arguments = LIST("victim", "denied", number)});
        ck_assert_msg(run_exited(&run, 0), "%s: wait status %#x; stderr: %s", calls[i].name,
                      run.status, run.err);
        check_run(&run, calls[i].name);
    }
}
END_TEST

/* The job ends, a little later, and the ring has all. */
START_TEST(recorder_that_a_debugger_stops)
{
    if (foreign_is())
        return;
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "stopped")});
    ck_assert_msg(run_exited(&run, 0), "wait status %#x; stderr: %s", run.status, run.err);
    check_run(&run, "stopped");
}
END_TEST

/* What was mapped for recording is given back. */
START_TEST(memory_where_nothing_is_recorded)
{
    struct run with = run_faulty("secure:0", LIST("victim", "mapped"));
    struct run without = run_faulty("thread:1", LIST("victim", "mapped"));
    unsigned long kib = strtoul(with.out, NULL, 10);
    ck_assert_uint_gt(kib, 0);
    ck_assert_msg(strtoul(without.out, NULL, 10) < kib + 16384, "%s and %s KiB", without.out,
                  with.out);
    ck_assert_msg(strstr(without.err, "ulimit -v") != NULL, "said: %s", without.err);
    run_free(&with);
    run_free(&without);
}
END_TEST

/* As in a setuid program: no file, no word, no thread. */
START_TEST(more_rights_than_the_caller)
{
    struct run run = run_faulty("secure:0", LIST("victim", "plain", "100"));
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run_files(&run, ""), 0);
    run_free(&run);
}
END_TEST

UNIT_MAIN("faults", memory, files, a_ring_that_cannot_grow, file_systems_without_fallocate,
          interrupted, file_systems_that_copy_on_write, names, writing,
          a_disk_that_is_full_at_the_end, threads, system_calls_denied,
          recorder_that_a_debugger_stops, memory_where_nothing_is_recorded,
          more_rights_than_the_caller)
