/* Which blocks launches, copies and sets touch. */
#include "replay.h"

#include "../unit.h"

static struct replay *r;

/* Segment 1 at 0x10000 with blocks 2 (0x10000, 0x200) and 3 (0x10200, 0x400), a gap behind them,
 * and driver memory 4 at 0x40000. */
static void setup(void)
{
    r = replay_new();
    replay_at(r, 10, 0);
    replay_alloc(r, 0x10000, 0x1000);
    replay_block(r, 0x10000, 0x200);
    replay_block(r, 0x10200, 0x400);
    REPLAY(r, alloc, API_ASYNC, 0x40000, 0x1000, 0, 0);
    replay_at(r, 20, 3);
}

static void teardown(void)
{
    replay_free(r);
}

static void expect(size_t i, uint64_t id, enum mt_access_kind kind, uint64_t offset, uint64_t size)
{
    replay_expect(r, i, id, kind, offset, size);
    ck_assert_uint_eq(r->access[i].time_ns, 20);
    ck_assert_uint_eq(r->access[i].thread, 3);
}

START_TEST(a_launch_touches_a_set)
{
    REPLAY(r, launch, 5, 0x77, 0, 0, MT_WORD(0x10210, 0), MT_WORD(0x10000, 8), MT_WORD(0x10200, 16),
           MT_WORD(0x40fff, 24));
    ck_assert_uint_eq(r->accesses, 3);
    expect(0, 3, MT_ACCESS_TOUCH, 0x10, 0);
    expect(1, 2, MT_ACCESS_TOUCH, 0, 0);
    expect(2, 4, MT_ACCESS_TOUCH, 0xfff, 0);
    ck_assert_uint_eq(r->access[0].kernel, 5);
    ck_assert_uint_eq(r->access[0].stream, 0x77);
    ck_assert_int_eq(r->access[0].by, MT_BY_LAUNCH);
    ck_assert_uint_eq(replay_counts(r)->pointers, 4);
    replay_launch(r, MT_WORD(0x10000, 8)); /* another launch counts again */
    ck_assert_uint_eq(r->accesses, 4);
}
END_TEST

START_TEST(pointers_to_nothing)
{
    replay_launch(r, MT_WORD(0x10800, 0), MT_WORD(0x10801, 0), MT_WORD(0x90000, 8));
    ck_assert_uint_eq(r->accesses, 0);
    ck_assert_uint_eq(replay_counts(r)->pointers_stale, 2);
    ck_assert_uint_eq(replay_counts(r)->pointers_unresolved, 1);
    ck_assert_uint_eq(replay_counts(r)->launches_untouching, 1);
    replay_finish(r);
    ck_assert_uint_eq(replay_dead(r, 1)->stale_touches, 2);
    ck_assert_uint_eq(replay_dead(r, 1)->accesses, 0);
}
END_TEST

START_TEST(the_dead_are_not_touched)
{
    replay_launch(r, MT_WORD(0x10200, 0), MT_WORD(0x40000, 0));
    replay_block_free(r, 0x10200, 0x400);
    REPLAY(r, free, API_ASYNC, 0x40000, 0);
    replay_launch(r, MT_WORD(0x10200, 0), MT_WORD(0x40000, 0));
    ck_assert_uint_eq(r->accesses, 2);
    replay_block(r, 0x10100 + 0x100, 0x80); /* another one in its place */
    replay_launch(r, MT_WORD(0x10200, 0), MT_WORD(0x10280, 0));
    ck_assert_uint_eq(r->accesses, 3);
    expect(2, 5, MT_ACCESS_TOUCH, 0, 0);
}
END_TEST

START_TEST(an_address_changes_its_owner_with_the_first_block)
{
    replay_launch(r, MT_WORD(0x40100, 0)); /* driver memory itself; now known to the cache */
    replay_block(r, 0x40000, 0x80);
    replay_launch(r, MT_WORD(0x40100, 0)); /* a gap of a segment */
    replay_launch(r, MT_WORD(0x40010, 0));
    ck_assert_uint_eq(r->accesses, 2);
    expect(0, 4, MT_ACCESS_TOUCH, 0x100, 0);
    expect(1, 5, MT_ACCESS_TOUCH, 0x10, 0);
    ck_assert_uint_eq(replay_counts(r)->pointers_stale, 1);
}
END_TEST

START_TEST(captured_launches_are_no_accesses)
{
    REPLAY(r, launch, 1, 0, MT_LAUNCH_CAPTURED, 0, MT_WORD(0x10000, 0));
    REPLAY(r, launch, 1, 0, MT_LAUNCH_ARGS_UNKNOWN);
    REPLAY(r, launch, 1, 0, MT_LAUNCH_ARGS_CUT, 0, MT_WORD(0x10000, 0));
    REPLAY(r, graph_launch, 1, 0);
    ck_assert_uint_eq(r->accesses, 1);
    ck_assert_uint_eq(replay_counts(r)->launches, 2);
    ck_assert_uint_eq(replay_counts(r)->launches_captured, 1);
    ck_assert_uint_eq(replay_counts(r)->launches_arguments_unknown, 1);
    ck_assert_uint_eq(replay_counts(r)->launches_arguments_cut, 1);
    ck_assert_uint_eq(replay_counts(r)->launches_untouching, 1);
    ck_assert_uint_eq(replay_counts(r)->graph_launches, 1);
}
END_TEST

START_TEST(a_copy_reads_and_writes)
{
    replay_copy(r, 0x40010, 0x10000, 0x100);
    expect(0, 2, MT_ACCESS_READ, 0, 0x100);
    expect(1, 4, MT_ACCESS_WRITE, 0x10, 0x100);
    ck_assert_int_eq(r->access[0].by, MT_BY_COPY);
    ck_assert_uint_eq(r->access[0].kernel, API_COPY);
    ck_assert_uint_eq(r->accesses, 2);
    ck_assert_uint_eq(r->others, 2);
    ck_assert_uint_eq(replay_counts(r)->copies_on_device, 1);
    ck_assert_uint_eq(replay_counts(r)->copies_on_device_bytes, 0x100);
    replay_finish(r);
    ck_assert_uint_eq(replay_dead(r, 2)->reads, 1);
    ck_assert_uint_eq(replay_dead(r, 4)->writes, 1);
    ck_assert_uint_eq(replay_dead(r, 4)->touches, 0);
}
END_TEST

START_TEST(a_copy_within_a_block_is_two_accesses)
{
    replay_copy(r, 0x40010, 0x40800, 0x100);
    expect(0, 4, MT_ACCESS_READ, 0x800, 0x100);
    expect(1, 4, MT_ACCESS_WRITE, 0x10, 0x100);
}
END_TEST

START_TEST(a_copy_spans_blocks)
{
    replay_copy(r, 0x90000, 0x10100, 0x1000); /* half of 2, all of 3, the gap, beyond the segment */
    ck_assert_uint_eq(r->accesses, 2);
    expect(0, 2, MT_ACCESS_READ, 0x100, 0x100);
    expect(1, 3, MT_ACCESS_READ, 0, 0x400);
    ck_assert_uint_eq(replay_counts(r)->copies_to_host, 1);
    replay_copy(r, 0xf000, 0x90000, 0x40000); /* from before the segment to behind block 4 */
    ck_assert_uint_eq(r->accesses, 5);
    expect(2, 2, MT_ACCESS_WRITE, 0, 0x200);
    expect(3, 3, MT_ACCESS_WRITE, 0, 0x400);
    expect(4, 4, MT_ACCESS_WRITE, 0, 0x1000);
}
END_TEST

START_TEST(host_ends_of_copies)
{
    REPLAY(r, host_alloc, 1, 0x80000, 0x1000);
    replay_copy(r, 0x10000, 0x80000, 0x10);
    replay_copy(r, 0x80800, 0x10000, 0x10);
    replay_copy(r, 0x10000, 0x90000, 0x10);
    replay_copy(r, 0x90000, 0xa0000, 0x10);
    replay_copy(r, 0x10000, 0x10000, 0);
    replay_copy(r, 0x10000, UINT64_MAX - 1, 0x10);
    ck_assert_uint_eq(replay_counts(r)->copies, 5);
    ck_assert_uint_eq(replay_counts(r)->copies_to_device, 2);
    ck_assert_uint_eq(replay_counts(r)->copies_to_device_bytes, 0x20);
    ck_assert_uint_eq(replay_counts(r)->copies_to_host, 1);
    ck_assert_uint_eq(replay_counts(r)->copies_pinned, 2);
    ck_assert_uint_eq(replay_counts(r)->copies_elsewhere, 1);
    ck_assert_uint_eq(replay_counts(r)->invalid_records, 1);
}
END_TEST

START_TEST(arrays_have_no_address)
{
    replay_copy(r, 0, 0x10000, 0x10);
    ck_assert_uint_eq(r->accesses, 1);
    ck_assert_uint_eq(replay_counts(r)->copies_to_host, 1);
}
END_TEST

START_TEST(copies_into_a_gap_are_stale)
{
    replay_copy(r, 0x10800, 0x90000, 0x10);
    ck_assert_uint_eq(r->accesses, 0);
    ck_assert_uint_eq(replay_counts(r)->ranges_stale, 1);
    ck_assert_uint_eq(replay_counts(r)->copies_to_device, 1);
}
END_TEST

START_TEST(boxes_touch_what_their_rows_touch)
{
    /* rows of 0x10 bytes every 0x200: one in block 2, one or two in block 3 */
    REPLAY(r, copy_rect, API_COPY, 0, 0x10020, 0x10, 3, 1, 0, 0x200, 0, 0, 0);
    ck_assert_uint_eq(r->accesses, 2);
    expect(0, 2, MT_ACCESS_READ, 0x20, 0x10);
    expect(1, 3, MT_ACCESS_READ, 0x20, 0x20);
    /* rows that pass over block 3 */
    REPLAY(r, copy_rect, API_COPY, 0, 0x10020, 0x10, 2, 1, 0, 0x30000, 0, 0, 0);
    ck_assert_uint_eq(r->accesses, 4);
    expect(2, 2, MT_ACCESS_READ, 0x20, 0x10);
    expect(3, 4, MT_ACCESS_READ, 0x20, 0x10);
    /* slices, wholly in one block */
    REPLAY(r, copy_rect, API_COPY, 0x40000, 0, 8, 4, 3, 0x20, 0, 0x100, 0, 0);
    expect(4, 4, MT_ACCESS_WRITE, 0, 96);
    ck_assert_uint_eq(replay_counts(r)->boxes_rounded, 0);
    REPLAY(r, copy_rect, API_COPY, 0, 0x10000, 1, UINT64_MAX, 1, 0, 2, 0, 0, 0);
    ck_assert_uint_eq(replay_counts(r)->invalid_records, 1);
    REPLAY(r, copy_rect, API_COPY, 0, 0x10000, 1, 1 << 20, 1, 0, 2, 0, 0, 0);
    ck_assert_uint_eq(replay_counts(r)->boxes_rounded, 1);
}
END_TEST

START_TEST(a_set_writes)
{
    REPLAY(r, set, 1, 0x10200, 0x400, 1, 0, 0);
    expect(0, 3, MT_ACCESS_WRITE, 0, 0x400);
    ck_assert_int_eq(r->access[0].by, MT_BY_SET);
    REPLAY(r, set, 1, 0x40000, 0x10, 4, 0x100, 0);
    expect(1, 4, MT_ACCESS_WRITE, 0, 0x40);
    REPLAY(r, set, 1, 0x40000, 0, 4, 0x100, 0);
    ck_assert_uint_eq(r->accesses, 2);
    ck_assert_uint_eq(replay_counts(r)->sets, 3);
}
END_TEST

/* op, send, receive, bytes of both, peer, communicator, stream, flags */
START_TEST(a_collective_reads_and_writes)
{
    REPLAY(r, collective, 9, 0x10000, 0x10200, 0x80, 0x400, MT_PEER_ALL, 0xc0, 0x77, 0);
    ck_assert_uint_eq(r->accesses, 2);
    expect(0, 2, MT_ACCESS_READ, 0, 0x80);
    expect(1, 3, MT_ACCESS_WRITE, 0, 0x400);
    ck_assert_int_eq(r->access[1].by, MT_BY_NCCL);
    ck_assert_uint_eq(r->access[1].kernel, 9);
    ck_assert_uint_eq(r->access[1].stream, 0x77);
    ck_assert_uint_eq(replay_counts(r)->collectives_sent_bytes, 0x80);
    ck_assert_uint_eq(replay_counts(r)->collectives_received_bytes, 0x400);
    REPLAY(r, collective, 9, 0, 0x40000, 0, 0x10, 2, 0xc0, 0x77, 0);
    ck_assert_uint_eq(r->accesses, 3);
    expect(2, 4, MT_ACCESS_WRITE, 0, 0x10);
    REPLAY(r, collective, 9, 0x10000, 0x10000, 8, 8, 2, 0xc0, 0x77, MT_COLLECTIVE_CAPTURED);
    REPLAY(r, collective, 9, UINT64_MAX, 0x10000, 8, 8, 2, 0xc0, 0x77, 0);
    ck_assert_uint_eq(r->accesses, 3);
    ck_assert_uint_eq(replay_counts(r)->collectives, 2);
    ck_assert_uint_eq(replay_counts(r)->collectives_captured, 1);
    ck_assert_uint_eq(replay_counts(r)->invalid_records, 1);
}
END_TEST

START_TEST(first_and_last_access)
{
    replay_launch(r, MT_WORD(0x10000, 0));
    replay_at(r, 90, 0);
    replay_copy(r, 0x10000, 0x90000, 1);
    replay_finish(r);
    ck_assert_uint_eq(replay_dead(r, 2)->first_access_ns, 20);
    ck_assert_uint_eq(replay_dead(r, 2)->last_access_ns, 90);
    ck_assert_uint_eq(replay_dead(r, 2)->accesses, 2);
    ck_assert_uint_eq(replay_dead(r, 3)->accesses, 0);
}
END_TEST

UNIT_MAIN_WITH("touch", setup, teardown, a_launch_touches_a_set, pointers_to_nothing,
               the_dead_are_not_touched, an_address_changes_its_owner_with_the_first_block,
               captured_launches_are_no_accesses, a_copy_reads_and_writes,
               a_copy_within_a_block_is_two_accesses, a_copy_spans_blocks, host_ends_of_copies,
               arrays_have_no_address, copies_into_a_gap_are_stale,
               boxes_touch_what_their_rows_touch, a_set_writes, a_collective_reads_and_writes,
               first_and_last_access)
