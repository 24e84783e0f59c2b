/* The address allocator against a map of what is taken, kept unit by unit. */
#include "simtest.h"

#include <string.h>

#include "sim_arena.h"

#define BASE 0x7e9000000000ULL
enum { UNITS = 1 << 14, SLOTS = 300 };

static struct sim_block take(struct sim_arena *a, uint64_t bytes, uint64_t align)
{
    struct sim_block b = {.bytes = bytes, .use = SIM_LINEAR};
    ck_assert(sim_arena_take(a, &b, align, 0));
    return b;
}

START_TEST(a_freed_address_is_the_next_of_its_size)
{
    struct sim_arena a;
    struct sim_block gone;
    ck_assert(sim_arena_init(&a, BASE, 1 << 20));
    struct sim_block first = take(&a, 512, 512), hole = take(&a, 4096, 512), b = take(&a, 512, 512);
    ck_assert_uint_eq(first.address, BASE);
    ck_assert_uint_eq(b.address, BASE + 512 + 4096);
    ck_assert(sim_arena_give(&a, hole.address, 1u << SIM_LINEAR, &gone));
    ck_assert(sim_arena_give(&a, first.address, 1u << SIM_LINEAR, &gone));
    /* Both are one free range now; its beginning is not where the 4096 bytes were. */
    ck_assert_uint_eq(take(&a, 4000, 512).address, hole.address);
    ck_assert_uint_eq(take(&a, 100, 512).address, first.address);
    ck_assert(sim_arena_is_valid(&a));
}
END_TEST

START_TEST(wishes_and_alignment_are_kept)
{
    struct sim_arena a;
    struct sim_block b = {.bytes = 512, .use = SIM_RESERVED};
    ck_assert(sim_arena_init(&a, BASE, 64 << 20));
    take(&a, 512, 512);
    ck_assert_uint_eq(take(&a, 512, 2 << 20).address, BASE + (2 << 20));
    ck_assert(sim_arena_take(&a, &b, 512, BASE + (9 << 20)));
    ck_assert_uint_eq(b.address, BASE + (9 << 20));
    ck_assert(sim_arena_take(&a, &b, 512, BASE + (9 << 20))); /* taken: another place */
    ck_assert_uint_ne(b.address, BASE + (9 << 20));
    ck_assert(sim_arena_is_valid(&a));
}
END_TEST

START_TEST(only_live_blocks_are_found)
{
    struct sim_arena a;
    struct sim_block found;
    ck_assert(sim_arena_init(&a, BASE, 1 << 20));
    struct sim_block b = take(&a, 1000, 512);
    ck_assert(sim_arena_containing(&a, b.address + 999, &found) && found.id == b.id);
    ck_assert(!sim_arena_containing(&a, b.address + 1000, &found));
    ck_assert(!sim_arena_starting(&a, b.address + 512, &found));
    ck_assert(!sim_arena_containing(&a, BASE - 1, &found));
    ck_assert(!sim_arena_containing(&a, BASE + (1 << 20), &found));
    ck_assert(!sim_arena_give(&a, b.address, 1u << SIM_ASYNC, &found)); /* another use */
    ck_assert(sim_arena_give(&a, b.address, 1u << SIM_LINEAR, &found));
    ck_assert(!sim_arena_give(&a, b.address, 1u << SIM_LINEAR, &found));
    ck_assert(!sim_arena_containing(&a, b.address, &found));
}
END_TEST

static void mark(unsigned char *map, const struct sim_block *b, unsigned char value)
{
    uint64_t first = (b->address - BASE) / SIM_UNIT;
    uint64_t wrong = 0;
    ck_assert_uint_le(first + b->units, UNITS);
    for (uint64_t u = first; u < first + b->units; u++) {
        wrong += map[u] == value;
        map[u] = value;
    }
    ck_assert_uint_eq(wrong, 0);
}

static uint64_t longest_free(const unsigned char *map)
{
    uint64_t best = 0, run = 0;
    for (uint64_t u = 0; u < UNITS; u++) {
        run = map[u] ? 0 : run + 1;
        best = run > best ? run : best;
    }
    return best;
}

START_TEST(random_use_agrees_with_a_map)
{
    static unsigned char map[UNITS];
    static struct sim_block live[SLOTS];
    struct sim_arena a;
    unsigned refused = 0;
    ck_assert(sim_arena_init(&a, BASE, (uint64_t)UNITS * SIM_UNIT));
    srand(7);
    for (int step = 0; step < 20000; step++) {
        struct sim_block *b = &live[rand() % SLOTS], gone;
        if (b->units) {
            ck_assert(sim_arena_give(&a, b->address, 1u << SIM_LINEAR, &gone));
            mark(map, b, 0);
            b->units = 0;
        } else {
            *b = (struct sim_block){.bytes = 1 + (uint64_t)rand() % (300 * SIM_UNIT),
                                    .use = SIM_LINEAR};
            if (sim_arena_take(&a, b, SIM_UNIT, 0))
                mark(map, b, 1);
            else {
                refused++;
                ck_assert_uint_lt(longest_free(map), (b->bytes + SIM_UNIT - 1) / SIM_UNIT);
            }
        }
        if (step % 500 == 0)
            ck_assert(sim_arena_is_valid(&a));
    }
    ck_assert_uint_gt(refused, 0); /* the full arena was met, too */
    ck_assert(sim_arena_is_valid(&a));
}
END_TEST

START_TEST(the_set_finds_its_neighbours)
{
    enum { LIMIT = 70000 };
    static bool in[LIMIT];
    struct sim_bitset set;
    ck_assert(sim_bitset_init(&set, LIMIT));
    srand(3);
    for (int step = 0; step < 3000; step++) {
        unsigned i = (unsigned)rand() % LIMIT, at = (unsigned)rand() % LIMIT;
        in[i] = !in[i];
        if (in[i])
            sim_bitset_put(&set, i);
        else
            sim_bitset_drop(&set, i);
        int64_t below = at, above = at;
        while (below >= 0 && !in[below])
            below--;
        while (above < LIMIT && !in[above])
            above++;
        ck_assert_int_eq(sim_bitset_at_or_below(&set, at), below);
        ck_assert_int_eq(sim_bitset_at_or_above(&set, at), above < LIMIT ? above : -1);
    }
}
END_TEST

UNIT_MAIN("arena", a_freed_address_is_the_next_of_its_size, wishes_and_alignment_are_kept,
             only_live_blocks_are_found, random_use_agrees_with_a_map, the_set_finds_its_neighbours)
