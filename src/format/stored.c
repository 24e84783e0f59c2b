/* RFC 8878: magic number, a descriptor of one segment with checksum, the size as one byte, one raw
 * block, and the lower half of the content's XXH64. */
#include "format/stored.h"

#include <string.h>

#define P1 UINT64_C(0x9e3779b185ebca87)
#define P2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3 UINT64_C(0x165667b19e3779f9)
#define P4 UINT64_C(0x85ebca77c2b2ae63)
#define P5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t turn(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t word(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, at, size);
    return value;
}

static uint64_t mix(uint64_t lane, uint64_t value)
{
    return turn(lane + value * P2, 31) * P1;
}

/* Of four lanes over all whole stripes of 32 bytes. */
static uint64_t stripes(const uint8_t *at, size_t n)
{
    uint64_t lane[4] = {P1 + P2, P2, 0, 0 - P1};
    for (; n > 0; n--, at += 32)
        for (unsigned i = 0; i < 4; i++)
            lane[i] = mix(lane[i], word(at + 8 * i, 8));
    uint64_t sum = turn(lane[0], 1) + turn(lane[1], 7) + turn(lane[2], 12) + turn(lane[3], 18);
    for (unsigned i = 0; i < 4; i++)
        sum = (sum ^ mix(0, lane[i])) * P1 + P4;
    return sum;
}

static uint64_t xxh64(const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;
    uint64_t sum = (size >= 32 ? stripes(at, size / 32) : P5) + size;
    for (at += size / 32 * 32; end - at >= 8; at += 8)
        sum = turn(sum ^ mix(0, word(at, 8)), 27) * P1 + P4;
    for (; end - at >= 4; at += 4)
        sum = turn(sum ^ word(at, 4) * P1, 23) * P2 + P3;
    for (; at < end; at++)
        sum = turn(sum ^ *at * P5, 11) * P1;
    sum = (sum ^ sum >> 33) * P2;
    sum = (sum ^ sum >> 29) * P3;
    return sum ^ sum >> 32;
}

size_t mt_frame_store(uint8_t *frame, const void *raw, size_t size)
{
    const uint32_t block = 1 | (uint32_t)size << 3; /* the last, raw */
    const uint8_t head[] = {0x28,
                            0xb5,
                            0x2f,
                            0xfd,
                            0x24,
                            (uint8_t)size,
                            (uint8_t)block,
                            (uint8_t)(block >> 8),
                            (uint8_t)(block >> 16)};
    uint32_t check = (uint32_t)xxh64(raw, size);
    memcpy(frame, head, sizeof head);
    memcpy(frame + sizeof head, raw, size);
    memcpy(frame + sizeof head + size, &check, sizeof check);
    return MT_STORED_MORE + size;
}
