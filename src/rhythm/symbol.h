/* What an event is to the search for rhythms: what happened and how large, never where. */
#ifndef MT_SYMBOL_H
#define MT_SYMBOL_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

struct mt_symbol {
    uint64_t event; /* its number in the order of delivery, from 0 */
    uint64_t time_ns;
    uint64_t size; /* bytes; 0 where the event tells none */
    uint32_t what; /* kernel of a launch, driver function of others */
    uint16_t kind;
    uint16_t thread; /* number in the trace, cut to 16 bits */
    bool input;      /* a copy from the host to the device */
};

/* Whether events of this kind belong to a rhythm. What is written when something is first seen (a
 * thread, a kernel, lost events) does not. */
bool mt_symbol_counts(unsigned kind);

/* Fill kind, size and what from a valid record of such a kind; kernels keep their ids. */
void mt_symbol_fill(struct mt_symbol *symbol, const struct mt_record *record);

#endif
