/* An array with a place for every live block, at block->slot; places are used again after a death.
 * New places are zero. */
#ifndef MT_SLOTS_H
#define MT_SLOTS_H

#include <stdint.h>
#include <stdlib.h>

struct mt_slots {
    char *place;
    uint32_t room;
};

void *mt_slots_widen(struct mt_slots *slots, uint32_t slot, size_t size);

/* The place of `slot`, `size` bytes; NULL where memory is out. Good until the next call. */
static inline void *mt_slots_at(struct mt_slots *slots, uint32_t slot, size_t size)
{
    if (__builtin_expect(slot >= slots->room, 0))
        return mt_slots_widen(slots, slot, size);
    return slots->place + slot * size;
}

static inline void mt_slots_release(struct mt_slots *slots)
{
    free(slots->place);
    slots->place = NULL;
    slots->room = 0;
}

#endif
