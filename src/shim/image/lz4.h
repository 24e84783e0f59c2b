/* The block format of LZ4, in which fat binaries of CUDA up to 12 are packed. */
#ifndef MT_LZ4_H
#define MT_LZ4_H

#include <stddef.h>
#include <stdint.h>

/* Bytes written, 0 where the block makes no sense or does not fit. */
size_t mt_lz4_unpack(const uint8_t *from, size_t size, uint8_t *to, size_t room);

#endif
