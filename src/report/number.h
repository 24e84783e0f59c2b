/* Numbers as text: exact for files, readable for eyes. Results need no locale and end without NUL
 * where a length is returned. */
#ifndef MT_NUMBER_H
#define MT_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define MT_DIGITS_MAX 20 /* decimal digits of 64 bits; also 0x and 16 hex digits */
#define MT_HUMAN_MAX 32  /* room for a readable number, NUL included */

/* Write `value` to `to`, which has room for MT_DIGITS_MAX; the length. */
size_t mt_format_uint(char *to, uint64_t value);
size_t mt_format_hex(char *to, uint64_t value);

/* 3 significant digits, "1.50 MiB"; the buffer is returned. */
const char *mt_human_bytes(char buffer[MT_HUMAN_MAX], uint64_t bytes);

/* 3 significant digits, "12.3 ms", "12 min 05 s". */
const char *mt_human_ns(char buffer[MT_HUMAN_MAX], uint64_t ns);

/* All digits that matter when times are compared, "12.345678 s". */
const char *mt_exact_ns(char buffer[MT_HUMAN_MAX], uint64_t ns);

/* Digits in groups of three, "1,234,567". */
const char *mt_human_count(char buffer[MT_HUMAN_MAX], uint64_t count);

/* The noun that fits a count. */
static inline const char *mt_human_noun(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

/* A share of 1 as percent, "12.3 %". */
const char *mt_human_share(char buffer[MT_HUMAN_MAX], double share);

/* The same of the way through something: "12.3 % into", "at the begin of", "at the end of". */
const char *mt_human_place(char buffer[MT_HUMAN_MAX], double share);

#endif
