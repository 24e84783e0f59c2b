#include "base/dict.h"

#include <string.h>

#include "../unit.h"

START_TEST(equals_an_array)
{
    struct mt_dict dict = {0};
    static uint64_t value[512];
    static bool there[512];
    uint64_t state = (uint64_t)_i;
    memset(there, 0, sizeof there);
    for (uint64_t step = 0; step < 20000; step++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t i = (state >> 33) % (_i % 2 ? 512 : 40), key = i << 35;
        if (state >> 63) {
            uint64_t *place = mt_dict_add(&dict, key);
            ck_assert_uint_eq(*place, there[i] ? value[i] : 0);
            *place = value[i] = step + 1;
            there[i] = true;
        } else {
            ck_assert_int_eq(mt_dict_remove(&dict, key), there[i]);
            there[i] = false;
        }
    }
    size_t size = 0;
    for (uint64_t i = 0; i < 512; i++) {
        const uint64_t *place = mt_dict_find(&dict, i << 35);
        ck_assert_int_eq(place != NULL, there[i]);
        if (place)
            ck_assert_uint_eq(*place, value[i]);
        size += there[i];
    }
    ck_assert_uint_eq(dict.size, size);
    mt_dict_release(&dict);
}
END_TEST

START_TEST(empty_holds_nothing)
{
    struct mt_dict dict = {0};
    ck_assert_ptr_null(mt_dict_find(&dict, 0));
    ck_assert(!mt_dict_remove(&dict, 0));
    ck_assert_uint_eq(*mt_dict_add(&dict, 0), 0);
    ck_assert_ptr_nonnull(mt_dict_find(&dict, 0));
    mt_dict_release(&dict);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {empty_holds_nothing, NULL};
    Suite *suite = unit_suite("dict", tests);
    TCase *property = tcase_create("property");
    tcase_add_loop_test(property, equals_an_array, 1, 7);
    suite_add_tcase(suite, property);
    return unit_run(suite);
}
