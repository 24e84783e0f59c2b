#include "report/stacksinks.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"

#define PATH "stacksinks.out"

static const struct mt_column columns[] = {
    {"stack_id", "number", MT_T_UINT, MT_U_NONE},
    {"frames", "innermost first", MT_T_TEXT, MT_U_NONE},
    {"allocated_bytes", "weight", MT_T_UINT, MT_U_BYTES},
};
static const struct mt_table table = {"stacks", "", columns, 3, false};

static const struct {
    const char *frames;
    uint64_t bytes;
} stacks[] = {
    {"take (pool.cc:7);forward (/a/b/net.py:12);main (/a/train.py:3)", 600},
    {"give (pool.cc:9);forward (/a/b/net.py:12);main (/a/train.py:3)", 200},
    {"forward (/a/b/net.py:14);main (/a/train.py:3)", 100},
    {"<lambda> (/a/train.py:9)", 60},
    {"libx.so+0x12;main (/a/train.py:3)", 39},
    {"a\nb&\"c\"", 1},
    {"never (/a/train.py:99)", 0},
};

static struct mt_error error;

static char *contents(void)
{
    static char text[1 << 16];
    FILE *file = fopen(PATH, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void fill(struct mt_sink *sink, size_t n)
{
    ck_assert_ptr_nonnull(sink);
    ck_assert_int_eq(sink->begin(sink, &table), 0);
    for (size_t i = 0; i < n; i++) {
        struct mt_value cells[] = {mt_uint(i), mt_text(stacks[i].frames), mt_uint(stacks[i].bytes)};
        ck_assert_int_eq(sink->row(sink, &table, cells), 0);
    }
    ck_assert_int_eq(sink->end(sink, &table), 0);
    ck_assert_int_eq(mt_stack_sink_filled(sink), n > 0);
    sink->free(sink);
}

static struct mt_sink *flame(bool bytes)
{
    struct mt_flame_title title = {"Bytes <allocated>", "of train.py", bytes};
    return mt_flame_sink_new(mt_output_new(PATH, &error), "allocated_bytes", &title);
}

static struct mt_sink *folded(void)
{
    return mt_folded_sink_new(mt_output_new(PATH, &error), "allocated_bytes");
}

#define STACKS (sizeof stacks / sizeof *stacks)

START_TEST(folded_lines_begin_outermost)
{
    fill(folded(), STACKS);
    ck_assert_str_eq(contents(),
                     "main (/a/train.py:3);forward (/a/b/net.py:12);take (pool.cc:7) 600\n"
                     "main (/a/train.py:3);forward (/a/b/net.py:12);give (pool.cc:9) 200\n"
                     "main (/a/train.py:3);forward (/a/b/net.py:14) 100\n"
                     "<lambda> (/a/train.py:9) 60\n"
                     "main (/a/train.py:3);libx.so+0x12 39\n"
                     "a\\x0ab&\"c\" 1\n");
    unlink(PATH);
}
END_TEST

START_TEST(no_stack_no_file)
{
    fill(folded(), 0);
    ck_assert_int_ne(access(PATH, F_OK), 0);
    fill(flame(true), 0);
    ck_assert_int_ne(access(PATH, F_OK), 0);
    ck_assert_int_ne(access(PATH ".tmp", F_OK), 0);
}
END_TEST

/* The box of a title: x and width. */
static void box(const char *svg, const char *title, double *x, double *width)
{
    const char *at = strstr(svg, title);
    ck_assert_msg(at != NULL, "no box has the title %s", title);
    ck_assert_int_eq(
        sscanf(strstr(at, "<rect x="), "<rect x=\"%lf\" y=\"%*d\" width=\"%lf\"", x, width), 2);
}

START_TEST(boxes_are_as_wide_as_their_weight)
{
    double x, width, above_x, above_width;
    fill(flame(true), STACKS);
    char *svg = contents();
    box(svg, "<title>all\n1000 B, 100.0 %", &x, &width);
    ck_assert_double_eq_tol(width, 1180, 1);
    box(svg, "<title>main (/a/train.py:3)\n939 B, 93.9 %", &above_x, &above_width);
    ck_assert_double_eq_tol(above_width, 1180 * 0.939, 1);
    box(svg, "<title>forward (/a/b/net.py:12)\n800 B", &x, &width);
    ck_assert_double_eq_tol(x, above_x, 0.01);
    ck_assert_double_eq_tol(width, 1180 * 0.8, 1);
    box(svg, "<title>forward (/a/b/net.py:14)\n100 B", &x, &width);
    ck_assert_double_eq_tol(x, above_x + 1180 * 0.8, 0.1);
    ck_assert_ptr_null(strstr(svg, "never"));
    ck_assert_ptr_nonnull(strstr(svg, ">forward (net.py:12)<")); /* without the folders */
    ck_assert_ptr_nonnull(strstr(svg, "&lt;lambda&gt;"));
    ck_assert_ptr_nonnull(strstr(svg, "a\\x0ab&amp;&quot;c&quot;"));
    ck_assert_ptr_nonnull(strstr(svg, "Bytes &lt;allocated&gt;"));
    unlink(PATH);
}
END_TEST

START_TEST(stacks_without_weight_are_a_picture_too)
{
    static const struct mt_value cells[] = {{.u = 1}, {.s = "f (a.py:1)"}, {.u = 0}};
    struct mt_sink *sink = flame(false);
    sink->begin(sink, &table);
    ck_assert_int_eq(sink->row(sink, &table, cells), 0);
    ck_assert_int_eq(sink->end(sink, &table), 0);
    sink->free(sink);
    ck_assert_ptr_nonnull(strstr(contents(), "</svg>"));
    unlink(PATH);
}
END_TEST

/* Deeper than is drawn, and many names of one parent. */
START_TEST(deep_and_wide_stacks)
{
    static char frames[1 << 15];
    struct mt_sink *sink = flame(true);
    sink->begin(sink, &table);
    for (size_t i = 0; i + 4 < sizeof frames / 2; i++)
        strcpy(frames + 2 * i, "f;");
    frames[strlen(frames) - 1] = 0;
    struct mt_value cells[] = {mt_uint(1), mt_text(frames), mt_uint(1000)};
    ck_assert_int_eq(sink->row(sink, &table, cells), 0);
    for (unsigned i = 0; i < 5000; i++) {
        char name[32];
        snprintf(name, sizeof name, "%u (a.py:%u);root", i, i);
        cells[1] = mt_text(name);
        ck_assert_int_eq(sink->row(sink, &table, cells), 0);
    }
    ck_assert_int_eq(sink->end(sink, &table), 0);
    sink->free(sink);
    ck_assert_int_eq(access(PATH, F_OK), 0);
    unlink(PATH);
}
END_TEST

UNIT_MAIN("stacksinks", folded_lines_begin_outermost, no_stack_no_file,
          boxes_are_as_wide_as_their_weight, stacks_without_weight_are_a_picture_too,
          deep_and_wide_stacks)
