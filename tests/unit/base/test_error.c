#include "base/error.h"

#include <string.h>

#include "unit.h"

START_TEST(carries_code_and_message)
{
    struct mt_error error;
    ck_assert_int_eq(mt_fail(&error, MT_ERR_DAMAGED, "%s at byte %d", "x.mtrace", 7),
                     MT_ERR_DAMAGED);
    ck_assert_int_eq(error.code, MT_ERR_DAMAGED);
    ck_assert_str_eq(error.message, "x.mtrace at byte 7");
    ck_assert_int_eq(mt_fail(NULL, MT_ERR_MEMORY, "nobody listens"), MT_ERR_MEMORY);
}
END_TEST

START_TEST(long_message_is_cut)
{
    struct mt_error error;
    char text[1000];
    memset(text, 'x', sizeof text);
    mt_fail(&error, MT_ERR_SYSTEM, "%.*s", (int)sizeof text, text);
    ck_assert_uint_eq(strlen(error.message), sizeof error.message - 1);
}
END_TEST

static int fails(int code, int *reached)
{
    RETURN_IF_ERROR(code);
    *reached = 1;
    return 5;
}

START_TEST(return_if_error)
{
    int reached = 0;
    ck_assert_int_eq(fails(MT_ERR_LIMIT, &reached), MT_ERR_LIMIT);
    ck_assert_int_eq(reached, 0);
    ck_assert_int_eq(fails(3, &reached), 5);
    ck_assert_int_eq(reached, 1);
}
END_TEST

START_TEST(every_code_is_negative_and_has_a_text)
{
#define CHECK(name, text)                                                                          \
    ck_assert_int_lt(name, 0);                                                                     \
    ck_assert_str_eq(mt_err_text(name), text);
    MT_ERRORS(CHECK)
#undef CHECK
    ck_assert_str_eq(mt_err_text(0), "no error");
    ck_assert_str_eq(mt_err_text(-1), "unknown error");
}
END_TEST

UNIT_MAIN("error", carries_code_and_message, long_message_is_cut, return_if_error,
          every_code_is_negative_and_has_a_text)
