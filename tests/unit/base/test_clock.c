#include "base/clock.h"

#include <time.h>

#include "unit.h"

START_TEST(line_through_two_pairs)
{
    const struct mt_clock_pair pair[2] = {{1000, 500}, {3000, 5500}};
    ck_assert_uint_eq(mt_clock_since(pair, 1000), 0);
    ck_assert_uint_eq(mt_clock_since(pair, 3000), 5000);
    ck_assert_uint_eq(mt_clock_since(pair, 2000), 2500);
    ck_assert_uint_eq(mt_clock_since(pair, 5000), 10000);
    ck_assert_uint_eq(mt_clock_since(pair, 999), 0); /* before time 0 */
}
END_TEST

/* A month of ticks at 3 GHz times the rise of a segment takes more than 64 bits. */
START_TEST(does_not_overflow)
{
    const struct mt_clock_pair pair[2] = {{0, 0}, {12000000, 4000000}};
    uint64_t month = UINT64_C(30) * 86400 * 3000000000u;
    ck_assert_uint_eq(mt_clock_since(pair, month), month / 3);
}
END_TEST

START_TEST(never_goes_back)
{
    const struct mt_clock_pair pair[2] = {{77, 3}, {12345678, 4567891}};
    uint64_t last = 0;
    for (uint64_t ticks = 0; ticks < 100000; ticks++) {
        uint64_t ns = mt_clock_since(pair, ticks);
        ck_assert_uint_ge(ns, last);
        last = ns;
    }
}
END_TEST

START_TEST(counter_follows_the_clock)
{
    mt_clock_init();
    struct mt_clock_pair pair[2] = {mt_clock_sample(), {0, 0}};
    struct timespec wait = {.tv_nsec = 20000000};
    nanosleep(&wait, NULL);
    pair[1] = mt_clock_sample();
    ck_assert_uint_gt(pair[1].ticks, pair[0].ticks);
    ck_assert_uint_ge(pair[1].ns - pair[0].ns, 19000000);
    uint64_t before = mt_clock_raw_ns();
    uint64_t now = mt_clock_since(pair, mt_clock_ticks()) + pair[0].ns;
    uint64_t after = mt_clock_raw_ns();
    ck_assert_uint_ge(now + 100000, before);
    ck_assert_uint_le(now, after + 100000);
}
END_TEST

START_TEST(clocks_count_nanoseconds)
{
    ck_assert_uint_gt(mt_clock_realtime_ns(), UINT64_C(1600000000) * 1000000000);
    uint64_t before = mt_clock_monotonic_ns();
    ck_assert_uint_ge(mt_clock_monotonic_ns(), before);
}
END_TEST

UNIT_MAIN("clock", line_through_two_pairs, does_not_overflow, never_goes_back,
          counter_follows_the_clock, clocks_count_nanoseconds)
