/* Whom what the driver takes for itself is laid to, from sample to sample. */
#include "analysis/accounting/upkeep.h"

#include <string.h>

#include "../unit.h"

static struct mt_upkeep upkeep;

static void setup(void)
{
    memset(&upkeep, 0, sizeof upkeep);
    mt_upkeep_set(&upkeep, 500, MT_CAUSE(CONTEXT) | MT_CAUSE(MODULES));
}

static void expect(int64_t context, int64_t modules, int64_t graphs, int64_t profilers,
                   int64_t loose)
{
    const int64_t want[] = {context, modules, graphs, profilers, loose};
    for (unsigned i = 0; i < MT_OWN_PARTS; i++)
        ck_assert_int_eq(upkeep.part[i], want[i]);
    ck_assert_int_eq(mt_upkeep_sum(&upkeep), context + modules + graphs + profilers + loose);
}

START_TEST(what_is_there_first_is_the_context)
{
    expect(500, 0, 0, 0, 0);
    mt_upkeep_set(&upkeep, 510, 0); /* what was before the first sample explains no growth */
    expect(500, 0, 0, 0, 10);
}
END_TEST

START_TEST(growth_goes_to_its_cause)
{
    mt_upkeep_set(&upkeep, 600, MT_CAUSE(MODULES) | MT_CAUSE(GRAPHS));
    expect(500, 100, 0, 0, 0);
    mt_upkeep_set(&upkeep, 600, 0);
    mt_upkeep_set(&upkeep, 607, MT_CAUSE(GRAPHS));
    expect(500, 100, 7, 0, 0);
    mt_upkeep_set(&upkeep, 607, 0);
    mt_upkeep_set(&upkeep, 900, MT_CAUSE(CONTEXT));
    expect(793, 100, 7, 0, 0);
}
END_TEST

START_TEST(growth_that_comes_a_sample_late)
{
    mt_upkeep_set(&upkeep, 500, MT_CAUSE(MODULES));
    mt_upkeep_set(&upkeep, 592, 0);
    expect(500, 92, 0, 0, 0);
    mt_upkeep_set(&upkeep, 600, 0); /* not two late */
    expect(500, 92, 0, 0, 8);
}
END_TEST

/* A profiler is there until the end. */
START_TEST(a_profiler)
{
    mt_upkeep_set(&upkeep, 500, MT_CAUSE(PROFILERS));
    for (unsigned i = 0; i < 5; i++)
        mt_upkeep_set(&upkeep, 500, 0);
    mt_upkeep_set(&upkeep, 514, 0);
    expect(500, 0, 0, 14, 0);
    mt_upkeep_set(&upkeep, 520, MT_CAUSE(MODULES));
    expect(500, 6, 0, 14, 0);
}
END_TEST

START_TEST(what_goes_was_loose_first)
{
    mt_upkeep_set(&upkeep, 500, 0);
    mt_upkeep_set(&upkeep, 520, 0);
    mt_upkeep_set(&upkeep, 620, MT_CAUSE(MODULES));
    expect(500, 100, 0, 0, 20);
    mt_upkeep_set(&upkeep, 560, 0);
    expect(500, 60, 0, 0, 0);
    mt_upkeep_set(&upkeep, 450, 0);
    expect(450, 0, 0, 0, 0);
}
END_TEST

START_TEST(a_context_that_ended)
{
    mt_upkeep_set(&upkeep, 600, MT_CAUSE(MODULES));
    mt_upkeep_set(&upkeep, 300, MT_CAUSE_CONTEXT_ENDED);
    expect(200, 100, 0, 0, 0);
}
END_TEST

/* An allocation was recorded before the driver's figure had it: for one sample less is left. */
START_TEST(a_figure_that_was_too_old)
{
    mt_upkeep_set(&upkeep, 600, MT_CAUSE(MODULES));
    mt_upkeep_set(&upkeep, 600, 0);
    mt_upkeep_set(&upkeep, -1000, 0);
    expect(0, 0, 0, 0, -1000);
    ck_assert_int_eq(mt_upkeep_sum_before(&upkeep), -400);
    mt_upkeep_set(&upkeep, 604, 0);
    expect(500, 100, 0, 0, 4);
    mt_upkeep_set(&upkeep, 604, 0);
    mt_upkeep_set(&upkeep, 204, 0);
    mt_upkeep_set(&upkeep, 204, 0); /* it was no mistake: what comes now is new */
    mt_upkeep_set(&upkeep, 304, MT_CAUSE(GRAPHS));
    expect(204, 0, 100, 0, 0);
}
END_TEST

UNIT_MAIN_WITH("upkeep", setup, NULL, what_is_there_first_is_the_context, growth_goes_to_its_cause,
               growth_that_comes_a_sample_late, a_profiler, what_goes_was_loose_first,
               a_context_that_ended, a_figure_that_was_too_old)
