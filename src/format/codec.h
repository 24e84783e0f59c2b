/* What encoder and decoder both know at any point of a chunk: they learn the same from each event,
 * and forget all at the chunk's end. */
#ifndef MT_CODEC_H
#define MT_CODEC_H

#include <stdint.h>
#include <string.h>

#include "event/event.h"
#include "format/addresses.h"
#include "format/handles.h"
#include "format/shapes.h"
#include "format/tempo.h"

/* Every HANDLE column has its list, every name of a TOTAL its sum. */
enum {
#define EVENT(number, name, doc)
#define FIELD_COUNT(event, name)
#define FIELD_API(event, name)
#define FIELD_SIZE(event, name)
#define FIELD_ADDRESS(event, name)
#define FIELD_TOTAL(event, name)
#define FIELD_HANDLE(event, name) MT_HANDLES_##event##_##name,
#define FIELD(event, name, type, doc) FIELD_##type(event, name)
#define TAIL(event, type, doc)
#define END(event)
#include "event/event.def"
#undef FIELD_COUNT
#undef FIELD_API
#undef FIELD_SIZE
#undef FIELD_ADDRESS
#undef FIELD_TOTAL
#undef FIELD_HANDLE
    MT_HANDLE_LISTS,
};

enum { MT_TOTAL_allocated, MT_TOTAL_reserved, MT_TOTALS };

struct mt_codec_model {
    uint64_t total[MT_TOTALS];
    struct mt_handles handles[MT_HANDLE_LISTS];
    struct mt_tempo tempo;
    struct mt_shapes shapes;
    struct mt_addresses addresses;
};

static inline void mt_codec_model_clear(struct mt_codec_model *model)
{
    memset(model->total, 0, sizeof model->total);
    memset(model->handles, 0, sizeof model->handles);
    memset(&model->tempo, 0, sizeof model->tempo);
    mt_shapes_clear(&model->shapes);
    mt_addresses_clear(&model->addresses);
}

/* What makes an event of a kind unlike others of it, for the tempo. */
static inline uint64_t mt_codec_what(unsigned kind, const uint64_t *word)
{
    if (kind == MT_launch)
        return word[offsetof(struct mt_ev_launch, kernel) / 8];
    if (kind == MT_block_alloc)
        return word[offsetof(struct mt_ev_block_alloc, size) / 8];
    if (kind == MT_block_free)
        return word[offsetof(struct mt_ev_block_free, size) / 8];
    return 0;
}

/* The symbol of an event, for the tempo. */
static inline uint32_t mt_codec_symbol(unsigned kind, const uint64_t *word)
{
    return kind + 64 * (uint32_t)mt_codec_what(kind, word);
}

#endif
