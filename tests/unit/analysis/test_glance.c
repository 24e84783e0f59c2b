/* A glance at a long trace: which iterations are looked at, and that the answers are the same. */
#include "analysis/engine/glance.h"

#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "analysis/answers/tables.h"
#include "analysis/engine/engine.h"
#include "report/rows.h"
#include "tracewriter.h"

#define LONG (UINT64_C(1) << 20)
#define N 16000u

/* ---- the choice ---- */

static struct mt_iteration iteration[N];
static struct mt_rhythm rhythm;
static struct mt_glance glance;

/* 16000 iterations of 2000 events and 1 ms from event 10 and 1 us on, the first three unsteady. */
static void setup(void)
{
    for (size_t i = 0; i < N; i++)
        iteration[i] = (struct mt_iteration){.start_ns = 1000 + i * 1000000,
                                             .end_ns = 1000 + (i + 1) * 1000000,
                                             .first_event = 10 + i * 2000,
                                             .events = 2000,
                                             .class_share = 1,
                                             .steady = i > 2};
    rhythm = (struct mt_rhythm){.iteration = iteration, .iterations = N};
    glance = (struct mt_glance){0};
}

static void teardown(void)
{
    mt_glance_release(&glance);
}

static size_t count(enum mt_look look)
{
    size_t n = 0;
    for (size_t i = 0; i < rhythm.iterations; i++)
        n += glance.look[i] == look;
    return n;
}

static size_t closely(void)
{
    return rhythm.iterations - (glance.look ? count(MT_LOOK_AWAY) : 0);
}

START_TEST(short_ones_are_looked_at_whole)
{
    ck_assert(mt_glance_choose(&glance, &rhythm, LONG - 1));
    ck_assert_ptr_null(glance.look);
    ck_assert_uint_eq(closely(), N);
    rhythm.iterations = 63;
    ck_assert(mt_glance_choose(&glance, &rhythm, LONG));
    ck_assert_ptr_null(glance.look);
    mt_glance_add(&glance, 5);
    ck_assert_uint_eq(closely(), 63);
}
END_TEST

START_TEST(looks_where_it_must)
{
    rhythm.iterations = 1000;
    iteration[700].steady = false;
    ck_assert(mt_glance_choose(&glance, &rhythm, LONG));
    for (size_t i = 0; i < 11; i++) /* the unsteady ones, and eight more */
        ck_assert_int_eq(glance.look[i], MT_LOOK_CLOSE);
    ck_assert_int_ne(glance.look[699], MT_LOOK_AWAY);
    ck_assert_int_eq(glance.look[700], MT_LOOK_CLOSE);
    ck_assert_uint_eq(glance.middle, 501); /* of 996 steady ones the one with 498 before it */
    ck_assert_int_ne(glance.look[499], MT_LOOK_AWAY);
    for (size_t i = 500; i < 503; i++)
        ck_assert_int_eq(glance.look[i], MT_LOOK_CLOSE);
    ck_assert_int_ne(glance.look[997], MT_LOOK_AWAY);
    ck_assert_int_eq(glance.look[999], MT_LOOK_CLOSE);
    ck_assert_uint_eq(closely(), count(MT_LOOK_LEAD) + count(MT_LOOK_CLOSE));
    ck_assert_uint_ge(count(MT_LOOK_AWAY), 900 - 25);
    for (size_t i = 1; i < 1000; i++)
        if (glance.look[i] != MT_LOOK_AWAY)
            ck_assert_int_eq(glance.look[i] == MT_LOOK_LEAD, glance.look[i - 1] == MT_LOOK_AWAY);
}
END_TEST

/* Steady ones with something more or less in them; of many, those with most. */
START_TEST(looks_at_odd_ones)
{
    const size_t odd = 8, many = N / 64;
    for (size_t more = 0; more < 2; more++) {
        for (size_t i = 0; i < odd; i++)
            iteration[50 + 40 * i].class_share = 0.9 + 1e-4 * (double)i;
        for (size_t i = 0; more && i < many; i++)
            iteration[70 + 40 * i].class_share = 0.99;
        size_t met = 0, others = 0;
        ck_assert(mt_glance_choose(&glance, &rhythm, LONG));
        for (size_t i = 0; i < odd; i++)
            met += glance.look[50 + 40 * i] == MT_LOOK_CLOSE;
        for (size_t i = 0; i < many; i++)
            others += glance.look[70 + 40 * i] == MT_LOOK_CLOSE;
        mt_glance_release(&glance);
        ck_assert_uint_eq(met, odd);
        ck_assert_uint_lt(others, many / 4);
    }
}
END_TEST

START_TEST(meets_what_is_periodic_as_often_as_it_is)
{
    for (size_t period = 2; period < 40; period++) {
        size_t met = 0, looked = 0;
        ck_assert(mt_glance_choose(&glance, &rhythm, LONG));
        for (size_t i = 11; i < N - 3; i++) {
            looked += glance.look[i] == MT_LOOK_CLOSE;
            met += glance.look[i] == MT_LOOK_CLOSE && i % period == 1;
        }
        mt_glance_release(&glance);
        double expected = (double)looked / (double)period;
        ck_assert_msg((double)met > expected / 2 && (double)met < 2 * expected,
                      "period %zu: %zu of %zu", period, met, looked);
    }
}
END_TEST

START_TEST(one_more_with_those_around_it)
{
    size_t at = 11, before;
    ck_assert(mt_glance_choose(&glance, &rhythm, LONG));
    for (size_t i = at; i < at + 8; i++) /* a place where all are far */
        if (glance.look[i] != MT_LOOK_AWAY)
            at = i + 1;
    before = closely();
    mt_glance_add(&glance, at + 4);
    ck_assert_uint_eq(closely(), before + 4);
    ck_assert_int_eq(glance.look[at + 1], MT_LOOK_AWAY);
    ck_assert_int_eq(glance.look[at + 2], MT_LOOK_LEAD);
    for (size_t i = at + 3; i < at + 6; i++)
        ck_assert_int_eq(glance.look[i], MT_LOOK_CLOSE);
    ck_assert_int_eq(glance.look[at + 6], MT_LOOK_AWAY);
    mt_glance_add(&glance, at + 4);
    mt_glance_add(&glance, SIZE_MAX);
    ck_assert_uint_eq(closely(), before + 4);
}
END_TEST

START_TEST(finds_moments)
{
    ck_assert_uint_eq(mt_glance_at(&rhythm, 999), SIZE_MAX);
    ck_assert_uint_eq(mt_glance_at(&rhythm, 1000), 0);
    ck_assert_uint_eq(mt_glance_at(&rhythm, 2000999), 1);
    ck_assert_uint_eq(mt_glance_of(&rhythm, 9), SIZE_MAX);
    ck_assert_uint_eq(mt_glance_of(&rhythm, 2010), 1);
    ck_assert_uint_eq(mt_glance_of(&rhythm, UINT64_MAX), N - 1);
    rhythm.iterations = 0;
    ck_assert_uint_eq(mt_glance_middle(&rhythm), SIZE_MAX);
}
END_TEST

/* ---- the answers ---- */

#define ITERATIONS 128u
#define LAYERS 2000u
#define ASIDE 31u
#define MIB (UINT64_C(1) << 20)

static char path[] = "/tmp/mt-glance-XXXXXX";
static uint64_t now;

static uint64_t tick(void)
{
    return now += 1000;
}

static void take(struct mt_tracewriter *writer, bool driver, uint64_t address, uint64_t size)
{
    if (driver)
        MT_TRACEWRITER_ADD(writer, 0, tick(), alloc, .api = 0, .address = address, .size = size);
    else
        MT_TRACEWRITER_ADD(writer, 0, tick(), block_alloc, .address = address, .size = size);
}

static void give(struct mt_tracewriter *writer, bool driver, uint64_t address, uint64_t size)
{
    if (driver)
        MT_TRACEWRITER_ADD(writer, 0, tick(), free, .api = 1, .address = address);
    else
        MT_TRACEWRITER_ADD(writer, 0, tick(), block_free, .address = address, .size = size);
}

static void launch(struct mt_tracewriter *writer, uint64_t kernel, uint64_t a, uint64_t b)
{
    mt_tracewriter_launch(writer, 0, tick(), kernel, 0,
                          (const uint64_t[]){MT_WORD(a, 0), MT_WORD(b, 8)}, 2);
}

static uint64_t weight(uint32_t layer)
{
    return UINT64_C(0x100000000) + layer * MIB;
}

static uint64_t activation(uint32_t layer)
{
    return UINT64_C(0x900000000) + layer * MIB;
}

/* Born in an iteration that is like the others but for this, used there, and idle until it dies. */
static void keep_aside(struct mt_tracewriter *writer, bool driver, uint32_t i)
{
    const uint64_t aside = UINT64_C(0xe00000000), size = 300 * MIB;
    if (i == ASIDE)
        take(writer, driver, aside, size);
    if (i == ASIDE)
        launch(writer, 31, weight(0), aside);
    if (i == ASIDE + 60)
        give(writer, driver, aside, size);
}

/* The workspace of each iteration has a size of its own, so the peak is in iteration `largest`. */
static void train_once(struct mt_tracewriter *writer, bool driver, uint32_t i, uint32_t largest)
{
    const uint64_t work = UINT64_C(0xf00000000);
    uint64_t size = i == largest ? 512 * MIB : MIB * (64 + i * 37 % 128);
    MT_TRACEWRITER_ADD(writer, 0, tick(), copy, .api = 2, .destination = weight(LAYERS),
                       .size = MIB);
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        take(writer, driver, activation(layer), MIB);
        launch(writer, 1 + layer % 7, layer ? activation(layer - 1) : weight(LAYERS),
               activation(layer));
    }
    take(writer, driver, work, size);
    for (uint32_t layer = LAYERS; layer-- > 0;) {
        launch(writer, 11 + layer % 5, activation(layer), work);
        launch(writer, 21, activation(layer), weight(layer));
        give(writer, driver, activation(layer), MIB);
    }
    give(writer, driver, work, size);
    for (uint32_t layer = 0; layer < LAYERS / 8; layer++)
        launch(writer, 31, weight(layer), weight(layer + 1));
    keep_aside(writer, driver, i);
}

static void write_job(bool driver, uint32_t largest)
{
    strcpy(path, "/tmp/mt-glance-XXXXXX");
    close(mkstemp(path));
    struct mt_tracewriter *writer = mt_tracewriter_new(path, NULL);
    mt_tracewriter_meta(writer, "api.0", "cuMemAlloc_v2");
    mt_tracewriter_meta(writer, "api.1", "cuMemFree_v2");
    mt_tracewriter_meta(writer, "api.2", "cuMemcpyHtoDAsync_v2");
    now = 0;
    for (uint32_t layer = 0; layer <= LAYERS; layer++)
        take(writer, driver, weight(layer), MIB);
    for (uint32_t i = 0; i < ITERATIONS; i++)
        train_once(writer, driver, i, largest);
    mt_tracewriter_free(writer);
}

struct answers {
    struct mt_engine *engine;
    struct mt_error error;
    struct mt_rows *peak, *swap_plan, *ati, *summary, *leaks;
};

static struct mt_rows *want(struct mt_engine *engine, const struct mt_table *table)
{
    struct mt_rows *rows = mt_rows_new(0, NULL);
    ck_assert_int_eq(mt_engine_want(engine, table, mt_rows_sink(rows)), 0);
    return rows;
}

/* Categories are of every block, so where they are wanted every iteration is looked at. */
static void answer(struct answers *answers, bool all)
{
    *answers = (struct answers){0};
    answers->engine = mt_engine_new(&answers->error);
    answers->peak = want(answers->engine, &mt_table_peak);
    answers->swap_plan = want(answers->engine, &mt_table_swap_plan);
    answers->ati = want(answers->engine, &mt_table_ati);
    answers->summary = want(answers->engine, &mt_table_summary);
    answers->leaks = want(answers->engine, &mt_table_leaks);
    if (all)
        want(answers->engine, &mt_table_categories);
    ck_assert_int_eq(mt_engine_run(answers->engine, path, NULL, NULL, NULL), 0);
    ck_assert_int_eq(mt_engine_finish(answers->engine), 0);
}

static void check_same(const struct mt_table *table, struct mt_rows *some, struct mt_rows *all)
{
    ck_assert_uint_eq(mt_rows_count(some), mt_rows_count(all));
    for (size_t row = 0; row < mt_rows_count(all); row++) {
        for (uint32_t i = 0; i < table->n_columns; i++) {
            const struct mt_column *column = &table->columns[i];
            struct mt_value a = mt_rows_get(some, row, column->name);
            struct mt_value b = mt_rows_get(all, row, column->name);
            bool same = a.null == b.null;
            if (!a.null && !b.null)
                same = column->type == MT_T_TEXT ? strcmp(a.s, b.s) == 0 : a.u == b.u;
            ck_assert_msg(same, "%s.%s of row %zu", table->name, column->name, row);
        }
    }
}

/* The peak lies in an iteration that would not be looked at: a caching allocator tells where it is,
 * the driver does not. */
START_TEST(answers_are_those_of_all_iterations)
{
    struct answers some, all;
    bool driver = _i;
    write_job(driver, 47);
    answer(&all, true);
    answer(&some, false);
    unlink(path);
    ck_assert_uint_eq(mt_rows_get(all.peak, 0, "iteration").u, 47);
    ck_assert_uint_ge(mt_rows_get(all.peak, 0, "activation_bytes").u, 2000 * MIB);
    check_same(&mt_table_peak, some.peak, all.peak);
    check_same(&mt_table_swap_plan, some.swap_plan, all.swap_plan);
    check_same(&mt_table_ati, some.ati, all.ati);
    check_same(&mt_table_leaks, some.leaks, all.leaks);
    check_same(&mt_table_summary, some.summary, all.summary);
    mt_engine_free(some.engine);
    mt_engine_free(all.engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("glance");
    TCase *choice = tcase_create("choice"), *answers = tcase_create("answers");
    tcase_add_checked_fixture(choice, setup, teardown);
    tcase_add_test(choice, short_ones_are_looked_at_whole);
    tcase_add_test(choice, looks_where_it_must);
    tcase_add_test(choice, looks_at_odd_ones);
    tcase_add_test(choice, meets_what_is_periodic_as_often_as_it_is);
    tcase_add_test(choice, one_more_with_those_around_it);
    tcase_add_test(choice, finds_moments);
    tcase_set_timeout(answers, 100);
    tcase_add_loop_test(answers, answers_are_those_of_all_iterations, 0, 2);
    suite_add_tcase(suite, choice);
    suite_add_tcase(suite, answers);
    return unit_run(suite);
}
