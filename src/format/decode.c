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
#define USUAL_KINDS                                                                                \
    (UINT64_C(1) << MT_launch | UINT64_C(1) << MT_block_alloc | UINT64_C(1) << MT_block_free)
#define RECORD_MAX (sizeof(struct mt_record) + MT_RECORD_WORDS_MAX * sizeof(uint64_t))

struct mt_decoder {
    struct mt_codec_model model;
    struct mt_column_view view[MT_COLUMNS];
    bool lacks[MT_COLUMNS]; /* was left out: zeros */
    struct mt_chunk_header header;
    ZSTD_DCtx *unpacker;
    uint8_t *raw;
    size_t raw_room;
    uint32_t left;
    bool damaged;   /* from here on */
    bool lean;      /* columns that say where are not looked at */
    bool unknown;   /* the batch has records of kinds that are not known */
    uint64_t kinds; /* of the records of the batch, a bit each */
    uint64_t quanta;
    struct mt_batch *batch;
};

struct mt_batch *mt_batch_new(void)
{
    return malloc(sizeof(struct mt_batch) + BATCH_BYTES + RECORD_MAX);
}

struct mt_decoder *mt_decoder_new(void)
{
    struct mt_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return NULL;
    decoder->unpacker = ZSTD_createDCtx();
    decoder->batch = mt_batch_new();
    if (decoder->unpacker && decoder->batch)
        return decoder;
    mt_decoder_free(decoder);
    return NULL;
}

void mt_decoder_free(struct mt_decoder *decoder)
{
    if (!decoder)
        return;
    ZSTD_freeDCtx(decoder->unpacker);
    free(decoder->raw);
    free(decoder->batch);
    free(decoder);
}

/* What a column that was left out holds; as many as a chunk has events at most. */
static const uint8_t zeros[MT_CHUNK_EVENTS_MAX + MT_COLUMN_PAD];

static void fill_in(struct mt_decoder *decoder)
{
    for (unsigned id = 0; id < MT_COLUMNS; id++) {
        decoder->lacks[id] = !decoder->view[id].at && mt_column_may_lack(id);
        if (decoder->lacks[id])
            decoder->view[id] = (struct mt_column_view){zeros, zeros + MT_CHUNK_EVENTS_MAX};
    }
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

void mt_decoder_lean(struct mt_decoder *decoder, bool lean)
{
    decoder->lean = lean;
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
    fill_in(decoder);
    mt_codec_model_clear(&decoder->model);
    decoder->damaged = false;
    return 0;
}

/* Which numbers are left out as a rule: all but the first field of the usual kinds. */
static inline ALWAYS_INLINE bool get_count(struct mt_decoder *decoder, unsigned kind, size_t slot,
                                           struct mt_column_view *view, uint64_t *value)
{
    bool usual = USUAL_KINDS >> kind & 1;
    if (usual && slot && __builtin_expect(decoder->lacks[MT_COLUMN(kind, slot)], 1)) {
        *value = 0;
        return true;
    }
    return mt_column_get_small(view, value);
}

static inline ALWAYS_INLINE bool get_total(struct mt_column_view *view, uint64_t *last,
                                           uint64_t *value)
{
    uint64_t code;
    if (!mt_column_get_small(view, &code))
        return false;
    *value = *last += mt_unzigzag(code);
    return true;
}

/* As a rule the value used last. */
static inline ALWAYS_INLINE bool get_handle(struct mt_handles *handles, struct mt_column_view *view,
                                            uint64_t *value)
{
    const uint8_t *at = view->at;
    if (__builtin_expect(at < view->end && *at == 1 && handles->count, 1)) {
        *value = handles->kept[0];
        view->at = at + 1;
        return true;
    }
    return mt_handle_get(handles, view, value);
}

static bool get_new_shape(struct mt_decoder *decoder, uint64_t kernel, uint32_t words)
{
    struct mt_column_view *view = &decoder->view[MT_COLUMN(MT_launch, MT_SLOT_OFFSETS)];
    uint64_t *offset = mt_shape_renew(&decoder->model.shapes, kernel, words);
    uint64_t last = 0;
    for (uint32_t i = 0; i < words; i++) {
        uint64_t code;
        if (!mt_column_get_small(view, &code) || code > MT_OFFSET_MASK)
            return false;
        last = (last + code) & MT_OFFSET_MASK;
        offset[i] = last << MT_WORD_ADDRESS_BITS;
    }
    return true;
}

_Static_assert(MT_ADDRESSES_KEPT == 1u << 16, "a number of 16 bits is a place among them");

/* mt_address_get, many times, put together with the words' offsets; a good part of the time of
 * reading a trace is spent here. The copies live in registers, which what is written to `word`
 * would otherwise forbid. A number of two bytes may end behind the column's end: what lies there
 * may be read, and is found out at the next number or behind the loop. */
static inline ALWAYS_INLINE bool get_addresses(struct mt_addresses *addresses,
                                               struct mt_column_view *column,
                                               const uint64_t *offset, uint64_t *word,
                                               const uint64_t *words_end)
{
    const uint8_t *at = column->at, *const end = column->end;
    uint64_t *const kept = addresses->kept;
    uint32_t count = addresses->count;
    for (; word < words_end; word++, offset++) {
        if (__builtin_expect(at >= end, 0))
            return false;
        uint64_t address;
        uint32_t code = *at;
        const uint8_t *next = at + 1;
        if (code >= 0x80) {
            code = (code & 0x7f) | (uint32_t)*next++ << 7; /* 2^14 and more if it goes on */
        }
        if (__builtin_expect(code - 2 < count && code < 1u << 14, 1)) {
            at = next;
            address = kept[(uint16_t)(count + 1 - code)];
            kept[(uint16_t)count++] = address;
        } else {
            column->at = at;
            addresses->count = count;
            if (!mt_address_get(addresses, column, word))
                return false;
            address = *word;
            at = column->at;
            count = addresses->count;
        }
        *word = MT_WORD_ADDRESS(address) | *offset;
    }
    addresses->count = count;
    column->at = at;
    return at <= end;
}

static inline ALWAYS_INLINE bool get_words(struct mt_decoder *decoder, unsigned kind,
                                           uint64_t kernel, uint64_t *word, uint32_t *words)
{
    struct mt_column_view *view = &decoder->view[MT_COLUMN(kind, 0)];
    struct mt_codec_model *model = &decoder->model;
    uint64_t code;
    if (!mt_column_get_small(&view[MT_SLOT_SHAPE], &code))
        return false;
    if (__builtin_expect(code != 0, 0) && (code > MT_RECORD_WORDS_MAX - *words + 1 ||
                                           !get_new_shape(decoder, kernel, (uint32_t)code - 1)))
        return false;
    const struct mt_shape *shape = mt_shape_of(&model->shapes, kernel);
    *words += shape->count;
    return get_addresses(&model->addresses, &view[MT_SLOT_TAIL],
                         &model->shapes.offset[shape->start], word, word + shape->count);
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
    if (count == 0) /* memcpy may not be given NULL: there may be no such column */
        return true;
    memcpy(word, tail->at, count * sizeof *word);
    tail->at += count * sizeof *word;
    *words += (uint32_t)count;
    return true;
}

/* One case a kind, from event.def: fields in order, then the tail. Of an unknown kind there are no
 * words, and what its columns say is not looked at. As its time a record keeps its symbol. Where
 * `kind` is known to the compiler, one case is left. */
static inline ALWAYS_INLINE bool get_record(struct mt_decoder *decoder, struct mt_record *record,
                                            const unsigned kind, const bool lean)
{
    struct mt_codec_model *model = &decoder->model;
    struct mt_column_view *view;
    uint64_t *word = record->word;
    uint32_t words;
    record->kind = (uint16_t)kind;
    record->flags = 0;
#define GET_COUNT(event, name)                                                                     \
    get_count(decoder, MT_##event, offsetof(struct mt_ev_##event, name) / sizeof *word, view, word)
#define GET_API(event, name) mt_column_get_small(view, word)
#define GET_SIZE(event, name) mt_column_get_wide(view, word)
#define LEAVE_OUT (*word = 0, true)
#define GET_TOTAL(event, name)                                                                     \
    (lean ? LEAVE_OUT : get_total(view, &model->total[MT_TOTAL_##name], word))
#define GET_HANDLE(event, name)                                                                    \
    (lean ? LEAVE_OUT : get_handle(&model->handles[MT_HANDLES_##event##_##name], view, word))
#define GET_ADDRESS(event, name) (lean ? LEAVE_OUT : mt_address_get(&model->addresses, view, word))
#define GET_WORDS(event) (lean || get_words(decoder, MT_##event, record->word[0], word, &words))
#define GET_BYTES(event) get_bytes(decoder, MT_##event, word, &words)
    switch (kind) {
#define EVENT(number, name, doc)                                                                   \
    case number:                                                                                   \
        words = sizeof(struct mt_ev_##name) / sizeof(uint64_t);                                    \
        view = &decoder->view[MT_COLUMN(number, 0)];
#define FIELD(event, name, type, doc)                                                              \
    if (!GET_##type(event, name))                                                                  \
        return false;                                                                              \
    word++, view++;
#define TAIL(event, type, doc)                                                                     \
    if (!GET_##type(event))                                                                        \
        return false;
#define END(event)                                                                                 \
    record->words = words;                                                                         \
    record->time = mt_codec_symbol(MT_##event, record->word);                                      \
    return true;
#include "event/event.def"
    }
    record->words = 0;
    record->time = kind;
    return kind != MT_NONE && kind < MT_KINDS;
}

/* The record of the next event, of a kind that the compiler knows; what follows it, NULL where it
 * makes no sense. */
static inline ALWAYS_INLINE struct mt_record *
get_one(struct mt_decoder *decoder, struct mt_record *record, const unsigned kind, const bool lean)
{
    if (__builtin_expect(!get_record(decoder, record, kind, lean), 0))
        return NULL;
    return (struct mt_record *)(uintptr_t)mt_record_next(record);
}

/* Of any kind. */
static __attribute__((noinline)) struct mt_record *get_any(struct mt_decoder *decoder,
                                                           struct mt_record *record, unsigned kind)
{
    bool fine = decoder->lean ? get_record(decoder, record, kind, true)
                              : get_record(decoder, record, kind, false);
    if (!fine)
        return NULL;
    decoder->unknown |= record->words == 0;
    decoder->kinds |= UINT64_C(1) << kind;
    return (struct mt_record *)(uintptr_t)mt_record_next(record);
}

/* Fill [start, limit) with records whose times are still to be told. False where one makes no
 * sense: *end is behind the last that does. The usual kinds have their own branches, which are
 * foreseen better than a jump to one of many places. */
static inline ALWAYS_INLINE bool get_records(struct mt_decoder *decoder, struct mt_record *start,
                                             const uint8_t *limit, struct mt_record **end,
                                             const bool lean)
{
    struct mt_column_view *kinds = &decoder->view[MT_SLOT_KINDS];
    const uint8_t *at = kinds->at, *const stop = kinds->end;
    struct mt_record *record = start, *next = start;
    decoder->kinds = USUAL_KINDS;
    while (at < stop && (const uint8_t *)record < limit) {
        const unsigned kind = *at++;
        if (kind == MT_launch)
            next = get_one(decoder, record, MT_launch, lean);
        else if (kind == MT_block_alloc)
            next = get_one(decoder, record, MT_block_alloc, lean);
        else if (kind == MT_block_free)
            next = get_one(decoder, record, MT_block_free, lean);
        else
            next = get_any(decoder, record, kind);
        if (__builtin_expect(!next, 0))
            break;
        record = next;
    }
    kinds->at = at;
    *end = record;
    return next != NULL;
}

static __attribute__((noinline)) bool get_whole(struct mt_decoder *decoder, struct mt_record *start,
                                                const uint8_t *limit, struct mt_record **end)
{
    return get_records(decoder, start, limit, end, false);
}

static __attribute__((noinline)) bool get_lean(struct mt_decoder *decoder, struct mt_record *start,
                                               const uint8_t *limit, struct mt_record **end)
{
    return get_records(decoder, start, limit, end, true);
}

/* Give the records in [start, *end) their times. False where one makes no sense, then *end is
 * before it. */
static bool get_times(struct mt_decoder *decoder, struct mt_record *start, struct mt_record **end)
{
    struct mt_column_view *times = &decoder->view[MT_SLOT_TIMES];
    const uint8_t *at = times->at, *const stop = times->end;
    struct mt_tempo *const tempo = &decoder->model.tempo;
    const struct mt_record *const all = *end;
    const unsigned shift = decoder->header.time_shift;
    const uint64_t most = decoder->header.time_last >> shift;
    uint64_t quanta = decoder->quanta, more;
    uint32_t before = tempo->before, failed = 0;
    struct mt_record *record = start;
    while (record < all && at < stop) {
        uint64_t error = *at++;
        if (__builtin_expect(error == MT_TEMPO_LONG, 0)) {
            failed = !mt_column_get(&decoder->view[MT_SLOT_LONG_TIMES], &more);
            if (failed)
                break;
            error += more;
        }
        uint32_t now = (uint32_t)record->time;
        uint16_t *average = mt_tempo_place(tempo, before, now);
        uint64_t gap = (*average >> 2) + mt_unzigzag(error);
        mt_tempo_learn(average, gap);
        failed = quanta + gap > most;
        if (__builtin_expect(failed, 0))
            break;
        before = now;
        quanta += gap;
        record->time = quanta << shift;
        record = (struct mt_record *)(uintptr_t)mt_record_next(record);
    }
    decoder->left -= (uint32_t)(at - times->at) - failed;
    *end = record;
    times->at = at;
    tempo->before = before;
    decoder->quanta = quanta;
    return record == all;
}

/* Whether a column is to be read to its end: it was not left out, its kind is known, and it is
 * asked for. */
static bool is_read(const struct mt_decoder *decoder, unsigned id)
{
    const struct mt_event_info *info = mt_event_info(id >> 4);
    unsigned slot = id & 15;
    if (decoder->lacks[id])
        return false;
    if (!info || !decoder->lean)
        return info || id >> 4 == 0;
    if (slot >= info->fields)
        return slot < MT_SLOT_SHAPE || info->tail != MT_TAIL_WORDS;
    enum mt_field_type type = info->field[slot].type;
    return type == MT_COUNT || type == MT_API || type == MT_SIZE;
}

/* Whether all columns were used up, and the last time is the header's. */
static bool ends_well(const struct mt_decoder *decoder)
{
    for (unsigned id = 0; id < MT_COLUMNS; id++)
        if (decoder->view[id].at != decoder->view[id].end && is_read(decoder, id))
            return false;
    return decoder->quanta << decoder->header.time_shift == decoder->header.time_last;
}

/* Take out the records of unknown kinds; how many they were. */
static uint32_t drop_unknown(struct mt_record *start, struct mt_record **end)
{
    struct mt_record *to = start;
    const struct mt_record *record = start, *next;
    uint32_t dropped = 0;
    for (; record < *end; record = next) {
        next = mt_record_next(record);
        if (record->words == 0) {
            dropped++;
            continue;
        }
        memmove(to, record, mt_record_size(record));
        to = (struct mt_record *)(uintptr_t)mt_record_next(to);
    }
    *end = to;
    return dropped;
}

int mt_decoder_next(struct mt_decoder *decoder, const struct mt_record **first,
                    const struct mt_record **end)
{
    struct mt_record *start = (struct mt_record *)(void *)decoder->batch->word, *last = start;
    const uint8_t *limit = (const uint8_t *)start + BATCH_BYTES;
    uint32_t records = 0;
    while (decoder->left && !decoder->damaged && records == 0) {
        uint32_t left = decoder->left;
        decoder->unknown = false;
        bool fine = (decoder->lean ? get_lean : get_whole)(decoder, start, limit, &last);
        decoder->damaged = !get_times(decoder, start, &last) || !fine;
        records = left - decoder->left;
        if (decoder->unknown)
            records -= drop_unknown(start, &last);
    }
    *first = start;
    *end = last;
    if (records)
        return (int)records;
    return decoder->damaged || !ends_well(decoder) ? MT_ERR_DAMAGED : 0;
}

struct mt_batch *mt_decoder_swap(struct mt_decoder *decoder, struct mt_batch *batch)
{
    struct mt_batch *last = decoder->batch;
    decoder->batch = batch;
    return last;
}

uint32_t mt_decoder_left(const struct mt_decoder *decoder)
{
    return decoder->left;
}

uint64_t mt_decoder_kinds(const struct mt_decoder *decoder)
{
    return decoder->kinds;
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
