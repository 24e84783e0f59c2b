/* The blocks of PyTorch's allocator: recorded in order, and passed on to the real functions. */
#include "compare.h"

#include <stdio.h>

#include "simcuda/simc10.h"
#include "unit/unit.h"

#define BLOCK_KINDS                                                                                \
    (KIND_BIT(MT_block_alloc) | KIND_BIT(MT_block_free) | KIND_BIT(MT_block_oom))

static void check(const char *order, unsigned signature, const char *environment)
{
    char number[16];
    snprintf(number, sizeof number, "%u", signature);
    struct run run = run_clean(LIST(environment), LIST("victim", "c10", order, number));
    struct seen seen = compare_kinds(&run, BLOCK_KINDS);
    ck_assert_uint_eq(seen.events, 5 * 80 + 1);
    ck_assert_uint_eq(seen.lost, 0);
    run_free(&run);
}

START_TEST(every_signature)
{
    for (unsigned i = 0; i < SIMC10_SIGNATURES; i++)
        check("first", i, "SIMC10_EXPANDABLE=0");
}
END_TEST

START_TEST(loaded_when_the_recorder_has_begun)
{
    for (unsigned i = 0; i < SIMC10_SIGNATURES; i++)
        check("late", i, "SIMC10_EXPANDABLE=0");
}
END_TEST

START_TEST(expandable_segments)
{
    check("first", SIMC10_PTR_L_MM, "SIMC10_EXPANDABLE=1");
}
END_TEST

START_TEST(not_wanted)
{
    struct run run = run_clean(LIST("MEMTRACE_BLOCKS=0"), LIST("victim", "c10", "first", "0"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_block_alloc), 0);
    ck_assert_uint_gt(count_events(run.trace[0], MT_alloc), 0);
    run_free(&run);
}
END_TEST

/* A job on the processor with a profiler: no CUDA at all, and still its reports must arrive. */
START_TEST(other_devices_are_passed_on)
{
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "c10-cpu")});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run_files(&run, ""), 0);
    run_free(&run);
}
END_TEST

UNIT_MAIN("c10", every_signature, loaded_when_the_recorder_has_begun, expandable_segments,
          not_wanted, other_devices_are_passed_on)
