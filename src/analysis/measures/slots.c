#include "analysis/measures/slots.h"

#include <string.h>

/* A function of its own: every birth and death passes by, and would save registers for it. */
void *mt_slots_widen(struct mt_slots *slots, uint32_t slot, size_t size)
{
    uint32_t room = slot < 512 ? 1024 : slot * 2;
    char *place = realloc(slots->place, room * size);
    if (!place)
        return NULL;
    memset(place + slots->room * size, 0, (room - slots->room) * size);
    slots->place = place;
    slots->room = room;
    return place + slot * size;
}
