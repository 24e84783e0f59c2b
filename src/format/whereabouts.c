#include "format/whereabouts.h"

#include <string.h>

#include "base/bisect.h"

void mt_whereabouts_clear(struct mt_whereabouts *known)
{
    memset(known->place, 0, sizeof known->place);
    known->bases = 0;
}

static struct mt_place *run_of(struct mt_whereabouts *known, uint64_t address)
{
    return &known->place[address * UINT64_C(0x9e3779b97f4a7c15) >> 49];
}

/* Where `address` is remembered, NULL if it is not. */
static struct mt_place *find(struct mt_whereabouts *known, uint64_t address)
{
    struct mt_place *place = run_of(known, address);
    for (uint32_t i = 0; i < MT_PLACE_RUN; i++)
        if (place[i].number && place[i].address == address)
            return &place[i];
    return NULL;
}

/* The same, made if it is not there, with number 0: in a full run the place that was used longest
 * ago gives way. */
static struct mt_place *find_or_make(struct mt_whereabouts *known, uint64_t address)
{
    struct mt_place *place = run_of(known, address), *oldest = place;
    for (uint32_t i = 0; i < MT_PLACE_RUN; i++) {
        if (place[i].number && place[i].address == address)
            return &place[i];
        if (place[i].number < oldest->number)
            oldest = &place[i];
    }
    *oldest = (struct mt_place){.address = address};
    return oldest;
}

/* Index of the first base above `address`. */
static uint32_t above(const struct mt_whereabouts *known, uint64_t address)
{
    return (uint32_t)MT_FIRST_ABOVE(known->base, known->bases, address, address);
}

/* Put `count` bases in place of those in [from, to): 0 or 1. */
static void splice(struct mt_whereabouts *known, uint32_t from, uint32_t to, uint32_t count)
{
    memmove(&known->base[from + count], &known->base[to],
            (known->bases - to) * sizeof known->base[0]);
    known->bases -= to - from;
    known->bases += count;
}

/* Blocks that began inside the new one are gone; the allocator's blocks lie inside the driver's,
 * and the innermost holds. */
void mt_whereabouts_born(struct mt_whereabouts *known, const struct mt_addresses *addresses,
                         uint64_t address, uint64_t size)
{
    if (known->bases == MT_BASES)
        known->bases = 0;
    uint32_t i = above(known, address), last = i;
    while (last < known->bases && known->base[last].address - address < size)
        last++;
    if (i && known->base[i - 1].address == address)
        i--;
    splice(known, i, last, 1);
    known->base[i] = (struct mt_base){address, size, addresses->count};
    struct mt_place *place = find(known, address);
    if (place)
        place->bore = 1;
}

void mt_whereabouts_freed(struct mt_whereabouts *known, uint64_t address)
{
    uint32_t i = above(known, address);
    if (i && known->base[i - 1].address == address)
        known->base[i - 1].size = 0;
}

/* The block that `address` lies in or at the end of, but not at its first byte; NULL if none is
 * known. At the end: allocators cut one block after the other from a large one. */
static const struct mt_base *base_of(const struct mt_whereabouts *known, uint64_t address)
{
    uint32_t i = above(known, address);
    const struct mt_base *base = i ? &known->base[i - 1] : NULL;
    return base && base->address != address && address - base->address <= base->size ? base : NULL;
}

static bool is_near(const struct mt_addresses *addresses, uint32_t number)
{
    return number && addresses->count + 1 - number <= MT_ADDRESSES_KEPT;
}

/* Whether to look for the block around an address, which is what costs most here. Not where the
 * address occurred just now, as that takes a byte, nor where a block began at it (but that is where
 * another may be about to begin). */
static bool may_be_inside(const struct mt_addresses *addresses, const struct mt_place *place,
                          bool born)
{
    return place->number == 0 || ((born || !place->bore) && addresses->count - place->number > 125);
}

/* Behind the base, where the base is known and this address did not occur in its life. */
static uint8_t *put_view(const struct mt_addresses *addresses, struct mt_whereabouts *known,
                         uint8_t *to, uint64_t address, uint32_t last)
{
    const struct mt_base *base = base_of(known, address);
    if (!base || last > base->number || address - base->address >= MT_VIEW_MAX)
        return NULL;
    const struct mt_place *place = find(known, base->address);
    if (!place || !is_near(addresses, place->number))
        return NULL;
    *to++ = 1;
    to = mt_varint_put(to, addresses->count + 1 - place->number);
    return mt_varint_put(to, address - base->address);
}

uint8_t *mt_address_put(struct mt_addresses *addresses, struct mt_whereabouts *known, uint8_t *to,
                        uint64_t address, bool born)
{
    struct mt_place *place = find_or_make(known, address);
    uint32_t last = place->number;
    uint8_t *end = NULL;
    if (may_be_inside(addresses, place, born))
        end = put_view(addresses, known, to, address, last);
    place->number = addresses->count + 1;
    if (!end && is_near(addresses, last)) {
        end = mt_varint_put(to, (uint64_t)addresses->count + 2 - last);
    } else if (!end) {
        *to++ = 0;
        end = mt_varint_put(to, mt_zigzag(address - addresses->literal));
        addresses->literal = address;
    }
    mt_addresses_push(addresses, address);
    return end;
}
