#include "event/event.h"

#include <string.h>

#include "unit.h"

static union {
    struct mt_record record;
    uint64_t words[2 + 8];
} space;

START_TEST(names_lead_to_kinds_and_back)
{
    unsigned kinds = 0;
    for (unsigned kind = 0; kind < MT_KINDS; kind++) {
        const struct mt_event_info *info = mt_event_info(kind);
        if (!info)
            continue;
        kinds++;
        ck_assert_uint_eq(mt_event_kind(info->name), kind);
        ck_assert_uint_gt(strlen(info->doc), 0);
        ck_assert_uint_gt(info->fields, 0);
        for (unsigned i = 0; i < info->fields; i++)
            ck_assert_uint_gt(strlen(info->field[i].name), 0);
    }
    ck_assert_uint_ge(kinds, 24);
    ck_assert_ptr_null(mt_event_info(0));
    ck_assert_ptr_null(mt_event_info(MT_KINDS));
    ck_assert_int_eq(mt_event_kind("no such event"), MT_NONE);
}
END_TEST

START_TEST(fields_are_in_the_order_of_the_list)
{
    const struct mt_event_info *info = mt_event_info(MT_copy);
    ck_assert_uint_eq(info->fields, 5);
    ck_assert_uint_eq(sizeof(struct mt_ev_copy), 5 * 8);
    ck_assert_str_eq(info->field[offsetof(struct mt_ev_copy, source) / 8].name, "source");
    ck_assert_int_eq(info->field[offsetof(struct mt_ev_copy, source) / 8].type, MT_ADDRESS);
    ck_assert_int_eq(info->field[0].type, MT_API);
    ck_assert_int_eq(mt_event_info(MT_launch)->tail, MT_TAIL_WORDS);
    ck_assert_int_eq(mt_event_info(MT_kernel)->tail, MT_TAIL_BYTES);
}
END_TEST

START_TEST(validity)
{
    struct mt_record *record = &space.record;
    *record = (struct mt_record){.kind = MT_free, .words = 3};
    ck_assert(mt_record_is_valid(record));
    record->words = 2;
    ck_assert(!mt_record_is_valid(record));
    record->words = 4;
    ck_assert(!mt_record_is_valid(record));
    record->kind = MT_launch;
    record->words = 4;
    ck_assert(mt_record_is_valid(record));
    record->words = MT_RECORD_WORDS_MAX + 1;
    ck_assert(!mt_record_is_valid(record));
    *record = (struct mt_record){.kind = MT_NONE};
    ck_assert(!mt_record_is_valid(record));
    record->kind = MT_KINDS;
    ck_assert(!mt_record_is_valid(record));
}
END_TEST

START_TEST(sizes_and_tails)
{
    struct mt_record *record = &space.record;
    size_t words;
    *record = (struct mt_record){.kind = MT_launch, .words = 6};
    ck_assert_uint_eq(mt_record_size(record), 16 + 48);
    ck_assert_ptr_eq(mt_record_next(record), (char *)record + 64);
    ck_assert_ptr_eq(mt_record_tail(record, &words), &record->word[4]);
    ck_assert_uint_eq(words, 2);
    *record = (struct mt_record){.kind = MT_lost, .words = 1};
    mt_record_tail(record, &words);
    ck_assert_uint_eq(words, 0);
}
END_TEST

START_TEST(parameter_words)
{
    uint64_t word = MT_WORD(0x7fffffffff00, 32760);
    ck_assert_uint_eq(MT_WORD_ADDRESS(word), 0x7fffffffff00);
    ck_assert_uint_eq(MT_WORD_OFFSET(word), 32760);
}
END_TEST

UNIT_MAIN("event", names_lead_to_kinds_and_back, fields_are_in_the_order_of_the_list, validity,
          sizes_and_tails, parameter_words)
