/* Access-time intervals and working sets of a trace of two iterations, by hand. */
#include "../unit.h"
#include "analysis/answers/tables.h"
#include "passrun.h"

#define A 0x10000
#define B 0x20000

extern const struct mt_pass mt_pass_intervals, mt_pass_kernels;

static struct passrun *run;

/* Block 2 of 4 KiB at A: written at 1000, touched 1500, 1700, 3700; block 3 of 8 KiB at B: touched
 * at 1500 and 3700, set at 4000. Iterations begin at 1000 and 3000. */
static void setup(void)
{
    run = passrun_new();
    passrun_birth(run, 100, A, 4096);
    passrun_birth(run, 200, B, 8192);
    passrun_iteration(run, 1000);
    passrun_copy(run, 1000, A, 0xf0000000, 4096);
    passrun_launch(run, 1500, 0, "add", A, B);
    passrun_launch(run, 1700, 0, "scale", A);
    passrun_iteration(run, 3000);
    passrun_birth(run, 3000, 0x40000, 512);
    passrun_launch(run, 3700, 0, "add", A, B);
    passrun_set(run, 4000, B, 8192);
    passrun_death(run, 4100, 0x40000);
    passrun_birth(run, 4200, 0x40000, 512);
    passrun_launch(run, 4300, 0, "scale", 0x40000); /* another block: no interval */
    passrun_end(run, 5000);
}

static void teardown(void)
{
    passrun_free(run);
}

#define U(column, value) ck_assert_uint_eq(mt_rows_get(rows, i, column).u, value)
#define S(column, value) ck_assert_str_eq(mt_rows_get(rows, i, column).s, value)
#define R(column, value) ck_assert_double_eq_tol(mt_rows_get(rows, i, column).r, value, 1e-9)

/* Block 4 is touched at 5100 and 5200, and after a pause at 8100 and 8300. */
START_TEST(no_interval_spans_a_pause)
{
    passrun_launch(run, 5100, 0, "late", 0x40000);
    passrun_launch(run, 5200, 0, "late", 0x40000);
    passrun_pause(run, 6000, 8000);
    passrun_launch(run, 8100, 0, "late", 0x40000);
    passrun_launch(run, 8300, 0, "late", 0x40000);
    passrun_go(run, &mt_pass_intervals);
    struct mt_rows *rows = passrun_rows(run, &mt_table_gaps);
    for (size_t i = 0; i < mt_rows_count(rows); i++)
        ck_assert(mt_rows_get(rows, i, "start_ns").u >= 8000 ||
                  mt_rows_get(rows, i, "end_ns").u <= 6000);
    size_t i = passrun_row_of(rows, "start_ns", 8100);
    U("gap_ns", 200);
    rows = passrun_rows(run, &mt_table_ati);
    i = 0; /* 500, 200, 2000, 2200, 300; 800, 100, 200 */
    U("intervals", 8);
}
END_TEST

START_TEST(intervals_by_kind)
{
    passrun_go(run, &mt_pass_intervals);
    struct mt_rows *rows = passrun_rows(run, &mt_table_ati);
    ck_assert_uint_eq(mt_rows_count(rows), 5);
    size_t i = 0; /* all: 500, 200, 2000, 2200, 300 */
    ck_assert(mt_rows_get(rows, i, "first_kind").null);
    S("source", "allocator");
    U("intervals", 5);
    U("min_ns", 200);
    U("max_ns", 2200);
    R("mean_ns", 1040);
    ck_assert_uint_ge(mt_rows_get(rows, i, "p50_ns").u, 492);
    ck_assert_uint_le(mt_rows_get(rows, i, "p50_ns").u, 508);
    i = 1;
    S("first_kind", "write");
    S("second_kind", "touch");
    U("wraps", 0);
    U("min_ns", 500);
    i = 2;
    S("second_kind", "write");
    U("max_ns", 300);
    i = 3;
    S("second_kind", "touch");
    U("wraps", 0);
    U("intervals", 1);
    i = 4;
    U("wraps", 1);
    U("intervals", 2);
    U("min_ns", 2000);
}
END_TEST

START_TEST(histogram)
{
    passrun_go(run, &mt_pass_intervals);
    struct mt_rows *rows = passrun_rows(run, &mt_table_ati_histogram);
    ck_assert_uint_eq(mt_rows_count(rows), 5);
    size_t i = 0;
    U("from_ns", 192);
    U("to_ns", 224);
    R("cumulative_share", 0.2);
    i = 4;
    U("from_ns", 2048);
    U("intervals", 1);
    R("cumulative_share", 1);
}
END_TEST

START_TEST(largest_gaps)
{
    passrun_go(run, &mt_pass_intervals);
    struct mt_rows *rows = passrun_rows(run, &mt_table_gaps);
    ck_assert_uint_eq(mt_rows_count(rows), 5);
    size_t i = 0;
    U("block_id", 3);
    U("size_bytes", 8192);
    U("start_ns", 1500);
    U("end_ns", 3700);
    U("gap_ns", 2200);
    U("wraps", 1);
    S("after", "add");
    S("before", "add");
    R("byte_seconds", 8192 * 2.2e-6);
    i = 1;
    U("block_id", 2);
    S("after", "scale");
    S("before", "add");
    i = 2;
    S("second_kind", "write");
    S("before", "cuMemsetD8Async");
    i = 3;
    S("after", "cuMemcpyAsync");
}
END_TEST

START_TEST(working_sets)
{
    passrun_go(run, &mt_pass_kernels);
    struct mt_rows *rows = passrun_rows(run, &mt_table_workingset);
    ck_assert_uint_eq(mt_rows_count(rows), 2);
    size_t i = 0;
    S("kernel", "add");
    U("launches", 2);
    U("min_bytes", 12288);
    U("max_bytes", 12288);
    R("max_share", 1);
    R("mean_share", (1 + 12288.0 / 12800) / 2);
    i = 1;
    S("kernel", "scale");
    U("min_bytes", 512);
    R("mean_bytes", (4096 + 512) / 2.0);
    U("max_bytes", 4096);
}
END_TEST

UNIT_MAIN_WITH("intervals", setup, teardown, no_interval_spans_a_pause, intervals_by_kind,
               histogram, largest_gaps, working_sets)
