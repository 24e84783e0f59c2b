#include "rhythm/symbol.h"

/* KIND(event, what it is about, bytes) with e: its fields */
#define SYMBOLS                                                                                    \
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

bool mt_symbol_counts(unsigned kind)
{
    static const uint64_t counting = 0
#define KIND(name, about, bytes) | UINT64_C(1) << MT_##name
        SYMBOLS
#undef KIND
        ;
    return kind < 64 && counting >> kind & 1;
}

void mt_symbol_fill(struct mt_symbol *symbol, const struct mt_record *record)
{
    symbol->kind = record->kind;
    symbol->what = 0;
    symbol->size = 0;
    switch (record->kind) {
#define KIND(name, about, bytes)                                                                   \
    case MT_##name: {                                                                              \
        const struct mt_ev_##name *e = (const void *)record->word;                                 \
        symbol->what = (uint32_t)(about);                                                          \
        symbol->size = (bytes);                                                                    \
        (void)e;                                                                                   \
        break;                                                                                     \
    }
        SYMBOLS
#undef KIND
    default:
        break;
    }
}
