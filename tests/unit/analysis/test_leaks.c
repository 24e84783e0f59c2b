/* What is left behind by iterations, and what only lives long. */
#include "../unit.h"
#include "analysis/answers/tables.h"
#include "smalljob.h"

extern const struct mt_pass mt_pass_leaks;

static struct passrun *run;
static struct mt_rows *rows;

static void setup(void)
{
    run = passrun_new();
}

static void teardown(void)
{
    passrun_free(run);
}

#define U(column) mt_rows_get(rows, i, column).u
#define R(column) mt_rows_get(rows, i, column).r

/* Gradients live into the next iteration, parameters for ever: neither is a leak. */
START_TEST(a_sound_job)
{
    struct smalljob job = {.iterations = 10, .backward_thread = 1};
    smalljob_write(run, &job);
    passrun_go(run, &mt_pass_leaks);
    ck_assert_uint_eq(mt_rows_count(passrun_rows(run, &mt_table_leaks)), 0);
}
END_TEST

START_TEST(three_blocks_an_iteration)
{
    struct smalljob job = {.iterations = 10, .leak = 3};
    smalljob_write(run, &job);
    passrun_go(run, &mt_pass_leaks);
    rows = passrun_rows(run, &mt_table_leaks);
    size_t i = 0;
    ck_assert_uint_eq(mt_rows_count(rows), 1);
    ck_assert_uint_eq(U("size_bytes"), 4096);
    ck_assert_uint_eq(U("leak"), 1);
    ck_assert_double_eq_tol(R("bytes_per_iteration"), 3 * 4096, 1e-6);
    ck_assert_uint_eq(U("blocks"), 3 * 8); /* those of the last two are too young */
    ck_assert_uint_eq(U("freed"), 0);
    ck_assert_uint_eq(U("iterations"), 8);
    ck_assert_uint_eq(U("steady_iterations"), 10);
}
END_TEST

/* A queue of blocks, each freed four iterations later: it is full soon and grows no more. */
START_TEST(a_queue)
{
    for (uint64_t k = 0; k < 40; k++) {
        passrun_iteration(run, 1000 + k * 1000);
        passrun_birth(run, 1100 + k * 1000, 0x10000 + k * 4096, 4096);
        if (k >= 4)
            passrun_death(run, 1200 + k * 1000, 0x10000 + (k - 4) * 4096);
    }
    passrun_end(run, 41000);
    passrun_go(run, &mt_pass_leaks);
    rows = passrun_rows(run, &mt_table_leaks);
    size_t i = 0;
    ck_assert_uint_eq(mt_rows_count(rows), 1);
    ck_assert_uint_eq(U("leak"), 0);
    ck_assert_double_lt(R("bytes_per_iteration"), 4096 / 20.0);
    ck_assert_uint_ge(U("freed"), 30);
}
END_TEST

/* Once is no growth, however long it lives. */
START_TEST(a_late_cache)
{
    for (uint64_t k = 0; k < 40; k++) {
        passrun_iteration(run, 1000 + k * 1000);
        passrun_birth(run, 1100 + k * 1000, 0x10000, 4096);
        if (k == 5 || k == 6)
            passrun_birth(run, 1200 + k * 1000, 0x100000 + k * 65536, 65536);
        passrun_death(run, 1300 + k * 1000, 0x10000);
    }
    passrun_end(run, 41000);
    passrun_go(run, &mt_pass_leaks);
    rows = passrun_rows(run, &mt_table_leaks);
    size_t i = 0;
    ck_assert_uint_eq(mt_rows_count(rows), 1);
    ck_assert_uint_eq(U("leak"), 0);
    ck_assert_uint_eq(U("iterations"), 2);
}
END_TEST

/* As many bytes an iteration as its number: no size comes twice. Beside it a block of one size. */
START_TEST(another_size_each_time)
{
    double sum = 0, sums = 0, weights = 0;
    for (uint64_t k = 0; k < 20; k++) {
        passrun_iteration(run, 1000 + k * 1000);
        passrun_birth(run, 1100 + k * 1000, 0x100000 + k * 65536, 4096 + k * 512);
    }
    passrun_end(run, 21000);
    passrun_go(run, &mt_pass_leaks);
    rows = passrun_rows(run, &mt_table_leaks);
    ck_assert_uint_eq(mt_rows_count(rows), 18 + 1); /* the last two are too young */
    for (uint64_t k = 0; k < 18; k++) {             /* the slope of the sums by hand */
        sum += 4096 + (double)k * 512;
        sums += sum * ((double)k - 8.5);
        weights += ((double)k - 8.5) * ((double)k - 8.5);
    }
    size_t leaks = 0;
    for (size_t i = 0; i < mt_rows_count(rows); i++) {
        leaks += U("leak");
        if (!mt_rows_get(rows, i, "size_bytes").null)
            continue;
        ck_assert_uint_eq(i, 0); /* the steepest */
        ck_assert_uint_eq(U("leak"), 1);
        ck_assert_uint_eq(U("blocks"), 18);
        ck_assert_uint_eq(U("alive_bytes"), (uint64_t)sum);
        ck_assert_double_eq_tol(R("bytes_per_iteration"), sums / weights, 1e-6);
    }
    ck_assert_uint_eq(leaks, 1);
}
END_TEST

/* One of two sizes explains the growth: together they are no other leak. */
START_TEST(a_leak_is_told_once)
{
    for (uint64_t k = 0; k < 20; k++) {
        passrun_iteration(run, 1000 + k * 1000);
        passrun_birth(run, 1100 + k * 1000, 0x100000 + k * 65536, 4096);
        if (k == 3)
            passrun_birth(run, 1200 + k * 1000, 0x4000000, 8192);
    }
    passrun_end(run, 21000);
    passrun_go(run, &mt_pass_leaks);
    rows = passrun_rows(run, &mt_table_leaks);
    size_t leaks = 0;
    ck_assert_uint_eq(mt_rows_count(rows), 3);
    for (size_t i = 0; i < 3; i++)
        leaks += U("leak");
    ck_assert_uint_eq(leaks, 1);
    size_t i = passrun_row_of(rows, "size_bytes", 4096);
    ck_assert_uint_eq(U("leak"), 1);
}
END_TEST

UNIT_MAIN_WITH("leaks", setup, teardown, a_sound_job, three_blocks_an_iteration, a_queue,
               a_late_cache, another_size_each_time, a_leak_is_told_once)
