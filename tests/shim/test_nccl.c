/* NCCL's collectives, whichever way a job finds them. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/unit.h"

#define KINDS                                                                                      \
    (KIND_BIT(MT_collective) | KIND_BIT(MT_communicator) | KIND_BIT(MT_collective_memory) |        \
     KIND_BIT(MT_collective_group))

START_TEST(every_door)
{
    static const char *const doors[] = {"framework", "handle", "default"};
    for (int i = 0; i < 3; i++) {
        struct run run = run_clean(NULL, LIST("victim", "nccl", doors[i]));
        struct seen seen = compare_kinds(&run, KINDS);
        ck_assert_uint_eq(seen.events, 2 * (2 + 9 + 8 + 1 + 6) + 3 + 2 + 1 + 1 + 2);
        ck_assert_uint_eq(seen.variants, 0);
        ck_assert_uint_eq(count_events(run.trace[0], MT_map), 2);
        run_free(&run);
    }
}
END_TEST

#define PAUSES (KIND_BIT(MT_pause) | KIND_BIT(MT_resume) | KIND_BIT(MT_kept) | KIND_BIT(MT_resumed))

/* They are told with the graph that they were captured into, in their places, as long as it is; and
 * with its copies. */
START_TEST(captured_into_graphs)
{
    struct run run = run_clean(NULL, LIST("victim", "nccl-graph"));
    struct seen seen = compare_kinds(&run, ~PAUSES);
    ck_assert_uint_eq(seen.events, 2 + 4 + 4 * (1 + 6 + 4) + 1 + 2 + 4 + 2 + 5 +
                                      4 + 3 * 11 + 7 + 8 + 7 + 7 + 1 + 7);
    run_free(&run);
}
END_TEST

START_TEST(not_wanted)
{
    struct run run = run_clean(LIST("MEMTRACE_NCCL=0"), LIST("victim", "nccl", "framework"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_collective), 0);
    ck_assert_uint_eq(count_events(run.trace[0], MT_communicator), 0);
    run_free(&run);
}
END_TEST

START_TEST(where_there_is_none)
{
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "nccl-without")});
    run_must_succeed(&run);
    run_free(&run);
}
END_TEST

/* A copy of NCCL beside the first passes through, and the trace says so. */
START_TEST(second_copy)
{
    char command[8192], copy[128] = "/tmp/mt-nccl.XXXXXX";
    ck_assert(mkdtemp(copy) != NULL);
    strcat(copy, "/libother.so");
    snprintf(command, sizeof command, "cp '%s/libnccl.so.2' '%s'", getenv("MT_SIM"), copy);
    ck_assert_int_eq(system(command), 0);
    struct run run = run_clean(NULL, LIST("victim", "nccl-twice", copy));
    ck_assert_uint_eq(count_events(run.trace[0], MT_communicator), 0);
    ck_assert_uint_eq(count_events(run.trace[0], MT_variant), 1);
    run_free(&run);
    snprintf(command, sizeof command, "rm -r \"$(dirname '%s')\"", copy);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

UNIT_MAIN("nccl", every_door, captured_into_graphs, not_wanted, where_there_is_none, second_copy)
