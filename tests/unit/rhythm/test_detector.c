/* Whole traces, in few letters. */
#include "rhythm/search/detector.h"

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
    const struct mt_rhythm_level *around = &rhythm.level[rhythm.levels - 1];
    ck_assert_int_eq(around->place, MT_PLACE_AROUND);
    ck_assert_uint_eq(around->period_events, 5 * 16 + 12);
    ck_assert_uint_eq(around->repetitions, 8);
    ck_assert(around->per_iteration == 1 / 5.0);
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

/* Micro-batches: each iteration holds three of them. */
START_TEST(something_inside)
{
    for (int i = 0; i < 20; i++) {
        feed("abcdefghijkl", 3);
        feed("qrstuvwxyz", 1);
    }
    finish();
    ck_assert_uint_eq(rhythm.iterations, 20);
    ck_assert_uint_eq(rhythm.iteration[1].first_event, 46);
    ck_assert_uint_eq(rhythm.levels, 2);
    ck_assert_int_eq(rhythm.level[0].place, MT_PLACE_PART);
    ck_assert(rhythm.level[0].per_iteration == 3);
    ck_assert_uint_eq(rhythm.level[0].period_events, 12);
    ck_assert_int_eq(rhythm.level[1].place, MT_PLACE_ITERATION);
    ck_assert(rhythm.level[1].exact_share == 1);
}
END_TEST

/* From the middle on other kernels do the same: another reference, and no share that is less. */
START_TEST(other_kernels)
{
    feed("abcdefghijkl", 20);
    feed("abcdmnopqrst", 20);
    finish();
    check_order();
    ck_assert_uint_eq(rhythm.iterations, 40);
    ck_assert_uint_ne(rhythm.iteration[0].reference, rhythm.iteration[39].reference);
    for (size_t i = 0; i < rhythm.iterations; i++)
        ck_assert(rhythm.iteration[i].exact_share == 1);
}
END_TEST

/* What begins every iteration is found again before each of its micro-batches. */
START_TEST(a_seam_before_micro_batches)
{
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 4; k++) {
            feed("abcdefghijkl", 3);
            feed("qrstuvwx", 1);
        }
        feed("abcdefgyyy", 3);
    }
    finish();
    check_order();
    ck_assert_uint_eq(rhythm.iterations, 40);
    for (size_t i = 0; i < rhythm.iterations; i++) {
        ck_assert_uint_eq(rhythm.iteration[i].events, 44);
        ck_assert_uint_eq(rhythm.iteration[i].first_event, 206 * (i / 4) + 44 * (i % 4));
    }
}
END_TEST

/* Two events, and a window that is full in their middle. */
START_TEST(two_events)
{
    feed("ab", 1100000);
    finish();
    check_order();
    ck_assert_uint_eq(rhythm.iterations, 1100000);
}
END_TEST

/* Letters in an order that never comes again. */
static void feed_anything(uint32_t times)
{
    uint64_t random = 1;
    for (uint32_t i = 0; i < times; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        feed((char[]){(char)('a' + (random >> 33) % 26), 0}, 1);
    }
}

static void feed_symbol(struct mt_symbol symbol)
{
    symbol.event = events++;
    symbol.time_ns = 1000 * symbol.event;
    ck_assert_int_eq(mt_detector_feed(detector, &symbol, 1), 0);
}

/* A job is over soon after it tried out much. */
START_TEST(few_events_at_last)
{
    feed_anything(5000);
    feed("!?", 50);
    finish();
    check_order();
    ck_assert_uint_ge(rhythm.iterations, 49);
    ck_assert_uint_le(rhythm.iterations, 51);
    ck_assert_uint_eq(rhythm.iteration[7].events, 2);
    ck_assert_uint_ge(rhythm.iteration[0].first_event, 4998);
}
END_TEST

/* The same with input that any thread of a pool copies. */
START_TEST(a_pool_of_threads)
{
    feed_anything(5000);
    for (uint32_t i = 0; i < 50; i++) {
        for (uint32_t k = 0; k < 2; k++)
            feed_symbol((struct mt_symbol){.kind = MT_copy,
                                           .size = 4096,
                                           .input = true,
                                           .thread = (uint16_t)(1 + (i * i + 5 * k) % 7)});
        feed("!?", 1);
    }
    finish();
    check_order();
    ck_assert_uint_ge(rhythm.iterations, 49);
    ck_assert_uint_le(rhythm.iterations, 51);
    ck_assert_uint_eq(rhythm.iteration[7].events, 4);
}
END_TEST

/* Trials that repeat are no iterations if others, with input, follow. */
START_TEST(trials_before)
{
    feed("abcdefghijkl", 200);
    feed_anything(30);
    for (uint32_t i = 0; i < 20; i++) {
        feed_symbol((struct mt_symbol){.kind = MT_copy, .size = 4096, .input = true});
        feed("!#$%&", 1);
    }
    finish();
    check_order();
    ck_assert_uint_eq(rhythm.iterations, 20);
    ck_assert_uint_eq(rhythm.iteration[0].first_event, 200 * 12 + 30);
    ck_assert_uint_eq(rhythm.iteration[7].events, 6);
}
END_TEST

/* A process that ends frees what it has: no work, and no iterations. */
START_TEST(frees_at_last)
{
    feed_anything(5000);
    for (uint32_t i = 0; i < 200; i++)
        feed_symbol((struct mt_symbol){.kind = MT_block_free, .size = 4096});
    finish();
    ck_assert_uint_eq(rhythm.iterations, 0);
}
END_TEST

UNIT_MAIN_WITH("detector", setup, teardown, nothing, a_loop, something_between, instability,
               several_windows, something_inside, other_kernels, a_seam_before_micro_batches,
               two_events, few_events_at_last, a_pool_of_threads, trials_before, frees_at_last)
