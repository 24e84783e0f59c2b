#include "format/handles.h"

#include "unit.h"

static struct mt_handles writer, reader;

/* Write a value, read it back; how many bytes it took. */
static size_t pass(uint64_t value)
{
    uint8_t bytes[MT_HANDLE_BYTES_MAX + MT_COLUMN_PAD] = {0};
    uint64_t back;
    uint8_t *end = mt_handle_put(&writer, bytes, value);
    struct mt_column_view view = {bytes, end};
    ck_assert_int_le(end - bytes, MT_HANDLE_BYTES_MAX);
    ck_assert(mt_handle_get(&reader, &view, &back));
    ck_assert_ptr_eq(view.at, view.end);
    ck_assert_uint_eq(back, value);
    ck_assert_mem_eq(&writer, &reader, sizeof writer);
    return (size_t)(end - bytes);
}

START_TEST(recent_values_take_a_byte)
{
    ck_assert_uint_gt(pass(0x5500d0c0), 1);
    for (int i = 0; i < 10; i++)
        ck_assert_uint_eq(pass(0x5500d0c0), 1);
    pass(0);
    pass(UINT64_MAX);
    ck_assert_uint_eq(pass(0x5500d0c0), 1);
    ck_assert_uint_eq(pass(0), 1);
    ck_assert_uint_eq(pass(UINT64_MAX), 1);
}
END_TEST

START_TEST(the_oldest_is_forgotten)
{
    for (uint64_t i = 0; i < MT_HANDLES_KEPT; i++)
        pass(1000 * i);
    ck_assert_uint_eq(pass(0), 1);
    pass(77);
    ck_assert_uint_gt(pass(1000), 1); /* was the last of the list */
    for (uint64_t i = 0; i < 5 * MT_HANDLES_KEPT; i++)
        pass(i * i * 7919 % 100);
}
END_TEST

START_TEST(no_such_place)
{
    uint8_t bytes[1 + MT_COLUMN_PAD] = {1};
    struct mt_column_view view = {bytes, bytes + 1};
    uint64_t value;
    ck_assert(!mt_handle_get(&reader, &view, &value));
    pass(5);
    bytes[0] = 2;
    view = (struct mt_column_view){bytes, bytes + 1};
    ck_assert(!mt_handle_get(&reader, &view, &value));
}
END_TEST

UNIT_MAIN("handles", recent_values_take_a_byte, the_oldest_is_forgotten, no_such_place)
