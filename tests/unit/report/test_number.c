#include "report/number.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

static const char *decimal(uint64_t value)
{
    static char text[MT_DIGITS_MAX + 1];
    text[mt_format_uint(text, value)] = 0;
    return text;
}

static const char *hexadecimal(uint64_t value)
{
    static char text[MT_DIGITS_MAX + 1];
    text[mt_format_hex(text, value)] = 0;
    return text;
}

START_TEST(exact_numbers)
{
    ck_assert_str_eq(decimal(0), "0");
    ck_assert_str_eq(decimal(9), "9");
    ck_assert_str_eq(decimal(10), "10");
    ck_assert_str_eq(decimal(100), "100");
    ck_assert_str_eq(decimal(1234567), "1234567");
    ck_assert_str_eq(decimal(UINT64_MAX), "18446744073709551615");
    ck_assert_str_eq(hexadecimal(0), "0x0");
    ck_assert_str_eq(hexadecimal(0xf), "0xf");
    ck_assert_str_eq(hexadecimal(0x7f00a0), "0x7f00a0");
    ck_assert_str_eq(hexadecimal(UINT64_MAX), "0xffffffffffffffff");
}
END_TEST

START_TEST(all_lengths)
{
    char expected[MT_DIGITS_MAX + 1];
    uint64_t random = 1;
    for (int i = 0; i < 200000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t value = random >> (i % 64);
        value -= i % 3 == 0 ? value % 100000000 : 0; /* zeros at the end */
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)value);
        ck_assert_str_eq(decimal(value), expected);
    }
    for (uint64_t power = 1; power < UINT64_C(10000000000000000000); power *= 10) {
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)power - 1);
        ck_assert_str_eq(decimal(power - 1), expected);
    }
}
END_TEST

START_TEST(readable_bytes)
{
    char text[MT_HUMAN_MAX];
    ck_assert_str_eq(mt_human_bytes(text, 0), "0 B");
    ck_assert_str_eq(mt_human_bytes(text, 1023), "1023 B");
    ck_assert_str_eq(mt_human_bytes(text, 1024), "1.00 KiB");
    ck_assert_str_eq(mt_human_bytes(text, 20 << 20), "20.0 MiB");
    ck_assert_str_eq(mt_human_bytes(text, (1 << 20) - 1), "1.00 MiB");
    ck_assert_str_eq(mt_human_bytes(text, UINT64_C(1200) << 20), "1.17 GiB");
    ck_assert_str_eq(mt_human_bytes(text, UINT64_MAX), "16.0 EiB");
}
END_TEST

START_TEST(readable_times)
{
    char text[MT_HUMAN_MAX];
    ck_assert_str_eq(mt_human_ns(text, 999), "999 ns");
    ck_assert_str_eq(mt_human_ns(text, 1000), "1.00 us");
    ck_assert_str_eq(mt_human_ns(text, 999900), "1.00 ms");
    ck_assert_str_eq(mt_human_ns(text, 12345678), "12.3 ms");
    ck_assert_str_eq(mt_human_ns(text, UINT64_C(599) * 1000000000), "599 s");
    ck_assert_str_eq(mt_human_ns(text, UINT64_C(725) * 1000000000), "12 min 05 s");
    ck_assert_str_eq(mt_human_ns(text, UINT64_C(36060) * 1000000000), "10 h 01 min");
    ck_assert_str_eq(mt_exact_ns(text, 12345), "12.345 us");
    ck_assert_str_eq(mt_exact_ns(text, UINT64_C(12345678901)), "12.345678 s");
}
END_TEST

START_TEST(readable_counts)
{
    char text[MT_HUMAN_MAX];
    ck_assert_str_eq(mt_human_count(text, 0), "0");
    ck_assert_str_eq(mt_human_count(text, 999), "999");
    ck_assert_str_eq(mt_human_count(text, 1000), "1,000");
    ck_assert_str_eq(mt_human_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
    ck_assert_str_eq(mt_human_share(text, 0.1234), "12.3 %");
    ck_assert_str_eq(mt_human_place(text, 0.1234), "12.3 % into");
    ck_assert_str_eq(mt_human_place(text, 0.0004), "at the begin of");
    ck_assert_str_eq(mt_human_place(text, 0.9994), "99.9 % into");
    ck_assert_str_eq(mt_human_place(text, 0.9996), "at the end of");
}
END_TEST

UNIT_MAIN("number", exact_numbers, all_lengths, readable_bytes, readable_times, readable_counts)
