#include "reader/strings.h"

#include <string.h>

#include "unit.h"

static union {
    struct mt_record record;
    uint64_t words[2 + 16];
} space;

static const struct mt_record *string(uint64_t id, const char *tail, size_t size)
{
    struct mt_ev_string *event = (void *)space.record.word;
    memset(&space, 0, sizeof space);
    space.record.kind = MT_string;
    space.record.words = 1 + (uint32_t)(size + 7) / 8;
    event->id = id;
    memcpy(event->tail, tail, size);
    return &space.record;
}

START_TEST(text_of_an_id)
{
    struct mt_strings strings = {0};
    ck_assert_ptr_null(mt_strings_get(&strings, 0));
    ck_assert_int_eq(mt_strings_add(&strings, string(700, "epoch", 5)), 0);
    ck_assert_int_eq(mt_strings_add(&strings, string(1, "eight by", 8)), 0);
    ck_assert_int_eq(mt_strings_add(&strings, string(2, "", 0)), 0);
    ck_assert_str_eq(mt_strings_get(&strings, 700), "epoch");
    ck_assert_str_eq(mt_strings_get(&strings, 1), "eight by");
    ck_assert_str_eq(mt_strings_get(&strings, 2), "");
    ck_assert_ptr_null(mt_strings_get(&strings, 699));
    ck_assert_ptr_null(mt_strings_get(&strings, UINT64_MAX));
    mt_strings_release(&strings);
}
END_TEST

START_TEST(the_first_event_holds)
{
    struct mt_strings strings = {0};
    mt_strings_add(&strings, string(1, "one", 3));
    mt_strings_add(&strings, string(1, "two", 3));
    ck_assert_str_eq(mt_strings_get(&strings, 1), "one");
    mt_strings_release(&strings);
}
END_TEST

START_TEST(impossible_ids)
{
    struct mt_strings strings = {0};
    ck_assert_int_eq(mt_strings_add(&strings, string(0, "none", 4)), 0);
    ck_assert_int_eq(mt_strings_add(&strings, string(MT_STRINGS_MAX, "far", 3)), 0);
    ck_assert_int_eq(mt_strings_add(&strings, string(UINT64_MAX, "farther", 7)), 0);
    ck_assert_uint_eq(strings.room, 0);
    mt_strings_release(&strings);
}
END_TEST

UNIT_MAIN("strings", text_of_an_id, the_first_event_holds, impossible_ids)
