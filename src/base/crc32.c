#include "base/crc32.h"

/* Bit by bit: 60 bytes a chunk of thousands of events are not worth a table. */
uint32_t mt_crc32(const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    uint32_t crc = ~UINT32_C(0);
    for (size_t i = 0; i < size; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (UINT32_C(0xedb88320) & (0 - (crc & 1)));
    }
    return ~crc;
}
