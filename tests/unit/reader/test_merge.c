#include "reader/merge.h"

#include <stdlib.h>

#include "unit.h"

#define STREAMS 100

static struct mt_turn turns[STREAMS];
static struct mt_merge merge = {.turn = turns};

START_TEST(always_the_earliest)
{
    uint64_t last = 0, random = 1;
    for (uint32_t i = 0; i < STREAMS; i++)
        mt_merge_push(&merge, (struct mt_turn){.time = i * 7919 % 100, .tie = i, .stream = i});
    for (int i = 0; i < 100000; i++) {
        struct mt_turn turn = merge.turn[0];
        ck_assert_uint_ge(turn.time, last);
        ck_assert(merge.count == 1 || mt_turn_before(&turn, &merge.second));
        last = turn.time;
        random = random * 6364136223846793005u + 1442695040888963407u;
        turn.time += (random >> 33) % 50;
        if (i % 1000 == 0)
            mt_merge_pop(&merge);
        else
            mt_merge_update(&merge, turn);
        if (merge.count == 0)
            return;
    }
    ck_abort_msg("the heap never ran empty");
}
END_TEST

START_TEST(ties)
{
    struct mt_turn ender = {.time = 5, .tie = 9 + mt_turn_rank(MT_block_free)};
    struct mt_turn other = {.time = 5, .tie = 0 + mt_turn_rank(MT_block_alloc)};
    struct mt_turn later = {.time = 5, .tie = 1 + mt_turn_rank(MT_launch)};
    ck_assert(mt_turn_before(&ender, &other));
    ck_assert(mt_turn_before(&other, &later));
    ck_assert(!mt_turn_before(&later, &ender));
    for (unsigned kind = 0; kind < MT_KINDS; kind++)
        if (kind == MT_free || kind == MT_unmap || kind == MT_release || kind == MT_block_free ||
            kind == MT_kernel || kind == MT_code || kind == MT_frame || kind == MT_module ||
            kind == MT_string || kind == MT_pool_free)
            ck_assert_uint_eq(mt_turn_rank(kind), 0);
        else
            ck_assert_uint_eq(mt_turn_rank(kind), MT_TURN_LATER);
}
END_TEST

UNIT_MAIN("merge", always_the_earliest, ties)
