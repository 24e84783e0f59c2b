/* Births, deaths, who lies in whom, sums; and what was lost or came late. */
#include "replay.h"

#include "../unit.h"

static struct replay *r;

static void setup(void)
{
    r = replay_new();
}

static void teardown(void)
{
    replay_free(r);
}

static const struct mt_usage *usage(void)
{
    return mt_model_usage(r->model, 0);
}

START_TEST(driver_memory_is_a_block_of_its_own)
{
    replay_at(r, 10, 0);
    replay_alloc(r, 0x1000, 0x100);
    replay_at(r, 20, 0);
    replay_launch(r, MT_WORD(0x1010, 8));
    replay_at(r, 30, 0);
    REPLAY(r, free, 1, 0x1000, 0);
    ck_assert_uint_eq(r->births, 1);
    const struct mt_block *block = replay_dead(r, 1);
    ck_assert_int_eq(block->level, MT_LEVEL_BLOCK);
    ck_assert_int_eq(block->source, MT_SOURCE_DRIVER);
    ck_assert_uint_eq(block->birth_ns, 10);
    ck_assert_uint_eq(block->death_ns, 30);
    ck_assert_uint_eq(block->touches, 1);
    ck_assert_uint_eq(block->segment, 0);
    ck_assert_uint_eq(usage()->reserved, 0);
    ck_assert_uint_eq(usage()->peak_reserved, 0x100);
    ck_assert_uint_eq(usage()->peak_allocated, 0x100);
    ck_assert_uint_eq(usage()->peak_allocated_ns, 10);
}
END_TEST

START_TEST(driver_memory_becomes_a_segment)
{
    replay_at(r, 10, 0);
    replay_alloc(r, 0x1000, 0x1000);
    replay_at(r, 11, 0);
    replay_block(r, 0x1000, 0x200);
    replay_block(r, 0x1200, 0x200);
    ck_assert_uint_eq(r->births, 3);
    ck_assert_int_eq(r->born[0].level, MT_LEVEL_SEGMENT); /* it was never told as a block */
    ck_assert_uint_eq(r->born[1].segment, r->born[0].id);
    ck_assert_uint_eq(usage()->reserved, 0x1000);
    ck_assert_uint_eq(usage()->allocated, 0x400);
    ck_assert_uint_eq(usage()->peak_allocated, 0x400);
    ck_assert_uint_eq(usage()->segments, 1);
    ck_assert_uint_eq(usage()->blocks, 2);
    replay_at(r, 20, 0);
    replay_block_free(r, 0x1000, 0x200);
    ck_assert_uint_eq(replay_dead(r, 2)->death_ns, 20);
    REPLAY(r, free, 1, 0x1000, 0);
    ck_assert_uint_eq(replay_dead(r, 3)->death_ns, 20); /* it went with its segment */
    ck_assert_uint_eq(replay_counts(r)->died_with_segment, 1);
    ck_assert_uint_eq(replay_dead(r, 1)->children, 2);
    ck_assert_uint_eq(usage()->reserved, 0);
    ck_assert_uint_eq(usage()->allocated, 0);
}
END_TEST

START_TEST(a_late_child_still_makes_a_segment)
{
    replay_alloc(r, 0x1000, 0x1000);
    replay_at(r, 5000000, 0); /* long after: told as a block */
    replay_launch(r, MT_WORD(0x1000, 0));
    ck_assert_int_eq(r->born[0].level, MT_LEVEL_BLOCK);
    ck_assert_uint_eq(usage()->allocated, 0x1000);
    replay_block(r, 0x1800, 0x100);
    ck_assert_uint_eq(usage()->allocated, 0x100);
    ck_assert_uint_eq(usage()->segments, 1);
    replay_finish(r);
    ck_assert_int_eq(replay_dead(r, 1)->level, MT_LEVEL_SEGMENT);
    ck_assert_uint_eq(replay_dead(r, 1)->death_ns, UINT64_MAX);
}
END_TEST

START_TEST(other_threads_do_not_decide_early)
{
    replay_at(r, 10, 1);
    replay_alloc(r, 0x1000, 0x1000);
    replay_at(r, 11, 2);
    replay_launch(r, MT_WORD(0x9000, 0));
    ck_assert_uint_eq(r->births, 0);
    replay_at(r, 12, 1);
    replay_block(r, 0x1000, 0x200);
    ck_assert_int_eq(r->born[0].level, MT_LEVEL_SEGMENT);
    ck_assert_uint_eq(usage()->peak_allocated, 0x200);
    /* ... but time does, and so does an access */
    replay_at(r, 20, 1);
    replay_alloc(r, 0x8000, 0x1000);
    replay_at(r, 21, 2);
    replay_launch(r, MT_WORD(0x8000, 0));
    ck_assert_uint_eq(r->births, 3);
    ck_assert_uint_eq(r->born[2].birth_ns, 20);
    replay_at(r, 30, 1);
    replay_alloc(r, 0x20000, 0x1000);
    replay_at(r, 2000000, 2);
    REPLAY(r, lost, 1);
    ck_assert_uint_eq(r->births, 4);
}
END_TEST

START_TEST(many_births_wait_at_once)
{
    for (uint64_t i = 0; i < 40; i++)
        replay_alloc(r, 0x10000 + i * 0x1000, 0x1000);
    ck_assert_uint_ge(r->births, 24);
    replay_finish(r);
    ck_assert_uint_eq(r->births, 40);
    ck_assert_uint_eq(r->deaths, 40);
    for (uint64_t i = 0; i < 40; i++)
        ck_assert_uint_eq(r->born[i].id, i + 1);
}
END_TEST

START_TEST(a_peak_is_when_it_was_first_reached)
{
    replay_at(r, 10, 0);
    replay_block(r, 0x1000, 0x200);
    replay_at(r, 20, 0);
    replay_block_free(r, 0x1000, 0x200);
    replay_block(r, 0x1000, 0x200);
    ck_assert_uint_eq(usage()->peak_allocated, 0x200);
    ck_assert_uint_eq(usage()->peak_allocated_ns, 10);
}
END_TEST

START_TEST(sources_come_from_the_api)
{
    REPLAY(r, alloc, API_ASYNC, 0x1000, 0x100, 0, 7);
    ck_assert_uint_eq(r->births, 1); /* stream-ordered memory does not wait for blocks */
    ck_assert_uint_eq(r->born[0].stream, 7);
    REPLAY(r, alloc, API_MANAGED, 0x2000, 0x100, 0, 0);
    REPLAY(r, alloc, 1000, 0x3000, 0x100, MT_DEVICE_UNKNOWN, 0);
    replay_finish(r);
    ck_assert_int_eq(r->born[0].source, MT_SOURCE_ASYNC);
    ck_assert_int_eq(r->born[1].source, MT_SOURCE_MANAGED);
    ck_assert_int_eq(r->born[2].source, MT_SOURCE_DRIVER);
    ck_assert_uint_eq(r->born[2].device, MT_DEVICES - 1);
    ck_assert_uint_eq(usage()->allocated, 0x200);
}
END_TEST

START_TEST(unknown_frees_are_counted)
{
    replay_alloc(r, 0x1000, 0x100);
    REPLAY(r, free, 1, 0x5000, 0);
    REPLAY(r, free, 1, 0x1080, 0); /* inside is not the beginning */
    REPLAY(r, free, 1, 0, 0);      /* allowed */
    replay_block_free(r, 0x5000, 0x100);
    ck_assert_uint_eq(replay_counts(r)->late_frees, 2);
    ck_assert_uint_eq(replay_counts(r)->late_block_frees, 1);
    ck_assert_uint_eq(replay_counts(r)->late_block_frees_bytes, 0x100);
    ck_assert_uint_eq(r->deaths, 0);
}
END_TEST

START_TEST(a_block_free_leaves_driver_memory_alone)
{
    replay_alloc(r, 0x1000, 0x100);
    replay_block_free(r, 0x1000, 0x100);
    ck_assert_uint_eq(replay_counts(r)->late_block_frees, 1);
    replay_finish(r);
    ck_assert_uint_eq(replay_dead(r, 1)->death_ns, UINT64_MAX);
}
END_TEST

START_TEST(memory_given_out_again_ends)
{
    replay_at(r, 1, 0);
    replay_alloc(r, 0x1000, 0x1000);
    replay_block(r, 0x1000, 0x200);
    replay_block(r, 0x1200, 0x200);
    replay_at(r, 9, 0);
    replay_block(r, 0x1100, 0x200); /* over both */
    ck_assert_uint_eq(replay_counts(r)->overlaps, 2);
    ck_assert_uint_eq(replay_dead(r, 2)->death_ns, 9);
    ck_assert_uint_eq(replay_dead(r, 3)->death_ns, 9);
    ck_assert_uint_eq(usage()->allocated, 0x200);
    replay_alloc(r, 0x1800, 0x1000); /* over the segment */
    ck_assert_uint_eq(replay_counts(r)->overlaps, 3);
    ck_assert_uint_eq(replay_counts(r)->died_with_segment, 1);
    ck_assert_uint_eq(r->deaths, 4);
}
END_TEST

START_TEST(blocks_outside_known_memory)
{
    replay_block(r, 0x1000, 0x200);
    ck_assert_uint_eq(replay_counts(r)->orphan_blocks, 1);
    ck_assert_uint_eq(r->born[0].segment, 0);
    ck_assert_int_eq(r->born[0].level, MT_LEVEL_BLOCK);
    replay_launch(r, MT_WORD(0x1100, 0));
    ck_assert_uint_eq(r->accesses, 1);
    replay_alloc(r, 0x1000, 0x1000); /* so what was there is gone */
    ck_assert_uint_eq(replay_counts(r)->overlaps, 1);
}
END_TEST

START_TEST(impossible_values_are_passed_over)
{
    replay_alloc(r, 0x1000, 0);
    replay_alloc(r, UINT64_MAX - 10, 100);
    replay_block(r, UINT64_MAX - 10, 100);
    REPLAY(r, map, UINT64_MAX, 100, 0, 0);
    REPLAY(r, unmap, UINT64_MAX, 100);
    REPLAY(r, reserve, 0x1000, 0);
    replay_words(r, MT_launch, (const uint64_t[]){1}, 1); /* too short */
    REPLAY(r, reserve, 1, 2, 3);                          /* too long */
    ck_assert_uint_eq(replay_counts(r)->invalid_records, 8);
    ck_assert_uint_eq(r->births, 0);
}
END_TEST

START_TEST(a_failed_free_brings_it_back)
{
    replay_at(r, 1, 0);
    replay_alloc(r, 0x1000, 0x100);
    REPLAY(r, free, 1, 0x1000, 0);
    REPLAY(r, free_failed, 1, 0x1000, 700);
    replay_at(r, 5, 0);
    replay_launch(r, MT_WORD(0x1000, 0));
    ck_assert_uint_eq(r->accesses, 1);
    ck_assert_uint_eq(r->births, 2);
    ck_assert_uint_eq(usage()->reserved, 0x100);
    /* a free of nothing that fails is not late, only wrong */
    REPLAY(r, free, 1, 0x9000, 0);
    REPLAY(r, free_failed, 1, 0x9000, 1);
    ck_assert_uint_eq(replay_counts(r)->late_frees, 0);
    ck_assert_uint_eq(replay_counts(r)->frees_failed, 2);
    REPLAY(r, free_failed, 1, 0x7000, 1); /* never seen at all */
    REPLAY(r, free, 1, 0x1000, 0);
    replay_alloc(r, 0x1080, 0x80); /* in its place: so the free was none that failed */
    REPLAY(r, free_failed, 1, 0x1000, 700);
    ck_assert_uint_eq(replay_counts(r)->overlaps, 0);
    REPLAY(r, free, 1, 0x1080, 0);
    replay_alloc(r, 0x1000, 0x100);
    replay_at(r, 9, 0);
    replay_launch(r, 0);
    ck_assert_uint_eq(usage()->reserved, 0x100);
}
END_TEST

START_TEST(what_is_freed_twice_stays_dead)
{
    replay_at(r, 1, 0);
    replay_alloc(r, 0x1000, 0x100);
    replay_at(r, 2, 0);
    REPLAY(r, free, 1, 0x1000, 0);
    replay_at(r, 3, 0);
    REPLAY(r, free_failed, 1, 0x1000, 1);
    replay_at(r, 4, 0);
    replay_launch(r, MT_WORD(0x1000, 0));
    ck_assert_uint_eq(r->births, 1);
    ck_assert_uint_eq(r->accesses, 0);
    ck_assert_uint_eq(usage()->reserved, 0);
    ck_assert_uint_eq(replay_counts(r)->frees_failed, 1);
}
END_TEST

START_TEST(allocators_own_sums_are_compared)
{
    REPLAY(r, block_alloc, 0x1000, 0x200, 0x1200, 0x4000, 0); /* 0x1000 from before the trace */
    REPLAY(r, block_alloc, 0x2000, 0x200, 0x1400, 0x4000, 0);
    ck_assert_uint_eq(usage()->unknown, 0x1000);
    ck_assert_uint_eq(replay_counts(r)->allocator_mismatches, 0);
    REPLAY(r, block_free, 0x8000, 0x400, 0x1000, 0x4000, 0); /* one of those */
    ck_assert_uint_eq(usage()->unknown, 0xc00);
    ck_assert_uint_eq(replay_counts(r)->allocator_mismatches, 0);
    REPLAY(r, block_free, 0x1000, 0x200, 0xd00, 0x4000, 0); /* 0x100 went unseen */
    ck_assert_uint_eq(replay_counts(r)->allocator_mismatches, 1);
    ck_assert_uint_eq(usage()->peak_told_allocated, 0x1400);
    ck_assert_uint_eq(usage()->peak_told_reserved, 0x4000);
}
END_TEST

START_TEST(host_memory_is_no_block)
{
    REPLAY(r, host_alloc, 1, 0x7000, 0x1000);
    REPLAY(r, host_alloc, 1, 0x9000, 0x1000);
    replay_launch(r, MT_WORD(0x7100, 0));
    ck_assert_uint_eq(replay_counts(r)->pointers_pinned, 1);
    REPLAY(r, host_free, 1, 0x7000);
    REPLAY(r, host_free, 1, 0x7000);
    replay_launch(r, MT_WORD(0x7100, 0));
    ck_assert_uint_eq(replay_counts(r)->pointers_pinned, 1);
    ck_assert_uint_eq(replay_counts(r)->pointers_unresolved, 1);
    REPLAY(r, host_free, 1, 0x9000);
    REPLAY(r, free_failed, 1, 0x9000, 1);
    replay_launch(r, MT_WORD(0x9100, 0));
    ck_assert_uint_eq(replay_counts(r)->pointers_pinned, 2);
    ck_assert_uint_eq(replay_counts(r)->pinned_peak_bytes, 0x2000);
    ck_assert_uint_eq(r->births, 0);
}
END_TEST

/* api, address, size, stack, context */
START_TEST(host_memory_is_a_level)
{
    replay_at(r, 10, 0);
    REPLAY(r, host_alloc, API_ALLOC, 0x7000, 0x1000, 5, 1);
    REPLAY(r, host_alloc, API_REGISTER, 0x9000, 0x1000, 6, 2);
    replay_alloc(r, 0x20000, 0x2000);
    ck_assert_uint_eq(r->host_births, 2);
    ck_assert_int_eq(r->host_born[0].level, MT_LEVEL_HOST);
    ck_assert_int_eq(r->host_born[0].source, MT_SOURCE_PINNED);
    ck_assert_int_eq(r->host_born[1].source, MT_SOURCE_REGISTERED);
    ck_assert_uint_eq(r->host_born[1].stack, 6);
    replay_at(r, 20, 0);
    replay_copy(r, 0x20000, 0x9100, 0x80);
    replay_copy(r, 0x7f00, 0x20000, 0x200); /* 0x100 beyond its end */
    ck_assert_uint_eq(r->host_accesses, 2);
    ck_assert_int_eq(r->host_access[0].kind, MT_ACCESS_READ);
    ck_assert_uint_eq(r->host_access[0].offset, 0x100);
    ck_assert_int_eq(r->host_access[1].kind, MT_ACCESS_WRITE);
    ck_assert_uint_eq(r->host_access[1].size, 0x100);
    REPLAY(r, host_free, API_ALLOC, 0x7000);
    ck_assert_uint_eq(r->host_deaths, 1);
    ck_assert_uint_eq(r->host_dead[0].writes, 1);
    REPLAY(r, free_failed, API_ALLOC, 0x7000, 1); /* it lives on, as another block */
    ck_assert_uint_eq(r->host_births, 3);
    ck_assert_uint_eq(r->host_born[2].stack, 5);
    REPLAY(r, context_end, 2, 0, 0);
    ck_assert_uint_eq(r->host_deaths, 2);
    ck_assert_int_eq(r->host_dead[1].source, MT_SOURCE_REGISTERED);
    ck_assert_uint_eq(r->host_dead[1].reads, 1);
    REPLAY(r, host_alloc, API_ALLOC, 0x7800, 0x1000, 0, 1); /* the end of the first went unseen */
    ck_assert_uint_eq(r->host_deaths, 3);
    replay_finish(r);
    ck_assert_uint_eq(r->host_deaths, 4);
    ck_assert_uint_eq(r->host_dead[3].death_ns, UINT64_MAX);
    ck_assert_uint_eq(mt_model_usage(r->model, MT_DEVICES - 1)->allocated, 0);
}
END_TEST

START_TEST(devices_are_told_apart)
{
    REPLAY(r, alloc, API_ASYNC, 0x1000, 0x100, 0, 0);
    REPLAY(r, alloc, API_ASYNC, 0x2000, 0x200, 3, 0);
    ck_assert_uint_eq(mt_model_usage(r->model, 0)->reserved, 0x100);
    ck_assert_uint_eq(mt_model_usage(r->model, 3)->reserved, 0x200);
    ck_assert(!mt_model_usage(r->model, 1)->used);
}
END_TEST

/* pool, address, size, stream, stack */
START_TEST(reported_blocks)
{
    REPLAY(r, alloc, API_ALLOC, 0x80000, 0x1000, 1, 0);
    REPLAY(r, pool_alloc, 0x77, 0x80000, 0x100, 5, 42);
    REPLAY(r, pool_alloc, 0x77, 0x80100, 0x100, 0);
    ck_assert_uint_eq(mt_model_find(r->model, 0x80010)->source, MT_SOURCE_REPORTED);
    ck_assert_uint_eq(mt_model_find(r->model, 0x80010)->stream, 5);
    ck_assert_uint_eq(mt_model_find(r->model, 0x80010)->stack, 42);
    ck_assert_uint_eq(mt_model_find(r->model, 0x80110)->stack, 0);
    ck_assert_uint_eq(mt_model_find(r->model, 0x80010)->device, 1);
    ck_assert_ptr_null(mt_model_find(r->model, 0x80800)); /* it is a segment */
    ck_assert_uint_eq(mt_model_usage(r->model, 1)->allocated, 0x200);
    ck_assert_uint_eq(mt_model_usage(r->model, 1)->allocator, 0);
    REPLAY(r, pool_free, 0x77, 0x80000);
    REPLAY(r, pool_free, 0x77, 0x80000);
    ck_assert_uint_eq(mt_model_usage(r->model, 1)->allocated, 0x100);
    ck_assert_uint_eq(replay_counts(r)->reported_allocated, 2);
    ck_assert_uint_eq(replay_counts(r)->reported_freed, 2);
    replay_alloc(r, 0x90000, 0x1000);
    replay_block(r, 0x90000, 0x800);
    REPLAY(r, pool_alloc, 0x77, 0x90100, 0x100, 0);
    REPLAY(r, pool_free, 0x77, 0x90100);
    ck_assert_uint_eq(mt_model_find(r->model, 0x90100)->source, MT_SOURCE_ALLOCATOR);
    ck_assert_uint_eq(replay_counts(r)->reported_nested, 1);
    ck_assert_uint_eq(replay_counts(r)->overlaps, 0);
}
END_TEST

UNIT_MAIN_WITH("levels", setup, teardown, driver_memory_is_a_block_of_its_own,
               driver_memory_becomes_a_segment, a_late_child_still_makes_a_segment,
               other_threads_do_not_decide_early, many_births_wait_at_once,
               a_peak_is_when_it_was_first_reached, sources_come_from_the_api,
               unknown_frees_are_counted, a_block_free_leaves_driver_memory_alone,
               memory_given_out_again_ends, blocks_outside_known_memory,
               impossible_values_are_passed_over, a_failed_free_brings_it_back,
               what_is_freed_twice_stays_dead, allocators_own_sums_are_compared,
               host_memory_is_no_block, host_memory_is_a_level, reported_blocks,
               devices_are_told_apart)
