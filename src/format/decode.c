/* Columns become records in small batches, so that what is written is read again while it is still
 * in the processor's cache. Every read is checked against the end of its column; a failure ends the
 * chunk. */
#include "format/decode.h"

#include <stdlib.h>
#include <zstd.h>

#include "format/chunk.h"
#include "format/columns.h"
#include "format/codec.h"

#define BATCH_BYTES (16u << 10) /* a batch ends after the record that passes this */
#define ALWAYS_INLINE __attribute__((always_inline)) /* a fifth faster than what -O2 chooses */
#define RECORD_MAX (sizeof(struct mt_record) + MT_RECORD_WORDS_MAX * sizeof(uint64_t))

struct mt_decoder {
    struct mt_codec_model model;
    struct mt_column_view view[MT_COLUMNS];
    struct mt_chunk_header header;
    ZSTD_DCtx *unpacker;
    uint8_t *raw;
    size_t raw_room;
    uint32_t left;
    bool damaged; /* from here on */
    uint64_t quanta;
    uint64_t batch[(BATCH_BYTES + RECORD_MAX) / sizeof(uint64_t)];
};

struct mt_decoder *mt_decoder_new(void)
{
    struct mt_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder && !(decoder->unpacker = ZSTD_createDCtx())) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void mt_decoder_free(struct mt_decoder *decoder)
{
    if (!decoder)
        return;
    ZSTD_freeDCtx(decoder->unpacker);
    free(decoder->raw);
    free(decoder);
}

static int make_room(struct mt_decoder *decoder, size_t size)
{
    if (size <= decoder->raw_room)
        return 0;
    free(decoder->raw);
    decoder->raw = malloc(size);
    decoder->raw_room = decoder->raw ? size : 0;
    return decoder->raw ? 0 : MT_ERR_MEMORY;
}

int mt_decoder_begin(struct mt_decoder *decoder, const struct mt_chunk_header *header,
                     const void *frame)
{
    decoder->header = *header;
    decoder->left = header->events;
    decoder->damaged = true;
    decoder->quanta = header->time_first >> header->time_shift;
    RETURN_IF_ERROR(make_room(decoder, (size_t)header->raw_size + MT_COLUMN_PAD));
    RETURN_IF_ERROR(mt_frame_unpack(decoder->unpacker, header, frame, decoder->raw));
    memset(decoder->raw + header->raw_size, 0, MT_COLUMN_PAD);
    if (!mt_columns_find(decoder->view, decoder->raw, header->raw_size))
        return MT_ERR_DAMAGED;
    const struct mt_column_view *kinds = &decoder->view[MT_SLOT_KINDS];
    if ((size_t)(kinds->end - kinds->at) != header->events)
        return MT_ERR_DAMAGED;
    mt_codec_model_clear(&decoder->model);
    decoder->damaged = false;
    return 0;
}

static inline bool get_total(struct mt_column_view *view, uint64_t *last, uint64_t *value)
{
    uint64_t code;
    if (!mt_column_get(view, &code))
        return false;
    *value = *last += mt_unzigzag(code);
    return true;
}

static bool get_new_shape(struct mt_decoder *decoder, uint64_t kernel, uint32_t words)
{
    struct mt_column_view *view = &decoder->view[MT_COLUMN(MT_launch, MT_SLOT_OFFSETS)];
    uint16_t *offset = mt_shape_renew(&decoder->model.shapes, kernel, words);
    uint64_t last = 0;
    for (uint32_t i = 0; i < words; i++) {
        uint64_t code;
        if (!mt_column_get_small(view, &code) || code > MT_OFFSET_MASK)
            return false;
        offset[i] = (uint16_t)(last = (last + code) & MT_OFFSET_MASK);
    }
    return true;
}

/* mt_address_get, many times. The copies can live in registers, which what is written to `word`
 * would otherwise forbid; nearly half of the time of reading a trace is spent here. */
static bool get_addresses(struct mt_addresses *addresses, struct mt_column_view *column,
                          uint64_t *word, uint32_t words)
{
    struct mt_column_view view = *column;
    uint32_t count = addresses->count;
    for (uint32_t i = 0; i < words; i++) {
        uint64_t code, distance, address;
        if (!mt_column_get(&view, &code))
            return false;
        if (__builtin_expect(code > 1, 1)) {
            distance = code - 1;
            if (distance > (count < MT_ADDRESSES_KEPT ? count : MT_ADDRESSES_KEPT))
                return false;
            address = addresses->kept[(count - (uint32_t)distance) % MT_ADDRESSES_KEPT];
        } else {
            addresses->count = count;
            if (!mt_address_get_long(addresses, &view, code, &address))
                return false;
        }
        addresses->kept[count++ % MT_ADDRESSES_KEPT] = address;
        word[i] = address;
    }
    addresses->count = count;
    *column = view;
    return true;
}

static bool get_words(struct mt_decoder *decoder, unsigned kind, uint64_t kernel, uint64_t *word,
                      uint32_t *words)
{
    struct mt_column_view *view = &decoder->view[MT_COLUMN(kind, 0)];
    uint64_t code;
    mt_tempo_prefetch(&decoder->model.tempo, MT_launch + 64 * (uint32_t)kernel);
    if (!mt_column_get_small(&view[MT_SLOT_SHAPE], &code))
        return false;
    if (code && (code > MT_RECORD_WORDS_MAX - *words + 1 ||
                 !get_new_shape(decoder, kernel, (uint32_t)code - 1)))
        return false;
    const struct mt_shape *shape = mt_shape_of(&decoder->model.shapes, kernel);
    const uint16_t *offset = &decoder->model.shapes.offset[shape->start];
    if (!get_addresses(&decoder->model.addresses, &view[MT_SLOT_TAIL], word, shape->count))
        return false;
    for (uint32_t i = 0; i < shape->count; i++)
        word[i] = MT_WORD_ADDRESS(word[i]) | (uint64_t)offset[i] << MT_WORD_ADDRESS_BITS;
    *words += shape->count;
    return true;
}

static bool get_bytes(struct mt_decoder *decoder, unsigned kind, uint64_t *word, uint32_t *words)
{
    struct mt_column_view *view = &decoder->view[MT_COLUMN(kind, 0)];
    struct mt_column_view *tail = &view[MT_SLOT_TAIL];
    uint64_t count;
    if (!mt_column_get_small(&view[MT_SLOT_SHAPE], &count) ||
        count > MT_RECORD_WORDS_MAX - *words ||
        count * sizeof *word > (size_t)(tail->end - tail->at))
        return false;
    memcpy(word, tail->at, count * sizeof *word);
    tail->at += count * sizeof *word;
    *words += (uint32_t)count;
    return true;
}

/* One case a kind, from event.def: fields in order, then the tail. Of an unknown kind there are no
 * words, and what its columns say is not looked at. */
static inline ALWAYS_INLINE bool get_record(struct mt_decoder *decoder, struct mt_record *record)
{
    struct mt_codec_model *model = &decoder->model;
    struct mt_column_view *view = &decoder->view[MT_COLUMN(record->kind, 0)];
    uint64_t *word = record->word;
#define GET_COUNT(event, name) mt_column_get_small(view, word)
#define GET_API(event, name) mt_column_get_small(view, word)
#define GET_SIZE(event, name) mt_column_get(view, word)
#define GET_TOTAL(event, name) get_total(view, &model->total[MT_TOTAL_##name], word)
#define GET_HANDLE(event, name)                                                                    \
    mt_handle_get(&model->handles[MT_HANDLES_##event##_##name], view, word)
#define GET_ADDRESS(event, name) mt_address_get(&model->addresses, view, word)
#define GET_WORDS get_words(decoder, record->kind, record->word[0], word, &record->words)
#define GET_BYTES get_bytes(decoder, record->kind, word, &record->words)
    switch (record->kind) {
#define EVENT(number, name, doc)                                                                   \
    case number:                                                                                   \
        record->words = sizeof(struct mt_ev_##name) / sizeof(uint64_t);
#define FIELD(event, name, type, doc)                                                              \
    if (!GET_##type(event, name))                                                                  \
        return false;                                                                              \
    word++, view++;
#define TAIL(event, type, doc)                                                                     \
    if (!GET_##type)                                                                               \
        return false;
#define END(event) return true;
#include "event/event.def"
    }
    record->words = 0;
    return record->kind != MT_NONE;
}

static inline ALWAYS_INLINE bool get_time(struct mt_decoder *decoder, struct mt_record *record)
{
    struct mt_column_view *times = &decoder->view[MT_SLOT_TIMES];
    uint64_t error, more;
    if (times->at == times->end)
        return false;
    error = *times->at++;
    if (error == MT_TEMPO_LONG) {
        if (!mt_column_get(&decoder->view[MT_SLOT_LONG_TIMES], &more))
            return false;
        error += more;
    }
    uint16_t *average = mt_tempo_step(&decoder->model.tempo, mt_codec_symbol(record));
    uint64_t gap = (*average >> 2) + mt_unzigzag(error);
    mt_tempo_learn(average, gap);
    decoder->quanta += gap;
    record->time = decoder->quanta << decoder->header.time_shift;
    return record->time <= decoder->header.time_last;
}

/* Whether all columns of known kinds were used up, and the last time is the header's. */
static bool ends_well(const struct mt_decoder *decoder)
{
    for (unsigned id = 0; id < MT_COLUMNS; id++)
        if ((id >> 4 == 0 || mt_event_info(id >> 4)) &&
            decoder->view[id].at != decoder->view[id].end)
            return false;
    return decoder->quanta << decoder->header.time_shift == decoder->header.time_last;
}

/* One event; false where it makes no sense. */
static inline ALWAYS_INLINE bool get_event(struct mt_decoder *decoder, struct mt_record *record)
{
    struct mt_column_view *kinds = &decoder->view[MT_SLOT_KINDS];
    record->kind = *kinds->at++;
    record->flags = 0;
    return record->kind < MT_KINDS && get_record(decoder, record) && get_time(decoder, record);
}

int mt_decoder_next(struct mt_decoder *decoder, const struct mt_record **first,
                    const struct mt_record **end)
{
    struct mt_record *start = (struct mt_record *)(void *)decoder->batch, *record = start;
    const uint8_t *limit = (const uint8_t *)start + BATCH_BYTES;
    int records = 0;
    while (decoder->left && !decoder->damaged && (const uint8_t *)record < limit) {
        if (!get_event(decoder, record)) {
            decoder->damaged = true;
            break;
        }
        decoder->left--;
        if (record->words == 0)
            continue;
        record = (struct mt_record *)(void *)&record->word[record->words];
        records++;
    }
    *first = start;
    *end = record;
    if (records)
        return records;
    return decoder->damaged || !ends_well(decoder) ? MT_ERR_DAMAGED : 0;
}

uint32_t mt_decoder_left(const struct mt_decoder *decoder)
{
    return decoder->left;
}

uint64_t mt_decoder_time(const struct mt_decoder *decoder)
{
    return decoder->quanta << decoder->header.time_shift;
}

void *mt_plain_decode(const struct mt_chunk_header *header, const void *frame)
{
    char *raw = malloc((size_t)header->raw_size + 1);
    ZSTD_DCtx *unpacker = ZSTD_createDCtx();
    if (raw && unpacker && mt_frame_unpack(unpacker, header, frame, raw) == 0) {
        raw[header->raw_size] = 0;
    } else {
        free(raw);
        raw = NULL;
    }
    ZSTD_freeDCtx(unpacker);
    return raw;
}
