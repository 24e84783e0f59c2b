/* Ranges that are open where blocks are born. */
#include "model/model_state.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "replay.h"

static struct replay *r;
static char name[64][2048];

/* Strings are told by their numbers. */
static const char *text_of(void *context, uint64_t string)
{
    (void)context;
    return string < 64 && *name[string] ? name[string] : NULL;
}

static void setup(void)
{
    memset(name, 0, sizeof name);
    r = replay_new();
    mt_model_follow_ranges(r->model, text_of, NULL);
    replay_at(r, 10, 0);
    replay_alloc(r, 0x100000, 0x100000);
}

static void teardown(void)
{
    replay_free(r);
}

static void push_in(uint32_t thread, uint64_t domain, const char *text)
{
    static uint64_t next;
    uint64_t string = 1 + next++ % 63;
    snprintf(name[string], sizeof name[string], "%s", text);
    replay_at(r, r->now, thread);
    REPLAY(r, range_push, string, domain);
}

static void push(uint32_t thread, const char *text)
{
    push_in(thread, 0, text);
}

static void pop_of(uint32_t thread, uint64_t domain)
{
    replay_at(r, r->now, thread);
    REPLAY(r, range_pop, domain);
}

static void pop(uint32_t thread)
{
    pop_of(thread, 0);
}

static uint64_t born(uint32_t thread)
{
    static uint64_t next;
    uint64_t address = 0x100000 + next++ % 256 * 0x1000;
    replay_at(r, r->now, thread);
    replay_block(r, address, 0x1000);
    return address;
}

/* What is said of the block at an address; "-" is nothing. */
static void expect(uint64_t address, const char *range, const char *forward)
{
    char buffer[1024];
    const struct mt_block *block = mt_model_find(r->model, address);
    ck_assert_ptr_nonnull(block);
    const char *text = mt_model_range(r->model, block, buffer, sizeof buffer);
    ck_assert_str_eq(text ? text : "-", range);
    text = mt_model_forward_range(r->model, block, buffer, sizeof buffer);
    ck_assert_str_eq(text ? text : "-", forward);
}

START_TEST(a_block_keeps_where_it_was_born)
{
    uint64_t before = born(0);
    push(0, "epoch");
    push(0, "layer3");
    uint64_t inner = born(0), other = born(1);
    pop(0);
    push(0, "layer4");
    uint64_t next = born(0);
    pop(0);
    pop(0);
    pop(0); /* was pushed before the recording */
    uint64_t after = born(0);
    expect(before, "-", "-");
    expect(inner, "epoch/layer3", "-");
    expect(other, "-", "-");
    expect(next, "epoch/layer4", "-");
    expect(after, "-", "-");
}
END_TEST

/* Driver memory is told late; what counts is when it was asked for. */
START_TEST(driver_memory_and_host_memory)
{
    push(0, "load");
    replay_alloc(r, 0x900000, 0x1000);
    REPLAY(r, host_alloc, 0, 0xf0000000, 0x1000);
    pop(0);
    push(0, "compute");
    replay_launch(r, MT_WORD(0x900000, 0));
    expect(0x900000, "load", "-");
    char buffer[64];
    ck_assert_uint_eq(r->host_births, 1);
    ck_assert_str_eq(mt_model_range(r->model, &r->host_born[0], buffer, sizeof buffer), "load");
}
END_TEST

START_TEST(domains_are_popped_by_themselves)
{
    push_in(0, 7, "nccl");
    push(0, "step");
    push(0, "forward");
    uint64_t all = born(0);
    pop_of(0, 7);
    uint64_t left = born(0);
    pop(0);
    uint64_t outer = born(0);
    expect(all, "nccl/step/forward", "-");
    expect(left, "step/forward", "-");
    expect(outer, "step", "-");
}
END_TEST

START_TEST(backward_finds_forward)
{
    push(0, "layer3");
    push(0, "aten::linear, seq = 12, op_id = 40");
    push(0, "aten::t, seq = 12, op_id = 41");
    pop(0);
    push(0, "aten::addmm, seq = 13, op_id = 42, sizes = [[2, 3]]");
    uint64_t forward = born(0);
    pop(0);
    pop(0);
    pop(0);
    push(1, "autograd::engine::evaluate_function: AddmmBackward0, seq = 13, op_id = 50");
    push(1, "AddmmBackward0, seq = 13, op_id = 51");
    push(1, "aten::mm, op_id = 52");
    uint64_t backward = born(1);
    pop(1);
    pop(1);
    pop(1);
    push(1, "TBackward0, seq = 12");
    uint64_t last = born(1);
    pop(1);
    push(1, "ReluBackward0, seq = 99");
    uint64_t unknown = born(1);
    expect(forward, "layer3/aten::linear/aten::addmm", "-");
    expect(backward, "autograd::engine::evaluate_function: AddmmBackward0/AddmmBackward0/aten::mm",
           "layer3/aten::linear/aten::addmm");
    expect(last, "TBackward0", "layer3/aten::linear/aten::t");
    expect(unknown, "ReluBackward0", "-");
}
END_TEST

/* What is computed once more on the way back belongs to what is on its way back. */
START_TEST(computed_again)
{
    push(0, "block1");
    push(0, "CheckpointFunction, seq = 500");
    pop(0);
    pop(0);
    push(1, "CheckpointFunctionBackward, seq = 500");
    push(1, "aten::mm, seq = 3");
    uint64_t again = born(1);
    pop(1);
    push(1, "MmBackward0, seq = 3");
    uint64_t inner = born(1);
    expect(again, "CheckpointFunctionBackward/aten::mm", "block1/CheckpointFunction");
    expect(inner, "CheckpointFunctionBackward/MmBackward0", "block1/CheckpointFunction");
}
END_TEST

START_TEST(a_number_of_two_threads_says_nothing)
{
    push(0, "aten::mm, seq = 7");
    push(2, "aten::add, seq = 7");
    push(2, "aten::add_, seq = 7");
    push(1, "AddBackward0, seq = 7");
    expect(born(1), "AddBackward0", "-");
    push(0, "aten::mm, seq = 65543"); /* the same place */
    push(1, "MmBackward0, seq = 65543");
    expect(born(1), "AddBackward0/MmBackward0", "aten::mm/aten::mm");
}
END_TEST

START_TEST(odd_names)
{
    push(0, "aten::x, seq = y");
    push(0, ", seq = 4");
    REPLAY(r, range_push, 0, 0);
    REPLAY(r, range_push, 1000, 0);
    push(0, "Backward, op_id = 2, seq = 77777777777777777777777");
    expect(born(0), "aten::x//(no name)/(name lost)/Backward", "-");
}
END_TEST

START_TEST(long_paths_lose_what_is_outside)
{
    char text[2001], expected[1100];
    for (int i = 0; i < 300; i++)
        push(0, "nine char");
    uint64_t deep = born(0);
    const size_t kept = (1023 - 4) / 10; /* the innermost has no slash */
    strcpy(expected, ".../");
    for (size_t i = 0; i < kept + (kept * 10 + 9 <= 1019); i++)
        strcat(strcat(expected, i ? "/" : ""), "nine char");
    expect(deep, expected, "-");
    for (int i = 0; i < 300; i++)
        pop(0);
    for (int i = 0; i < 1000; i++)
        memcpy(text + 2 * i, "\xc3\xa4", 2);
    text[2000] = 0;
    push(0, text);
    text[1018] = 0; /* the 1019th byte would be half a character */
    expect(born(0), text, "-");
}
END_TEST

START_TEST(a_pause_forgets_what_is_open)
{
    push(0, "step");
    uint64_t before = born(0);
    replay_at(r, 20, 0);
    REPLAY(r, pause, MT_WHY_PROGRAM);
    replay_at(r, 30, 0);
    REPLAY(r, resume, MT_WHY_PROGRAM);
    REPLAY(r, resumed, 1);
    uint64_t after = born(0);
    expect(before, "step", "-");
    expect(after, "-", "-");
}
END_TEST

/* Only what is open, held, or among the last numbers is kept. */
START_TEST(memory_is_bounded)
{
    struct mt_scopes scopes = {.text = text_of};
    for (uint64_t i = 0; i < 300000; i++) {
        snprintf(name[1], sizeof name[1], "aten::mm, seq = %lu", (unsigned long)i);
        snprintf(name[2], sizeof name[2], "MmBackward0, seq = %lu", (unsigned long)i);
        ck_assert(mt_scopes_push(&scopes, 0, 3, 0) && mt_scopes_push(&scopes, 0, 1, 0) &&
                  mt_scopes_push(&scopes, 1, 2, 0));
        uint32_t held = mt_scopes_hold(&scopes, 1);
        ck_assert_uint_ne(mt_scopes_forward(&scopes, held), 0);
        ck_assert(mt_scopes_pop(&scopes, 1, 0) && mt_scopes_pop(&scopes, 0, 0) &&
                  mt_scopes_pop(&scopes, 0, 0));
        mt_scopes_drop(&scopes, held);
    }
    ck_assert_uint_le(scopes.n, 2 * MT_FORWARDS + 4);
    mt_scopes_release(&scopes);
}
END_TEST

START_TEST(a_dead_block_lets_go)
{
    for (int i = 0; i < 100; i++) {
        push(0, "step");
        uint64_t address = born(0);
        pop(0);
        expect(address, "step", "-");
        replay_block_free(r, address, 0x1000);
    }
    ck_assert_uint_eq(r->model->scopes.n, 1);
}
END_TEST

START_TEST(nobody_asks)
{
    mt_model_follow_ranges(r->model, NULL, NULL);
    push(0, "step");
    expect(born(0), "-", "-");
    pop(0);
}
END_TEST

UNIT_MAIN_WITH("scopes", setup, teardown, a_block_keeps_where_it_was_born,
               driver_memory_and_host_memory, domains_are_popped_by_themselves,
               backward_finds_forward, computed_again, a_number_of_two_threads_says_nothing,
               odd_names, long_paths_lose_what_is_outside, a_pause_forgets_what_is_open,
               memory_is_bounded, a_dead_block_lets_go, nobody_asks)
