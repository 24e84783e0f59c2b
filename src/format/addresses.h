/* Addresses by reference: the way to and back from a varint.
 *
 * All addresses of a chunk, in record order, are numbered from 0; the latest MT_ADDRESSES_KEPT are
 * kept. An address is written as the distance to an earlier occurrence (1: the address before), or
 * as 0 and then the varint zigzag of its difference to the last address written so (the first: to
 * 0). The writer may choose a literal even where there was an occurrence; it looks only as far as
 * its table remembers. */
#ifndef MT_ADDRESSES_H
#define MT_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/varint.h"

#define MT_ADDRESSES_KEPT (1u << 17)
#define MT_ADDRESS_BYTES_MAX (1 + MT_VARINT_MAX)

/* What both sides know. */
struct mt_addresses {
    uint64_t literal;
    uint32_t count;                   /* a chunk has fewer than 2^32 bytes, so this does not wrap */
    uint64_t kept[MT_ADDRESSES_KEPT]; /* number i at i modulo the size */
};

static inline void mt_addresses_clear(struct mt_addresses *addresses)
{
    addresses->literal = 0;
    addresses->count = 0;
}

static inline void mt_addresses_push(struct mt_addresses *addresses, uint64_t address)
{
    addresses->kept[addresses->count++ % MT_ADDRESSES_KEPT] = address;
}

/* Read one address from *from; false where the bytes make none. */
static inline bool mt_address_get(struct mt_addresses *addresses, const uint8_t **from,
                                  const uint8_t *end, uint64_t *address)
{
    uint64_t code;
    const uint8_t *next = mt_varint_get(*from, end, &code);
    if (!next)
        return false;
    if (code == 0) {
        next = mt_varint_get(next, end, &code);
        if (!next)
            return false;
        *address = addresses->literal += mt_unzigzag(code);
    } else {
        if (code > addresses->count || code > MT_ADDRESSES_KEPT)
            return false;
        *address = addresses->kept[(addresses->count - (uint32_t)code) % MT_ADDRESSES_KEPT];
    }
    *from = next;
    mt_addresses_push(addresses, *address);
    return true;
}

/* The writer's memory of where an address occurred last: a hash table of short runs; in a full run
 * the place that was used longest ago gives way. */
#define MT_ADDRESS_PLACES (1u << 15)
#define MT_ADDRESS_RUN 8u

struct mt_address_places {
    struct {
        uint64_t address;
        uint32_t number; /* of its last occurrence + 1; 0: free */
    } place[MT_ADDRESS_PLACES + MT_ADDRESS_RUN];
};

static inline void mt_address_places_clear(struct mt_address_places *places)
{
    memset(places, 0, sizeof *places);
}

/* The number + 1 of the last occurrence of `address`, 0 if none is known; from now on it is
 * `number`. */
static inline uint32_t mt_address_places_swap(struct mt_address_places *places, uint64_t address,
                                              uint32_t number)
{
    uint32_t hash = (uint32_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> 49), oldest = hash;
    for (uint32_t i = hash; i < hash + MT_ADDRESS_RUN; i++) {
        if (places->place[i].number && places->place[i].address == address) {
            uint32_t last = places->place[i].number;
            places->place[i].number = number + 1;
            return last;
        }
        if (places->place[i].number < places->place[oldest].number)
            oldest = i;
    }
    places->place[oldest].address = address;
    places->place[oldest].number = number + 1;
    return 0;
}

/* Write one address at `to`, which has room for MT_ADDRESS_BYTES_MAX bytes; the end of it. */
static inline uint8_t *mt_address_put(struct mt_addresses *addresses,
                                      struct mt_address_places *places, uint8_t *to,
                                      uint64_t address)
{
    uint32_t last = mt_address_places_swap(places, address, addresses->count);
    uint32_t distance = last ? addresses->count + 1 - last : 0;
    if (distance > MT_ADDRESSES_KEPT)
        distance = 0;
    to = mt_varint_put(to, distance);
    if (distance == 0) {
        to = mt_varint_put(to, mt_zigzag(address - addresses->literal));
        addresses->literal = address;
    }
    mt_addresses_push(addresses, address);
    return to;
}

#endif
