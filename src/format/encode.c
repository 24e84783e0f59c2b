/* Records become columns as they are added; the chunk's end gathers and compresses the columns.
 *
 * Everything lies in the caller's memory, in one struct and the regions behind it. What a record
 * can become at worst is bounded (see worst_case), so nothing here can run out of room. */
#include "format/encode.h"

#include "format/chunk.h"
#include "format/columns.h"
#include "format/codec.h"
#include "format/whereabouts.h"

struct mt_encoder {
    struct mt_codec_model model;
    struct mt_whereabouts known;
    struct mt_columns columns;
    struct ZSTD_CCtx_s *packer;
    uint8_t *raw, *frame;
    size_t raw_room, frame_room;
    uint32_t events_max;
    size_t bytes_max, bytes;
    unsigned time_shift;
    uint64_t quanta; /* time of the last event */
    struct mt_chunk_header header;
};

#define BYTES_MIN (128u << 10) /* the largest record fits into any encoder */
#define BYTES_MAX (32u << 20)  /* its columns fit into MT_CHUNK_RAW_MAX */

static size_t aligned(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

static size_t clamped(size_t bytes)
{
    return bytes < BYTES_MIN ? BYTES_MIN : bytes > BYTES_MAX ? BYTES_MAX : bytes;
}

/* A word takes at most 13 bytes (address 11, offset 2), the 16 bytes of a header at most 15. */
static size_t worst_case(size_t bytes)
{
    return bytes / 8 * 13;
}

/* Plain chunks of `bytes` fit as well. */
static size_t raw_room(size_t bytes)
{
    return aligned(mt_columns_bound(worst_case(bytes)));
}

_Static_assert(BYTES_MAX / 8 * 13 + MT_COLUMNS * 7 <= MT_CHUNK_RAW_MAX, "chunk limit");
_Static_assert(sizeof(struct mt_record) + MT_RECORD_WORDS_MAX * 8 <= BYTES_MIN, "largest record");

/* The packer's size depends on the level, which mt_encoder_size is not told: room for the
 * costliest. */
static size_t packer_room(size_t raw)
{
    size_t most = 0;
    for (int level = 1; level <= 19; level++) {
        size_t size = mt_packer_size(raw, level);
        most = size > most ? size : most;
    }
    return most;
}

size_t mt_encoder_size(uint32_t events, size_t bytes)
{
    (void)events;
    size_t room = raw_room(clamped(bytes));
    return aligned(sizeof(struct mt_encoder)) +
           aligned(mt_columns_pool_size(worst_case(clamped(bytes)))) + room +
           aligned(mt_frame_bound(room)) + packer_room(room);
}

struct mt_encoder *mt_encoder_init(void *memory, uint32_t events, size_t bytes, int level,
                                   unsigned time_shift)
{
    struct mt_encoder *encoder = memory;
    uint8_t *free = (uint8_t *)memory + aligned(sizeof *encoder);
    bytes = clamped(bytes);
    mt_columns_init(&encoder->columns, free, worst_case(bytes));
    free += aligned(mt_columns_pool_size(worst_case(bytes)));
    encoder->raw = free;
    encoder->raw_room = raw_room(bytes);
    free += encoder->raw_room;
    encoder->frame = free;
    encoder->frame_room = aligned(mt_frame_bound(encoder->raw_room));
    free += encoder->frame_room;
    encoder->packer = mt_packer_init(free, encoder->raw_room, level);
    encoder->events_max = events > MT_CHUNK_EVENTS_MAX ? MT_CHUNK_EVENTS_MAX : events;
    encoder->bytes_max = bytes;
    encoder->time_shift = time_shift > MT_TIME_SHIFT_MAX ? MT_TIME_SHIFT_MAX : time_shift;
    mt_encoder_begin(encoder, 0, 0);
    return encoder->packer ? encoder : NULL;
}

void mt_encoder_begin(struct mt_encoder *encoder, uint32_t thread, uint64_t ring_begin)
{
    mt_codec_model_clear(&encoder->model);
    mt_whereabouts_clear(&encoder->known);
    mt_columns_clear(&encoder->columns);
    encoder->bytes = 0;
    encoder->quanta = 0;
    encoder->header = (struct mt_chunk_header){
        .magic = MT_CHUNK_MAGIC,
        .type = MT_CHUNK_EVENTS,
        .time_shift = (uint8_t)encoder->time_shift,
        .thread = thread,
        .ring_begin = ring_begin,
    };
}

static struct mt_column *column(struct mt_encoder *encoder, unsigned kind, unsigned slot)
{
    return &encoder->columns.column[MT_COLUMN(kind, slot)];
}

static void put_number(struct mt_encoder *encoder, struct mt_column *to, uint64_t value)
{
    mt_column_end(to, mt_varint_put(mt_column_at(&encoder->columns, to), value));
}

static void put_byte(struct mt_encoder *encoder, struct mt_column *to, unsigned value)
{
    uint8_t *at = mt_column_at(&encoder->columns, to);
    *at = (uint8_t)value;
    mt_column_end(to, at + 1);
}

static void put_total(struct mt_encoder *encoder, struct mt_column *to, uint64_t *last,
                      uint64_t value)
{
    put_number(encoder, to, mt_zigzag(value - *last));
    *last = value;
}

static void put_handle(struct mt_encoder *encoder, struct mt_column *to, struct mt_handles *handles,
                       uint64_t value)
{
    uint8_t *at = mt_column_at(&encoder->columns, to);
    mt_column_end(to, mt_handle_put(handles, at, value));
}

static void put_address(struct mt_encoder *encoder, struct mt_column *to, uint64_t value, bool born)
{
    uint8_t *at = mt_column_at(&encoder->columns, to);
    mt_column_end(to, mt_address_put(&encoder->model.addresses, &encoder->known, at, value, born));
}

static bool same_shape(const struct mt_shapes *shapes, const struct mt_shape *shape,
                       const uint64_t *word, uint32_t words)
{
    if (shape->count != words)
        return false;
    for (uint32_t i = 0; i < words; i++)
        if ((shapes->offset[shape->start + i] ^ word[i]) >> MT_WORD_ADDRESS_BITS)
            return false;
    return true;
}

static void put_shape(struct mt_encoder *encoder, struct mt_shapes *shapes, uint64_t kernel,
                      const uint64_t *word, uint32_t words)
{
    struct mt_column *shape = column(encoder, MT_launch, MT_SLOT_SHAPE);
    if (same_shape(shapes, mt_shape_of(shapes, kernel), word, words)) {
        put_number(encoder, shape, 0);
        return;
    }
    put_number(encoder, shape, (uint64_t)words + 1);
    uint64_t *kept = mt_shape_renew(shapes, kernel, words), last = 0;
    for (uint32_t i = 0; i < words; i++) {
        uint64_t offset = word[i] >> MT_WORD_ADDRESS_BITS;
        kept[i] = offset << MT_WORD_ADDRESS_BITS;
        put_number(encoder, column(encoder, MT_launch, MT_SLOT_OFFSETS),
                   (offset - last) & MT_OFFSET_MASK);
        last = offset;
    }
}

static void put_words(struct mt_encoder *encoder, unsigned kind, uint64_t kernel,
                      const uint64_t *word, uint32_t words)
{
    put_shape(encoder, &encoder->model.shapes, kernel, word, words);
    for (uint32_t i = 0; i < words; i++)
        put_address(encoder, column(encoder, kind, MT_SLOT_TAIL), MT_WORD_ADDRESS(word[i]), false);
}

static void put_bytes(struct mt_encoder *encoder, unsigned kind, const uint64_t *word,
                      uint32_t words)
{
    put_number(encoder, column(encoder, kind, MT_SLOT_SHAPE), words);
    for (uint32_t i = 0; i < words; i++) {
        uint8_t *at = mt_column_at(&encoder->columns, column(encoder, kind, MT_SLOT_TAIL));
        memcpy(at, &word[i], sizeof word[i]);
        mt_column_end(column(encoder, kind, MT_SLOT_TAIL), at + sizeof word[i]);
    }
}

/* One case a kind, from event.def: fields in order, then the tail. */
static void put_record(struct mt_encoder *encoder, const struct mt_record *record)
{
    struct mt_codec_model *model = &encoder->model;
    struct mt_column *to = column(encoder, record->kind, 0);
    const uint64_t *word = record->word;
#define LEFT (record->words - (uint32_t)(word - record->word))
#define PUT_COUNT(event, name) put_number(encoder, to, *word);
#define PUT_API(event, name) put_number(encoder, to, *word);
#define PUT_SIZE(event, name) put_number(encoder, to, *word);
#define PUT_TOTAL(event, name) put_total(encoder, to, &model->total[MT_TOTAL_##name], *word);
#define PUT_HANDLE(event, name)                                                                    \
    put_handle(encoder, to, &model->handles[MT_HANDLES_##event##_##name], *word);
#define PUT_ADDRESS(event, name) put_address(encoder, to, *word, record->kind == MT_block_alloc);
#define PUT_WORDS put_words(encoder, record->kind, record->word[0], word, LEFT);
#define PUT_BYTES put_bytes(encoder, record->kind, word, LEFT);
    switch (record->kind) {
#define EVENT(number, name, doc) case number:
#define FIELD(event, name, type, doc) PUT_##type(event, name) word++, to++;
#define TAIL(event, type, doc) PUT_##type
#define END(event) break;
#include "event/event.def"
    }
}

/* Births and deaths of blocks, for the addresses to come. */
static void note_block(struct mt_encoder *encoder, const struct mt_record *record)
{
    const struct mt_addresses *addresses = &encoder->model.addresses;
    const struct mt_ev_alloc *alloc = (const void *)record->word;
    const struct mt_ev_block_alloc *block = (const void *)record->word;
    if (record->kind == MT_block_alloc)
        mt_whereabouts_born(&encoder->known, addresses, block->address, block->size);
    else if (record->kind == MT_alloc)
        mt_whereabouts_born(&encoder->known, addresses, alloc->address, alloc->size);
    else if (record->kind == MT_block_free)
        mt_whereabouts_freed(&encoder->known, block->address);
    else if (record->kind == MT_free)
        mt_whereabouts_freed(&encoder->known, alloc->address);
}

/* A time as the error of what the tempo foresaw. */
static void put_time(struct mt_encoder *encoder, const struct mt_record *record, uint64_t quanta)
{
    uint64_t gap = quanta - encoder->quanta;
    uint16_t *average =
        mt_tempo_step(&encoder->model.tempo, mt_codec_symbol(record->kind, record->word));
    uint64_t error = mt_zigzag(gap - (*average >> 2));
    mt_tempo_learn(average, gap);
    put_byte(encoder, column(encoder, 0, MT_SLOT_TIMES),
             error < MT_TEMPO_LONG ? (unsigned)error : MT_TEMPO_LONG);
    if (error >= MT_TEMPO_LONG)
        put_number(encoder, column(encoder, 0, MT_SLOT_LONG_TIMES), error - MT_TEMPO_LONG);
    encoder->quanta = quanta;
}

/* What event.def does not allow cannot be told apart by a reader: it is written as one event lost.
 */
static const struct mt_record *sanctioned(const struct mt_record *record, struct mt_record *lost)
{
    if (mt_record_is_valid(record))
        return record;
    *lost = (struct mt_record){.kind = MT_lost, .words = 1};
    lost->word[0] = 1;
    return lost;
}

bool mt_encoder_add(struct mt_encoder *encoder, const struct mt_record *record, uint64_t time_ns)
{
    union {
        struct mt_record record;
        uint64_t space[3];
    } lost;
    struct mt_chunk_header *header = &encoder->header;
    record = sanctioned(record, &lost.record);
    size_t bytes = encoder->bytes + mt_record_size(record);
    if (header->events == encoder->events_max || bytes > encoder->bytes_max)
        return false;
    uint64_t quanta = time_ns >> encoder->time_shift;
    if (header->events == 0) {
        encoder->quanta = quanta;
        header->time_first = quanta << encoder->time_shift;
    }
    put_byte(encoder, column(encoder, 0, MT_SLOT_KINDS), record->kind);
    put_record(encoder, record);
    note_block(encoder, record);
    put_time(encoder, record, quanta < encoder->quanta ? encoder->quanta : quanta);
    header->flags |= mt_kind_defines(record->kind) ? MT_CHUNK_DEFINES : 0;
    header->events++;
    encoder->bytes = bytes;
    return true;
}

static int finish(struct mt_encoder *encoder, const void *raw, size_t size,
                  struct mt_chunk_header *header, const void **frame)
{
    size_t stored = mt_frame_pack(encoder->packer, encoder->frame, encoder->frame_room, raw, size);
    if (stored == 0)
        return MT_ERR_MEMORY;
    *header = encoder->header;
    header->raw_size = (uint32_t)size;
    header->stored_size = (uint32_t)stored;
    *frame = encoder->frame;
    return 0;
}

int mt_encoder_end(struct mt_encoder *encoder, uint64_t ring_end, struct mt_chunk_header *header,
                   const void **frame)
{
    if (encoder->columns.exhausted)
        return MT_ERR_LIMIT;
    encoder->header.ring_end = ring_end;
    encoder->header.time_last = encoder->quanta << encoder->time_shift;
    const uint8_t *end = mt_columns_write(&encoder->columns, encoder->raw);
    return finish(encoder, encoder->raw, (size_t)(end - encoder->raw), header, frame);
}

int mt_encoder_plain(struct mt_encoder *encoder, enum mt_chunk_type type, const void *bytes,
                     size_t size, struct mt_chunk_header *header, const void **frame)
{
    if (size > encoder->raw_room)
        return MT_ERR_LIMIT;
    encoder->header = (struct mt_chunk_header){.magic = MT_CHUNK_MAGIC, .type = (uint16_t)type};
    return finish(encoder, bytes, size, header, frame);
}
