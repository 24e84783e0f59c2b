#include "base/varint.h"

#include "unit.h"

static const struct {
    uint64_t value;
    unsigned bytes;
} cases[] = {{0, 1},          {1, 1},
             {127, 1},        {128, 2},
             {16383, 2},      {16384, 3},
             {1u << 28, 5},   {UINT64_C(1) << 35, 6},
             {INT64_MAX, 9},  {UINT64_C(1) << 63, 10},
             {UINT64_MAX, 10}};

START_TEST(comes_back)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[MT_VARINT_MAX + 1];
        uint64_t value;
        uint8_t *end = mt_varint_put(bytes, cases[i].value);
        ck_assert_int_eq(end - bytes, cases[i].bytes);
        ck_assert_ptr_eq(mt_varint_get(bytes, end, &value), end);
        ck_assert_uint_eq(value, cases[i].value);
        for (const uint8_t *cut = bytes; cut < end; cut++)
            ck_assert_ptr_null(mt_varint_get(bytes, cut, &value));
    }
}
END_TEST

START_TEST(too_large)
{
    static const uint8_t eleven[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0x00};
    static const uint8_t bit_64[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02};
    uint64_t value;
    ck_assert_ptr_null(mt_varint_get(eleven, eleven + sizeof eleven, &value));
    ck_assert_ptr_null(mt_varint_get(bit_64, bit_64 + sizeof bit_64, &value));
}
END_TEST

START_TEST(zigzag)
{
    ck_assert_uint_eq(mt_zigzag(0), 0);
    ck_assert_uint_eq(mt_zigzag((uint64_t)-1), 1);
    ck_assert_uint_eq(mt_zigzag(1), 2);
    ck_assert_uint_eq(mt_zigzag((uint64_t)INT64_MIN), UINT64_MAX);
    for (uint64_t i = 1; i; i *= 2) {
        ck_assert_uint_eq(mt_unzigzag(mt_zigzag(i)), i);
        ck_assert_uint_eq(mt_unzigzag(mt_zigzag(0 - i)), 0 - i);
    }
}
END_TEST

UNIT_MAIN("varint", comes_back, too_large, zigzag)
