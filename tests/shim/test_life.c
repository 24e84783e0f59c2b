/* The recorder through the lives of processes. */
#include "compare.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "foreign.h"
#include "unit/unit.h"

static struct seen check_one(const char *const *environment, const char *const *arguments)
{
    struct run run = run_clean(environment, arguments);
    struct seen seen = compare_run(&run);
    ck_assert_uint_eq(run_files(&run, ".ring"), 0);
    run_free(&run);
    return seen;
}

START_TEST(setuid_programs)
{
    char preload[4096];
    snprintf(preload, sizeof preload, "%s/libvictim-secure.so:%s", getenv("MT_VICTIMS"),
             getenv("MT_SHIM"));
    struct run run = run_order(
        &(struct order){.preload = preload, .arguments = LIST("victim", "fork-children")});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run_files(&run, ""), 0);
    run_free(&run);
}
END_TEST

/* ---- fork and exec ---- */

START_TEST(children_that_do_nothing)
{
    ck_assert_uint_eq(check_one(NULL, LIST("victim", "fork-children")).events, 13 * 20);
}
END_TEST

START_TEST(child_with_a_device_of_its_own)
{
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "fork-before")});
    run_must_succeed(&run);
    ck_assert_uint_eq(run.traces, 2);
    uint64_t events = 0;
    for (int i = 0; i < 2; i++) {
        struct seen seen = compare_trace(run.trace[i], run.ledger, 0, COMPARE_EXACT, 0);
        ck_assert(seen.complete);
        events += seen.events;
    }
    ck_assert_uint_eq(events, 2 * 50 + 2 * 70);
    run_free(&run);
}
END_TEST

START_TEST(child_of_a_raw_clone)
{
    if (foreign_skip("child_of_a_raw_clone: a page that is wiped in children"))
        return;
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "raw-clone")});
    run_must_succeed(&run);
    ck_assert_uint_eq(run.traces, 2);
    uint64_t events = 0;
    for (int i = 0; i < 2; i++)
        events += compare_trace(run.trace[i], run.ledger, 0, COMPARE_EXACT, 0).events;
    ck_assert_uint_eq(events, 2 * 60 + 2 * 40);
    run_free(&run);
}
END_TEST

START_TEST(fork_while_others_record)
{
    check_one(LIST("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
              LIST("victim", "fork-while"));
}
END_TEST

START_TEST(vfork_and_exec)
{
    if (foreign_skip("vfork_and_exec: exec of its own programs"))
        return;
    ck_assert_uint_eq(check_one(NULL, LIST("victim", "vfork-exec")).events, 6 * 20);
}
END_TEST

START_TEST(exec_in_the_same_process)
{
    if (foreign_skip("exec_in_the_same_process: exec of its own programs"))
        return;
    struct run run = run_order(&(struct order){.environment = LIST(LEDGER_VARIABLE "="),
                                               .arguments = LIST("victim", "exec-chain", "3")});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run.traces, 3);
    /* In order of name: PID-2, PID-3, PID. */
    ck_assert_uint_eq(count_events(run.trace[0], MT_free), 200);
    ck_assert_uint_eq(count_events(run.trace[1], MT_free), 100);
    ck_assert_uint_eq(count_events(run.trace[2], MT_free), 300);
    ck_assert_ptr_nonnull(strstr(run.trace[0], "-2.mtrace"));
    run_free(&run);
}
END_TEST

/* ---- ends ---- */

static void check_end(const char *how, int code, int signal)
{
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "end", how)});
    ck_assert_msg(signal ? run_died(&run, signal) : run_exited(&run, code), "%s: %#x", how,
                  run.status);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run.traces, 1);
    struct seen seen = compare_trace(run.trace[0], run.ledger, 0, COMPARE_EXACT, 0);
    ck_assert_uint_eq(seen.events, 1000);
    run_free(&run);
}

START_TEST(ends_without_handlers)
{
    check_end("_exit", 3, 0);
    check_end("quick_exit", 3, 0);
    check_end("abort", 0, SIGABRT);
    check_end("segv", 0, SIGSEGV);
    check_end("term", 0, SIGTERM);
}
END_TEST

START_TEST(exit_from_a_second_thread)
{
    for (int i = 0; i < 10; i++) {
        struct run run = run_order(&(struct order){.arguments = LIST("victim", "exit-thread")});
        run_must_succeed(&run);
        ck_assert_str_eq(run.err, "");
        ck_assert_uint_eq(run.traces, 1);
        compare_trace(run.trace[0], run.ledger, 0, COMPARE_PREFIX, 1);
        run_free(&run);
    }
}
END_TEST

START_TEST(calls_after_the_end)
{
    ck_assert_uint_eq(check_one(NULL, LIST("victim", "late")).events, 40 + 14 + 10 + 2);
}
END_TEST

/* ---- what the job must not notice ---- */

START_TEST(asking_for_devices_is_not_using_one)
{
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "init-only")});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run_files(&run, ""), 0);
    run_free(&run);
}
END_TEST

START_TEST(errno_is_kept)
{
    struct run run = run_clean(LIST("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
                               LIST("victim", "keep-errno"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_alloc_failed), 3000);
    ck_assert_uint_eq(count_events(run.trace[0], MT_free_failed), 3000);
    run_free(&run);
}
END_TEST

START_TEST(descriptors_are_closed)
{
    check_one(LIST("MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
              LIST("victim", "close-all"));
}
END_TEST

START_TEST(folder_is_changed)
{
    check_one(LIST("MEMTRACE_OUTPUT=%p.mtrace", "MEMTRACE_RING_KIB=64", "MEMTRACE_WAIT_US=5000000"),
              LIST("victim", "chdir", "/"));
}
END_TEST

static void few_descriptors(void)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){12, 12});
}

START_TEST(few_descriptors_are_allowed)
{
    struct run run = run_order(
        &(struct order){.arguments = LIST("victim", "plain", "5000"), .prepare = few_descriptors});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    compare_run(&run);
    run_free(&run);
}
END_TEST

static void few_descriptors_and_no_stdout(void)
{
    few_descriptors();
    close(STDOUT_FILENO);
}

/* What the victim prints must not land in the trace. */
START_TEST(standard_output_is_closed)
{
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "flood", "100"),
                                               .prepare = few_descriptors_and_no_stdout});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(compare_run(&run).events, 100);
    run_free(&run);
}
END_TEST

static void no_stderr(void)
{
    close(STDERR_FILENO);
}

START_TEST(another_file_instead_of_standard_error)
{
    struct run run = run_order(&(struct order){.environment = LIST("MEMTRACE_OUTPUT=/proc/no/t"),
                                               .arguments = LIST("victim", "own-stderr"),
                                               .prepare = no_stderr});
    run_must_succeed(&run);
    run_free(&run);
}
END_TEST

START_TEST(cancelled_thread)
{
    struct run run = run_clean(LIST(LEDGER_VARIABLE "="), LIST("victim", "cancel"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_alloc), 20);
    ck_assert_uint_eq(count_events(run.trace[0], MT_free), 20);
    run_free(&run);
}
END_TEST

/* As interrupts of interpreters do: what was under way is missing, and nothing else. */
START_TEST(handlers_that_jump_out_of_a_record)
{
    unsigned done = 0, jumps = 0;
    struct run run =
        run_clean(LIST(LEDGER_VARIABLE "=", "MEMTRACE_WAIT_US=5000000"), LIST("victim", "jumping"));
    ck_assert_int_eq(sscanf(run.out, "%u %u", &done, &jumps), 2);
    ck_assert_uint_ge(count_events(run.trace[0], MT_alloc) + 3 * jumps, done);
    ck_assert_uint_ge(count_events(run.trace[0], MT_free) + 3 * jumps, done);
    run_free(&run);
}
END_TEST

/* A thread that is left so at its first event has its later ones. */
START_TEST(handlers_that_jump_out_of_a_first_record)
{
    unsigned jumps = 0;
    struct run run = run_clean(LIST(LEDGER_VARIABLE "="), LIST("victim", "first"));
    ck_assert_int_eq(sscanf(run.out, "%u", &jumps), 1);
    ck_assert_uint_ge(jumps, 3);
    ck_assert_uint_ge(count_events(run.trace[0], MT_alloc), 90);
    ck_assert_uint_eq(count_events(run.trace[0], MT_free), 90);
    run_free(&run);
}
END_TEST

/* Others would wait for ever for a lock that is left so. */
START_TEST(handlers_that_jump_out_of_a_lock)
{
    struct run run = run_clean(LIST(LEDGER_VARIABLE "=", "MEMTRACE_WAIT_US=5000000"),
                               LIST("victim", "jumping", "marks"));
    ck_assert_uint_ge(count_events(run.trace[0], MT_mark), 20000);
    run_free(&run);
}
END_TEST

START_TEST(threads_that_are_ended_at_any_moment)
{
    struct run run = run_order(&(struct order){.environment = LIST(LEDGER_VARIABLE "="),
                                               .arguments = LIST("victim", "ended")});
    run_must_succeed(&run);
    ck_assert_uint_eq(run.traces, 1);
    run_free(&run);
}
END_TEST

START_TEST(sandboxed_child)
{
    ck_assert_uint_eq(check_one(NULL, LIST("victim", "sandbox")).events, 20);
}
END_TEST

UNIT_MAIN("life", setuid_programs, children_that_do_nothing, child_with_a_device_of_its_own,
          child_of_a_raw_clone, fork_while_others_record, vfork_and_exec, exec_in_the_same_process,
          ends_without_handlers, exit_from_a_second_thread, calls_after_the_end,
          asking_for_devices_is_not_using_one, errno_is_kept, descriptors_are_closed,
          folder_is_changed, few_descriptors_are_allowed, standard_output_is_closed,
          another_file_instead_of_standard_error, sandboxed_child, cancelled_thread,
          handlers_that_jump_out_of_a_record, handlers_that_jump_out_of_a_first_record,
          handlers_that_jump_out_of_a_lock, threads_that_are_ended_at_any_moment)
