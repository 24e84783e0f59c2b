/* What becomes of memory in a pause: births and ends that cancel out, also out of order. */
#include "shim/window/delta.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

#define A 0x7e9000000000u
#define B 0x7e9000010000u

static char told[512];

/* "alloc 0x.. at 5; " for each change, addresses as letters. */
static int note(enum mt_kind kind, const uint64_t *fields, uint64_t ticks)
{
    uint64_t address = kind == MT_block_alloc || kind == MT_block_free ? fields[0] : fields[1];
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%s %c%u; ", mt_event_info(kind)->name,
             address == A ? 'a' : 'b', (unsigned)ticks);
    return 0;
}

static const char *changes_until(uint64_t until)
{
    told[0] = 0;
    ck_assert_int_eq(mt_delta_each(note, until), 0);
    return told;
}

static const char *changes(void)
{
    return changes_until(UINT64_MAX);
}

static struct {
    struct mt_record record;
    uint64_t word[8];
} room;

static const struct mt_record *made(enum mt_kind kind, uint64_t address, uint64_t ticks)
{
    bool block = kind == MT_block_alloc || kind == MT_block_free;
    memset(&room, 0, sizeof room);
    room.record.time = ticks;
    room.record.kind = (uint16_t)kind;
    room.record.words = mt_event_info(kind)->fields;
    room.record.word[block ? 0 : 1] = address;
    return &room.record;
}

static void put(enum mt_kind kind, uint64_t address, uint64_t ticks)
{
    ck_assert(mt_delta_put(made(kind, address, ticks)));
}

static void setup(void)
{
    mt_delta_forget();
}

START_TEST(cancel_out)
{
    put(MT_alloc, A, 1);
    put(MT_block_alloc, A, 2);
    put(MT_block_free, A, 3);
    put(MT_free, A, 4);
    ck_assert_uint_eq(mt_delta_count(), 0);
    ck_assert_str_eq(changes(), "");
}
END_TEST

START_TEST(ends_before_births)
{
    put(MT_block_free, B, 1);
    put(MT_free, B, 2);
    put(MT_alloc, A, 3);
    put(MT_block_alloc, A, 4);
    put(MT_alloc, B, 5);
    ck_assert_uint_eq(mt_delta_count(), 5);
    ck_assert_str_eq(changes(), "block_free b1; free b2; alloc a3; block_alloc a4; alloc b5; ");
}
END_TEST

/* The address was handed out again before the free of its first life was written. */
START_TEST(a_free_that_comes_late)
{
    put(MT_alloc, A, 7);
    put(MT_free, A, 5);
    ck_assert_str_eq(changes(), "free a5; alloc a7; ");
    put(MT_free, A, 9);
    ck_assert_str_eq(changes(), "free a5; ");
}
END_TEST

/* And the first life had begun in the pause, too. */
START_TEST(a_free_of_one_that_was_followed)
{
    put(MT_alloc, A, 3);
    put(MT_alloc, A, 7);
    put(MT_free, A, 5);
    ck_assert_str_eq(changes(), "alloc a7; ");
}
END_TEST

/* Births and ends of one address in every order: only their times count. */
START_TEST(in_any_order)
{
    static const struct {
        enum mt_kind kind;
        unsigned time;
    } event[] = {{MT_free, 2}, {MT_alloc, 3}, {MT_free, 5}, {MT_alloc, 8}};
    static const unsigned char order[24][4] = {
        {0, 1, 2, 3}, {0, 1, 3, 2}, {0, 2, 1, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 3, 2, 1},
        {1, 0, 2, 3}, {1, 0, 3, 2}, {1, 2, 0, 3}, {1, 2, 3, 0}, {1, 3, 0, 2}, {1, 3, 2, 0},
        {2, 0, 1, 3}, {2, 0, 3, 1}, {2, 1, 0, 3}, {2, 1, 3, 0}, {2, 3, 0, 1}, {2, 3, 1, 0},
        {3, 0, 1, 2}, {3, 0, 2, 1}, {3, 1, 0, 2}, {3, 1, 2, 0}, {3, 2, 0, 1}, {3, 2, 1, 0}};
    for (unsigned i = 0; i < 24; i++) {
        mt_delta_clear();
        for (unsigned k = 0; k < 4; k++)
            put(event[order[i][k]].kind, A, event[order[i][k]].time);
        ck_assert_str_eq(changes(), "free a2; alloc a8; ");
        put(MT_free, A, 9);
        ck_assert_str_eq(changes(), "free a2; ");
    }
}
END_TEST

/* A call that comes late: what happened before it is told, and only that. */
START_TEST(told_up_to_a_time)
{
    put(MT_free, A, 2);
    put(MT_alloc, A, 8);
    put(MT_alloc, B, 3);
    ck_assert_str_eq(changes_until(5), "free a2; alloc b3; ");
    mt_delta_told(5);
    ck_assert_str_eq(changes_until(8), "");
    ck_assert_str_eq(changes(), "alloc a8; ");
    put(MT_free, B, 9);
    ck_assert_str_eq(changes(), "free b9; alloc a8; ");
    mt_delta_told(UINT64_MAX);
    ck_assert_uint_eq(mt_delta_count(), 0);
    put(MT_free, A, 11);
    ck_assert_str_eq(changes(), "free a11; ");
}
END_TEST

/* What lived before was told to have ended; what came then has come and gone. */
START_TEST(told_between_an_end_and_a_birth)
{
    put(MT_free, A, 2);
    put(MT_alloc, A, 4);
    mt_delta_told(3);
    put(MT_free, A, 6);
    ck_assert_str_eq(changes(), "");
    put(MT_alloc, A, 7);
    put(MT_free, A, 9);
    ck_assert_str_eq(changes(), "");
}
END_TEST

/* Told in the midst of a pause, it ends in it, though its end was under way then. */
START_TEST(told_before_it_ends)
{
    put(MT_alloc, A, 2);
    put(MT_alloc, B, 3);
    mt_delta_clear();
    put(MT_free, A, 6);
    put(MT_alloc, B, 7);
    put(MT_free, B, 4);
    ck_assert_str_eq(changes(), "free b4; free a6; alloc b7; ");
}
END_TEST

/* While an end is still to come its address is kept, however many others come and go. */
START_TEST(an_end_that_comes_very_late)
{
    put(MT_alloc, A, 1);
    put(MT_alloc, A, 5);
    put(MT_free, A, 6);
    for (uint64_t i = 0; i < 20000; i++) {
        put(MT_alloc, B + 512 * i, 10 + 2 * i);
        put(MT_free, B + 512 * i, 11 + 2 * i);
    }
    put(MT_free, A, 3);
    ck_assert_str_eq(changes(), "");
}
END_TEST

START_TEST(many)
{
    for (uint64_t i = 0; i < 20000; i++)
        put(MT_alloc, A + 512 * i, i + 1);
    ck_assert_uint_eq(mt_delta_count(), 20000);
    for (uint64_t i = 0; i < 20000; i++)
        if (i != 7777)
            put(MT_free, A + 512 * i, 200000 + i);
    ck_assert_uint_eq(mt_delta_count(), 1);
    for (uint64_t i = 0; i < 200000; i++) { /* other addresses each time */
        put(MT_alloc, B + 512 * (i + 1000000), i + 1);
        put(MT_free, B + 512 * (i + 1000000), i + 2);
    }
    ck_assert_uint_eq(mt_delta_count(), 1);
}
END_TEST

UNIT_MAIN_WITH("delta", setup, NULL, cancel_out, ends_before_births, a_free_that_comes_late,
               a_free_of_one_that_was_followed, in_any_order, told_up_to_a_time,
               told_between_an_end_and_a_birth, told_before_it_ends, an_end_that_comes_very_late,
               many)
