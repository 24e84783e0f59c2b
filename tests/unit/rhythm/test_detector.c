/* Whole traces, in few letters. */
#include "rhythm/detector.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "letters.h"

static struct mt_detector *detector;
static struct mt_rhythm rhythm;
static uint64_t events;

static void setup(void)
{
    detector = mt_detector_new();
    events = 0;
}

static void teardown(void)
{
    mt_detector_free(detector);
    mt_rhythm_release(&rhythm);
}

static void feed(const char *text, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        for (const char *letter = text; *letter; letter++) {
            struct mt_symbol symbol = symbol_of(*letter, events++);
            ck_assert_int_eq(mt_detector_feed(detector, &symbol, 1), 0);
        }
    }
}

static void finish(void)
{
    ck_assert_int_eq(mt_detector_finish(detector, 1000 * events, events, &rhythm), 0);
}

/* Iterations lie one behind the other, and inside of the trace. */
static void check_order(void)
{
    uint64_t end = 0;
    for (size_t i = 0; i < rhythm.iterations; i++) {
        const struct mt_iteration *iteration = &rhythm.iteration[i];
        ck_assert_uint_ge(iteration->first_event, end);
        ck_assert_uint_ge(iteration->events, 1);
        ck_assert_uint_le(iteration->start_ns, iteration->end_ns);
        end = iteration->first_event + iteration->events;
    }
    ck_assert_uint_le(end, events);
}

START_TEST(nothing)
{
    finish();
    ck_assert_uint_eq(rhythm.iterations, 0);
    ck_assert_uint_eq(rhythm.levels, 0);
}
END_TEST

START_TEST(a_loop)
{
    feed("qrstuvw", 1);
    feed("abcdefghijkl", 30);
    finish();
    check_order();
    ck_assert_uint_eq(rhythm.iterations, 30);
    ck_assert_uint_eq(rhythm.iteration[3].events, 12);
    ck_assert(rhythm.iteration[3].exact_share == 1);
    ck_assert(rhythm.iteration[3].steady);
    ck_assert_uint_eq(rhythm.levels, 1);
    ck_assert(rhythm.level[0].is_iteration);
    ck_assert_uint_eq(rhythm.level[0].repetitions, 30);
    ck_assert_uint_eq(rhythm.level[0].period_events, 12);
    ck_assert_uint_eq(rhythm.level[0].period_ns, 12000);
}
END_TEST

/* What lies between iterations belongs to none. */
START_TEST(something_between)
{
    for (int i = 0; i < 8; i++) {
        feed("abcdefghijklmnop", 5);
        feed("abcdxyxyxyxy", 1);
    }
    finish();
    check_order();
    ck_assert_uint_ge(rhythm.iterations, 39);
    for (size_t i = 0; i < rhythm.iterations; i++)
        ck_assert_uint_eq(rhythm.iteration[i].events, 16);
}
END_TEST

/* One iteration differs, and it is said where. */
START_TEST(instability)
{
    feed("abcdefghijkl", 20);
    feed("abcdxefghijkl", 1);
    feed("abcdefghijkl", 20);
    finish();
    ck_assert_uint_eq(rhythm.iterations, 41);
    ck_assert_uint_eq(rhythm.instabilities, 1);
    ck_assert_int_eq(rhythm.instability[0].change, MT_CHANGE_EXTRA);
    ck_assert_uint_eq(rhythm.instability[0].found.what, 'x');
    ck_assert_uint_eq(rhythm.instability[0].iterations, 1);
}
END_TEST

/* Two windows and a part: no border is lost or found twice at their seams. */
START_TEST(several_windows)
{
    feed("abcdefghijklmnopqrstuvwxyz", 100000);
    finish();
    check_order();
    ck_assert_uint_eq(rhythm.iterations, 100000);
    ck_assert_uint_eq(rhythm.level[rhythm.levels - 1].repetitions, 100000);
    for (size_t i = 1; i < rhythm.iterations; i++)
        ck_assert_uint_eq(rhythm.iteration[i].first_event, 26 * i);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {nothing,     a_loop,          something_between,
                                  instability, several_windows, NULL};
    return unit_run(unit_suite_with("detector", tests, setup, teardown));
}
