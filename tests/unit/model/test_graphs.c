/* Graphs: definitions, and launches that do what the definitions say. */
#include "replay.h"

#include <string.h>

#include "../unit.h"

#define EXEC 0x5550
#define NODE(kernel, ...) REPLAY(r, launch, kernel, 0, MT_LAUNCH_NODE, 0, __VA_ARGS__)

static struct replay *r;

/* Driver memory 1 and 2, and segment 3 with block 4. */
static void setup(void)
{
    r = replay_new();
    replay_at(r, 10, 0);
    replay_alloc(r, 0x10000, 0x1000);
    REPLAY(r, alloc, API_ASYNC, 0x20000, 0x1000, 0, 0, 0);
    replay_alloc(r, 0x30000, 0x1000);
    replay_block(r, 0x30000, 0x200);
    replay_launch(r, MT_WORD(0x10000, 0));
    r->accesses = r->launched = r->launches = 0;
    replay_at(r, 20, 0);
}

static void teardown(void)
{
    replay_free(r);
}

static void define(uint64_t nodes)
{
    REPLAY(r, graph, 7, EXEC, nodes, 0);
}

static void go(void)
{
    REPLAY(r, graph_launch, EXEC, 0x77);
}

static void expect(size_t i, uint64_t id, enum mt_access_kind kind, uint64_t offset, uint64_t size)
{
    replay_expect(r, i, id, kind, offset, size);
    ck_assert_uint_eq(r->access[i].graph, 7);
    ck_assert_uint_eq(r->access[i].stream, 0x77);
}

START_TEST(a_launch_does_all_nodes)
{
    define(4);
    NODE(5, MT_WORD(0x10010, 0), MT_WORD(0x30000, 8));
    REPLAY(r, copy, API_COPY, 0x20000, 0x10000, 0x100, 0);
    REPLAY(r, set, API_COPY, 0x30000, 0x80, 1, 0, 0);
    NODE(6, MT_WORD(0x20000, 0));
    ck_assert_uint_eq(r->accesses, 0);
    ck_assert_uint_eq(replay_counts(r)->launches, 1);
    for (unsigned i = 0; i < 3; i++) { /* the second follows a trail */
        replay_at(r, 30 + i, 1);
        go();
        ck_assert_uint_eq(r->accesses, 6 * (i + 1));
        expect(6 * i, 1, MT_ACCESS_TOUCH, 0x10, 0);
        expect(6 * i + 1, 4, MT_ACCESS_TOUCH, 0, 0);
        expect(6 * i + 2, 1, MT_ACCESS_READ, 0, 0x100);
        expect(6 * i + 3, 2, MT_ACCESS_WRITE, 0, 0x100);
        expect(6 * i + 4, 4, MT_ACCESS_WRITE, 0, 0x80);
        expect(6 * i + 5, 2, MT_ACCESS_TOUCH, 0, 0);
        ck_assert_uint_eq(r->access[6 * i].time_ns, 30 + i);
        ck_assert_uint_eq(r->access[6 * i].kernel, 5);
        ck_assert_int_eq(r->access[6 * i + 4].by, MT_BY_SET);
        ck_assert_int_eq(r->access[6 * i + 3].by, MT_BY_COPY);
        ck_assert_uint_eq(replay_counts(r)->launches, 1 + 2 * (i + 1));
        ck_assert_uint_eq(replay_counts(r)->launches_by_graphs, 2 * (i + 1));
        ck_assert_uint_eq(replay_counts(r)->copies, i + 1);
        ck_assert_uint_eq(replay_counts(r)->sets, i + 1);
    }
    ck_assert_uint_eq(r->launches, 6);
}
END_TEST

START_TEST(other_threads_come_between)
{
    define(2);
    NODE(5, MT_WORD(0x10000, 0));
    replay_at(r, 20, 1);
    replay_launch(r, MT_WORD(0x20000, 0)); /* done now */
    ck_assert_uint_eq(r->accesses, 1);
    replay_at(r, 20, 0);
    NODE(5, MT_WORD(0x10000, 0));
    replay_launch(r, MT_WORD(0x20000, 0)); /* the definition is over */
    ck_assert_uint_eq(r->accesses, 2);
    go();
    ck_assert_uint_eq(r->accesses, 4);
}
END_TEST

START_TEST(collectives_of_a_graph)
{
    define(2);
    NODE(5, MT_WORD(0x10000, 0));
    REPLAY(r, collective, 9, 0x10000, 0x30000, 0x80, 0x100, MT_PEER_ALL, 0xc0, 0,
           MT_COLLECTIVE_NODE);
    ck_assert_uint_eq(replay_counts(r)->collectives, 0);
    for (unsigned i = 0; i < 3; i++) { /* the second follows a trail */
        go();
        ck_assert_uint_eq(r->accesses, 3 * (i + 1));
        expect(3 * i + 1, 1, MT_ACCESS_READ, 0, 0x80);
        expect(3 * i + 2, 4, MT_ACCESS_WRITE, 0, 0x100);
        ck_assert_int_eq(r->access[3 * i + 2].by, MT_BY_NCCL);
        ck_assert_uint_eq(r->access[3 * i + 2].kernel, 9);
        ck_assert_uint_eq(replay_counts(r)->collectives, i + 1);
        ck_assert_uint_eq(replay_counts(r)->collectives_received_bytes, 0x100 * (i + 1));
    }
    REPLAY(r, collective, 9, 0x10000, 0x30000, 0x80, 0x100, MT_PEER_ALL, 0xc0, 0,
           MT_COLLECTIVE_NODE); /* of a definition that was lost */
    ck_assert_uint_eq(r->accesses, 9);
}
END_TEST

START_TEST(memory_of_a_graph)
{
    define(3);
    REPLAY(r, alloc, API_GRAPH, 0x50000, 0x400, 0, 0, 0);
    NODE(5, MT_WORD(0x50000, 0));
    REPLAY(r, free, API_GRAPH, 0x50000, 0);
    size_t births = r->births, deaths = r->deaths;
    for (unsigned i = 1; i <= 3; i++) {
        go();
        ck_assert_uint_eq(r->births, births + i);
        ck_assert_uint_eq(r->deaths, deaths + i);
        ck_assert_uint_eq(r->accesses, i);
        ck_assert_int_eq(r->dead[r->deaths - 1].source, MT_SOURCE_GRAPH);
        ck_assert_uint_eq(r->dead[r->deaths - 1].accesses, 1);
    }
    ck_assert_uint_eq(replay_counts(r)->overlaps, 0);
}
END_TEST

START_TEST(memory_that_a_graph_leaves_behind)
{
    define(1);
    REPLAY(r, alloc, API_GRAPH, 0x50000, 0x400, 0, 0, 0);
    size_t deaths = r->deaths;
    go();
    go(); /* frees it first */
    ck_assert_uint_eq(r->deaths, deaths + 1);
    REPLAY(r, free, API_ASYNC, 0x50000, 0);
    ck_assert_uint_eq(r->deaths, deaths + 2);
    ck_assert_uint_eq(replay_counts(r)->overlaps, 0);
    ck_assert_uint_eq(replay_counts(r)->late_frees, 0);
}
END_TEST

START_TEST(updates_of_nodes)
{
    define(2);
    NODE(5, MT_WORD(0x10000, 0));
    NODE(5, MT_WORD(0x20000, 0));
    go();
    REPLAY(r, graph_update, EXEC, 1, 1, MT_NODE_KEEPS);
    NODE(6, MT_WORD(0x30000, 0), MT_WORD(0x10000, 8));
    go();
    ck_assert_uint_eq(r->accesses, 2 + 3);
    expect(3, 4, MT_ACCESS_TOUCH, 0, 0);
    REPLAY(r, graph_update, EXEC, 1, 0, MT_NODE_DISABLED);
    go();
    ck_assert_uint_eq(r->accesses, 5 + 1);
    REPLAY(r, graph_update, EXEC, 1, 0, MT_NODE_ENABLED);
    go();
    ck_assert_uint_eq(r->accesses, 6 + 3);
    REPLAY(r, graph_update, EXEC, 1, 2, MT_NODE_KEEPS); /* it has only one behind */
    ck_assert_uint_eq(replay_counts(r)->invalid_records, 1);
}
END_TEST

START_TEST(unknown_graphs)
{
    go();
    ck_assert_uint_eq(replay_counts(r)->graph_launches_unknown, 1);
    REPLAY(r, graph_update, EXEC, 3, 1, MT_NODE_KEEPS);
    NODE(6, MT_WORD(0x30000, 0)); /* a node of what is not known: no access */
    ck_assert_uint_eq(r->accesses, 0);
    replay_launch(r, MT_WORD(0x10000, 0));
    ck_assert_uint_eq(r->accesses, 1);
    define(1);
    NODE(5, MT_WORD(0x10000, 0));
    REPLAY(r, graph_end, EXEC);
    go();
    ck_assert_uint_eq(replay_counts(r)->graph_launches_unknown, 2);
    ck_assert_uint_eq(r->accesses, 1);
}
END_TEST

START_TEST(a_handle_used_again)
{
    define(1);
    NODE(5, MT_WORD(0x10000, 0));
    go();
    define(1);
    NODE(5, MT_WORD(0x30000, 0));
    go();
    expect(1, 4, MT_ACCESS_TOUCH, 0, 0);
}
END_TEST

START_TEST(definitions_with_losses)
{
    define(3);
    NODE(5, MT_WORD(0x10000, 0));
    REPLAY(r, lost, 1);
    NODE(5, MT_WORD(0x30000, 0));
    replay_launch(r, MT_WORD(0x10000, 0)); /* done */
    ck_assert_uint_eq(r->accesses, 1);
    r->accesses = r->launched = 0;
    go();
    ck_assert_uint_eq(r->accesses, 2);
    ck_assert_uint_eq(replay_counts(r)->graphs_partial, 1);
    define(5);
    NODE(5, MT_WORD(0x10000, 0));
    replay_launch(r, MT_WORD(0x10000, 0)); /* no node: the others are missing */
    ck_assert_uint_eq(r->accesses, 3);
    go();
    ck_assert_uint_eq(r->accesses, 4);
    ck_assert_uint_eq(replay_counts(r)->graphs_partial, 2);
}
END_TEST

START_TEST(many_definitions_at_once)
{
    for (uint32_t thread = 0; thread < 200; thread++) {
        replay_at(r, 20, thread);
        REPLAY(r, graph, thread, EXEC + thread, 2, 0);
        NODE(5, MT_WORD(0x10000, 0));
    }
    REPLAY(r, graph_end, EXEC + 199); /* while it is being defined */
    replay_launch(r, MT_WORD(0x10000, 0));
    ck_assert_uint_eq(r->accesses, 1);
}
END_TEST

/* ---- against the same done one by one ---- */

#define SLOTS 24
#define NODES 12

static unsigned state;

static unsigned random_below(unsigned n)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % n;
}

struct one {
    enum mt_kind kind;
    uint64_t word[8];
    size_t words;
};

/* Blocks of 0x100 at 0x30000 + 0x100 * slot of segment 3, driver memory, host memory, nothing. */
static bool tame; /* nothing that may change its meaning but with a block of the segment */

static uint64_t random_address(void)
{
    switch (random_below(8) | (tame ? 7u : 0)) {
    case 0:
        return 0x10000 + random_below(0x1000);
    case 1:
        return 0x90000 + random_below(0x2000);
    case 2:
        return 0x20000;
    default:
        return 0x30000 + random_below(SLOTS * 0x100);
    }
}

static struct one random_node(void)
{
    struct one one = {.kind = MT_launch, .word = {1 + random_below(3), 0, MT_LAUNCH_NODE}};
    switch (random_below(4) | (tame ? 2u : 0)) {
    case 0:
        one = (struct one){MT_copy, {API_COPY, random_address(), random_address(),
                                     1 + random_below(0x300), 0}, 5};
        break;
    case 1:
        one = (struct one){MT_set, {API_COPY, random_address(), 1 + random_below(0x80),
                                    1 + random_below(3), 0x200, 0}, 6};
        break;
    default:
        one.words = 4 + random_below(4);
        for (size_t i = 4; i < one.words; i++)
            one.word[i] = MT_WORD(random_address(), 8 * i);
    }
    return one;
}

static void put(struct replay *to, const struct one *one)
{
    replay_words(to, one->kind, one->word, one->words);
}

static void compare(struct replay *graph, struct replay *plain)
{
    ck_assert_uint_eq(graph->accesses, plain->accesses);
    ck_assert_uint_eq(graph->launches, plain->launches);
    for (size_t i = 0; i < graph->accesses; i++) {
        struct mt_access a = graph->access[i], b = plain->access[i];
        a.graph = b.graph = a.stream = b.stream = 0;
        ck_assert_uint_eq(graph->accessed[i], plain->accessed[i]);
        ck_assert_mem_eq(&a, &b, sizeof a);
    }
    ck_assert_uint_eq(graph->host_accesses, plain->host_accesses);
    for (size_t i = 0; i < graph->host_accesses; i++) {
        struct mt_access a = graph->host_access[i], b = plain->host_access[i];
        a.graph = b.graph = a.stream = b.stream = 0;
        ck_assert_mem_eq(&a, &b, sizeof a);
    }
    struct mt_counts a = *replay_counts(graph), b = *replay_counts(plain);
    a.graphs = a.graph_nodes = a.graph_launches = a.launches_by_graphs = 0;
    ck_assert_mem_eq(&a, &b, sizeof a);
    graph->accesses = plain->accesses = graph->launches = plain->launches = 0;
    graph->launched = plain->launched = 0;
    graph->host_accesses = plain->host_accesses = 0;
}

/* What happens between launches, in both worlds. */
static void change(struct replay *two[2], bool lives[SLOTS])
{
    unsigned slot = random_below(SLOTS), what = random_below(12);
    for (int i = 0; i < 2; i++) {
        if (what < 4 && lives[slot])
            replay_block_free(two[i], 0x30000 + 0x100 * slot, 0x100);
        else if (what < 4)
            replay_block(two[i], 0x30000 + 0x100 * slot, 0x100);
        else if (what == 4)
            REPLAY(two[i], host_alloc, API_ALLOC, 0x90000, 0x1000, 0);
        else if (what == 5)
            REPLAY(two[i], host_free, API_ALLOC, 0x90000);
    }
    lives[slot] ^= what < 4;
}

START_TEST(as_if_done_one_by_one)
{
    struct one node[NODES];
    struct replay *two[2] = {replay_new(), replay_new()};
    bool lives[SLOTS] = {false};
    state = (unsigned)_i + 1;
    tame = _i % 2;
    for (int i = 0; i < 2; i++) {
        replay_at(two[i], 10, 0);
        replay_alloc(two[i], 0x10000, 0x1000);
        REPLAY(two[i], alloc, API_ASYNC, 0x20000, 0x1000, 0, 0, 0);
        replay_alloc(two[i], 0x30000, SLOTS * 0x100);
        replay_block(two[i], 0x30000, 0x100);
    }
    lives[0] = true;
    REPLAY(two[0], graph, 7, EXEC, NODES, 0);
    for (int i = 0; i < NODES; i++) {
        node[i] = random_node();
        put(two[0], &node[i]);
    }
    for (int turn = 0; turn < 100; turn++) {
        for (unsigned i = random_below(4); i > 0; i--)
            change(two, lives);
        for (int i = 0; i < 2; i++)
            replay_at(two[i], two[i]->now + 1, 0);
        REPLAY(two[0], graph_launch, EXEC, 0);
        for (int i = 0; i < NODES; i++) {
            struct one plain = node[i];
            plain.word[2] = plain.kind == MT_launch ? 0 : plain.word[2];
            put(two[1], &plain);
        }
        compare(two[0], two[1]);
    }
    replay_free(two[0]);
    replay_free(two[1]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_launch_does_all_nodes,
                                  other_threads_come_between,
                                  collectives_of_a_graph,
                                  memory_of_a_graph,
                                  memory_that_a_graph_leaves_behind,
                                  updates_of_nodes,
                                  unknown_graphs,
                                  a_handle_used_again,
                                  definitions_with_losses,
                                  many_definitions_at_once,
                                  NULL};
    Suite *suite = unit_suite_with("graphs", tests, setup, teardown);
    TCase *worlds = tcase_create("worlds");
    tcase_add_loop_test(worlds, as_if_done_one_by_one, 0, 40);
    suite_add_tcase(suite, worlds);
    return unit_run(suite);
}
