/* Unsigned LEB128 (7 bits a byte, low first, at most 10 bytes) and the zigzag map of signed values.
 */
#ifndef MT_VARINT_H
#define MT_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define MT_VARINT_MAX 10

/* Write `value` at `to`, which has room for MT_VARINT_MAX bytes; the end of what was written. */
static inline uint8_t *mt_varint_put(uint8_t *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (uint8_t)(value | 0x80);
    *to++ = (uint8_t)value;
    return to;
}

/* Read a value from [from, end) into *value; what follows it, NULL where it is cut or too long
 * (*value is then 0: gcc 13 warns of it otherwise). */
static inline const uint8_t *mt_varint_get(const uint8_t *from, const uint8_t *end, uint64_t *value)
{
    uint64_t sum = 0;
    *value = 0;
    for (unsigned shift = 0; from < end && shift < 64; shift += 7) {
        uint8_t byte = *from++;
        if (shift == 63 && byte > 1)
            return NULL;
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = sum;
            return from;
        }
    }
    return NULL;
}

static inline uint64_t mt_zigzag(uint64_t difference)
{
    return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}

static inline uint64_t mt_unzigzag(uint64_t code)
{
    return code >> 1 ^ (0 - (code & 1));
}

#endif
