#include "analysis/measures/loglinear.h"

#include <string.h>

#include "../unit.h"

static struct mt_loglinear set;

START_TEST(bins_meet_without_gaps)
{
    for (uint32_t bin = 0; bin < MT_LOGLINEAR_BINS; bin++) {
        uint64_t least = mt_loglinear_least(bin), next = mt_loglinear_least(bin + 1);
        ck_assert_uint_lt(least, next);
        ck_assert_uint_eq(mt_loglinear_bin(least), bin);
        ck_assert_uint_eq(mt_loglinear_bin(next - 1), bin);
    }
    ck_assert_uint_eq(mt_loglinear_bin(UINT64_MAX), MT_LOGLINEAR_BINS - 1);
}
END_TEST

/* The numbers 1 to 1000 squared: the quantile q is (1000 q) squared. */
START_TEST(quantiles_are_within_the_error)
{
    memset(&set, 0, sizeof set);
    for (uint64_t i = 1; i <= 1000; i++)
        mt_loglinear_add(&set, i * i);
    mt_loglinear_close(&set);
    for (int i = 1; i < 100; i++) {
        double truth = 100.0 * i * i, found = (double)mt_loglinear_quantile(&set, i / 100.0);
        ck_assert_double_le(found, truth * (1 + MT_LOGLINEAR_ERROR));
        ck_assert_double_ge(found, truth * (1 - MT_LOGLINEAR_ERROR));
    }
    ck_assert_uint_eq(mt_loglinear_quantile(&set, 0), 1);
    ck_assert_uint_eq(mt_loglinear_quantile(&set, 1), 1000000);
    ck_assert(set.sum == 333833500);
}
END_TEST

START_TEST(small_numbers_are_exact)
{
    memset(&set, 0, sizeof set);
    ck_assert_uint_eq(mt_loglinear_quantile(&set, 0.5), 0);
    for (uint64_t i = 0; i < 64; i++)
        mt_loglinear_add(&set, i);
    mt_loglinear_close(&set);
    for (int i = 1; i <= 64; i++)
        ck_assert_uint_eq(mt_loglinear_quantile(&set, i / 64.0), (uint64_t)i - 1);
}
END_TEST

START_TEST(merging_is_adding)
{
    struct mt_loglinear a = {0}, b = {0}, none = {0};
    memset(&set, 0, sizeof set);
    for (uint64_t i = 5; i < 100; i++) {
        mt_loglinear_add(i % 3 ? &a : &b, i * 1000);
        mt_loglinear_add(&set, i * 1000);
    }
    mt_loglinear_close(&a);
    mt_loglinear_close(&b);
    mt_loglinear_close(&set);
    mt_loglinear_merge(&a, &b);
    mt_loglinear_merge(&a, &none);
    ck_assert_int_eq(memcmp(&a, &set, sizeof set), 0);
    mt_loglinear_merge(&none, &set);
    ck_assert_int_eq(memcmp(&none, &set, sizeof set), 0);
}
END_TEST

UNIT_MAIN("loglinear", bins_meet_without_gaps, quantiles_are_within_the_error,
          small_numbers_are_exact, merging_is_adding)
