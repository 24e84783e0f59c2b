/* Jobs of several processes: a trace for each that uses CUDA, and its place in the job. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "unit/unit.h"

#define EVENTS 100 /* of one round of a victim */

static void check_place(const char *path, const char *key, const char *value)
{
    struct mt_trace *trace = open_trace(path);
    const char *found = mt_trace_meta(trace, key);
    ck_assert_msg((!value && !found) || (value && found && strcmp(found, value) == 0),
                  "%s: %s is %s, not %s", path, key, found ? found : "missing",
                  value ? value : "missing");
    mt_trace_free(trace);
}

/* ---- the place in the job ---- */

struct place {
    const char *environment[8];
    const char *rank, *local, *world;
};

static const struct place places[] = {
    {{"RANK=5", "LOCAL_RANK=1", "WORLD_SIZE=8"}, "5", "1", "8"},
    {{"OMPI_COMM_WORLD_RANK=5", "OMPI_COMM_WORLD_LOCAL_RANK=1", "OMPI_COMM_WORLD_SIZE=8",
      "PMIX_RANK=5"}, "5", "1", "8"},
    {{"MV2_COMM_WORLD_RANK=5", "MV2_COMM_WORLD_LOCAL_RANK=1", "MV2_COMM_WORLD_SIZE=8"},
     "5", "1", "8"},
    {{"MVP_COMM_WORLD_RANK=5", "MVP_COMM_WORLD_LOCAL_RANK=1", "MVP_COMM_WORLD_SIZE=8"},
     "5", "1", "8"},
    {{"PMI_RANK=5", "MPI_LOCALRANKID=1", "PMI_SIZE=8"}, "5", "1", "8"},
    {{"FLUX_TASK_RANK=5", "FLUX_TASK_LOCAL_ID=1", "FLUX_JOB_SIZE=8"}, "5", "1", "8"},
    {{"SLURM_PROCID=5", "SLURM_LOCALID=1", "SLURM_NTASKS=8"}, "5", "1", "8"},
    /* Slurm with PMIx tells the rest. */
    {{"PMIX_RANK=5", "SLURM_PROCID=5", "SLURM_LOCALID=1", "SLURM_NTASKS=8"}, "5", "1", "8"},
    /* mpirun in the script of a job of Slurm, of which it is the only task */
    {{"SLURM_PROCID=0", "SLURM_LOCALID=0", "SLURM_NTASKS=1", "PMIX_RANK=5"}, "5", NULL, NULL},
    {{"SLURM_PROCID=0", "SLURM_LOCALID=0", "SLURM_NTASKS=1", "RANK=5", "LOCAL_RANK=1",
      "WORLD_SIZE=8"}, "5", "1", "8"},
    /* nonsense */
    {{"RANK=first", "PMI_RANK=5", "LOCAL_RANK=", "PMI_SIZE=8"}, "5", NULL, "8"},
    {{"RANK=", "WORLD_SIZE=8"}, NULL, NULL, NULL},
};

START_TEST(place_in_the_job)
{
    const struct place *place = &places[_i];
    const char *environment[12] = {"MEMTRACE_OUTPUT=t.%r.mtrace"};
    char name[64];
    for (int i = 0; place->environment[i]; i++)
        environment[i + 1] = place->environment[i];
    struct run run = run_clean(environment, LIST("victim", "plain", "10"));
    snprintf(name, sizeof name, "t.%s.mtrace", place->rank ? place->rank : "0");
    ck_assert(run_has(&run, name));
    check_place(run.trace[0], "rank", place->rank);
    check_place(run.trace[0], "local_rank", place->local);
    check_place(run.trace[0], "world_size", place->world);
    run_free(&run);
}
END_TEST

/* ---- processes ---- */

/* A trace for each rank, and none for who started them, nor for their workers. */
START_TEST(ranks_and_their_workers)
{
    if (foreign_skip("ranks_and_their_workers: exec of its own programs"))
        return;
    struct run run = run_order(&(struct order){
        .environment = LIST("MEMTRACE_OUTPUT=t.%r.mtrace", LEDGER_VARIABLE "="),
        .arguments = LIST("victim", "torchrun", "3")});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run_files(&run, ""), 3);
    for (unsigned i = 0; i < 3; i++) {
        char number[2] = {(char)('0' + i), 0};
        check_place(run.trace[i], "rank", number);
        check_place(run.trace[i], "local_rank", number);
        check_place(run.trace[i], "world_size", "3");
        ck_assert_uint_eq(count_events(run.trace[i], MT_alloc), EVENTS);
        ck_assert_uint_eq(count_events(run.trace[i], MT_free), EVENTS);
    }
    run_free(&run);
}
END_TEST

/* The others' traces are whole; what the killed one had done is in its own and its ring. */
START_TEST(one_rank_is_killed)
{
    if (foreign_skip("one_rank_is_killed: exec of its own programs"))
        return;
    struct run run = run_order(&(struct order){
        .environment = LIST("MEMTRACE_OUTPUT=t.%r.mtrace", LEDGER_VARIABLE "="),
        .arguments = LIST("victim", "torchrun", "3", "1")});
    run_must_succeed(&run);
    ck_assert_uint_eq(run_files(&run, ""), 4);
    ck_assert(run_has(&run, "t.1.mtrace.ring"));
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(count_events(run.trace[i], MT_alloc), i == 1 ? EVENTS / 2 : EVENTS);
        ck_assert_uint_eq(count_events(run.trace[i], MT_free), i == 1 ? EVENTS / 2 : EVENTS);
    }
    run_free(&run);
}
END_TEST

START_TEST(several_on_one_device)
{
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "share", "5")});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run_files(&run, ""), 5);
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(
            compare_trace(run.trace[i], run.ledger, 0, COMPARE_EXACT, 0).events, EVENTS);
    run_free(&run);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {ranks_and_their_workers, one_rank_is_killed,
                                  several_on_one_device, NULL};
    Suite *suite = unit_suite("ranks", tests);
    TCase *each = tcase_create("place");
    tcase_add_loop_test(each, place_in_the_job, 0, (int)(sizeof places / sizeof *places));
    suite_add_tcase(suite, each);
    return unit_run(suite);
}
