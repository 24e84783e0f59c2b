#include "format/chunk.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "unit.h"

static struct mt_chunk_header good(void)
{
    struct mt_chunk_header header = {.magic = MT_CHUNK_MAGIC,
                                     .type = MT_CHUNK_EVENTS,
                                     .stored_size = 10,
                                     .raw_size = 100,
                                     .events = 5,
                                     .ring_begin = 3,
                                     .ring_end = 3,
                                     .time_first = 9,
                                     .time_last = 9};
    mt_chunk_seal(&header);
    return header;
}

START_TEST(every_bit_of_a_header_is_guarded)
{
    struct mt_chunk_header header = good();
    unsigned char *byte = (unsigned char *)&header;
    ck_assert(mt_chunk_is_valid(&header));
    for (size_t i = 0; i < 8 * sizeof header; i++) {
        byte[i / 8] ^= (unsigned char)(1 << i % 8);
        ck_assert(!mt_chunk_is_valid(&header));
        byte[i / 8] ^= (unsigned char)(1 << i % 8);
    }
}
END_TEST

/* A sealed header with one field set is valid or not. */
#define SEALED(field, value, valid)                                                                \
    do {                                                                                           \
        struct mt_chunk_header header = good();                                                    \
        header.field = value;                                                                      \
        mt_chunk_seal(&header);                                                                    \
        ck_assert_msg(mt_chunk_is_valid(&header) == (valid), #field " " #value);                   \
    } while (0)

START_TEST(limits)
{
    SEALED(magic, 1, false);
    SEALED(type, 0, false);
    SEALED(type, 4, false);
    SEALED(type, MT_CHUNK_META, false); /* has events */
    SEALED(flags, 1, true);
    SEALED(flags, 2, false);
    SEALED(time_shift, 20, true);
    SEALED(time_shift, 21, false);
    SEALED(stored_size, MT_CHUNK_STORED_MAX, true);
    SEALED(stored_size, MT_CHUNK_STORED_MAX + 1, false);
    SEALED(raw_size, MT_CHUNK_RAW_MAX, true);
    SEALED(raw_size, MT_CHUNK_RAW_MAX + 1, false);
    SEALED(raw_size, 4, false); /* less than a byte an event */
    SEALED(events, 0, false);
    SEALED(thread, MT_THREADS_MAX - 1, true);
    SEALED(thread, MT_THREADS_MAX, false);
    SEALED(ring_begin, 4, false);
    SEALED(time_first, 10, false);
}
END_TEST

START_TEST(events_limit)
{
    struct mt_chunk_header header = good();
    header.raw_size = MT_CHUNK_RAW_MAX;
    header.events = MT_CHUNK_EVENTS_MAX;
    mt_chunk_seal(&header);
    ck_assert(mt_chunk_is_valid(&header));
    header.events++;
    mt_chunk_seal(&header);
    ck_assert(!mt_chunk_is_valid(&header));
}
END_TEST

/* A repetition as far away as the chunk is long is found at every level. */
START_TEST(window_spans_the_chunk)
{
    size_t half = 1 << 20, size = 2 * half, room = mt_frame_bound(size);
    unsigned char *raw = malloc(size), *frame = malloc(room), *back = malloc(size);
    for (size_t i = 0; i < half; i++)
        raw[i] = raw[i + half] = (unsigned char)(rand() >> 8);
    for (int level = 1; level <= 12; level += 3) {
        void *memory = aligned_alloc(64, mt_packer_size(size, level));
        struct ZSTD_CCtx_s *packer = mt_packer_init(memory, size, level);
        ck_assert_ptr_nonnull(packer);
        size_t stored = mt_frame_pack(packer, frame, room, raw, size);
        ck_assert_uint_gt(stored, half);
        ck_assert_uint_lt(stored, half + half / 8);
        struct mt_chunk_header header = {.raw_size = (uint32_t)size,
                                         .stored_size = (uint32_t)stored};
        ZSTD_DCtx *unpacker = ZSTD_createDCtx();
        ck_assert_int_eq(mt_frame_unpack(unpacker, &header, frame, back), 0);
        ck_assert_mem_eq(raw, back, size);
        frame[stored - 1] ^= 1; /* the checksum */
        ck_assert_int_eq(mt_frame_unpack(unpacker, &header, frame, back), MT_ERR_DAMAGED);
        frame[stored - 1] ^= 1;
        header.raw_size--;
        ck_assert_int_eq(mt_frame_unpack(unpacker, &header, frame, back), MT_ERR_DAMAGED);
        header.raw_size++;
        header.stored_size++;
        ck_assert_int_eq(mt_frame_unpack(unpacker, &header, frame, back), MT_ERR_DAMAGED);
        ZSTD_freeDCtx(unpacker);
        free(memory);
    }
    free(raw);
    free(frame);
    free(back);
}
END_TEST

START_TEST(no_room_is_no_frame)
{
    void *memory = aligned_alloc(64, mt_packer_size(1000, 3));
    struct ZSTD_CCtx_s *packer = mt_packer_init(memory, 1000, 3);
    char frame[4];
    ck_assert_uint_eq(mt_frame_pack(packer, frame, sizeof frame, "0123456789", 10), 0);
    free(memory);
}
END_TEST

UNIT_MAIN("chunk", every_bit_of_a_header_is_guarded, limits, events_limit, window_spans_the_chunk,
          no_room_is_no_frame)
