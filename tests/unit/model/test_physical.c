/* Memory that is mapped more than once, that is another's, that dies with something else. */
#include "replay.h"

#include "../unit.h"

#define MIB 0x100000u
#define A 0x10000000u
#define B 0x20000000u

static struct replay *r;

static void setup(void)
{
    r = replay_new();
    replay_at(r, 10, 0);
    REPLAY(r, reserve, A, 16 * MIB);
    REPLAY(r, reserve, B, 16 * MIB);
    REPLAY(r, create, 5, 4 * MIB, 0);
}

static void teardown(void)
{
    replay_free(r);
}

/* Births of driver memory are told a little late. */
static uint64_t reserved(void)
{
    replay_at(r, r->now + 2000000, 0);
    REPLAY(r, thread, 1);
    return mt_model_usage(r->model, 0)->reserved;
}

static void map(uint64_t address, uint64_t size, uint64_t offset, uint64_t handle)
{
    REPLAY(r, map, address, size, offset, handle);
}

START_TEST(mapped_twice_it_is_there_once)
{
    map(A, 4 * MIB, 0, 5);
    ck_assert_uint_eq(reserved(), 4 * MIB);
    map(B, 4 * MIB, 0, 5);
    ck_assert_uint_eq(reserved(), 4 * MIB);
    REPLAY(r, unmap, A, 4 * MIB); /* what is left counts for the alias now */
    ck_assert_uint_eq(reserved(), 4 * MIB);
    REPLAY(r, release, 5);
    ck_assert_uint_eq(reserved(), 4 * MIB);
    REPLAY(r, unmap, B, 4 * MIB);
    ck_assert_uint_eq(reserved(), 0);
    ck_assert_uint_eq(mt_model_usage(r->model, 0)->peak_reserved, 4 * MIB);
    REPLAY(r, unreserve, A, 16 * MIB);
    REPLAY(r, unreserve, B, 16 * MIB);
    ck_assert_uint_eq(replay_dead(r, 1)->size, 4 * MIB);
    ck_assert_uint_eq(replay_dead(r, 2)->size, 4 * MIB);
}
END_TEST

START_TEST(parts_that_overlap)
{
    map(A, 2 * MIB, 0, 5);
    map(A + 2 * MIB, 3 * MIB, MIB, 5);
    ck_assert_uint_eq(reserved(), 4 * MIB);
    map(B, MIB, 3 * MIB, 5);
    ck_assert_uint_eq(reserved(), 4 * MIB);
    REPLAY(r, unmap, A + 3 * MIB, 2 * MIB); /* the last two: one of them lives on in B */
    ck_assert_uint_eq(reserved(), 3 * MIB);
    REPLAY(r, unmap, A, MIB);
    ck_assert_uint_eq(reserved(), 2 * MIB);
    REPLAY(r, unreserve, A, 16 * MIB);
    ck_assert_uint_eq(reserved(), MIB);
}
END_TEST

static uint64_t reserved_on(uint32_t device)
{
    ck_assert(mt_model_is_valid(r->model));
    return mt_model_usage(r->model, device)->reserved;
}

/* Each piece counts where it lies; the range as such is of the first one's device. */
START_TEST(pieces_of_two_devices)
{
    REPLAY(r, create, 6, 2 * MIB, 1);
    REPLAY(r, create, 7, 6 * MIB, 2);
    map(A, 4 * MIB, 0, 5);
    map(A + 4 * MIB, 2 * MIB, 0, 6); /* before the birth is told */
    ck_assert_uint_eq(reserved(), 4 * MIB);
    ck_assert_uint_eq(reserved_on(1), 2 * MIB);
    map(A + 8 * MIB, 6 * MIB, 0, 7); /* and after it */
    ck_assert_uint_eq(reserved_on(2), 6 * MIB);
    ck_assert_uint_eq(mt_model_usage(r->model, 2)->allocated, 6 * MIB);
    ck_assert_uint_eq(mt_model_find(r->model, A + 9 * MIB)->device, 0);
    map(B, 2 * MIB, 0, 6); /* an alias */
    REPLAY(r, unmap, A + 4 * MIB, 5 * MIB);
    ck_assert_uint_eq(reserved(), 4 * MIB);
    ck_assert_uint_eq(reserved_on(1), 2 * MIB);
    ck_assert_uint_eq(reserved_on(2), 5 * MIB);
    REPLAY(r, unmap, A, 4 * MIB); /* nothing of the first is left */
    ck_assert_uint_eq(reserved_on(0), 0);
    REPLAY(r, block_alloc, A + 10 * MIB, MIB, 0, 0, 2); /* now it is a segment */
    ck_assert_uint_eq(mt_model_usage(r->model, 2)->allocated, MIB);
    ck_assert_uint_eq(reserved_on(2), 5 * MIB);
    REPLAY(r, unreserve, A, 16 * MIB);
    ck_assert_uint_eq(reserved_on(2), 0);
    REPLAY(r, unreserve, B, 16 * MIB);
    ck_assert_uint_eq(reserved_on(1), 0);
}
END_TEST

START_TEST(a_range_dies_and_its_alias_lives)
{
    map(A, 4 * MIB, 0, 5);
    map(B, 4 * MIB, 0, 5);
    map(A + 4 * MIB, 4 * MIB, 0, 5); /* an alias in the range itself */
    ck_assert_uint_eq(reserved(), 4 * MIB);
    REPLAY(r, unreserve, A, 16 * MIB);
    ck_assert_uint_eq(reserved(), 4 * MIB);
    ck_assert_uint_eq(mt_model_usage(r->model, 0)->peak_reserved, 4 * MIB);
}
END_TEST

START_TEST(a_handle_used_again_is_other_memory)
{
    map(A, 4 * MIB, 0, 5);
    REPLAY(r, release, 5);
    REPLAY(r, create, 5, 4 * MIB, 0);
    map(B, 4 * MIB, 0, 5);
    ck_assert_uint_eq(reserved(), 8 * MIB);
}
END_TEST

START_TEST(a_retained_handle_is_the_same_memory)
{
    map(A, 4 * MIB, 0, 5);
    REPLAY(r, release, 5);
    REPLAY(r, retain, 6, A + MIB);
    map(B, 4 * MIB, 0, 6);
    ck_assert_uint_eq(reserved(), 4 * MIB);
    REPLAY(r, retain, 7, 0x5000); /* of nothing */
}
END_TEST

START_TEST(memory_of_others_is_theirs)
{
    REPLAY(r, import, API_COPY, 9, 0);
    map(A, 4 * MIB, 0, 9);
    REPLAY(r, alloc, API_IPC, 0x50000, 0x1000, 0, 0);
    replay_launch(r, MT_WORD(A, 0), MT_WORD(0x50000, 8));
    ck_assert_uint_eq(r->accesses, 2);
    ck_assert_uint_eq(reserved(), 0);
    REPLAY(r, free, API_IPC, 0x50000, 0);
    ck_assert_uint_eq(reserved(), 0);
    ck_assert_int_eq(r->dead[0].source, MT_SOURCE_IMPORTED);
    ck_assert_uint_eq(r->dead[0].size, 0x1000);
}
END_TEST

/* ---- what dies with something else ---- */

static void alloc_in(uint64_t api, uint64_t address, uint64_t device, uint64_t context)
{
    REPLAY(r, alloc, api, address, 0x1000, device, 0, 0, 0, context);
}

START_TEST(a_context_takes_its_memory_along)
{
    alloc_in(API_ALLOC, 0x50000, 0, 1);
    alloc_in(API_ALLOC, 0x60000, 0, 2);
    alloc_in(API_ASYNC, 0x70000, 0, 1);
    REPLAY(r, host_alloc, API_ALLOC, 0x90000, 0x1000, 0, 1);
    REPLAY(r, array, API_ALLOC, 0x77, 0x800, 0, 1);
    ck_assert_uint_eq(reserved(), 3 * 0x1000 + 0x800);
    REPLAY(r, context_end, 1, MT_DEVICE_UNKNOWN, 0);
    ck_assert_uint_eq(reserved(), 2 * 0x1000);
    ck_assert_uint_eq(replay_counts(r)->died_with_context, 2);
    ck_assert_uint_eq(r->deaths, 2);
    replay_launch(r, MT_WORD(0x90000, 0)); /* is page-locked no more */
    ck_assert_uint_eq(replay_counts(r)->pointers_pinned, 0);
    REPLAY(r, free, API_ALLOC, 0x50000, 0);
    REPLAY(r, free_failed, API_ALLOC, 0x50000, 4);
    ck_assert_uint_eq(replay_counts(r)->late_frees, 0);
    ck_assert_uint_eq(reserved(), 2 * 0x1000);
}
END_TEST

START_TEST(a_primary_context_takes_pools_along)
{
    map(A, 4 * MIB, 0, 5);
    alloc_in(API_ASYNC, 0x60000, 0, 1);
    alloc_in(API_ASYNC, 0x70000, 1, 2);
    alloc_in(API_ALLOC, 0x80000, 0, 0); /* of which nothing is known */
    ck_assert_uint_eq(reserved(), 4 * MIB + 0x2000);
    REPLAY(r, context_end, 0, 0, 1);
    ck_assert_uint_eq(reserved(), 4 * MIB + 0x1000);
    ck_assert_uint_eq(mt_model_usage(r->model, 1)->reserved, 0x1000);
}
END_TEST

START_TEST(variables_of_modules)
{
    for (int i = 0; i < 3; i++)
        REPLAY(r, global, API_COPY, 0x50000, 0x200, 0, 0xabc, 1);
    REPLAY(r, global, API_COPY, 0x60000, 0x100, 0, 0xdef, 1);
    replay_copy(r, 0x50010, 0x10, 16);
    ck_assert_uint_eq(r->accesses, 1);
    ck_assert_uint_eq(reserved(), 0x300);
    REPLAY(r, module_end, 0xabc);
    ck_assert_uint_eq(reserved(), 0x100);
    ck_assert_int_eq(r->dead[0].source, MT_SOURCE_GLOBAL);
    REPLAY(r, context_end, 1, MT_DEVICE_UNKNOWN, 0);
    ck_assert_uint_eq(reserved(), 0);
}
END_TEST

START_TEST(arrays_have_handles)
{
    REPLAY(r, array, API_IPC, 0x99, 0x800, 0, 1); /* in memory of another library */
    ck_assert_uint_eq(reserved(), 0);
    REPLAY(r, array_end, 0x99);
    ck_assert_int_eq(r->dead[0].source, MT_SOURCE_IMPORTED);
    REPLAY(r, array, API_ALLOC, 0x77, 0x800, 0, 1);
    REPLAY(r, array, API_ALLOC, 0x78, 0x800, 0, 1);
    REPLAY(r, array, API_ALLOC, 0x77, 0x400, 0, 1); /* the end of the first was lost */
    ck_assert_uint_eq(reserved(), 0xc00);
    replay_launch(r, MT_WORD(0x77, 0)); /* no address */
    ck_assert_uint_eq(r->accesses, 0);
    REPLAY(r, array_end, 0x77);
    REPLAY(r, array_end, 0x99);
    ck_assert_uint_eq(reserved(), 0x800);
    replay_finish(r);
    ck_assert_uint_eq(r->deaths, 4);
}
END_TEST

START_TEST(what_moves_and_what_is_said)
{
    REPLAY(r, prefetch, API_COPY, A, 100, 1, 0);
    REPLAY(r, prefetch, API_COPY, A, 30, MT_DEVICE_UNKNOWN, 0);
    REPLAY(r, hint, API_COPY, A, 100, 1, 0);
    REPLAY(r, pool, API_COPY, 0x5, 0, 700, 300);
    REPLAY(r, pool, API_COPY, 0x5, 0, 500, 300);
    ck_assert_uint_eq(replay_counts(r)->prefetches, 2);
    ck_assert_uint_eq(replay_counts(r)->prefetches_to_device_bytes, 100);
    ck_assert_uint_eq(replay_counts(r)->prefetches_to_host_bytes, 30);
    ck_assert_uint_eq(replay_counts(r)->hints, 1);
    ck_assert_uint_eq(replay_counts(r)->pool_peak_reserved_bytes, 700);
    ck_assert_uint_eq(r->accesses, 0);
}
END_TEST

UNIT_MAIN_WITH("physical", setup, teardown, mapped_twice_it_is_there_once, parts_that_overlap,
               pieces_of_two_devices, a_range_dies_and_its_alias_lives,
               a_handle_used_again_is_other_memory, a_retained_handle_is_the_same_memory,
               memory_of_others_is_theirs, a_context_takes_its_memory_along,
               a_primary_context_takes_pools_along, variables_of_modules, arrays_have_handles,
               what_moves_and_what_is_said)
