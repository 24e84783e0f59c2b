/* Categories, phases, patterns, the peak and swapping of a job that is known to the last block. */
#include <string.h>

#include "../unit.h"
#include "analysis/answers/tables.h"
#include "smalljob.h"

extern const struct mt_pass mt_pass_behaviour;

static struct passrun *run;
static struct smalljob job;
static struct mt_rows *rows;

static void setup(void)
{
    run = passrun_new();
}

static void teardown(void)
{
    passrun_free(run);
}

static void go(struct smalljob wanted)
{
    job = wanted;
    smalljob_write(run, &job);
    passrun_go(run, &mt_pass_behaviour);
}

#define U(column) mt_rows_get(rows, i, column).u
#define S(column) mt_rows_get(rows, i, column).s
#define R(column) mt_rows_get(rows, i, column).r

static void expect_categories(void)
{
    rows = passrun_rows(run, &mt_table_roles);
    for (int block = 0; block < JOB_BLOCKS; block++) {
        size_t i = passrun_row_of(rows, "block_id", job.id[block]);
        ck_assert_msg(strcmp(S("category"), smalljob_category[block]) == 0,
                      "block %d of %lu bytes is %s by rule %s, not %s", block,
                      (unsigned long)U("size_bytes"), S("category"), S("rule"),
                      smalljob_category[block]);
    }
}

/* Iterations that begin anywhere in the job's own; a backward phase with its own thread, or not. */
START_TEST(categories)
{
    uint32_t rotate = (uint32_t)_i / 2, thread = (uint32_t)_i % 2;
    go((struct smalljob){.iterations = 8, .backward_thread = thread, .rotate = rotate});
    expect_categories();
}
END_TEST

/* Recording began within an iteration: what it uses lasts no longer than that of others. */
START_TEST(late)
{
    go((struct smalljob){.iterations = 8, .outside = 2, .rotate = (uint32_t)_i});
    expect_categories();
}
END_TEST

START_TEST(phases)
{
    go((struct smalljob){.iterations = 6, .backward_thread = (uint32_t)_i});
    rows = passrun_rows(run, &mt_table_phases);
    size_t i = passrun_row_of(rows, "iteration", 3);
    uint64_t start = JOB_START + 3 * JOB_PERIOD;
    ck_assert_str_eq(S("phase"), "forward");
    ck_assert_uint_eq(U("start_ns"), start);
    ck_assert_uint_eq(U("end_ns"), start + 400);
    ck_assert_uint_eq(U("steps"), 4);
    i++;
    ck_assert_str_eq(S("phase"), "backward");
    ck_assert_uint_eq(U("end_ns"), start + 800);
    i++;
    ck_assert_str_eq(S("phase"), "optimizer");
    ck_assert_uint_eq(U("start_ns"), start + 800);
    ck_assert_uint_eq(U("end_ns"), start + JOB_PERIOD);
    ck_assert_uint_eq(U("working_set_bytes"), 3 * (65536 + 32768));
}
END_TEST

/* The launches are those of every iteration, but for sizes: nothing speaks for an optimizer. */
START_TEST(phases_of_one_that_differs_in_sizes)
{
    go((struct smalljob){.iterations = 8, .backward_thread = 1, .mixed_up = 5});
    rows = passrun_rows(run, &mt_table_phases);
    size_t i = 0;
    for (uint64_t iteration = 0; iteration < 8; iteration++)
        for (uint32_t phase = 0; phase < 3 && iteration != 5; phase++)
            ck_assert_uint_eq(mt_rows_get(rows, i++, "iteration").u, iteration);
    ck_assert_uint_eq(mt_rows_count(rows), i);
}
END_TEST

/* When G1 is born all but the loss, its gradient and scratch memory live. */
START_TEST(peak)
{
    go((struct smalljob){.iterations = 6, .backward_thread = 1});
    rows = passrun_rows(run, &mt_table_peak);
    size_t i = 0;
    ck_assert_uint_eq(mt_rows_count(rows), 1);
    uint64_t lasting = 2 * (65536 + 32768) + (1 << 20);
    uint64_t first = lasting + 20480 + 200704 + 307200; /* X, A1, scratch */
    uint64_t gradients = 65536 + 32768;                 /* of the last iteration */
    ck_assert_uint_eq(U("allocated_bytes"), first + gradients);
    ck_assert_uint_eq(U("iteration"), 1);
    ck_assert_double_eq_tol(R("iteration_share"), 90.0 / JOB_PERIOD, 1e-9);
    ck_assert_str_eq(S("phase"), "forward");
    ck_assert_uint_eq(U("parameter_bytes"), 65536 + 32768);
    ck_assert_uint_eq(U("optimizer_state_bytes"), 65536 + 32768);
    ck_assert_uint_eq(U("gradient_bytes"), gradients);
    ck_assert_uint_eq(U("input_bytes"), 20480);
    ck_assert_uint_eq(U("activation_bytes"), 200704);
    ck_assert_uint_eq(U("workspace_bytes"), (1 << 20) + 307200);
    ck_assert_uint_eq(U("unknown_bytes") + U("temporary_bytes"), 0);
    rows = passrun_rows(run, &mt_table_peak_blocks);
    ck_assert_uint_eq(mt_rows_count(rows), 10);
    ck_assert_uint_eq(U("size_bytes"), 1 << 20);
    uint64_t sum = 0;
    for (i = 0; i < mt_rows_count(rows); i++)
        sum += U("size_bytes");
    ck_assert_uint_eq(sum, first + gradients);
}
END_TEST

START_TEST(patterns)
{
    go((struct smalljob){.iterations = 6, .backward_thread = 1});
    rows = passrun_rows(run, &mt_table_patterns);
    size_t i = passrun_row_of(rows, "size_bytes", 200704); /* A1 */
    ck_assert_uint_eq(U("nth"), 1);
    ck_assert_uint_eq(U("iterations"), 6);
    ck_assert_uint_eq(U("accesses"), 3);
    ck_assert_double_eq(R("exact_share"), 1);
    ck_assert_double_eq(R("interval_variation"), 0);
    ck_assert_uint_eq(U("before_first_ns"), 10);
    ck_assert_uint_eq(U("after_last_ns"), 110);
    ck_assert_double_eq(R("same_address_share"), 1);
    ck_assert_str_eq(S("category"), "activation");
    i = passrun_row_of(rows, "block_id", job.id[JOB_P2]);
    ck_assert(mt_rows_get(rows, i, "nth").null);
    ck_assert_uint_eq(U("accesses"), 3);
    ck_assert_uint_eq(U("before_first_ns"), 200);
    ck_assert_uint_eq(U("after_last_ns"), JOB_PERIOD - 900);
    uint64_t signature = U("signature");
    i = passrun_row_of(rows, "block_id", job.id[JOB_P1]);
    ck_assert_uint_eq(U("accesses"), 2);
    ck_assert_uint_ne(U("signature"), signature);
}
END_TEST

/* Two accesses an iteration, 100 or 200 ns from each other; in the last one a third. */
START_TEST(how_alike_patterns_are)
{
    passrun_birth(run, 500, 0x100000, 4096);
    passrun_launch(run, 600, 0, "fill", 0x100000);
    for (uint64_t k = 1; k <= 4; k++) {
        passrun_iteration(run, k * 1000);
        passrun_launch(run, k * 1000 + 100, 0, "first", 0x100000);
        passrun_launch(run, k * 1000 + 300 - k % 2 * 100, 0, "second", 0x100000);
    }
    passrun_launch(run, 4700, 0, "third", 0x100000);
    passrun_end(run, 5000);
    passrun_death(run, 5000, 0x100000);
    passrun_go(run, &mt_pass_behaviour);
    rows = passrun_rows(run, &mt_table_patterns);
    size_t i = 0;
    ck_assert_uint_eq(mt_rows_count(rows), 1);
    ck_assert_uint_eq(U("accesses"), 2);
    ck_assert_uint_eq(U("reads") + U("writes"), 0);
    ck_assert_str_eq(S("kinds"), "tt");
    ck_assert_double_eq(R("exact_share"), 0.75);
    ck_assert_double_eq(R("mean_accesses"), 2.25);
    ck_assert_double_eq_tol(R("accesses_variation"), 0.5 / 2.25, 1e-12);
    ck_assert_double_eq_tol(R("interval_variation"), 57.735026918962575 / 150, 1e-12);
    ck_assert_uint_eq(U("before_first_ns"), 100);
    ck_assert_uint_eq(U("after_last_ns"), (800 + 700 + 800 + 300) / 4);
}
END_TEST

/* P1 waits from its step to the next forward phase, 9200 ns, around the end: 9200 * 25 / 2 bytes
 * can leave and be back, less the latency; so with no latency P1 can, and with much nothing can. */
START_TEST(swap)
{
    go((struct smalljob){.iterations = 6, .backward_thread = 1});
    rows = passrun_rows(run, &mt_table_swap);
    size_t i = 0;
    ck_assert_uint_eq(mt_rows_count(rows), 0); /* latency */
    rows = passrun_rows(run, &mt_table_swap_plan);
    ck_assert_uint_eq(mt_rows_count(rows), 1);
    ck_assert_uint_eq(U("iteration"), 3);
    ck_assert_uint_eq(U("latency_ns"), 10000);
    ck_assert_uint_eq(U("result_bytes"), U("peak_bytes"));
}
END_TEST

START_TEST(swap_with_a_fast_link)
{
    const struct mt_swaprule fast = {1e12, 1e12, 0};
    passrun_swap(run, &fast);
    go((struct smalljob){.iterations = 6, .backward_thread = 1});
    rows = passrun_rows(run, &mt_table_swap);
    size_t i = passrun_row_of(rows, "block_id", job.id[JOB_M1]);
    ck_assert_uint_eq(U("wraps"), 1);
    ck_assert_uint_eq(U("gap_ns"), JOB_PERIOD);
    ck_assert_uint_eq(U("at_peak"), 1);
    ck_assert_uint_eq(U("planned"), 1);
    ck_assert_str_eq(S("category"), "optimizer_state");
    ck_assert_str_eq(S("after"), "step");
    i = passrun_row_of(rows, "block_id", job.id[JOB_P1]);
    ck_assert_uint_eq(U("wraps"), 1);
    ck_assert_uint_eq(U("gap_ns"), JOB_PERIOD - 700);
    ck_assert_str_eq(S("before"), "gemm_layer");
    rows = passrun_rows(run, &mt_table_swap_plan);
    i = 0;
    /* at the birth of A1: M1, M2 and P2, which is used after it */
    ck_assert_uint_eq(U("result_bytes"), U("peak_bytes") - 65536 - 2 * 32768);
}
END_TEST

/* The border lies within the forward phase: A1 waits across it for the backward phase. */
START_TEST(swap_across_the_border)
{
    const struct mt_swaprule fast = {1e14, 1e14, 0};
    passrun_swap(run, &fast);
    go((struct smalljob){.iterations = 6, .backward_thread = 1, .rotate = 3});
    rows = passrun_rows(run, &mt_table_swap);
    size_t i = passrun_row_of(rows, "block_id", job.id[JOB_A1]);
    while (i < mt_rows_count(rows) && !(U("block_id") == job.id[JOB_A1] && U("wraps")))
        i++;
    ck_assert_uint_lt(i, mt_rows_count(rows));
    ck_assert_uint_eq(U("gap_ns"), 300);
    ck_assert_uint_eq(U("size_bytes"), 200704);
    ck_assert_str_eq(S("category"), "activation");
    ck_assert_str_eq(S("after"), "gemm_layer");
    ck_assert_str_eq(S("before"), "gemm_weight");
    ck_assert_uint_gt(mt_rows_get(passrun_rows(run, &mt_table_swap_plan), 0, "planned").u, 0);
}
END_TEST

/* No iterations: nothing is guessed. */
START_TEST(no_rhythm)
{
    go((struct smalljob){.iterations = 0});
    rows = passrun_rows(run, &mt_table_categories);
    for (size_t i = 0; i < mt_rows_count(rows); i++)
        ck_assert_str_eq(S("category"), "unknown");
    ck_assert_uint_eq(mt_rows_count(passrun_rows(run, &mt_table_phases)), 0);
    rows = passrun_rows(run, &mt_table_swap_plan);
    size_t i = 0;
    ck_assert(mt_rows_get(rows, i, "iteration").null);
}
END_TEST

static const char *rule_of(uint64_t address)
{
    size_t i = passrun_row_of(rows, "block_id", 1 + address / 0x1000000);
    return S("rule");
}

/* Inference: what the host writes as a whole, what it writes small parts of, and weights. */
START_TEST(lasting_without_phases)
{
    enum { INPUT = 0x1000000, POOL = 0x2000000, WEIGHT = 0x3000000, RESULT = 0x4000000 };
    for (uint64_t address = INPUT; address <= WEIGHT; address += 0x1000000)
        passrun_birth(run, 1000, address, 1 << 20);
    for (uint64_t i = 0; i < 6; i++) {
        uint64_t at = 20000 + i * 10000;
        passrun_iteration(run, at);
        passrun_copy(run, at, INPUT, 0xf0000000, 1 << 15);
        passrun_copy(run, at + 100, POOL + 0x1000, 0xf0000000, (1 << 15) - 1);
        passrun_birth(run, at + 200, RESULT, 4096);
        passrun_launch(run, at + 300, 0, "gemm", RESULT, WEIGHT, POOL, INPUT);
        passrun_death(run, at + 400, RESULT);
    }
    passrun_end(run, 80000);
    passrun_go(run, &mt_pass_behaviour);
    rows = passrun_rows(run, &mt_table_roles);
    ck_assert_str_eq(rule_of(INPUT), "lasting_host_written");
    ck_assert_str_eq(rule_of(POOL), "lasting_pool");
    ck_assert_str_eq(rule_of(WEIGHT), "lasting_no_phases");
    ck_assert_str_eq(rule_of(RESULT), "no_phases");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("behaviour");
    TCase *tcase = tcase_create("behaviour");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, categories, 0, 2 * (int)JOB_STEPS);
    tcase_add_loop_test(tcase, late, 0, (int)JOB_STEPS);
    tcase_add_loop_test(tcase, phases, 0, 2);
    tcase_add_test(tcase, phases_of_one_that_differs_in_sizes);
    tcase_add_test(tcase, peak);
    tcase_add_test(tcase, patterns);
    tcase_add_test(tcase, how_alike_patterns_are);
    tcase_add_test(tcase, swap);
    tcase_add_test(tcase, swap_with_a_fast_link);
    tcase_add_test(tcase, swap_across_the_border);
    tcase_add_test(tcase, no_rhythm);
    tcase_add_test(tcase, lasting_without_phases);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
