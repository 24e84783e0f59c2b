#include "report/utf8.h"

#include "../unit.h"

START_TEST(characters_have_lengths)
{
    ck_assert_uint_eq(mt_utf8_length("a"), 1);
    ck_assert_uint_eq(mt_utf8_length("\xc3\xa9"), 2);
    ck_assert_uint_eq(mt_utf8_length("\xe2\x82\xac"), 3);
    ck_assert_uint_eq(mt_utf8_length("\xf0\x9f\x98\x80"), 4);
    ck_assert_uint_eq(mt_utf8_length("\xf4\x8f\xbf\xbf"), 4);
    ck_assert_uint_eq(mt_utf8_length(""), 0);
}
END_TEST

START_TEST(what_is_no_character)
{
    ck_assert_uint_eq(mt_utf8_length("\x80"), 0);             /* a continuation alone */
    ck_assert_uint_eq(mt_utf8_length("\xc3"), 0);             /* cut */
    ck_assert_uint_eq(mt_utf8_length("\xe2\x82"), 0);         /* cut */
    ck_assert_uint_eq(mt_utf8_length("\xc0\x80"), 0);         /* overlong */
    ck_assert_uint_eq(mt_utf8_length("\xe0\x80\x80"), 0);     /* overlong */
    ck_assert_uint_eq(mt_utf8_length("\xed\xa0\x80"), 0);     /* surrogate */
    ck_assert_uint_eq(mt_utf8_length("\xf4\x90\x80\x80"), 0); /* beyond U+10FFFF */
    ck_assert_uint_eq(mt_utf8_length("\xff"), 0);
}
END_TEST

START_TEST(clean_stretches)
{
    ck_assert_uint_eq(mt_utf8_clean("plain", ""), 5);
    ck_assert_uint_eq(mt_utf8_clean("a\"b", "\""), 1);
    ck_assert_uint_eq(mt_utf8_clean("ab\x1b[2J", ""), 2);
    ck_assert_uint_eq(mt_utf8_clean("\xc3\xa9\xff", ""), 2);
    ck_assert_uint_eq(mt_utf8_clean("\x7f", ""), 0);
    ck_assert_uint_eq(mt_utf8_clean("\xc2\x9b", ""), 0); /* a control character of two bytes */
    ck_assert_uint_eq(mt_utf8_clean("\xc2\xa0", ""), 2);
}
END_TEST

UNIT_MAIN("utf8", characters_have_lengths, what_is_no_character, clean_stretches)
