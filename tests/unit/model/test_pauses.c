/* A recording that stops and goes on, as the model replays it. */
#include "../unit.h"
#include "replay.h"

#define A 0x10000u
#define B 0x20000u
#define SEGMENT 0x100000u

enum { JOB = 0, TELLER = 3 };

static struct replay *replay;

static void setup(void)
{
    replay = replay_new();
}

static void teardown(void)
{
    replay_free(replay);
}

static void stop(uint64_t now, uint64_t why)
{
    replay_at(replay, now, TELLER);
    REPLAY(replay, pause, why);
}

static void resume(uint64_t now)
{
    replay_at(replay, now, TELLER);
    REPLAY(replay, resume, MT_WHY_PROGRAM, 0);
}

static void go_on(uint64_t now)
{
    replay_at(replay, now, TELLER);
    REPLAY(replay, resumed, 1);
}

/* What is alive at the beginning has its real time of birth, and counts from when it is told. */
START_TEST(begins_late)
{
    stop(0, MT_WHY_START);
    resume(5000);
    REPLAY(replay, kept, 4000);
    replay_alloc(replay, SEGMENT, SEGMENT);
    REPLAY(replay, kept, 3000);
    replay_block(replay, SEGMENT, 512);
    go_on(5100);
    replay_at(replay, 6000, JOB);
    replay_launch(replay, MT_WORD(SEGMENT, 0));
    replay_finish(replay);
    ck_assert_uint_eq(replay->births, 2);
    ck_assert_uint_eq(replay->born[0].birth_ns, 1000);
    ck_assert_uint_eq(replay->born[0].level, MT_LEVEL_SEGMENT);
    ck_assert_uint_eq(replay->born[1].birth_ns, 2000);
    ck_assert(replay->born[1].unseen);
    ck_assert_uint_eq(replay->accesses, 1);
    const struct mt_usage *usage = mt_model_usage(replay->model, 0);
    ck_assert_uint_eq(usage->peak_allocated, 512);
    ck_assert_uint_eq(usage->peak_reserved_ns, 5000);
    ck_assert_uint_eq(usage->unknown, 0);
    ck_assert_uint_eq(replay_counts(replay)->kept, 2);
    ck_assert_uint_eq(mt_model_recorded_from_ns(replay->model), 5100);
    ck_assert_uint_eq(mt_model_recorded_ns(replay->model, 0, 6000), 900);
}
END_TEST

/* An end that is told later has its real time; what lives on is the same block. */
START_TEST(goes_on)
{
    replay_at(replay, 100, JOB);
    replay_alloc(replay, A, 512);
    replay_at(replay, 110, JOB);
    replay_alloc(replay, B, 512);
    stop(1000, MT_WHY_PROGRAM);
    resume(3000);
    REPLAY(replay, kept, 1500);
    REPLAY(replay, free, API_ALLOC, A, 0);
    go_on(3100);
    replay_at(replay, 4000, JOB);
    replay_launch(replay, MT_WORD(B, 0));
    REPLAY(replay, free, API_ALLOC, B, 0);
    replay_finish(replay);
    ck_assert_uint_eq(replay->births, 2);
    ck_assert_uint_eq(replay_dead(replay, 1)->death_ns, 1500);
    ck_assert_uint_eq(replay_dead(replay, 2)->death_ns, 4000);
    ck_assert_uint_eq(replay_counts(replay)->late_frees, 0);
}
END_TEST

START_TEST(time_between)
{
    stop(1000, MT_WHY_PROGRAM);
    resume(1900);
    go_on(2000);
    stop(5000, MT_WHY_CLOCK);
    resume(5900);
    go_on(6000);
    replay_at(replay, 9000, JOB);
    replay_alloc(replay, A, 512);
    const struct mt_model *model = replay->model;
    ck_assert_uint_eq(mt_model_recorded_ns(model, 0, 9000), 7000);
    ck_assert_uint_eq(mt_model_recorded_ns(model, 1500, 5500), 3000);
    ck_assert_uint_eq(mt_model_recorded_ns(model, 1200, 1800), 0);
    ck_assert_uint_eq(mt_model_recorded_ns(model, 6000, 6500), 500);
    ck_assert(!mt_model_was_paused(model, 100, 1000));
    ck_assert(mt_model_was_paused(model, 100, 1001));
    ck_assert(mt_model_was_paused(model, 1999, 2100));
    ck_assert(!mt_model_was_paused(model, 2000, 5000));
    ck_assert(mt_model_was_paused(model, 2000, 7000));
    ck_assert(!mt_model_was_paused(model, 6000, 9000));
}
END_TEST

/* Killed in a pause: what other threads did then is only a part. */
START_TEST(cut_off_in_a_pause)
{
    replay_at(replay, 100, JOB);
    replay_alloc(replay, A, 512);
    stop(1000, MT_WHY_PROGRAM);
    replay_at(replay, 1100, JOB);
    REPLAY(replay, free, API_ALLOC, B, 0);
    REPLAY(replay, alloc, API_ALLOC, B, 512, 0, 0, 0);
    replay_finish(replay);
    ck_assert_uint_eq(replay->births, 1);
    ck_assert_uint_eq(replay_counts(replay)->late_frees, 0);
    ck_assert_uint_eq(replay_counts(replay)->kept_lost, 2);
    ck_assert_uint_eq(mt_model_recorded_ns(replay->model, 0, 1100), 1000);
}
END_TEST

/* Killed just as it went on: a launch tells that it had. */
START_TEST(cut_off_as_it_goes_on)
{
    stop(0, MT_WHY_START);
    resume(1000);
    REPLAY(replay, kept, 500);
    replay_alloc(replay, A, 512);
    replay_at(replay, 1200, JOB);
    replay_launch(replay, MT_WORD(A, 0));
    replay_finish(replay);
    ck_assert_uint_eq(replay->accesses, 1);
    ck_assert_uint_eq(mt_model_recorded_from_ns(replay->model), 1200);
}
END_TEST

/* Maps and ranges are told as ever. */
START_TEST(virtual_memory_in_a_pause)
{
    stop(0, MT_WHY_START);
    replay_at(replay, 100, JOB);
    REPLAY(replay, reserve, SEGMENT, SEGMENT);
    REPLAY(replay, create, 7, SEGMENT, 0, 0, 0);
    REPLAY(replay, map, SEGMENT, SEGMENT, 0, 7, 0);
    resume(1000);
    REPLAY(replay, kept, 500);
    replay_block(replay, SEGMENT, 512);
    go_on(1100);
    replay_finish(replay);
    ck_assert_uint_eq(replay->births, 2);
    ck_assert_uint_eq(replay->born[1].segment, replay->born[0].id);
    ck_assert_uint_eq(replay_counts(replay)->orphan_blocks, 0);
}
END_TEST

UNIT_MAIN_WITH("pauses", setup, teardown, begins_late, goes_on, time_between, cut_off_in_a_pause,
               cut_off_as_it_goes_on, virtual_memory_in_a_pause)
