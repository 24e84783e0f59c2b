/* The writer's memory of addresses: where each occurred last, and which blocks live. What it
 * forgets costs some bytes, nothing else. All memory is in the struct. */
#ifndef MT_WHEREABOUTS_H
#define MT_WHEREABOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "format/addresses.h"

#define MT_PLACES (1u << 15)
#define MT_PLACE_RUN 8u
#define MT_BASES 8192u
#define MT_ADDRESS_BYTES_MAX 11u        /* what an address takes at most as it is written here */
#define MT_VIEW_MAX (UINT64_C(1) << 42) /* a larger offset would take more */

struct mt_place {
    uint64_t address;
    uint32_t number; /* of its last occurrence + 1; 0: free */
    uint32_t bore;   /* a block began here */
};

struct mt_base {
    uint64_t address, size; /* size 0: freed */
    uint32_t number;        /* of the occurrence that bore it */
};

struct mt_whereabouts {
    struct mt_place place[MT_PLACES + MT_PLACE_RUN]; /* a hash table of short runs */
    struct mt_base base[MT_BASES];                   /* by address */
    uint32_t bases;
};

void mt_whereabouts_clear(struct mt_whereabouts *known);

/* A block of `size` bytes was born at `address`, which was the last one written. */
void mt_whereabouts_born(struct mt_whereabouts *known, const struct mt_addresses *addresses,
                         uint64_t address, uint64_t size);

/* The block at `address` is no more. */
void mt_whereabouts_freed(struct mt_whereabouts *known, uint64_t address);

/* Write one address at `to`, which has room for MT_ADDRESS_BYTES_MAX bytes; the end of it. `born`:
 * it is that of a block that begins. */
uint8_t *mt_address_put(struct mt_addresses *addresses, struct mt_whereabouts *known, uint8_t *to,
                        uint64_t address, bool born);

#endif
