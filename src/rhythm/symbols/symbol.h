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

/* KIND(event, what it is about, bytes) with e: its fields. What is written when something is first
 * seen (a thread, a kernel, lost events) belongs to no rhythm. */
#define MT_SYMBOLS                                                                                 \
    KIND(alloc, e->api, e->size)                                                                   \
    KIND(free, e->api, 0)                                                                          \
    KIND(alloc_failed, e->api, e->size)                                                            \
    KIND(free_failed, e->api, 0)                                                                   \
    KIND(host_alloc, e->api, e->size)                                                              \
    KIND(host_free, e->api, 0)                                                                     \
    KIND(reserve, 0, e->size)                                                                      \
    KIND(unreserve, 0, e->size)                                                                    \
    KIND(create, 0, e->size)                                                                       \
    KIND(release, 0, 0)                                                                            \
    KIND(map, 0, e->size)                                                                          \
    KIND(unmap, 0, e->size)                                                                        \
    KIND(block_alloc, 0, e->size)                                                                  \
    KIND(block_free, 0, e->size)                                                                   \
    KIND(block_oom, 0, e->size)                                                                    \
    KIND(launch, e->kernel, 0)                                                                     \
    KIND(access, e->by, e->size)                                                                   \
    KIND(copy, e->api, e->size)                                                                    \
    KIND(copy_rect, e->api, e->width * e->height * e->depth)                                       \
    KIND(set, e->api, e->width * e->height)                                                        \
    KIND(graph_launch, 0, 0)                                                                       \
    KIND(collective, e->op, e->send_bytes + e->receive_bytes)                                      \
    KIND(collective_group, 0, e->calls)

/* Fill kind, size and what from a valid record of a kind; kernels keep their ids. False if events
 * of its kind belong to no rhythm. Inline: it is asked for every event; where `kind` is known to
 * the compiler, one case is left. */
static inline __attribute__((always_inline)) bool
mt_symbol_fill(struct mt_symbol *symbol, const unsigned kind, const struct mt_record *record)
{
    symbol->kind = (uint16_t)kind;
    switch (kind) {
#define KIND(name, about, bytes)                                                                   \
    case MT_##name: {                                                                              \
        const struct mt_ev_##name *e = (const void *)record->word;                                 \
        (void)e;                                                                                   \
        symbol->what = (uint32_t)(about);                                                          \
        symbol->size = (bytes);                                                                    \
        return true;                                                                               \
    }
        MT_SYMBOLS
#undef KIND
    default:
        return false;
    }
}

#endif
