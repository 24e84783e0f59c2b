/* A zstd frame of bytes as they are: how long it is depends on nothing else than how many they are,
 * so it can be overwritten in place by another of as many. */
#ifndef MT_STORED_H
#define MT_STORED_H

#include <stddef.h>
#include <stdint.h>

#define MT_STORED_MAX 255  /* bytes that it may hold */
#define MT_STORED_MORE 13u /* what it takes besides */

/* Write a frame of `size` bytes; how long it is. */
size_t mt_frame_store(uint8_t *frame, const void *raw, size_t size);

#endif
