#include "shim/native/recall.h"

#include <string.h>

#include "../unit.h"

/* Walks over a stack that is made up: each of DEPTH frames is FRAME words, its return address the
 * last and its caller's frame pointer the one before. */
enum { DEPTH = 10, FRAME = 4 };

static uintptr_t stack[DEPTH * FRAME + 1];
static struct mt_recall recall;
static struct mt_walked_state state[DEPTH];

static uintptr_t sp_of(unsigned frame)
{
    return (uintptr_t)&stack[frame * FRAME];
}

/* The walk that the words on the stack say. */
static struct mt_recall_start lay(void)
{
    struct mt_recall_start start = {.pc = 0x1000, .sp = sp_of(0), .bp = 7, .most = 64};
    uintptr_t pc = start.pc, bp = start.bp;
    for (unsigned i = 0; i < DEPTH; i++) {
        state[i] = (struct mt_walked_state){pc, sp_of(i), bp, sp_of(i + 1) - 16};
        pc = stack[(i + 1) * FRAME - 1];
        bp = stack[(i + 1) * FRAME - 2];
    }
    return start;
}

static void put(unsigned frame, uintptr_t pc)
{
    stack[(frame + 1) * FRAME - 1] = pc;
}

static uintptr_t high(void)
{
    return (uintptr_t)(stack + DEPTH * FRAME + 1);
}

static void keep(uint64_t hash)
{
    struct mt_recall_start start = lay();
    struct mt_recall_end end = {hash, DEPTH};
    for (int i = 0; i < 2; i++)
        mt_recall_keep(&recall, &start, &end, state, DEPTH, high());
}

/* 0: it is not known. */
static uint64_t found(void)
{
    struct mt_recall_start start = lay();
    const struct mt_recall_end *end = mt_recall_find(&recall, &start, high());
    return end ? end->hash : 0;
}

static void begin(void)
{
    memset(&recall, 0, sizeof recall);
    for (unsigned i = 0; i < DEPTH; i++)
        put(i, 0x2000 + i);
}

START_TEST(finds_what_was_made_twice)
{
    begin();
    struct mt_recall_start start = lay();
    struct mt_recall_end end = {5, DEPTH};
    mt_recall_keep(&recall, &start, &end, state, DEPTH, high());
    ck_assert_uint_eq(found(), 0);
    mt_recall_keep(&recall, &start, &end, state, DEPTH, high());
    ck_assert_uint_eq(found(), 5);
    ck_assert_ptr_null(mt_recall_find(&recall, &start, high() - 5 * FRAME * 8));
}
END_TEST

START_TEST(looks_at_each_word)
{
    begin();
    keep(5);
    for (unsigned i = 0; i + 1 < DEPTH; i++) {
        put(i, 0x3000);
        ck_assert_uint_eq(found(), 0);
        put(i, 0x2000 + i);
    }
    ck_assert_uint_eq(found(), 5);
}
END_TEST

START_TEST(begins_with_the_same)
{
    begin();
    keep(5);
    struct mt_recall_start start = lay(), other = start;
    const struct mt_recall_end *end = mt_recall_find(&recall, &start, high());
    ck_assert(end && end->frames == DEPTH);
    other.hash++;
    ck_assert_ptr_null(mt_recall_find(&recall, &other, high()));
    other = start;
    other.generation++;
    ck_assert_ptr_null(mt_recall_find(&recall, &other, high()));
    other = start;
    other.most--;
    ck_assert_ptr_null(mt_recall_find(&recall, &other, high()));
    other = start;
    other.bp++; /* by which nothing was reckoned */
    ck_assert_ptr_nonnull(mt_recall_find(&recall, &other, high()));
}
END_TEST

/* Frame 5 is left by its frame pointer, which is what frame 4 saved. */
START_TEST(frame_pointers_count_where_they_lead)
{
    begin();
    struct mt_recall_start start = lay();
    struct mt_recall_end end = {5, DEPTH};
    state[5].saved |= MT_WALKED_BY_BP;
    for (int i = 0; i < 2; i++)
        mt_recall_keep(&recall, &start, &end, state, DEPTH, high());
    stack[4 * FRAME - 2] = 99; /* what frame 3 saved */
    ck_assert_uint_eq(found(), 5);
    stack[5 * FRAME - 2] = 99;
    ck_assert_uint_eq(found(), 0);
    stack[5 * FRAME - 2] = 0;
}
END_TEST

/* Each bit of a number is a choice between two callers; and very many more than there is room
 * for are never mistaken for each other. Forks share groups, by where the stack happens to lie:
 * one may have pushed another out, and that one may have led to half of all. */
START_TEST(tells_walks_apart)
{
    unsigned known = 0;
    begin();
    for (unsigned turn = 0; turn < 2; turn++)
        for (unsigned n = 0; n < 128; n++) {
            for (unsigned bit = 0; bit < 7; bit++)
                put(bit + 1, 0x2000 + (n >> bit & 1));
            if (turn == 0)
                keep(n + 1);
            else if (found() != 0) {
                ck_assert_uint_eq(found(), n + 1);
                known++;
            }
        }
    ck_assert_uint_ge(known, 32);
    for (unsigned n = 0, seen; n < 100000; n++) {
        for (unsigned i = 1; i < DEPTH; i++)
            put(i, 0x5000 + (n >> i) * 16 % 65536 + (i == 1 ? n % 2 : 0));
        seen = (unsigned)found();
        ck_assert(seen == 0 || seen == n + 1000);
        keep(n + 1000);
    }
}
END_TEST

UNIT_MAIN("recall", finds_what_was_made_twice, looks_at_each_word, begins_with_the_same,
          frame_pointers_count_where_they_lead, tells_walks_apart)
