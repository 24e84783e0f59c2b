#include "report/story/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"

#include "report/story/sums.h"

static const char *name(const char *text, size_t columns)
{
    static char to[MT_PAGE_LINE_BYTES];
    return mt_page_name(to, text, columns);
}

START_TEST(names_are_shortened_in_the_middle)
{
    ck_assert_str_eq(name("abcdefghij", 10), "abcdefghij");
    ck_assert_str_eq(name("abcdefghijk", 10), "abcd...ijk");
    ck_assert_str_eq(name("abcdefghijk", 9), "abc...ijk");
    ck_assert_str_eq(name("abcdefghijk", 3), "...");
    ck_assert_str_eq(name("abcdefghijk", 2), "..");
    ck_assert_str_eq(name("", 10), "");
}
END_TEST

/* A character of several bytes is one column; what is no text is shown as its bytes, whole. */
START_TEST(names_of_any_bytes)
{
    ck_assert_str_eq(name("\xc3\xa4\xc3\xb6\xc3\xbc", 3), "\xc3\xa4\xc3\xb6\xc3\xbc");
    ck_assert_str_eq(name("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 3), "...");
    ck_assert_str_eq(name("a\nb\x1b[0m", 20), "a\\x0ab\\x1b[0m");
    ck_assert_str_eq(name("\xff", 4), "\\xff");
    for (size_t columns = 1; columns < 20; columns++)
        ck_assert_uint_le(mt_page_columns(name("\xff\xc2\x85\xe2\x82\xac\n12345678\x01", columns)),
                          columns);
}
END_TEST

START_TEST(parts_are_whole_or_not_there)
{
    static struct mt_page page;
    mt_page_start(&page, 10);
    mt_page_begin(&page, "label", 1);
    ck_assert(mt_page_add(&page, "%080d", 1));
    ck_assert(!mt_page_add(&page, "%010d", 2));
    ck_assert(mt_page_add(&page, "%07d", 3));
    ck_assert_uint_eq(mt_page_room(&page), 0);
    ck_assert_uint_eq(strlen(page.line[0].text), MT_PAGE_COLUMNS);
    mt_page_begin(&page, "label", 1);
    ck_assert(mt_page_add(&page, "%0200d", 4)); /* the first is cut */
    ck_assert_uint_eq(strlen(page.line[1].text), MT_PAGE_COLUMNS);
}
END_TEST

/* The labels of what is shown, "a b c". */
static const char *shown(const struct mt_page *page)
{
    static char labels[256];
    char path[] = "/tmp/test-page-XXXXXX", line[MT_PAGE_LINE_BYTES];
    struct mt_error error = {0};
    close(mkstemp(path));
    struct mt_output *output = mt_output_new(path, &error);
    mt_page_write(page, output);
    ck_assert_int_eq(mt_output_close(output), 0);
    mt_output_free(output);
    FILE *file = fopen(path, "r");
    labels[0] = 0;
    while (fgets(line, sizeof line, file))
        sprintf(labels + strlen(labels), "%s%.1s", labels[0] ? " " : "", line + 2);
    fclose(file);
    unlink(path);
    return labels;
}

START_TEST(the_lightest_lines_go_first)
{
    static const struct {
        const char *label;
        unsigned weight;
    } lines[] = {{"a", 50}, {"b", 10}, {"c", 30}, {"d", MT_PAGE_BESIDE}, {"e", 30}, {"f", 90}};
    static struct mt_page page;
    mt_page_start(&page, 5);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        mt_page_begin(&page, lines[i].label, lines[i].weight);
        mt_page_add(&page, "text");
    }
    mt_page_begin(&page, "g", 95); /* without a part it is no line */
    ck_assert_str_eq(shown(&page), "a b c d e f");
    page.limit = 4;
    ck_assert_str_eq(shown(&page), "a c d e f");
    page.limit = 3; /* of equal ones the first stays */
    ck_assert_str_eq(shown(&page), "a c d f");
}
END_TEST

START_TEST(sums_add_up)
{
    static struct mt_page page;
    struct mt_sum sum = {.total = 1000};
    size_t at = 0;
    mt_sum_add(&sum, "small", 100);
    mt_sum_add(&sum, "nothing", 0);
    mt_sum_add(&sum, "large", 500);
    mt_sum_add(&sum, "less than nothing", -50);
    mt_page_start(&page, 10);
    mt_page_begin(&page, "sum", 1);
    ck_assert_int_eq(mt_sum_write(&page, &sum, &at, 40, false), 0);
    ck_assert_str_eq(page.line[0].text, "  sum        500 B large, 100 B small, 400 B others");
}
END_TEST

/* What does not fit goes on in the next line, and ends with all that is left. */
START_TEST(sums_over_two_lines)
{
    static struct mt_page page;
    struct mt_sum sum = {.total = 1000};
    char names[5][64];
    size_t at = 0;
    for (int i = 0; i < 5; i++) {
        memset(names[i], 'a' + i, sizeof names[i]);
        names[i][36] = 0;
        mt_sum_add(&sum, names[i], 300 - i);
    }
    sum.total = 2000;
    mt_page_start(&page, 10);
    mt_page_begin(&page, "sum", 1);
    ck_assert_int_eq(mt_sum_write(&page, &sum, &at, 40, true), 2000 - 300 - 299);
    ck_assert_uint_eq(at, 2);
    mt_page_begin(&page, "", 1);
    ck_assert_int_eq(mt_sum_write(&page, &sum, &at, 40, false), 0);
    ck_assert_uint_eq(at, 3);
    ck_assert_ptr_nonnull(strstr(page.line[1].text, ", 1.08 KiB others"));
    ck_assert_uint_le(strlen(page.line[0].text), MT_PAGE_COLUMNS);
    ck_assert_uint_le(strlen(page.line[1].text), MT_PAGE_COLUMNS);
}
END_TEST

UNIT_MAIN("page", names_are_shortened_in_the_middle, names_of_any_bytes,
          parts_are_whole_or_not_there, the_lightest_lines_go_first, sums_add_up,
          sums_over_two_lines)
