#include "analysis/measures/gaps.h"

#include "../unit.h"

/* What is kept are the largest of all, in order, with the earlier of two equal ones. */
START_TEST(keeps_the_largest)
{
    struct mt_gaps gaps;
    ck_assert(mt_gaps_init(&gaps, 10));
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t score = i * 387 % 500; /* every score twice */
        mt_gaps_add(&gaps, &(struct mt_gap){.score = (double)score, .start_ns = i, .block = i});
    }
    mt_gaps_sort(&gaps);
    ck_assert_uint_eq(gaps.n, 10);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_double_eq(gaps.gap[i].score, (double)(499 - i / 2));
        if (i % 2)
            ck_assert_uint_eq(gaps.gap[i].start_ns, gaps.gap[i - 1].start_ns + 500);
    }
    mt_gaps_release(&gaps);
}
END_TEST

START_TEST(keeps_few)
{
    struct mt_gaps gaps;
    ck_assert(mt_gaps_init(&gaps, 10));
    mt_gaps_add(&gaps, &(struct mt_gap){.score = 1});
    mt_gaps_add(&gaps, &(struct mt_gap){.score = 2});
    mt_gaps_sort(&gaps);
    ck_assert_uint_eq(gaps.n, 2);
    ck_assert_double_eq(gaps.gap[0].score, 2);
    mt_gaps_release(&gaps);
}
END_TEST

UNIT_MAIN("gaps", keeps_the_largest, keeps_few)
