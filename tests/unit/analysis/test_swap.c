/* The swap rule against the paper's numbers, and plans that can be checked by hand. */
#include "../unit.h"
#include "analysis/swap/swapplan.h"

#define MS UINT64_C(1000000)

/* 1 byte a ns in both directions, no latency: a block of S bytes needs 2 S ns. */
static const struct mt_swaprule simple = {1e9, 1e9, 0};
static struct mt_swapplan plan;

/* "25 us -> 79.37 KB, 0.8 s -> 2.54 GB" with 6.4 and 6.3 GB/s. */
START_TEST(numbers_of_the_paper)
{
    const struct mt_swaprule paper = {6.4e9, 6.3e9, 0};
    ck_assert_double_eq_tol((double)mt_swaprule_most(&paper, 25000) / 1e3, 79.37, 0.005);
    ck_assert_double_eq_tol((double)mt_swaprule_most(&paper, 800 * MS) / 1e9, 2.54, 0.005);
}
END_TEST

START_TEST(latency_is_paid_twice)
{
    const struct mt_swaprule rule = {2e9, 1e9, 1000};
    ck_assert_uint_eq(mt_swaprule_most(&rule, 2000), 0);
    ck_assert_uint_eq(mt_swaprule_most(&rule, 2000 + 1500), 1000);
    ck_assert_uint_eq(mt_swaprule_out_ns(&rule, 1000), 1501);
    ck_assert_uint_eq(mt_swaprule_in_ns(&rule, 1000), 2001);
}
END_TEST

START_TEST(options)
{
    struct mt_swaprule rule = mt_swaprule_default();
    ck_assert_double_eq(rule.d2h, 25e9);
    ck_assert(mt_swaprule_set(&rule, MT_SWAP_d2h, "6.4"));
    ck_assert(mt_swaprule_set(&rule, MT_SWAP_h2d, "6.3"));
    ck_assert(mt_swaprule_set(&rule, MT_SWAP_latency, "0"));
    ck_assert_double_eq_tol(rule.d2h, 6.4e9, 1);
    ck_assert_double_eq_tol(rule.h2d, 6.3e9, 1);
    ck_assert_double_eq(rule.latency_ns, 0);
    ck_assert(!mt_swaprule_set(&rule, MT_SWAP_d2h, "0"));
    ck_assert(!mt_swaprule_set(&rule, MT_SWAP_d2h, "-1"));
    ck_assert(!mt_swaprule_set(&rule, MT_SWAP_h2d, "6.3GB"));
    ck_assert(!mt_swaprule_set(&rule, MT_SWAP_latency, "nan"));
    ck_assert(!mt_swaprule_set(&rule, MT_SWAP_latency, ""));
}
END_TEST

/* An iteration of 10000 ns: 9500 bytes all the time, 10500 from 4000 to 6000. */
static void begin(bool circular)
{
    ck_assert(mt_swapplan_init(&plan, &simple, 100000, 110000, circular));
    mt_swapplan_allocated(&plan, 100000, 110000, 9500);
    mt_swapplan_allocated(&plan, 104000, 106000, 10500);
}

static void gap(uint64_t size, uint64_t start, uint64_t end)
{
    struct mt_swap_gap it = {.size = size,
                             .start_ns = 100000 + start,
                             .end_ns = 100000 + end,
                             .life = (uint32_t)plan.gaps};
    ck_assert(mt_swapplan_gap(&plan, &it));
}

static void teardown(void)
{
    mt_swapplan_release(&plan);
}

START_TEST(only_what_is_back_in_time)
{
    begin(true);
    gap(500, 2000, 3000);
    gap(500, 2000, 2999);
    gap(0, 2000, 9000);
    ck_assert_uint_eq(plan.gaps, 1);
    ck_assert(mt_swapplan_make(&plan));
    ck_assert_uint_eq(plan.peak_bytes, 10500);
    ck_assert_uint_eq(plan.at_peak_bytes, 0);
    ck_assert_uint_eq(plan.planned, 0);
    ck_assert_uint_eq(plan.result_bytes, 10500);
}
END_TEST

/* Away from 2000 + 401 to 8000 - 401: the peak falls by its size. */
START_TEST(one_block_leaves)
{
    begin(true);
    gap(400, 2000, 8000);
    ck_assert(mt_swapplan_make(&plan));
    ck_assert_uint_eq(plan.at_peak_bytes, 400);
    ck_assert_uint_eq(plan.planned, 1);
    ck_assert_uint_eq(plan.gap[0].out_ns, 102000);
    ck_assert_uint_eq(plan.gap[0].in_ns, 108000 - 401);
    ck_assert_uint_eq(plan.result_bytes, 10100);
    ck_assert_uint_eq(plan.busy_ns, 802);
}
END_TEST

/* Each of three alone would be away at the peak; the link has time to bring out two before it. */
START_TEST(the_link_is_shared)
{
    begin(true);
    gap(900, 2000, 9000);
    gap(900, 2000, 9001);
    gap(900, 2000, 9002);
    ck_assert(mt_swapplan_make(&plan));
    ck_assert_uint_eq(plan.at_peak_bytes, 2700);
    ck_assert_uint_eq(plan.planned, 2);
    for (size_t i = 0; i < plan.gaps; i++)
        for (size_t j = 0; j < i; j++)
            if (plan.gap[i].planned && plan.gap[j].planned) {
                uint64_t a = plan.gap[i].out_ns, b = plan.gap[j].out_ns;
                ck_assert_uint_ge(a > b ? a - b : b - a, 901);
                a = plan.gap[i].in_ns;
                b = plan.gap[j].in_ns;
                ck_assert_uint_ge(a > b ? a - b : b - a, 901);
            }
}
END_TEST

/* From 9000 around the end to 3000: away at the start, where the peak is moved to. */
START_TEST(a_gap_wraps)
{
    ck_assert(mt_swapplan_init(&plan, &simple, 100000, 110000, true));
    mt_swapplan_allocated(&plan, 100000, 110000, 500);
    mt_swapplan_allocated(&plan, 100500, 102000, 1500);
    gap(300, 9000, 13000);
    ck_assert(mt_swapplan_make(&plan));
    ck_assert_uint_eq(plan.at_peak_bytes, 300);
    ck_assert_uint_eq(plan.planned, 1);
    ck_assert_uint_eq(plan.gap[0].out_ns, 109000);
    ck_assert_uint_eq(plan.gap[0].in_ns, 113000 - 301);
    ck_assert_uint_eq(plan.result_bytes, 1200);
}
END_TEST

/* Among very many candidates the heaviest stay; a plan never makes things worse. */
START_TEST(many_candidates)
{
    begin(true);
    for (uint64_t i = 1; i <= 3 * MT_SWAP_CANDIDATES; i++)
        gap(1 + i % 50, i % 2000, 8000 + i % 1999);
    ck_assert(mt_swapplan_make(&plan));
    ck_assert_uint_eq(plan.gaps, MT_SWAP_CANDIDATES);
    ck_assert_uint_eq(plan.over, 2 * MT_SWAP_CANDIDATES);
    ck_assert_uint_lt(plan.result_bytes, plan.peak_bytes);
    ck_assert_uint_le(plan.busy_ns, plan.length_ns);
}
END_TEST

UNIT_MAIN_WITH("swap", NULL, teardown, numbers_of_the_paper, latency_is_paid_twice, options,
               only_what_is_back_in_time, one_block_leaves, the_link_is_shared, a_gap_wraps,
               many_candidates)
