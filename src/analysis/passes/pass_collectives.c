/* Calls of NCCL are few against launches, and kinds of them fewer: a row for each function and
 * communicator. A communicator's handle comes again after its end, so it gets a number. */
#include <stdlib.h>

#include "base/dict.h"
#include "analysis/pass.h"
#include "analysis/tables.h"

#define OPS_MAX 65536u

struct comm {
    uint64_t handle, ranks, rank;
};

struct sums {
    uint64_t op;
    uint32_t comm;
    uint64_t calls, captured, sent, received, smallest, largest, first_ns, last_ns;
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    struct mt_dict comm_of, sums_of; /* index + 1: of a handle, of comm * OPS_MAX + op */
    struct comm *comm;
    struct sums *sums;
    uint32_t comms, n;
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
    free(state->comm);
    free(state->sums);
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

static int count(struct state *state, const struct mt_ev_collective *event, uint64_t now)
{
    struct sums *sums = sums_for(state, event->op, event->comm);
    if (!sums)
        return MT_ERR_MEMORY;
    uint64_t larger =
        event->send_bytes > event->receive_bytes ? event->send_bytes : event->receive_bytes;
    if (sums->calls + sums->captured == 0)
        sums->first_ns = now;
    sums->last_ns = now;
    sums->smallest = larger < sums->smallest ? larger : sums->smallest;
    sums->largest = larger > sums->largest ? larger : sums->largest;
    if (event->flags & MT_COLLECTIVE_CAPTURED) {
        sums->captured++;
        return 0;
    }
    sums->calls++;
    sums->sent += event->send_bytes;
    sums->received += event->receive_bytes;
    return 0;
}

static int collectives_event(void *data, const struct mt_record *record, uint32_t thread)
{
    struct state *state = data;
    const struct mt_ev_communicator *event = (const void *)record->word;
    (void)thread;
    if (record->kind == MT_collective)
        return count(state, (const void *)record->word, record->time);
    if (event->ranks > 0)
        return add_comm(state, event->comm, event->ranks, event->rank);
    mt_dict_remove(&state->comm_of, event->comm);
    return 0;
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
    .kinds = MT_KIND_BIT(collective) | MT_KIND_BIT(communicator),
    .new = collectives_new,
    .free = collectives_free,
    .event = collectives_event,
    .finish = collectives_finish,
};
