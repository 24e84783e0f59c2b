#include "base/sort.h"

#include <stdbool.h>
#include <stdlib.h>

#include "../unit.h"

#define MOST 5000u

static uint64_t random_u64(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ *state >> 31;
}

/* Sorted, and the same numbers: their sums, and sums of squares, are. */
#define SORTS(type, sort, make)                                                                    \
    do {                                                                                           \
        static const uint32_t lengths[] = {0, 1, 2, 47, 48, 49, 1000, MOST};                       \
        for (uint32_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {                          \
            type value[MOST];                                                                      \
            uint64_t state = lengths[i], sum = 0, squares = 0;                                     \
            for (uint32_t k = 0; k < lengths[i]; k++) {                                            \
                value[k] = (make);                                                                 \
                (void)state;                                                                       \
                sum += (uint64_t)value[k];                                                         \
                squares += (uint64_t)value[k] * (uint64_t)value[k];                                \
            }                                                                                      \
            sort(value, lengths[i]);                                                               \
            for (uint32_t k = 0; k < lengths[i]; k++) {                                            \
                ck_assert(k == 0 || value[k - 1] <= value[k]);                                     \
                sum -= (uint64_t)value[k];                                                         \
                squares -= (uint64_t)value[k] * (uint64_t)value[k];                                \
            }                                                                                      \
            ck_assert_uint_eq(sum, 0);                                                             \
            ck_assert_uint_eq(squares, 0);                                                         \
        }                                                                                          \
    } while (0)

START_TEST(sorts_what_is_close)
{
    SORTS(uint32_t, mt_sort_u32, (uint32_t)(4000000000u + random_u64(&state) % 100));
    SORTS(uint64_t, mt_sort_u64, UINT64_MAX - random_u64(&state) % 100);
    SORTS(int64_t, mt_sort_i64, (int64_t)(random_u64(&state) % 100) - 50);
}
END_TEST

START_TEST(sorts_what_is_far_apart)
{
    SORTS(uint32_t, mt_sort_u32, (uint32_t)random_u64(&state));
    SORTS(uint64_t, mt_sort_u64, random_u64(&state));
    SORTS(uint64_t, mt_sort_u64, random_u64(&state) >> (k % 64));
    SORTS(int64_t, mt_sort_i64, (int64_t)random_u64(&state));
}
END_TEST

START_TEST(sorts_few_different_ones)
{
    SORTS(uint64_t, mt_sort_u64, (random_u64(&state) % 1000) * 0x9e3779b97f4a7c15u);
    SORTS(uint64_t, mt_sort_u64, (random_u64(&state) % 1100) * 0x9e3779b97f4a7c15u);
    SORTS(uint32_t, mt_sort_u32, (uint32_t)(random_u64(&state) % 1000) * 0x9e3779b9u);
}
END_TEST

START_TEST(sorts_doubles)
{
    SORTS(double, mt_sort_double, (double)(random_u64(&state) % 1000));
    double value[100];
    uint64_t state = 1;
    for (uint32_t i = 0; i < 100; i++)
        value[i] = (i % 2 ? -1 : 1) / (1.0 + (double)(random_u64(&state) % 1000));
    mt_sort_double(value, 100);
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert(i == 0 || value[i - 1] <= value[i]);
        ck_assert(i < 50 ? value[i] < 0 && value[i] >= -1 : value[i] > 0 && value[i] <= 1);
    }
}
END_TEST

START_TEST(leaves_what_is_sorted)
{
    SORTS(uint32_t, mt_sort_u32, k);
    SORTS(uint64_t, mt_sort_u64, k * UINT64_C(1000000007));
    SORTS(uint64_t, mt_sort_u64, UINT64_C(5));
}
END_TEST

UNIT_MAIN("sort", sorts_what_is_close, sorts_what_is_far_apart, sorts_few_different_ones,
          sorts_doubles, leaves_what_is_sorted)
