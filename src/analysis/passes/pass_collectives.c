/* Calls of NCCL are few against launches, and kinds of them fewer: a row for each function and
 * communicator. A communicator's handle comes again after its end, so it gets a number. What a
 * graph holds is kept as a list, and counted at each of its launches. */
#include <stdlib.h>

#include "base/dict.h"
#include "analysis/engine/pass.h"
#include "analysis/answers/tables.h"

#define OPS_MAX 65536u

struct comm {
    uint64_t handle, ranks, rank;
};

struct sums {
    uint64_t op;
    uint32_t comm;
    uint64_t calls, captured, sent, received, smallest, largest, first_ns, last_ns;
};

/* A collective of a graph. */
struct node {
    uint64_t sent, received;
    uint32_t sums, next; /* next: index + 1 */
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    struct mt_dict comm_of, sums_of; /* index + 1: of a handle, of comm * OPS_MAX + op */
    struct mt_dict graph_of, defined; /* first node + 1 of a handle; handle that a thread defines */
    struct comm *comm;
    struct sums *sums;
    struct node *node;
    uint32_t comms, n, nodes, spare; /* spare: index + 1 of a node */
};

static void *collectives_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_collectives);
    return state;
}

static void collectives_free(void *data)
{
    struct state *state = data;
    mt_dict_release(&state->comm_of);
    mt_dict_release(&state->sums_of);
    mt_dict_release(&state->graph_of);
    mt_dict_release(&state->defined);
    free(state->comm);
    free(state->sums);
    free(state->node);
    free(state);
}

/* Grow by doubling: where n is a power of two there is no more room. */
static bool make_room(void **items, uint32_t n, size_t size)
{
    if (n & (n - 1))
        return true;
    void *more = realloc(*items, (n ? 2 * (size_t)n : 1) * size);
    *items = more ? more : *items;
    return more != NULL;
}

static int add_comm(struct state *state, uint64_t handle, uint64_t ranks, uint64_t rank)
{
    uint64_t *index = mt_dict_add(&state->comm_of, handle);
    if (!index || !make_room((void **)&state->comm, state->comms, sizeof *state->comm))
        return MT_ERR_MEMORY;
    state->comm[state->comms] = (struct comm){handle, ranks, rank};
    *index = ++state->comms;
    return 0;
}

static struct sums *sums_for(struct state *state, uint64_t op, uint64_t handle)
{
    const uint64_t *comm = mt_dict_find(&state->comm_of, handle);
    if (!comm && add_comm(state, handle, 0, 0) < 0)
        return NULL;
    uint32_t index = (uint32_t)*mt_dict_find(&state->comm_of, handle) - 1;
    uint64_t *place = mt_dict_add(&state->sums_of, (uint64_t)index * OPS_MAX + op % OPS_MAX);
    if (!place || (*place == 0 && !make_room((void **)&state->sums, state->n, sizeof *state->sums)))
        return NULL;
    if (*place == 0) {
        state->sums[state->n] = (struct sums){.op = op, .comm = index, .smallest = UINT64_MAX};
        *place = ++state->n;
    }
    return &state->sums[*place - 1];
}

static void count_call(struct sums *sums, uint64_t sent, uint64_t received, uint64_t now)
{
    uint64_t larger = sent > received ? sent : received;
    if (sums->calls + sums->captured == 0)
        sums->first_ns = now;
    sums->last_ns = now;
    sums->smallest = larger < sums->smallest ? larger : sums->smallest;
    sums->largest = larger > sums->largest ? larger : sums->largest;
    sums->calls++;
    sums->sent += sent;
    sums->received += received;
}

static int count(struct state *state, const struct mt_ev_collective *event, uint64_t now)
{
    struct sums *sums = sums_for(state, event->op, event->comm);
    bool captured = event->flags & MT_COLLECTIVE_CAPTURED;
    if (!sums)
        return MT_ERR_MEMORY;
    count_call(sums, event->send_bytes, event->receive_bytes, now);
    if (captured) { /* it is no access yet */
        sums->calls--;
        sums->captured++;
        sums->sent -= event->send_bytes;
        sums->received -= event->receive_bytes;
    }
    return 0;
}

/* ---- graphs ---- */

static void forget_graph(struct state *state, uint64_t handle)
{
    const uint64_t *first = mt_dict_find(&state->graph_of, handle);
    for (uint32_t i = first ? (uint32_t)*first : 0; i;) {
        struct node *node = &state->node[i - 1];
        uint32_t next = node->next;
        node->next = state->spare;
        state->spare = i;
        i = next;
    }
    mt_dict_remove(&state->graph_of, handle);
}

static int define(struct state *state, uint64_t handle, uint32_t thread)
{
    uint64_t *place = mt_dict_add(&state->defined, thread);
    forget_graph(state, handle);
    if (place)
        *place = handle;
    return place ? 0 : MT_ERR_MEMORY;
}

static uint32_t new_node(struct state *state)
{
    uint32_t i = state->spare;
    if (i)
        state->spare = state->node[i - 1].next;
    else if (make_room((void **)&state->node, state->nodes, sizeof *state->node))
        i = ++state->nodes;
    return i;
}

static int add_node(struct state *state, const struct mt_ev_collective *event, uint32_t thread)
{
    const uint64_t *graph = mt_dict_find(&state->defined, thread);
    if (!graph)
        return 0;
    struct sums *sums = sums_for(state, event->op, event->comm);
    uint32_t i = sums ? new_node(state) : 0;
    uint64_t *first = i ? mt_dict_add(&state->graph_of, *graph) : NULL;
    if (!first)
        return MT_ERR_MEMORY;
    state->node[i - 1] = (struct node){event->send_bytes, event->receive_bytes,
                                       (uint32_t)(sums - state->sums), (uint32_t)*first};
    *first = i;
    return 0;
}

static void launch_graph(struct state *state, uint64_t handle, uint64_t now)
{
    const uint64_t *first = mt_dict_find(&state->graph_of, handle);
    for (uint32_t i = first ? (uint32_t)*first : 0; i; i = state->node[i - 1].next) {
        const struct node *node = &state->node[i - 1];
        count_call(&state->sums[node->sums], node->sent, node->received, now);
    }
}

/* ---- events ---- */

#define AS(name) ((const struct mt_ev_##name *)(const void *)record->word)

static int take_communicator(struct state *state, const struct mt_ev_communicator *event)
{
    if (event->ranks > 0)
        return add_comm(state, event->comm, event->ranks, event->rank);
    mt_dict_remove(&state->comm_of, event->comm);
    return 0;
}

static int collectives_event(void *data, const struct mt_record *record, uint32_t thread)
{
    struct state *state = data;
    switch (record->kind) {
    case MT_collective:
        return AS(collective)->flags & MT_COLLECTIVE_NODE
                   ? add_node(state, AS(collective), thread)
                   : count(state, AS(collective), record->time);
    case MT_communicator:
        return take_communicator(state, AS(communicator));
    case MT_graph:
        return define(state, AS(graph)->graph, thread);
    case MT_graph_launch:
        launch_graph(state, AS(graph_launch)->graph, record->time);
        return 0;
    default:
        forget_graph(state, AS(graph_end)->graph);
        return 0;
    }
}

#define CELL(name) cell[MT_COL_collectives_##name]

static int put_row(struct state *state, const struct sums *sums)
{
    struct mt_value cell[MT_COLS_collectives];
    const struct comm *comm = &state->comm[sums->comm];
    CELL(op) = mt_text(mt_trace_api(state->run->trace, sums->op));
    CELL(comm) = mt_uint(comm->handle);
    CELL(ranks) = comm->ranks ? mt_uint(comm->ranks) : mt_null();
    CELL(rank) = comm->ranks ? mt_uint(comm->rank) : mt_null();
    CELL(calls) = mt_uint(sums->calls);
    CELL(captured_calls) = mt_uint(sums->captured);
    CELL(send_bytes) = mt_uint(sums->sent);
    CELL(receive_bytes) = mt_uint(sums->received);
    CELL(smallest_bytes) = mt_uint(sums->smallest);
    CELL(largest_bytes) = mt_uint(sums->largest);
    CELL(first_ns) = mt_uint(sums->first_ns);
    CELL(last_ns) = mt_uint(sums->last_ns);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_collectives, cell);
}

static int collectives_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    (void)end_ns;
    for (uint32_t i = 0; i < state->n; i++)
        RETURN_IF_ERROR(put_row(state, &state->sums[i]));
    return 0;
}

const struct mt_pass mt_pass_collectives = {
    .name = "collectives",
    .tables = (const struct mt_table *const[]){&mt_table_collectives, NULL},
    .kinds = MT_KIND_BIT(collective) | MT_KIND_BIT(communicator) | MT_KIND_BIT(graph) |
             MT_KIND_BIT(graph_launch) | MT_KIND_BIT(graph_end),
    .new = collectives_new,
    .free = collectives_free,
    .event = collectives_event,
    .finish = collectives_finish,
};
