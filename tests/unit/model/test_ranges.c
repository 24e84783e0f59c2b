/* Reserved ranges, maps and unmaps. */
#include "replay.h"

#include "../unit.h"

static struct replay *r;

static void setup(void)
{
    r = replay_new();
    replay_at(r, 10, 0);
    REPLAY(r, reserve, 0x100000, 0x100000);
    REPLAY(r, create, 0x51, 0x2000, 2);
    replay_at(r, 20, 0);
}

static void teardown(void)
{
    replay_free(r);
}

static void map(uint64_t address, uint64_t size)
{
    REPLAY(r, map, address, size, address & 0xfffff, 0x51);
}

static const struct mt_usage *usage(void)
{
    return mt_model_usage(r->model, 2);
}

START_TEST(reserved_alone_is_no_block)
{
    replay_launch(r, MT_WORD(0x100010, 0));
    REPLAY(r, unreserve, 0x100000, 0x100000);
    replay_finish(r);
    ck_assert_uint_eq(r->births, 0);
    ck_assert_uint_eq(r->deaths, 0);
    ck_assert_uint_eq(r->accesses, 0);
}
END_TEST

START_TEST(mapped_memory_is_a_block)
{
    map(0x100000, 0x2000);
    REPLAY(r, release, 0x51);
    replay_at(r, 30, 0);
    replay_launch(r, MT_WORD(0x100010, 0));
    ck_assert_uint_eq(r->born[0].birth_ns, 20);
    ck_assert_uint_eq(r->born[0].device, 2);
    ck_assert_int_eq(r->born[0].source, MT_SOURCE_VIRTUAL);
    ck_assert_uint_eq(r->accesses, 1);
    ck_assert_uint_eq(usage()->reserved, 0x2000);
    ck_assert_uint_eq(usage()->allocated, 0x2000);
    map(0x108000, 0x2000);
    ck_assert_uint_eq(usage()->reserved, 0x4000);
    REPLAY(r, unmap, 0x100000, 0x2000);
    ck_assert_uint_eq(usage()->allocated, 0x2000);
    map(0x100000, 0x1000);
    replay_at(r, 40, 0);
    REPLAY(r, unmap, 0x100000, 0x100000);
    ck_assert_uint_eq(usage()->reserved, 0);
    REPLAY(r, unreserve, 0x100000, 0x100000);
    ck_assert_uint_eq(replay_dead(r, 1)->size, 0x4000); /* the most ever mapped */
    ck_assert_uint_eq(replay_dead(r, 1)->death_ns, 40);
}
END_TEST

START_TEST(mapped_for_a_moment)
{
    map(0x100000, 0x2000);
    REPLAY(r, unmap, 0x100000, 0x2000);
    ck_assert_uint_eq(usage()->reserved, 0);
    ck_assert_uint_eq(usage()->peak_reserved, 0x2000);
    ck_assert_uint_eq(usage()->peak_allocated, 0x2000);
    ck_assert_uint_eq(usage()->peak_reserved_ns, 20);
}
END_TEST

START_TEST(a_growing_segment)
{
    map(0x100000, 0x2000);
    REPLAY(r, block_alloc, 0x100000, 0x1800, 0x1800, 0, 2);
    ck_assert_int_eq(r->born[0].level, MT_LEVEL_SEGMENT);
    map(0x102000, 0x2000);
    REPLAY(r, block_alloc, 0x101800, 0x2000, 0x3800, 0, 2); /* spans two maps */
    ck_assert_uint_eq(r->born[2].segment, 1);
    ck_assert_uint_eq(usage()->reserved, 0x4000);
    ck_assert_uint_eq(usage()->allocated, 0x3800);
    ck_assert_uint_eq(usage()->peak_allocated, 0x3800);
    REPLAY(r, block_free, 0x101800, 0x2000, 0x1800, 0, 2);
    REPLAY(r, unmap, 0x102000, 0x2000);
    ck_assert_uint_eq(usage()->reserved, 0x2000);
    replay_finish(r);
    ck_assert_uint_eq(replay_dead(r, 1)->size, 0x4000);
    ck_assert_uint_eq(replay_dead(r, 1)->mapped, 0x2000);
}
END_TEST

START_TEST(parts_are_unmapped)
{
    map(0x100000, 0x4000);
    REPLAY(r, unmap, 0x101000, 0x1000); /* a hole */
    ck_assert_uint_eq(replay_counts(r)->late_unmaps, 0);
    REPLAY(r, unmap, 0x101000, 0x1000); /* again: nothing there */
    ck_assert_uint_eq(replay_counts(r)->late_unmaps, 1);
    map(0x101000, 0x1000);
    REPLAY(r, unmap, 0x100800, 0x2000); /* parts of three maps */
    replay_launch(r, 0);
    ck_assert_uint_eq(usage()->reserved, 0x2000);
    REPLAY(r, unmap, 0x100000, 0x4000);
    ck_assert_uint_eq(usage()->reserved, 0);
}
END_TEST

START_TEST(maps_over_maps)
{
    map(0x100000, 0x4000);
    map(0x102000, 0x4000);
    replay_launch(r, 0);
    ck_assert_uint_eq(replay_counts(r)->overlaps, 1);
    ck_assert_uint_eq(usage()->reserved, 0x6000);
    map(0x1ff000, 0x2000); /* beyond the range */
    ck_assert_uint_eq(replay_counts(r)->invalid_records, 1);
    replay_alloc(r, 0x900000, 0x1000);
    map(0x900000, 0x1000); /* into other memory */
    ck_assert_uint_eq(replay_counts(r)->invalid_records, 2);
}
END_TEST

START_TEST(ranges_from_before_the_trace)
{
    map(0x800000, 0x2000);
    map(0x802000, 0x2000);
    REPLAY(r, block_alloc, 0x800000, 0x3000, 0x3000, 0, 2); /* spans both */
    ck_assert_uint_eq(replay_counts(r)->inferred_ranges, 2);
    ck_assert_uint_eq(replay_counts(r)->orphan_blocks, 0);
    ck_assert(r->born[0].alive_at_start);
    ck_assert_uint_eq(usage()->segments, 2);
    ck_assert_uint_eq(usage()->allocated, 0x3000);
    REPLAY(r, unmap, 0x800000, 0x4000);
    ck_assert_uint_eq(usage()->reserved, 0);
    REPLAY(r, unreserve, 0x7ff000, 0x8000); /* the reservation that was not seen */
    ck_assert_uint_eq(replay_counts(r)->late_unmaps, 1);
}
END_TEST

START_TEST(blocks_before_their_maps)
{
    REPLAY(r, block_alloc, 0x100800, 0x800, 0x800, 0, 2);
    ck_assert_uint_eq(replay_counts(r)->orphan_blocks, 1);
    map(0x100000, 0x2000);
    replay_copy(r, 0x900000, 0x100000, 0x2000); /* one access, to the block */
    ck_assert_uint_eq(r->accesses, 1);
    ck_assert_uint_eq(usage()->segments, 1);
    ck_assert_uint_eq(usage()->allocated, 0x800);
}
END_TEST

START_TEST(failed_calls_are_undone)
{
    map(0x100000, 0x2000);
    replay_launch(r, MT_WORD(0x100000, 0));
    REPLAY(r, unmap, 0x100000, 0x2000);
    REPLAY(r, free_failed, 1, 0x100000, 1);
    ck_assert_uint_eq(usage()->reserved, 0x2000);
    REPLAY(r, unreserve, 0x100000, 0x100000);
    REPLAY(r, free_failed, 1, 0x100000, 1);
    map(0x100000, 0x2000);
    replay_launch(r, MT_WORD(0x100000, 0));
    ck_assert_uint_eq(replay_counts(r)->inferred_ranges, 0);
    ck_assert_uint_eq(r->accesses, 2);
}
END_TEST

UNIT_MAIN_WITH("ranges", setup, teardown, reserved_alone_is_no_block, mapped_memory_is_a_block,
               mapped_for_a_moment, a_growing_segment, parts_are_unmapped, maps_over_maps,
               ranges_from_before_the_trace, blocks_before_their_maps, failed_calls_are_undone)
