/* Axes: where values lie, and that ticks are few, round and inside. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "plot/svg.h"

START_TEST(values_lie_between_the_ends)
{
    struct mt_axis axis = {0, 200, 10, 110, false};
    ck_assert_double_eq_tol(mt_axis_at(&axis, 0), 10, 1e-9);
    ck_assert_double_eq_tol(mt_axis_at(&axis, 50), 35, 1e-9);
    ck_assert_double_eq_tol(mt_axis_at(&axis, 200), 110, 1e-9);
    axis = (struct mt_axis){1, 1e6, 0, 600, true};
    ck_assert_double_eq_tol(mt_axis_at(&axis, 1), 0, 1e-6);
    ck_assert_double_eq_tol(mt_axis_at(&axis, 1000), 300, 1e-6);
    ck_assert_double_eq_tol(mt_axis_at(&axis, 1e5), 500, 1e-6);
}
END_TEST

/* What is drawn, in `text`. */
static void draw(const struct mt_axis *axis, enum mt_axis_unit unit, char *text, size_t size)
{
    struct mt_error error = {0};
    struct mt_output *output = mt_output_new("svgaxis.svg", &error);
    ck_assert_ptr_nonnull(output);
    mt_axis_below(output, axis, unit, 100, 50, "what");
    ck_assert_int_eq(mt_output_close(output), 0);
    mt_output_free(output);
    FILE *file = fopen("svgaxis.svg", "r");
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
    unlink("svgaxis.svg");
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;
    while ((text = strstr(text, word))) {
        n++;
        text++;
    }
    return n;
}

START_TEST(ticks_are_few)
{
    static char text[1 << 16];
    static const enum mt_axis_unit units[] = {MT_AXIS_BYTES, MT_AXIS_NS, MT_AXIS_COUNT};
    double most = 1;
    for (int i = 0; i < _i; i++)
        most *= 1.37;
    for (int unit = 0; unit < 3; unit++) {
        struct mt_axis axis = {0, most, 0, 900, false};
        draw(&axis, units[unit], text, sizeof text);
        unsigned ticks = count(text, "<text") - 1;
        ck_assert_uint_le(ticks, 11);
        ck_assert_uint_ge(ticks, most < 2 ? 1 : 2);
    }
}
END_TEST

START_TEST(the_unit_fits)
{
    static char text[1 << 16];
    struct mt_axis axis = {0, 512.0 * 1048576, 0, 900, false};
    draw(&axis, MT_AXIS_BYTES, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, ">what (MiB)<"));
    ck_assert_ptr_nonnull(strstr(text, ">128<"));
    axis.to = 38.4e6;
    draw(&axis, MT_AXIS_NS, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, ">what (ms)<"));
    ck_assert_ptr_nonnull(strstr(text, ">35<"));
    axis = (struct mt_axis){3000, 5e8, 0, 900, true};
    draw(&axis, MT_AXIS_NS, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, ">10 us<"));
    ck_assert_ptr_nonnull(strstr(text, ">100 ms<"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {values_lie_between_the_ends, the_unit_fits, NULL};
    Suite *suite = unit_suite("svgaxis", tests);
    TCase *loops = tcase_create("loops");
    tcase_add_loop_test(loops, ticks_are_few, 0, 90);
    suite_add_tcase(suite, loops);
    return unit_run(suite);
}
