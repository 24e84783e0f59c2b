#include "reader/meta.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "unit.h"

#define ADD(meta, text) mt_meta_add(meta, text, sizeof(text) - 1)

START_TEST(later_values_replace_earlier_ones)
{
    struct mt_meta meta = {0};
    ck_assert_ptr_null(mt_meta_get(&meta, "a"));
    ck_assert_int_eq(ADD(&meta, "a\0one\0b\0two\0"), 0);
    ck_assert_int_eq(ADD(&meta, "c\0\0a\0three\0"), 0);
    ck_assert_uint_eq(meta.count, 3);
    ck_assert_str_eq(mt_meta_get(&meta, "a"), "three");
    ck_assert_str_eq(mt_meta_get(&meta, "b"), "two");
    ck_assert_str_eq(mt_meta_get(&meta, "c"), "");
    ck_assert_str_eq(meta.pair[0].key, "a");
    ck_assert_ptr_null(mt_meta_get(&meta, "d"));
    mt_meta_release(&meta);
}
END_TEST

START_TEST(a_cut_pair_is_damage)
{
    struct mt_meta meta = {0};
    ck_assert_int_eq(ADD(&meta, ""), 0);
    ck_assert_int_eq(ADD(&meta, "a\0one\0b"), MT_ERR_DAMAGED);
    ck_assert_int_eq(ADD(&meta, "c\0two"), MT_ERR_DAMAGED);
    ck_assert_int_eq(ADD(&meta, "d\0"), MT_ERR_DAMAGED);
    ck_assert_str_eq(mt_meta_get(&meta, "a"), "one");
    ck_assert_uint_eq(meta.count, 1);
    mt_meta_release(&meta);
}
END_TEST

START_TEST(thousands_of_keys)
{
    struct mt_meta meta = {0};
    char pair[64];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            int size = snprintf(pair, sizeof pair, "key.%d%c%d", i, 0, i * (round + 1));
            ck_assert_int_eq(mt_meta_add(&meta, pair, (size_t)size + 1), 0);
        }
    ck_assert_uint_eq(meta.count, 5000);
    ck_assert_str_eq(mt_meta_get(&meta, "key.4999"), "9998");
    ck_assert_str_eq(mt_meta_get(&meta, "key.0"), "0");
    mt_meta_release(&meta);
}
END_TEST

START_TEST(apis_by_number)
{
    struct mt_meta meta = {0};
    ADD(&meta, "api.3\0three\0api.\0x\0api.-1\0x\0api.7x\0x\0api.99999\0x\0apix\0x\0api.0\0zero\0");
    ck_assert_int_eq(mt_meta_list_apis(&meta), 0);
    ck_assert_uint_eq(meta.apis, 4);
    ck_assert_str_eq(meta.api[0], "zero");
    ck_assert_ptr_null(meta.api[1]);
    ck_assert_str_eq(meta.api[3], "three");
    mt_meta_release(&meta);
}
END_TEST

UNIT_MAIN("meta", later_values_replace_earlier_ones, a_cut_pair_is_damage, thousands_of_keys,
          apis_by_number)
