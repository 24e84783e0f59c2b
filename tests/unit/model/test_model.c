/* The model against one that is too simple to be wrong: an array with an owner for each address. */
#include "replay.h"

#include <string.h>

#include "../unit.h"

#define UNITS 600u /* addresses 1 .. UNITS - 1 */

struct naive {
    struct {
        uint64_t id, begin, end;
        bool block, lives, has_child;
        uint64_t touches, reads, writes;
        bool is_virtual;
    } thing[REPLAY_MAX];
    uint32_t things;
    uint32_t driver[UNITS], block[UNITS]; /* index of a thing, 0 for none */
    bool map[UNITS];
};

static struct naive naive;
static struct replay *r;
static uint64_t state;

static uint64_t random_below(uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
}

static void kill(uint32_t i)
{
    if (!i || !naive.thing[i].lives)
        return;
    naive.thing[i].lives = false;
    for (uint64_t at = naive.thing[i].begin; at < naive.thing[i].end; at++) {
        if (naive.thing[i].block) {
            naive.block[at] = 0;
        } else {
            kill(naive.block[at]);
            naive.driver[at] = 0;
            naive.map[at] = false;
        }
    }
}

static uint32_t add(uint32_t owner[UNITS], uint64_t begin, uint64_t end, bool is_block)
{
    uint32_t i = ++naive.things;
    for (uint64_t at = begin; at < end; at++) {
        if (!is_block)
            kill(naive.driver[at]);
        kill(naive.block[at]);
    }
    for (uint64_t at = begin; at < end; at++)
        owner[at] = i;
    memset(&naive.thing[i], 0, sizeof naive.thing[i]);
    naive.thing[i].begin = begin;
    naive.thing[i].end = end;
    naive.thing[i].lives = true;
    naive.thing[i].block = is_block;
    return i;
}

/* The thing that an access to `at` belongs to. */
static uint32_t owner_of(uint64_t at)
{
    uint32_t driver = naive.driver[at];
    if (naive.block[at])
        return naive.block[at];
    return driver && !naive.thing[driver].has_child && naive.thing[driver].id ? driver : 0;
}

static uint64_t next_id; /* ids are given in the order of birth */

static void step_driver(uint64_t begin, uint64_t end)
{
    if (random_below(3)) {
        naive.thing[add(naive.driver, begin, end, false)].id = next_id++;
        REPLAY(r, alloc, random_below(2) ? API_ALLOC : API_ASYNC, begin, end - begin, 0, 0);
    } else {
        naive.thing[add(naive.driver, begin, end, false)].is_virtual = true;
        REPLAY(r, reserve, begin, end - begin);
    }
}

static void step_free(uint64_t at)
{
    uint32_t i = naive.driver[at];
    if (i && random_below(4))
        at = naive.thing[i].begin;
    bool hit = i && naive.thing[i].begin == at;
    if (i && naive.thing[i].is_virtual) {
        if (hit)
            kill(i);
        else
            memset(&naive.map[at], 0, naive.thing[i].end - at);
        REPLAY(r, unreserve, at, (i ? naive.thing[i].end : at + 1) - at);
    } else {
        if (hit)
            kill(i);
        REPLAY(r, free, 1, at, 0);
    }
}

static void step_block(uint64_t begin, uint64_t end)
{
    naive.thing[add(naive.block, begin, end, true)].id = next_id++;
    for (uint64_t at = begin; at < end; at++)
        naive.thing[naive.driver[at]].has_child |= naive.thing[naive.driver[at]].id != 0;
    REPLAY(r, block_alloc, begin, end - begin, 0, 0, 0);
}

static void step_block_free(uint64_t at)
{
    if (naive.block[at] && random_below(4))
        at = naive.thing[naive.block[at]].begin;
    if (naive.block[at] && naive.thing[naive.block[at]].begin == at)
        kill(naive.block[at]);
    REPLAY(r, block_free, at, 1, 0, 0, 0);
}

static void born_by_map(uint32_t i)
{
    naive.thing[i].id = next_id++;
    for (uint64_t at = naive.thing[i].begin; at < naive.thing[i].end; at++)
        naive.thing[i].has_child |= naive.block[at] != 0;
}

static void step_map(uint64_t at, uint64_t end)
{
    uint32_t i = naive.driver[at];
    if (random_below(2)) {
        if (i && naive.thing[i].is_virtual && end <= naive.thing[i].end) {
            memset(&naive.map[at], 1, end - at);
            if (!naive.thing[i].id)
                born_by_map(i);
        } else if (!i) {
            return; /* inferred ranges have a test of their own */
        }
        REPLAY(r, map, at, end - at, 0, 0);
    } else {
        memset(&naive.map[at], 0, end - at);
        REPLAY(r, unmap, at, end - at);
    }
}

static void step_launch(void)
{
    uint64_t at[3];
    uint32_t seen[3];
    for (int k = 0; k < 3; k++) {
        at[k] = 1 + random_below(UNITS - 1);
        seen[k] = owner_of(at[k]);
        bool again = (k > 0 && seen[0] == seen[k]) || (k > 1 && seen[1] == seen[k]);
        naive.thing[seen[k]].touches += !again;
    }
    replay_launch(r, at[0], at[1], at[2]);
}

static void step_copy(uint64_t begin, uint64_t end, uint64_t to)
{
    uint32_t last_read = 0, last_write = 0;
    if (to + (end - begin) > UNITS)
        to = 1;
    for (uint64_t i = 0; i < end - begin; i++) {
        uint32_t from = owner_of(begin + i), into = owner_of(to + i);
        naive.thing[from].reads += from != last_read;
        naive.thing[into].writes += into != last_write;
        last_read = from ? from : last_read;
        last_write = into ? into : last_write;
    }
    replay_copy(r, to, begin, end - begin);
}

static void compare_owners(void)
{
    for (uint64_t at = 1; at < UNITS; at++) {
        const struct mt_block *block = mt_model_find(r->model, at);
        uint32_t i = owner_of(at);
        ck_assert_int_eq(block != NULL, i != 0);
        if (!i)
            continue;
        ck_assert_uint_eq(block->id, naive.thing[i].id);
        ck_assert_uint_eq(block->address, naive.thing[i].begin);
        ck_assert_uint_eq(block->accesses - block->reads - block->writes, naive.thing[i].touches);
        ck_assert_uint_eq(block->reads, naive.thing[i].reads);
        ck_assert_uint_eq(block->writes, naive.thing[i].writes);
    }
}

static void compare_sums(void)
{
    uint64_t reserved = 0;
    for (uint64_t at = 1; at < UNITS; at++) {
        uint32_t driver = naive.driver[at];
        reserved += driver && (naive.map[at] || !naive.thing[driver].is_virtual);
    }
    uint64_t told =
        mt_model_usage(r->model, 0)->reserved + mt_model_usage(r->model, MT_DEVICES - 1)->reserved;
    ck_assert_uint_eq(told, reserved);
}

static void step(void)
{
    uint64_t begin = 1 + random_below(UNITS - 1);
    uint64_t long_end = begin + 1 + random_below(100), short_end = begin + 1 + random_below(12);
    uint64_t kind = random_below(20);
    long_end = long_end < UNITS ? long_end : UNITS;
    short_end = short_end < UNITS ? short_end : UNITS;
    if (kind < 2)
        step_driver(begin, long_end);
    else if (kind < 3)
        step_free(begin);
    else if (kind < 9)
        step_block(begin, short_end);
    else if (kind < 13)
        step_block_free(begin);
    else if (kind < 15)
        step_map(begin, short_end);
    else if (kind < 18)
        step_launch();
    else
        step_copy(begin, random_below(2) ? short_end : long_end, 1 + random_below(UNITS - 1));
}

START_TEST(equals_the_simple_one)
{
    memset(&naive, 0, sizeof naive);
    state = (uint64_t)_i;
    next_id = 1;
    r = replay_new();
    for (uint64_t n = 0; n < 1200; n++) {
        /* Time and threads decide when births are told; let every way occur. */
        replay_at(r, n * (_i % 2 ? 100 : 600000), (uint32_t)random_below(2));
        step();
        if (n % 7 == 0)
            compare_owners(); /* also what is not yet told */
    }
    replay_at(r, UINT64_C(1) << 40, 0);
    step_launch(); /* long after: every birth is told */
    compare_sums();
    replay_finish(r);
    ck_assert_uint_eq(r->births, next_id - 1);
    ck_assert_uint_eq(r->deaths, r->births);
    replay_free(r);
}
END_TEST

static uint64_t any_value(void)
{
    switch (random_below(8)) {
    case 0:
        return UINT64_MAX - random_below(3);
    case 1:
        return UINT64_C(1) << random_below(64);
    case 2:
        return random_below(4);
    default:
        return 0x1000 * random_below(64) + random_below(2);
    }
}

/* Whatever a damaged trace may hold, the structure stays whole. */
START_TEST(anything_goes)
{
    uint64_t word[12];
    state = (uint64_t)_i;
    r = replay_new();
    for (uint64_t n = 0; n < 3000; n++) {
        size_t words = 1 + random_below(12);
        const struct mt_event_info *info = mt_event_info((unsigned)random_below(MT_KINDS));
        for (size_t i = 0; i < 12; i++)
            word[i] = any_value();
        if (!info)
            continue;
        if (random_below(8)) /* the right length as a rule */
            words = info->fields ? info->fields : 1;
        replay_at(r, n * 1000 * random_below(3), (uint32_t)random_below(3));
        replay_forget(r);
        replay_words(r, mt_event_kind(info->name), word, words);
    }
    replay_forget(r);
    replay_finish(r);
    replay_free(r);
}
END_TEST

int main(void)
{
    const TTest *const none[] = {NULL};
    Suite *suite = unit_suite("model", none);
    TCase *property = tcase_create("property");
    tcase_set_timeout(property, 120);
    tcase_add_loop_test(property, equals_the_simple_one, 1, 11);
    tcase_add_loop_test(property, anything_goes, 1, 9);
    suite_add_tcase(suite, property);
    return unit_run(suite);
}
