/* Opaque values with few distinct ones (streams, handles): the way to and back from a varint.
 *
 * Each HANDLE column keeps the MT_HANDLES_KEPT values used last, latest first. A value is written
 * as its place in that list + 1, or as 0 and then the varint zigzag of its difference to the last
 * value written so (the first: to 0). Either way it moves to the front. The list begins empty. */
#ifndef MT_HANDLES_H
#define MT_HANDLES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "format/columns.h"

#define MT_HANDLES_KEPT 32u
#define MT_HANDLE_BYTES_MAX (1 + MT_VARINT_MAX)

struct mt_handles {
    uint64_t literal;
    uint32_t count; /* in the list */
    uint64_t kept[MT_HANDLES_KEPT];
};

/* Bring the value at `place` (== count: a new one) to the front. */
static inline void mt_handles_move(struct mt_handles *handles, uint32_t place, uint64_t value)
{
    if (place == MT_HANDLES_KEPT)
        place--;
    else if (place == handles->count)
        handles->count++;
    memmove(&handles->kept[1], &handles->kept[0], place * sizeof handles->kept[0]);
    handles->kept[0] = value;
}

static inline bool mt_handle_get(struct mt_handles *handles, struct mt_column_view *view,
                                 uint64_t *value)
{
    uint64_t code;
    if (!mt_column_get_small(view, &code) || code > handles->count)
        return false;
    if (code == 0) {
        if (!mt_column_get(view, &code))
            return false;
        *value = handles->literal += mt_unzigzag(code);
        mt_handles_move(handles, handles->count, *value);
        return true;
    }
    *value = handles->kept[code - 1];
    if (code > 1)
        mt_handles_move(handles, (uint32_t)code - 1, *value);
    return true;
}

/* Write one value at `to`, which has room for MT_HANDLE_BYTES_MAX bytes; the end of it. */
static inline uint8_t *mt_handle_put(struct mt_handles *handles, uint8_t *to, uint64_t value)
{
    uint32_t place = 0;
    while (place < handles->count && handles->kept[place] != value)
        place++;
    if (place < handles->count) {
        to = mt_varint_put(to, place + 1);
    } else {
        *to++ = 0;
        to = mt_varint_put(to, mt_zigzag(value - handles->literal));
        handles->literal = value;
    }
    if (place)
        mt_handles_move(handles, place, value);
    else if (handles->count == 0)
        mt_handles_move(handles, 0, value);
    return to;
}

#endif
