/* The map of device addresses, by itself. */
#include "shim/cuda/granules.h"

#include "unit/unit.h"

#define MIB (UINT64_C(1) << 20)
#define HIGH (UINT64_C(0x7f54) << 32)
#define LOW (UINT64_C(3) << 33)

START_TEST(nothing_is_marked)
{
    static const uint64_t words[] = {0, 1, LOW, HIGH, UINT64_MAX, UINT64_C(1) << 48};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ck_assert(!mt_is_device(words[i]));
}
END_TEST

START_TEST(granules_of_a_range)
{
    mt_granules_mark(HIGH + 3 * MIB, 4 * MIB); /* half of one, one, half of one */
    ck_assert(!mt_is_device(HIGH + 2 * MIB - 1));
    ck_assert(mt_is_device(HIGH + 2 * MIB));
    ck_assert(mt_is_device(HIGH + 7 * MIB));
    ck_assert(mt_is_device(HIGH + 8 * MIB - 1));
    ck_assert(!mt_is_device(HIGH + 8 * MIB));
}
END_TEST

START_TEST(between_two)
{
    mt_granules_mark(HIGH, 1);
    mt_granules_mark(LOW, 1);
    mt_granules_mark(HIGH + (UINT64_C(1) << 40), 2 * MIB);
    ck_assert(mt_is_device(LOW) && mt_is_device(HIGH));
    ck_assert(mt_is_device(HIGH + (UINT64_C(1) << 40)));
    ck_assert(!mt_is_device(LOW - 1) && !mt_is_device(LOW + 2 * MIB));
    ck_assert(!mt_is_device((LOW + HIGH) / 2));
    ck_assert(!mt_is_device(HIGH + 2 * MIB));
}
END_TEST

START_TEST(no_address)
{
    static const volatile uint64_t beyond[] = {UINT64_C(1) << 48, UINT64_MAX}; /* not foretold */
    mt_granules_mark(HIGH, 0);
    mt_granules_mark(beyond[0], 2 * MIB);
    mt_granules_mark(beyond[1], 2);
    ck_assert(!mt_is_device(HIGH) && !mt_is_device(beyond[0]) && !mt_is_device(beyond[1]));
}
END_TEST

UNIT_MAIN("granules", nothing_is_marked, granules_of_a_range, between_two, no_address)
