#include "model/space.h"

#include <string.h>

#include "../unit.h"

START_TEST(empty_holds_nothing)
{
    struct mt_space space;
    struct mt_range range;
    mt_space_init(&space);
    ck_assert(mt_space_is_valid(&space));
    ck_assert(!mt_space_find(&space, 0, &range));
    ck_assert(!mt_space_next(&space, 0, &range));
    ck_assert(!mt_space_remove(&space, 0, &range));
    mt_space_release(&space);
}
END_TEST

START_TEST(ends_are_not_inside)
{
    struct mt_space space;
    struct mt_range range;
    mt_space_init(&space);
    ck_assert_int_eq(mt_space_insert(&space, 100, 200, 7), MT_SPACE_OK);
    ck_assert(!mt_space_find(&space, 99, &range));
    ck_assert(mt_space_find(&space, 100, &range) && range.item == 7);
    ck_assert(mt_space_find(&space, 199, &range));
    ck_assert(!mt_space_find(&space, 200, &range));
    ck_assert(mt_space_next(&space, 0, &range) && range.begin == 100);
    ck_assert(!mt_space_next(&space, 200, &range));
    ck_assert_int_eq(mt_space_insert(&space, 50, 101, 8), MT_SPACE_OVERLAP);
    ck_assert_int_eq(mt_space_insert(&space, 199, 300, 8), MT_SPACE_OVERLAP);
    ck_assert_int_eq(mt_space_insert(&space, 120, 130, 8), MT_SPACE_OVERLAP);
    ck_assert_int_eq(mt_space_insert(&space, 0, 1000, 8), MT_SPACE_OVERLAP);
    ck_assert_int_eq(mt_space_insert(&space, 50, 100, 8), MT_SPACE_OK);
    ck_assert_int_eq(mt_space_insert(&space, 200, UINT64_MAX, 9), MT_SPACE_OK);
    ck_assert(!mt_space_remove(&space, 120, &range));
    ck_assert(mt_space_remove(&space, 100, &range) && range.end == 200);
    ck_assert(mt_space_is_valid(&space));
    mt_space_release(&space);
}
END_TEST

/* Against an array with one entry a unit of address. */
#define UNITS 4000

static uint32_t owner[UNITS]; /* item + 1 of the range over a unit */
static uint32_t begins[UNITS];

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static bool is_free(uint64_t begin, uint64_t end)
{
    for (uint64_t i = begin; i < end; i++)
        if (owner[i])
            return false;
    return true;
}

static void compare_at(const struct mt_space *space, uint64_t address)
{
    struct mt_range range;
    bool found = mt_space_find(space, address, &range);
    ck_assert_int_eq(found, owner[address] != 0);
    if (found)
        ck_assert_uint_eq(range.item, owner[address] - 1);
    uint64_t at = address;
    while (at < UNITS && !owner[at])
        at++;
    found = mt_space_next(space, address, &range);
    ck_assert_int_eq(found, at < UNITS);
    if (found)
        ck_assert_uint_eq(range.item, owner[at] - 1);
    /* Where the range begins, which may be before the address, decides whether it is found. */
    uint64_t first = found ? range.begin : UNITS;
    ck_assert(!mt_space_next_in(space, address, first, &range));
    ck_assert_int_eq(mt_space_next_in(space, address, first + 1, &range), found);
    if (found)
        ck_assert_uint_eq(range.begin, first);
}

START_TEST(equals_an_array)
{
    struct mt_space space;
    uint64_t state = (uint64_t)_i;
    uint64_t longest = _i % 2 ? 3 : 40; /* many short ranges, or few long ones */
    memset(owner, 0, sizeof owner);
    memset(begins, 0, sizeof begins);
    mt_space_init(&space);
    for (uint32_t step = 1; step < 12000; step++) {
        uint64_t begin = next_random(&state) % (UNITS - longest);
        uint64_t end = begin + 1 + next_random(&state) % longest;
        bool grow = step / 3000 % 2 == 0; /* waves, so that chunks split and merge */
        if (next_random(&state) % 4 < (grow ? 3 : 1)) {
            bool fits = is_free(begin, end);
            ck_assert_int_eq(mt_space_insert(&space, begin, end, step),
                             fits ? MT_SPACE_OK : MT_SPACE_OVERLAP);
            for (uint64_t i = begin; fits && i < end; i++)
                owner[i] = step + 1;
            if (fits)
                begins[begin] = 1;
        } else {
            struct mt_range range;
            bool there = begins[begin];
            ck_assert_int_eq(mt_space_remove(&space, begin, &range), there);
            for (uint64_t i = begin; there && i < range.end; i++)
                owner[i] = 0;
            begins[begin] = 0;
        }
        compare_at(&space, next_random(&state) % UNITS);
        if (step % 16 == 0)
            ck_assert(mt_space_is_valid(&space));
    }
    mt_space_release(&space);
}
END_TEST

/* More chunks than are searched at once; in an order that goes everywhere. */
START_TEST(many_ranges)
{
    enum { MANY = 50021 }; /* a prime, so multiples of 7919 visit every number */
    struct mt_space space;
    struct mt_range range;
    mt_space_init(&space);
    for (uint64_t i = 0, at = 0; i < MANY; i++, at = (at + 7919) % MANY)
        ck_assert_int_eq(mt_space_insert(&space, 16 * at, 16 * at + 8, (uint32_t)at), MT_SPACE_OK);
    ck_assert(mt_space_is_valid(&space));
    for (uint64_t at = 0; at < MANY; at++) {
        ck_assert(mt_space_find(&space, 16 * at + 7, &range));
        ck_assert_uint_eq(range.item, at);
        ck_assert(!mt_space_find(&space, 16 * at + 8, &range));
        ck_assert_int_eq(mt_space_insert(&space, 16 * at + 7, 16 * at + 9, 0), MT_SPACE_OVERLAP);
    }
    ck_assert(!mt_space_find(&space, UINT64_MAX, &range));
    ck_assert(!mt_space_next(&space, UINT64_MAX, &range));
    for (uint64_t i = 0, at = 0; i < MANY; i++, at = (at + 7919) % MANY) {
        ck_assert(mt_space_remove(&space, 16 * at, &range));
        ck_assert_uint_eq(range.item, at);
        if (i % 5000 == 0)
            ck_assert(mt_space_is_valid(&space));
    }
    ck_assert_uint_eq(space.size, 0);
    mt_space_release(&space);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {empty_holds_nothing, ends_are_not_inside, many_ranges, NULL};
    Suite *suite = unit_suite("space", tests);
    TCase *property = tcase_create("property");
    tcase_add_loop_test(property, equals_an_array, 1, 7);
    suite_add_tcase(suite, property);
    return unit_run(suite);
}
