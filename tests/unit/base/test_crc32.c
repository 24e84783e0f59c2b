#include "base/crc32.h"

#include "unit.h"

START_TEST(known_values)
{
    ck_assert_uint_eq(mt_crc32("", 0), 0);
    ck_assert_uint_eq(mt_crc32("123456789", 9), 0xcbf43926); /* the check value of CRC-32 */
    ck_assert_uint_eq(mt_crc32("\0\0\0\0", 4), 0x2144df1c);
}
END_TEST

START_TEST(every_bit_counts)
{
    unsigned char bytes[60] = {0};
    uint32_t zero = mt_crc32(bytes, sizeof bytes);
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        ck_assert_uint_ne(mt_crc32(bytes, sizeof bytes), zero);
        bytes[i / 8] = 0;
    }
}
END_TEST

UNIT_MAIN("crc32", known_values, every_bit_counts)
