/* Addresses by reference: the way to and back from a few varints.
 *
 * All addresses of a chunk, in record order, are numbered from 0; the latest MT_ADDRESSES_KEPT are
 * kept. The distance to an earlier one is 1 for the address before. An address is written as
 *
 *   distance + 1                    an earlier occurrence of the same address
 *   1, distance, offset             that much behind an earlier address
 *   0, zigzag of a difference       to the last address written so (the first: to 0)
 *
 * Which one is the writer's choice. This one takes the second for addresses inside a block whose
 * birth it saw, unless the same address occurred in that block's life: so what does not depend on
 * where the block lies is written without regard to it. */
#ifndef MT_ADDRESSES_H
#define MT_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "format/columns.h"

#define MT_ADDRESSES_KEPT (1u << 16)

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

/* The address at a distance; false where there is none. */
static inline bool mt_address_at(const struct mt_addresses *addresses, uint64_t distance,
                                 uint64_t *address)
{
    if (distance == 0 || distance > addresses->count || distance > MT_ADDRESSES_KEPT)
        return false;
    *address = addresses->kept[(addresses->count - (uint32_t)distance) % MT_ADDRESSES_KEPT];
    return true;
}

/* The rarer ways to write an address: `code` is 0 or 1. */
static inline bool mt_address_get_long(struct mt_addresses *addresses, struct mt_column_view *view,
                                       uint64_t code, uint64_t *address)
{
    uint64_t more;
    if (!mt_column_get(view, &more))
        return false;
    if (code == 0) {
        *address = addresses->literal += mt_unzigzag(more);
        return true;
    }
    if (!mt_address_at(addresses, more, address) || !mt_column_get(view, &more))
        return false;
    *address += more;
    return true;
}

/* Read one address; false where the column holds none. */
static inline bool mt_address_get(struct mt_addresses *addresses, struct mt_column_view *view,
                                  uint64_t *address)
{
    uint64_t code;
    if (!mt_column_get(view, &code))
        return false;
    if (__builtin_expect(code > 1, 1)) {
        if (!mt_address_at(addresses, code - 1, address))
            return false;
    } else if (!mt_address_get_long(addresses, view, code, address)) {
        return false;
    }
    mt_addresses_push(addresses, *address);
    return true;
}

#endif
