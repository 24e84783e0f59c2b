#include "base/pages.h"

#include <stdint.h>
#include <string.h>

#include "../unit.h"

#define MIB ((size_t)1 << 20)

START_TEST(large_ones_begin_with_a_page)
{
    for (size_t bytes = 2 * MIB; bytes <= 16 * MIB; bytes += MIB + 4096) {
        unsigned char *array = mt_pages_alloc(bytes);
        ck_assert_ptr_nonnull(array);
        ck_assert_uint_eq((uintptr_t)array % (2 * MIB), 0);
        memset(array, 7, bytes);
        free(array);
    }
}
END_TEST

START_TEST(small_ones_are_plain)
{
    unsigned char *array = mt_pages_alloc(100);
    ck_assert_ptr_nonnull(array);
    memset(array, 7, 100);
    free(array);
    ck_assert_ptr_null(mt_pages_alloc(SIZE_MAX));
}
END_TEST

START_TEST(widened_ones_keep_what_they_hold)
{
    unsigned char *array = mt_pages_widen(NULL, 0, 1000);
    for (size_t i = 0; i < 1000; i++)
        array[i] = (unsigned char)i;
    array = mt_pages_widen(array, 1000, 5 * MIB);
    for (size_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(array[i], (unsigned char)i);
    ck_assert_ptr_null(mt_pages_widen(array, 1000, SIZE_MAX));
    ck_assert_uint_eq(array[999], (unsigned char)999);
    free(array);
}
END_TEST

UNIT_MAIN("pages", large_ones_begin_with_a_page, small_ones_are_plain,
          widened_ones_keep_what_they_hold)
