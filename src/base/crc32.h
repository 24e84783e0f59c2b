/* CRC-32 (IEEE 802.3, reflected, as zlib's crc32): guards headers, which are short. */
#ifndef MT_CRC32_H
#define MT_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t mt_crc32(const void *bytes, size_t size);

#endif
