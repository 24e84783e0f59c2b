/* In a merged trace no address is ever allocated while it lives, however close free and allocation
 * were. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/unit.h"

#define LIVE 64

/* Replays; returns how many allocations there were. */
static unsigned replay(const char *path)
{
    uint64_t live[LIVE] = {0};
    unsigned allocations = 0;
    const struct mt_record *record;
    struct mt_trace *trace = open_trace(path);
    while ((record = mt_trace_next(trace, NULL))) {
        uint64_t address = record->word[1];
        unsigned i = 0, hole = LIVE;
        if (record->kind != MT_alloc && record->kind != MT_free)
            continue;
        for (i = 0; i < LIVE && live[i] != address; i++)
            hole = live[i] ? hole : i;
        bool lives = i < LIVE;
        if (lives != (record->kind == MT_free) || (!lives && hole == LIVE))
            ck_abort_msg("after %u allocations: %s, which %s", allocations, event_text(record),
                         lives ? "lives" : "does not live");
        live[lives ? i : hole] = lives ? 0 : address;
        allocations += !lives;
    }
    mt_trace_free(trace);
    return allocations;
}

START_TEST(address_is_reused_inside_the_free)
{
    struct run run = run_clean(NULL, LIST("victim", "order", "2000"));
    ck_assert_str_eq(run.out, "2000\n");
    compare_run(&run);
    ck_assert_uint_eq(replay(run.trace[0]), 2001);
    run_free(&run);
}
END_TEST

/* Reads at the finest time, where no two events share a quantum. */
START_TEST(also_at_the_finest_time)
{
    struct run run = run_clean(LIST("MEMTRACE_TIME_SHIFT=0"), LIST("victim", "order", "2000"));
    ck_assert_uint_eq(replay(run.trace[0]), 2001);
    run_free(&run);
}
END_TEST

START_TEST(also_at_the_coarsest_time)
{
    struct run run = run_clean(LIST("MEMTRACE_TIME_SHIFT=20"), LIST("victim", "order", "2000"));
    compare_run(&run);
    run_free(&run);
}
END_TEST

UNIT_MAIN("order", address_is_reused_inside_the_free, also_at_the_finest_time,
          also_at_the_coarsest_time)
