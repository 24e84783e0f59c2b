/* What is encoded comes back. */
#include "format/encode.h"

#include <stdlib.h>
#include <string.h>

#include "format/decode.h"
#include "sample.h"
#include "unit.h"

#define BYTES (1u << 20)

struct pair {
    struct mt_encoder *encoder;
    struct mt_decoder *decoder;
};

static struct pair open_pair(uint32_t events, unsigned time_shift)
{
    void *memory = aligned_alloc(64, mt_encoder_size(events, BYTES));
    struct pair pair = {mt_encoder_init(memory, events, BYTES, 3, time_shift), mt_decoder_new()};
    ck_assert_ptr_nonnull(pair.encoder);
    ck_assert_ptr_nonnull(pair.decoder);
    return pair;
}

static void close_pair(struct pair *pair)
{
    free(pair->encoder);
    mt_decoder_free(pair->decoder);
}

/* End the chunk and take it up in the decoder. */
static struct mt_chunk_header turn(struct pair *pair)
{
    struct mt_chunk_header header;
    const void *frame;
    ck_assert_int_eq(mt_encoder_end(pair->encoder, 77, &header, &frame), 0);
    mt_chunk_seal(&header);
    ck_assert(mt_chunk_is_valid(&header));
    ck_assert_int_eq(mt_decoder_begin(pair->decoder, &header, frame), 0);
    return header;
}

/* All records of a chunk are those of the sample from `start` on. */
static void check_records(struct pair *pair, struct sample *start, uint32_t tail, unsigned shift,
                          uint32_t events)
{
    const struct mt_record *record, *end;
    int code;
    while ((code = mt_decoder_next(pair->decoder, &record, &end)) > 0) {
        for (; record < end; record = mt_record_next(record), events--) {
            const struct mt_record *want = sample_next(start, tail);
            ck_assert_uint_eq(record->kind, want->kind);
            ck_assert_uint_eq(record->words, want->words);
            ck_assert_uint_eq(record->flags, 0);
            ck_assert_uint_eq(record->time, want->time >> shift << shift);
            ck_assert_mem_eq(record->word, want->word, 8 * want->words);
        }
    }
    ck_assert_int_eq(code, 0);
    ck_assert_uint_eq(events, 0);
    ck_assert_uint_eq(mt_decoder_left(pair->decoder), 0);
}

static void round_trip(uint64_t seed, uint32_t tail, unsigned shift)
{
    struct pair pair = open_pair(2000, shift);
    struct sample *sample = calloc(1, sizeof *sample), *start = calloc(1, sizeof *start);
    sample->state = start->state = seed;
    uint32_t events = 0;
    const struct mt_record *record = sample_next(sample, tail);
    for (int chunk = 0; chunk < 6; chunk++) {
        mt_encoder_begin(pair.encoder, 5, 7);
        for (events = 0; mt_encoder_add(pair.encoder, record, record->time); events++)
            record = sample_next(sample, tail);
        struct mt_chunk_header header = turn(&pair);
        ck_assert_uint_eq(header.events, events);
        ck_assert_uint_eq(header.thread, 5);
        ck_assert_uint_eq(header.ring_begin, 7);
        ck_assert_uint_eq(header.ring_end, 77);
        check_records(&pair, start, tail, shift, events);
    }
    free(sample);
    free(start);
    close_pair(&pair);
}

START_TEST(random_records_come_back)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        round_trip(seed, seed % 2 ? 40 : 2000, (unsigned)(seed % 3) * 5);
}
END_TEST

START_TEST(longest_record_comes_back)
{
    struct pair pair = open_pair(10, 0);
    struct sample *sample = calloc(1, sizeof *sample);
    struct mt_record *record = &sample->record;
    *record = (struct mt_record){.kind = MT_launch, .words = MT_RECORD_WORDS_MAX};
    for (uint32_t i = 0; i < MT_RECORD_WORDS_MAX; i++)
        record->word[i] = sample_random(sample);
    mt_encoder_begin(pair.encoder, 0, 0);
    ck_assert(mt_encoder_add(pair.encoder, record, 0));
    turn(&pair);
    const struct mt_record *back, *end;
    ck_assert_int_eq(mt_decoder_next(pair.decoder, &back, &end), 1);
    ck_assert_uint_eq(back->words, MT_RECORD_WORDS_MAX);
    ck_assert_mem_eq(back->word, record->word, 8 * MT_RECORD_WORDS_MAX);
    free(sample);
    close_pair(&pair);
}
END_TEST

START_TEST(time_never_goes_back)
{
    struct pair pair = open_pair(10, 0);
    struct mt_ev_lost lost = {1};
    struct sample *sample = calloc(1, sizeof *sample);
    struct mt_record *record = &sample->record;
    *record = (struct mt_record){.kind = MT_lost, .words = 1};
    memcpy(record->word, &lost, sizeof lost);
    mt_encoder_begin(pair.encoder, 0, 0);
    mt_encoder_add(pair.encoder, record, 1000);
    mt_encoder_add(pair.encoder, record, 900);
    mt_encoder_add(pair.encoder, record, 1100);
    struct mt_chunk_header header = turn(&pair);
    ck_assert_uint_eq(header.time_first, 1000);
    ck_assert_uint_eq(header.time_last, 1100);
    const struct mt_record *back, *end;
    ck_assert_int_eq(mt_decoder_next(pair.decoder, &back, &end), 3);
    ck_assert_uint_eq(mt_record_next(back)->time, 1000);
    free(sample);
    close_pair(&pair);
}
END_TEST

START_TEST(impossible_record_is_one_lost)
{
    struct pair pair = open_pair(10, 0);
    uint64_t room[sizeof(struct mt_record) / sizeof(uint64_t) + 4] = {0};
    struct mt_record *bad = (struct mt_record *)(void *)room;
    bad->kind = MT_free;
    bad->words = 4;
    mt_encoder_begin(pair.encoder, 0, 0);
    mt_encoder_add(pair.encoder, bad, 5);
    bad->kind = 999;
    mt_encoder_add(pair.encoder, bad, 5);
    turn(&pair);
    const struct mt_record *back, *end;
    ck_assert_int_eq(mt_decoder_next(pair.decoder, &back, &end), 2);
    ck_assert_uint_eq(back->kind, MT_lost);
    ck_assert_uint_eq(back->word[0], 1);
    close_pair(&pair);
}
END_TEST

START_TEST(definitions_are_flagged)
{
    struct pair pair = open_pair(10, 0);
    struct sample *sample = calloc(1, sizeof *sample);
    sample->record = (struct mt_record){.kind = MT_lost, .words = 1};
    mt_encoder_begin(pair.encoder, 0, 0);
    mt_encoder_add(pair.encoder, &sample->record, 1);
    ck_assert_uint_eq(turn(&pair).flags, 0);
    for (uint16_t kind = MT_kernel; kind <= MT_module; kind++) {
        sample->record = (struct mt_record){.kind = kind, .words = mt_event_info(kind)->fields};
        mt_encoder_begin(pair.encoder, 0, 0);
        mt_encoder_add(pair.encoder, &sample->record, 1);
        ck_assert_uint_eq(turn(&pair).flags, MT_CHUNK_DEFINES);
    }
    free(sample);
    close_pair(&pair);
}
END_TEST

/* Ten of each: what the columns take is seen in the chunk's size, what they say comes back. */
static uint32_t raw_size(struct pair *pair, uint64_t stack)
{
    struct sample *sample = calloc(1, sizeof *sample);
    const struct mt_record *back, *end;
    struct mt_ev_host_alloc event = {.api = 0, .address = 0x1000, .size = 0, .stack = stack};
    sample->record = (struct mt_record){.kind = MT_host_alloc, .words = sizeof event / 8};
    memcpy(sample->record.word, &event, sizeof event);
    mt_encoder_begin(pair->encoder, 0, 0);
    for (int i = 0; i < 10; i++)
        ck_assert(mt_encoder_add(pair->encoder, &sample->record, 1));
    struct mt_chunk_header header = turn(pair);
    ck_assert_int_eq(mt_decoder_next(pair->decoder, &back, &end), 10);
    for (; back < end; back = mt_record_next(back))
        ck_assert_mem_eq(back->word, &event, sizeof event);
    ck_assert_int_eq(mt_decoder_next(pair->decoder, &back, &end), 0);
    free(sample);
    return header.raw_size;
}

START_TEST(columns_of_zeros_are_left_out)
{
    struct pair pair = open_pair(10, 0);
    uint32_t none = raw_size(&pair, 0);
    ck_assert_uint_eq(raw_size(&pair, 7), none + 2 + 1 + 10);
    ck_assert_uint_eq(raw_size(&pair, 300), none + 2 + 1 + 20);
    close_pair(&pair);
}
END_TEST

START_TEST(plain_bytes_come_back)
{
    struct pair pair = open_pair(10, 0);
    struct mt_chunk_header header;
    const void *frame;
    ck_assert_int_eq(mt_encoder_plain(pair.encoder, MT_CHUNK_META, "a\0b", 4, &header, &frame), 0);
    mt_chunk_seal(&header);
    ck_assert(mt_chunk_is_valid(&header));
    char *back = mt_plain_decode(&header, frame);
    ck_assert_mem_eq(back, "a\0b\0", 5);
    free(back);
    ck_assert_int_lt(
        mt_encoder_plain(pair.encoder, MT_CHUNK_META, "", MT_CHUNK_RAW_MAX, &header, &frame), 0);
    close_pair(&pair);
}
END_TEST

/* A chunk may be bent in any byte; the decoder says so or gives other records, never more. The
 * frame's checksum is made good again, so that the columns themselves are what is looked at. */
START_TEST(bent_columns_do_no_harm)
{
    struct pair pair = open_pair(200, 3);
    struct sample *sample = calloc(1, sizeof *sample);
    struct mt_chunk_header header;
    const void *frame;
    for (int i = 0; i < 200; i++) {
        const struct mt_record *record = sample_next(sample, 10);
        mt_encoder_add(pair.encoder, record, record->time);
    }
    ck_assert_int_eq(mt_encoder_end(pair.encoder, 0, &header, &frame), 0);
    uint8_t *raw = mt_plain_decode(&header, frame);
    for (uint32_t i = 0; i < header.raw_size; i++) {
        struct mt_chunk_header bent;
        const struct mt_record *record, *end;
        uint32_t events = 0;
        int code = 0;
        raw[i] = (uint8_t)(raw[i] + 1 + i % 255);
        mt_encoder_plain(pair.encoder, MT_CHUNK_META, raw, header.raw_size, &bent, &frame);
        uint32_t stored = bent.stored_size;
        bent = header;
        bent.stored_size = stored;
        if (mt_decoder_begin(pair.decoder, &bent, frame) == 0)
            while ((code = mt_decoder_next(pair.decoder, &record, &end)) > 0)
                for (; record < end; record = mt_record_next(record), events++)
                    ck_assert(mt_record_is_valid(record));
        ck_assert_uint_le(events, header.events);
        raw[i] = (uint8_t)(raw[i] - 1 - i % 255);
    }
    free(raw);
    free(sample);
    close_pair(&pair);
}
END_TEST

UNIT_MAIN("encode", random_records_come_back, longest_record_comes_back, time_never_goes_back,
          impossible_record_is_one_lost, definitions_are_flagged, columns_of_zeros_are_left_out,
          plain_bytes_come_back, bent_columns_do_no_harm)
