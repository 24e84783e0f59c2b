/* Digits of numbers, eight at a time: rows of a large trace are mostly digits. */
#ifndef MT_DIGITS_H
#define MT_DIGITS_H

#include <stdint.h>
#include <string.h>

#define MT_EIGHT 100000000u /* has nine digits */

/* The eight digits of a number below 10^8, the first one in the lowest byte: halved again and
 * again, all parts at once. Divisions by 100 and 10 are multiplications, exact for what comes here.
 */
static inline uint64_t mt_eight_digits(uint32_t value)
{
    uint64_t parts = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t upper = parts * 5243 >> 19 & UINT64_C(0x0000007f0000007f);
    parts = upper | (parts - upper * 100) << 16;
    upper = parts * 103 >> 10 & UINT64_C(0x000f000f000f000f);
    return upper | (parts - upper * 10) << 8;
}

/* The same in base 16, of 32 bits. */
static inline uint64_t mt_eight_nibbles(uint32_t value)
{
    uint64_t parts = (value | (uint64_t)value << 16) & UINT64_C(0x0000ffff0000ffff);
    parts = (parts | parts << 8) & UINT64_C(0x00ff00ff00ff00ff);
    return __builtin_bswap64((parts | parts << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f));
}

static inline void mt_put_chars(char *to, uint64_t chars)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    chars = __builtin_bswap64(chars);
#endif
    memcpy(to, &chars, sizeof chars);
}

/* As characters. */
static inline void mt_put_digits(char *to, uint64_t digits)
{
    mt_put_chars(to, digits | UINT64_C(0x3030303030303030));
}

static inline void mt_put_nibbles(char *to, uint64_t digits)
{
    uint64_t letters = (digits + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    mt_put_chars(to, (digits | UINT64_C(0x3030303030303030)) + letters * ('a' - '9' - 1));
}

/* How many zeros come before the first of eight digits; one stays. */
static inline unsigned mt_leading_zeros(uint64_t digits)
{
    return (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;
}

/* A number below 10^8 without the zeros before it; writes eight bytes. How many are meant. */
static inline size_t mt_put_head(char *to, uint32_t value)
{
    uint64_t digits = mt_eight_digits(value);
    unsigned zeros = mt_leading_zeros(digits);
    mt_put_digits(to, digits >> 8 * zeros);
    return 8 - zeros;
}

/* 0x and a number in base 16; writes at most eighteen bytes. How many are meant. */
static inline size_t mt_put_hex_number(char *to, uint64_t value)
{
    uint64_t digits = mt_eight_nibbles((uint32_t)(value >> 32 ? value >> 32 : value));
    unsigned zeros = mt_leading_zeros(digits);
    memcpy(to, "0x", 2);
    mt_put_nibbles(to + 2, digits >> 8 * zeros);
    if (value >> 32 == 0)
        return 10 - zeros;
    mt_put_nibbles(to + 10 - zeros, mt_eight_nibbles((uint32_t)value));
    return 18 - zeros;
}

#endif
