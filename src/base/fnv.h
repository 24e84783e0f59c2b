/* FNV-1a, 64 bits: a hash of bytes for tables in memory; nothing that is written depends on it. */
#ifndef MT_FNV_H
#define MT_FNV_H

#include <stddef.h>
#include <stdint.h>

#define MT_FNV_START UINT64_C(0xcbf29ce484222325)

/* The hash of what `sum` is the hash of, MT_FNV_START of nothing, and these bytes behind it. */
static inline uint64_t mt_fnv(uint64_t sum, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ byte[i]) * UINT64_C(0x100000001b3);
    return sum;
}

#endif
