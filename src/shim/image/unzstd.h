/* Frames of zstd, in which fat binaries of CUDA 12.8 and later are packed. */
#ifndef MT_UNZSTD_H
#define MT_UNZSTD_H

#include <stddef.h>
#include <stdint.h>

/* Bytes written, 0 where the frame makes no sense or does not fit. Nothing is taken of the job's
 * heap. */
size_t mt_zstd_unpack(const uint8_t *from, size_t size, uint8_t *to, size_t room);

#endif
