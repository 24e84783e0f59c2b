#include "base/bisect.h"

#include <stdint.h>

#include "../unit.h"

struct item {
    uint64_t at;
};

/* As a walk from the front finds it. */
static size_t walked(const struct item *item, size_t n, uint64_t value)
{
    size_t i = 0;
    while (i < n && item[i].at <= value)
        i++;
    return i;
}

START_TEST(finds_what_a_walk_finds)
{
    struct item item[40];
    for (size_t n = 0; n <= 40; n++) {
        for (size_t i = 0; i < n; i++)
            item[i].at = 3 + i / 3 * 5; /* each three times */
        for (uint64_t value = 0; value < 80; value++)
            ck_assert_uint_eq(MT_FIRST_ABOVE(item, n, at, value), walked(item, n, value));
    }
}
END_TEST

START_TEST(holds_at_the_ends_of_values)
{
    struct item item[] = {{0}, {1}, {UINT64_MAX}};
    ck_assert_uint_eq(MT_FIRST_ABOVE(item, 3, at, UINT64_C(0)), 1);
    ck_assert_uint_eq(MT_FIRST_ABOVE(item, 3, at, UINT64_MAX - 1), 2);
    ck_assert_uint_eq(MT_FIRST_ABOVE(item, 3, at, UINT64_MAX), 3);
}
END_TEST

UNIT_MAIN("bisect", finds_what_a_walk_finds, holds_at_the_ends_of_values)
