/* What makes the picture of a trace less than whole. */
#include "report/story/notes.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "analysis/answers/tables.h"

static struct mt_story story;
static struct mt_sink *sink;
static char note[MT_NOTES_MAX][MT_NOTE_BYTES];

static void setup(void)
{
    struct mt_rows *rows = mt_rows_new(0, NULL);
    sink = mt_rows_sink(rows);
    story = (struct mt_story){.summary = rows};
    ck_assert_int_eq(sink->begin(sink, &mt_table_summary), 0);
}

static void teardown(void)
{
    mt_sink_free(sink);
}

static void add(const char *key, const char *value)
{
    struct mt_value cell[MT_COLS_summary] = {[MT_COL_summary_key] = mt_text(key),
                                             [MT_COL_summary_value] = mt_text(value),
                                             [MT_COL_summary_unit] = mt_text(""),
                                             [MT_COL_summary_doc] = mt_text("")};
    ck_assert_int_eq(sink->row(sink, &mt_table_summary, cell), 0);
}

START_TEST(whole_names_of_many_variants)
{
    char key[64], last[64];
    unsigned named = 0;
    for (unsigned i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "variant.cuMemFunctionOfALaterDriver_v%03u", i);
        add(key, "1");
    }
    ck_assert_uint_eq(mt_story_notes(&story, note), 1);
    ck_assert_ptr_nonnull(strstr(note[0], "calls of 200 unknown variants "));
    for (const char *at = note[0]; (at = strstr(at, "cuMem")); at++)
        named++;
    ck_assert_uint_gt(named, 10);
    ck_assert_uint_lt(named, 200);
    snprintf(last, sizeof last, ", cuMemFunctionOfALaterDriver_v%03u", named - 1);
    ck_assert_str_eq(note[0] + strlen(note[0]) - strlen(last), last);
}
END_TEST

START_TEST(what_was_not_seen)
{
    ck_assert_uint_eq(mt_story_notes(&story, note), 0);
    add("late_frees", "2");
    add("variant.cuMemFoo_v9", "1");
    ck_assert_uint_eq(mt_story_notes(&story, note), 2);
    ck_assert_str_eq(note[0], "2 driver frees of memory from before the trace");
    ck_assert_str_eq(note[1],
                     "calls of 1 unknown variant of driver functions are missing: cuMemFoo_v9");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notes");
    TCase *tcase = tcase_create("notes");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, whole_names_of_many_variants);
    tcase_add_test(tcase, what_was_not_seen);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
