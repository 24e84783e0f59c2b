/* Launches that are told access by access, with kinds. */
#include <string.h>

#include "replay.h"

#include "../unit.h"

static struct replay *r;

enum { R = MT_HOW_READ, W = MT_HOW_WRITE, T = MT_HOW_TOUCH };

/* Segment 1 at 0x10000 with blocks 2 (0x10000, 0x200) and 3 (0x10200, 0x400), a gap behind them,
 * and block 4 at 0x90000 of which no segment is known. */
static void setup(void)
{
    r = replay_new();
    replay_at(r, 10, 0);
    replay_alloc(r, 0x10000, 0x1000);
    replay_block(r, 0x10000, 0x200);
    replay_block(r, 0x10200, 0x400);
    replay_block(r, 0x90000, 0x100);
    replay_at(r, 20, 3);
}

static void teardown(void)
{
    replay_free(r);
}

static void told(uint64_t by, uint64_t address, uint64_t size, uint64_t how)
{
    REPLAY(r, access, by, address, size, how, 0x77);
}

static void expect(size_t i, uint64_t id, enum mt_access_kind kind, uint64_t offset, uint64_t size)
{
    replay_expect(r, i, id, kind, offset, size);
    ck_assert_int_eq(r->access[i].by, MT_BY_LAUNCH);
    ck_assert_uint_eq(r->access[i].stream, 0x77);
    ck_assert_uint_eq(r->access[i].thread, 3);
}

START_TEST(one_launch_counts_a_block_once_a_kind)
{
    told(5, 0x10010, 0, R);
    told(5, 0x10020, 0, R); /* the same block */
    told(5, 0x10000, 0x80, W);
    told(5, 0x10210, 0, T);
    ck_assert_uint_eq(r->launches, 0);
    replay_finish(r);
    ck_assert_uint_eq(r->launches, 1);
    ck_assert_uint_eq(r->accesses, 3);
    expect(0, 2, MT_ACCESS_READ, 0x10, 0);
    expect(1, 2, MT_ACCESS_WRITE, 0, 0x80);
    expect(2, 3, MT_ACCESS_TOUCH, 0x10, 0);
    ck_assert_uint_eq(replay_dead(r, 2)->reads, 1);
    ck_assert_uint_eq(replay_dead(r, 2)->writes, 1);
    ck_assert_uint_eq(replay_dead(r, 3)->touches, 1);
    ck_assert_uint_eq(replay_counts(r)->launches, 1);
    ck_assert_uint_eq(replay_counts(r)->accesses_told, 4);
}
END_TEST

/* Time, thread, stream or kernel differ, or another event lies between: another launch. */
START_TEST(what_ends_a_launch)
{
    told(5, 0x10000, 0, R);
    switch (_i) {
    case 0:
        told(6, 0x10000, 0, R);
        break;
    case 1:
        REPLAY(r, access, 5, 0x10000, 0, R, 0x78);
        break;
    case 2:
        replay_at(r, 21, 3);
        told(5, 0x10000, 0, R);
        break;
    case 3:
        replay_at(r, 20, 4);
        told(5, 0x10000, 0, R);
        break;
    default:
        replay_block_free(r, 0x10200, 0x400);
        told(5, 0x10000, 0, R);
        break;
    }
    ck_assert_uint_eq(r->launches, 1);
    replay_finish(r);
    ck_assert_uint_eq(r->launches, 2);
    ck_assert_uint_eq(replay_dead(r, 2)->reads, 2);
}
END_TEST

START_TEST(a_range_spans_blocks)
{
    told(5, 0x10100, 0x200, W);
    replay_finish(r);
    ck_assert_uint_eq(r->accesses, 2);
    expect(0, 2, MT_ACCESS_WRITE, 0x100, 0x100);
    expect(1, 3, MT_ACCESS_WRITE, 0, 0x100);
}
END_TEST

START_TEST(a_block_without_a_segment)
{
    told(5, 0x900ff, 0, R);
    replay_finish(r);
    ck_assert_uint_eq(r->accesses, 1);
    expect(0, 4, MT_ACCESS_READ, 0xff, 0);
}
END_TEST

START_TEST(nothing_lives_there)
{
    told(5, 0x10800, 0, R);
    told(5, 0x10800, 8, R);
    told(5, 0x50000, 0, W);
    replay_finish(r);
    ck_assert_uint_eq(r->accesses, 0);
    ck_assert_uint_eq(r->launches, 1);
    ck_assert_uint_eq(replay_counts(r)->accesses_unresolved, 3);
    ck_assert_uint_eq(replay_counts(r)->launches_untouching, 1);
    ck_assert_uint_eq(replay_dead(r, 1)->stale_touches, 2);
}
END_TEST

START_TEST(impossible_values)
{
    told(5, 0x10000, 0, 0);
    told(5, 0x10000, 0, 4);
    told(5, 0x10000, UINT64_MAX, R);
    replay_finish(r);
    ck_assert_uint_eq(r->launches, 0);
    ck_assert_uint_eq(replay_counts(r)->invalid_records, 3);
}
END_TEST

/* The list of a launch's blocks is bounded; what does not fit goes into another launch. */
START_TEST(a_launch_of_very_many_blocks)
{
    enum { MANY = MT_RECORD_WORDS_MAX + 100 };
    struct mt_model *model = mt_model_new(NULL, NULL, NULL, 0);
    struct {
        struct mt_record record;
        uint64_t word[MT_FIELDS_MAX];
    } event = {.record = {.time = 5, .kind = MT_block_alloc}};
    event.record.words = sizeof(struct mt_ev_block_alloc) / sizeof(uint64_t);
    for (uint64_t i = 1; i <= MANY; i++) {
        memcpy(event.record.word, (uint64_t[]){i << 12, 0x1000, i << 12, 0, 0}, 40);
        ck_assert_int_eq(mt_model_replay(model, &event.record, 0), 0);
    }
    event.record.kind = MT_access;
    event.record.words = sizeof(struct mt_ev_access) / sizeof(uint64_t);
    event.record.time = 6;
    memcpy(event.record.word, (uint64_t[]){1, 0x1000, (uint64_t)MANY << 12, W, 0}, 40);
    ck_assert_int_eq(mt_model_replay(model, &event.record, 0), 0);
    ck_assert_int_eq(mt_model_finish(model), 0);
    ck_assert_uint_eq(mt_model_counts(model)->launches, 2);
    mt_model_free(model);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {one_launch_counts_a_block_once_a_kind,
                                  a_range_spans_blocks,
                                  a_block_without_a_segment,
                                  nothing_lives_there,
                                  impossible_values,
                                  a_launch_of_very_many_blocks,
                                  NULL};
    Suite *suite = unit_suite_with("told", tests, setup, teardown);
    TCase *loops = tcase_create("loops");
    tcase_add_checked_fixture(loops, setup, teardown);
    tcase_add_loop_test(loops, what_ends_a_launch, 0, 5);
    suite_add_tcase(suite, loops);
    return unit_run(suite);
}
