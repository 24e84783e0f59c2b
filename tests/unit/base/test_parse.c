#include "base/parse.h"

#include "../unit.h"

static bool number(const char *text)
{
    long got = -1;
    return mt_parse_number(text, 5, 2000000000, &got) && got == strtol(text, NULL, 10);
}

START_TEST(numbers)
{
    ck_assert(number("5") && number("0005") && number("1999999999") && number("2000000000"));
    static const char *const wrong[] = {
        "", "4", "2000000001", "99999999999999999999", "-5", "+5", " 5", "5 ", "5k", "0x5", "5.0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(!number(wrong[i]), "'%s'", wrong[i]);
}
END_TEST

START_TEST(whole_numbers)
{
    uint64_t got = 1;
    ck_assert(mt_parse_whole("0", &got) && got == 0);
    ck_assert(mt_parse_whole("0018446744073709551615", &got) && got == UINT64_MAX);
    static const char *const wrong[] = {
        "", "18446744073709551616", "18446744073709551620", "-1", "+1", " 1", "1 ", "1.0", "1k"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(!mt_parse_whole(wrong[i], &got), "'%s'", wrong[i]);
}
END_TEST

START_TEST(switches)
{
    bool on = false;
    ck_assert(mt_parse_switch("1", &on) && on);
    ck_assert(mt_parse_switch("off", &on) && !on);
    ck_assert(mt_parse_switch("true", &on) && on);
    ck_assert(mt_parse_switch("no", &on) && !on);
    ck_assert(!mt_parse_switch("", &on) && !mt_parse_switch("2", &on));
    ck_assert(!mt_parse_switch("On", &on) && !mt_parse_switch("yes ", &on));
}
END_TEST

START_TEST(choices)
{
    ck_assert(mt_parse_choice("auto", "auto|none|both") &&
              mt_parse_choice("both", "auto|none|both"));
    ck_assert(!mt_parse_choice("", "auto|none") && !mt_parse_choice("non", "auto|none"));
    ck_assert(!mt_parse_choice("none|both", "auto|none|both"));
}
END_TEST

UNIT_MAIN("parse", numbers, whole_numbers, switches, choices)
