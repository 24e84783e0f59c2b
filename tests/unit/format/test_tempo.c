#include "format/tempo.h"

#include "unit.h"

START_TEST(learns_a_steady_gap)
{
    uint16_t average = 0;
    mt_tempo_learn(&average, 100);
    ck_assert_uint_eq(average, 400);
    for (int i = 0; i < 50; i++)
        mt_tempo_learn(&average, 200);
    ck_assert_uint_ge(average >> 2, 199);
    ck_assert_uint_le(average >> 2, 200);
}
END_TEST

START_TEST(is_not_shaken_by_one_pause)
{
    uint16_t average = 0;
    mt_tempo_learn(&average, 100);
    mt_tempo_learn(&average, 16383);
    ck_assert_uint_eq(average, 400 + 64);
    mt_tempo_learn(&average, 16384);
    mt_tempo_learn(&average, UINT64_MAX);
    ck_assert_uint_eq(average, 400 + 64);
    mt_tempo_learn(&average, 0);
    ck_assert_uint_eq(average, 464 - 64);
}
END_TEST

START_TEST(stays_in_range)
{
    uint16_t average = 0;
    for (int i = 0; i < 1000; i++) {
        mt_tempo_learn(&average, 16383);
        ck_assert_uint_le(average >> 2, 16383);
    }
    for (int i = 0; i < 10000; i++)
        mt_tempo_learn(&average, 0);
    ck_assert_uint_eq(average >> 2, 0);
}
END_TEST

START_TEST(a_place_for_each_pair_of_symbols)
{
    static struct mt_tempo tempo;
    uint16_t *first = mt_tempo_step(&tempo, 40 + 64 * 1);
    ck_assert_uint_eq(tempo.before, 104);
    uint16_t *second = mt_tempo_step(&tempo, 40 + 64 * 1);
    ck_assert_ptr_ne(first, second);
    ck_assert_ptr_eq(mt_tempo_step(&tempo, 40 + 64 * 1), second);
    /* The formula of the format page, by hand. */
    ck_assert_int_eq(first - tempo.average, (int)((104u * 0x85ebca77u) >> 17));
}
END_TEST

UNIT_MAIN("tempo", learns_a_steady_gap, is_not_shaken_by_one_pause, stays_in_range,
          a_place_for_each_pair_of_symbols)
