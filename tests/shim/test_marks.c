/* Marks and ranges of NVTX and memtrace.h. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "unit/unit.h"

static const char *text_of(const struct mt_trace *trace, uint64_t id)
{
    const char *text = id ? mt_trace_string(trace, id) : "";
    ck_assert_msg(text != NULL, "string %llu is used before it is told", (unsigned long long)id);
    return text;
}

/* "push NAME DOMAIN" and the like, a line each. */
static char *marks_of(const char *path)
{
    char *text = NULL;
    size_t size;
    struct mt_trace *trace = open_trace(path);
    FILE *to = open_memstream(&text, &size);
    for (const struct mt_record *r; (r = mt_trace_next(trace, NULL));) {
        if (r->kind == MT_mark || r->kind == MT_range_push)
            fprintf(to, "%s %s/%s\n", r->kind == MT_mark ? "mark" : "push",
                    text_of(trace, r->word[0]), text_of(trace, r->word[1]));
        else if (r->kind == MT_range_pop)
            fprintf(to, "pop /%s\n", text_of(trace, r->word[0]));
        else if (r->kind == MT_range_start)
            fprintf(to, "start %s/%s\n", text_of(trace, r->word[0]), text_of(trace, r->word[2]));
        else if (r->kind == MT_range_end)
            fprintf(to, "end\n");
    }
    mt_trace_free(trace);
    fclose(to);
    return text;
}

static const char nvtx_expected[] = "push outer/\n"
                                    "push inner/\n"
                                    "mark ascii/\n"
                                    "mark \xf0\x9f\x98\x80/\n"
                                    "pop /\n"
                                    "push registered/early domain\n"
                                    "mark weit \xc3\xa4\xe2\x82\xac/early domain\n"
                                    "mark /w\n"
                                    "pop /early domain\n"
                                    "start span/\n"
                                    "start ascii/early domain\n"
                                    "end\n"
                                    "end\n"
                                    "pop /\n";

/* Asked for by the variable, and by nobody. */
START_TEST(nvtx_by_both_ways)
{
    char variable[4200];
    snprintf(variable, sizeof variable, "NVTX_INJECTION64_PATH=%s", getenv("MT_SHIM"));
    for (int i = 0; i < 2; i++) {
        struct run run = run_clean(i ? LIST(variable) : NULL, LIST("victim", "nvtx"));
        char *text = marks_of(run.trace[0]);
        ck_assert_str_eq(text, nvtx_expected);
        ck_assert_str_eq(run.out, i ? strcat(variable, "\n") : "");
        free(text);
        run_free(&run);
    }
}
END_TEST

/* The row of the block of a size, in the table that memtrace-analyze makes. */
static void expect_row(const char *table, const char *size, const char *ending)
{
    const char *found = strstr(table, size);
    ck_assert_msg(found != NULL, "no block of %s in\n%s", size, table);
    size_t length = strcspn(found, "\n"), wanted = strlen(ending);
    ck_assert_msg(length > wanted && strncmp(found + length - wanted, ending, wanted) == 0,
                  "\"%.*s\" does not end with \"%s\"", (int)length, found, ending);
}

START_TEST(blocks_of_two_threads_in_ranges)
{
    if (foreign_skip("blocks_of_two_threads_in_ranges: exec of the tools"))
        return;
    struct run run = run_clean(NULL, LIST("victim", "nvtx-backward"));
    struct run tool =
        run_order(&(struct order){.preload = "",
                                  .arguments = LIST(getenv("MT_ANALYZE"), "-q", "--table=blocks",
                                                    "--format=csv", run.trace[0])});
    run_must_succeed(&tool);
    expect_row(tool.out, ",1048576,", ",layer3/aten::mm,,0");
    expect_row(tool.out, ",2097152,",
               ",autograd::engine::evaluate_function: MmBackward0/MmBackward0,layer3/aten::mm,0");
    expect_row(tool.out, ",3145728,", ",,,0");
    run_free(&tool);
    run_free(&run);
}
END_TEST

START_TEST(another_tool_is_left_alone)
{
    char variable[4200];
    snprintf(variable, sizeof variable, "NVTX_INJECTION64_PATH=%s/libvictim-other.so",
             getenv("MT_VICTIMS"));
    struct run run = run_clean(LIST(variable), LIST("victim", "nvtx-tool"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_mark), 0);
    ck_assert_str_eq(run.out, "attached: 1\n");
    run_free(&run);
}
END_TEST

/* Names are told once, before they are used, whichever thread is first. */
START_TEST(threads_share_names)
{
    struct run run = run_clean(NULL, LIST("victim", "marks", "8"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_string), 50 + 8);
    ck_assert_uint_eq(count_events(run.trace[0], MT_mark), 8 * 200 + 2);
    ck_assert_uint_eq(count_events(run.trace[0], MT_range_push), 8 * 200);
    ck_assert_uint_eq(count_events(run.trace[0], MT_range_pop), 8 * 200);
    free(marks_of(run.trace[0])); /* looks at every name */
    run_free(&run);
}
END_TEST

START_TEST(blocks_of_an_own_allocator)
{
    struct run run = run_clean(NULL, LIST("victim", "pool"));
    struct seen seen = compare_run(&run);
    ck_assert_uint_eq(seen.events, 2 + 4 + 1);
    run_free(&run);
}
END_TEST

START_TEST(marks_start_no_recording)
{
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "marks-alone")});
    run_must_succeed(&run);
    ck_assert_uint_eq(run_files(&run, ""), 0);
    run_free(&run);
}
END_TEST

START_TEST(not_recorded)
{
    struct run run =
        run_order(&(struct order){.preload = "", .arguments = LIST("victim", "marks", "2")});
    run_must_succeed(&run);
    run_free(&run);
    run = run_clean(LIST("MEMTRACE_MARKS=0"), LIST("victim", "marks", "2"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_mark), 0);
    ck_assert_uint_eq(count_events(run.trace[0], MT_string), 0);
    run_free(&run);
}
END_TEST

/* More names than are kept: told at each use. */
START_TEST(names_without_end)
{
    struct run run =
        run_clean(LIST("MEMTRACE_WAIT_US=5000000"), LIST("victim", "many-names", "60000"));
    ck_assert_uint_eq(count_events(run.trace[0], MT_string), 60000);
    ck_assert_uint_eq(count_events(run.trace[0], MT_mark), 60000);
    free(marks_of(run.trace[0]));
    run_free(&run);
}
END_TEST

UNIT_MAIN("marks", nvtx_by_both_ways, blocks_of_two_threads_in_ranges, another_tool_is_left_alone,
          threads_share_names, blocks_of_an_own_allocator, marks_start_no_recording, not_recorded,
          names_without_end)
