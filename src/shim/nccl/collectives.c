/* Collectives: which ranges of memory they read and write on this process's device.
 *
 * The real call goes first, so NCCL never waits for us. What NCCL calls of its own functions on the
 * way (ncclBcast is a ncclBroadcast in place) is no call of the job's. */
#include <string.h>

#include "shim/cuda/graphs/graphcalls.h"
#include "shim/cuda/kernels/kernels.h"
#include "shim/cuda/note.h"
#include "shim/nccl/communicators.h"

enum partner { MT_ALL, MT_ROOT, MT_PEER };

/* How many times `count` elements lie at an end. */
enum extent {
    MT_NOTHING,
    MT_ONE,
    MT_EACH, /* for each rank */
    MT_ONE_IF_ROOT,
    MT_ONE_UNLESS_ROOT,
    MT_EACH_IF_ROOT,
};

struct exchange {
    const void *send;
    void *receive;
    size_t count;
    int type;
    enum partner partner;
    int peer;
    mt_comm comm;
    mt_stream stream;
    enum extent sends, receives;
};

#define THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))
THREAD_LOCAL uint32_t inside; /* calls of NCCL that this thread is in */
THREAD_LOCAL uint32_t depth;  /* of groups */
THREAD_LOCAL uint32_t grouped;

static uint64_t element_size(int type)
{
    static const uint8_t sizes[] = {
#define TYPE(name, number, bytes) [number] = bytes,
#include "shim/nccl/nccltypes.def"
    };
    return type >= 0 && (size_t)type < sizeof sizes ? sizes[type] : 0;
}

static uint64_t times(enum extent extent, uint32_t ranks, bool root)
{
    switch (extent) {
    case MT_ONE:
        return 1;
    case MT_EACH:
        return ranks;
    case MT_ONE_IF_ROOT:
        return root;
    case MT_ONE_UNLESS_ROOT:
        return !root;
    case MT_EACH_IF_ROOT:
        return root ? ranks : 0;
    case MT_NOTHING:
    default:
        return 0;
    }
}

static void tell_place(unsigned api, mt_comm comm, struct mt_comm_place place, uint64_t when)
{
    MT_NOTE(communicator, when, .op = api, .comm = (uintptr_t)comm, .ranks = place.ranks,
            .rank = place.rank);
}

static struct mt_comm_place place_of(unsigned api, mt_comm comm, uint64_t when)
{
    bool first;
    struct mt_comm_place place = mt_comm_place(comm, &first);
    if (first)
        tell_place(api, comm, place, when);
    return place;
}

static void put(const struct mt_ev_collective *event, uint64_t when)
{
    enum { WORDS = sizeof *event / sizeof(uint64_t) };
    uint64_t *word = mt_ring_reserve(MT_collective, WORDS, when);
    if (word) {
        memcpy(word, event, sizeof *event);
        mt_note_commit(WORDS);
    }
}

/* What an end that takes no part is called makes no difference: 0. One that is captured belongs to
 * a graph, which may be launched when it is recorded again. */
static void note_collective(unsigned api, uint64_t when, const struct exchange *x)
{
    bool use = mt_may_note_use();
    if (!mt_config.NCCL || (!use && !mt_may_note()))
        return;
    bool captured = mt_is_captured((uintptr_t)x->stream);
    if (!use && !captured)
        return;
    struct mt_comm_place place = place_of(api, x->comm, when);
    bool root = x->partner == MT_ROOT && (uint32_t)x->peer == place.rank;
    uint64_t bytes = x->count * element_size(x->type);
    uint64_t sent = bytes * times(x->sends, place.ranks, root);
    uint64_t received = bytes * times(x->receives, place.ranks, root);
    const struct mt_ev_collective event = {
        .op = api,
        .send = sent ? (uintptr_t)x->send : 0,
        .receive = received ? (uintptr_t)x->receive : 0,
        .send_bytes = sent,
        .receive_bytes = received,
        .peer = x->partner == MT_ALL ? MT_PEER_ALL : (uint64_t)x->peer,
        .comm = (uintptr_t)x->comm,
        .stream = (uintptr_t)x->stream,
        .flags = captured ? MT_COLLECTIVE_CAPTURED : 0,
    };
    grouped += use && depth > 0;
    if (use)
        put(&event, when);
    if (captured)
        mt_graph_calls_add((CUstream)x->stream, &event);
}

static void note_group_start(void)
{
    if (depth++ == 0)
        grouped = 0;
}

static void note_group_end(uint64_t when)
{
    if (depth > 0 && --depth == 0 && grouped > 0 && mt_may_record())
        MT_NOTE(collective_group, when, .calls = grouped);
}

/* Inside a group a communicator is not there before the group ends: asked at its first use. */
static bool is_made(mt_comm comm)
{
    return comm && depth == 0 && mt_may_note() && mt_config.NCCL;
}

static void note_communicator(unsigned api, mt_comm comm, int ranks, int rank)
{
    if (!is_made(comm))
        return;
    struct mt_comm_place place = {(uint32_t)ranks, (uint32_t)rank};
    mt_comm_learn(comm, place);
    tell_place(api, comm, place, mt_clock_ticks());
}

/* Of another one. While it is being made NCCL answers no questions, and complains of them. */
static void note_derived(unsigned api, int result, mt_comm comm)
{
    if (result == MT_NCCL_SUCCESS && is_made(comm))
        place_of(api, comm, mt_clock_ticks());
}

static void note_communicators(unsigned api, const mt_comm *comm, int n)
{
    for (int i = 0; i < n; i++)
        note_communicator(api, comm[i], n, i);
}

static void note_communicator_end(unsigned api, uint64_t when, mt_comm comm)
{
    mt_comm_forget(comm);
    if (comm && mt_may_record() && mt_config.NCCL)
        tell_place(api, comm, (struct mt_comm_place){0, 0}, when);
}

static void note_memory(unsigned api, uint64_t when, void *address, size_t size, mt_comm comm,
                        void *handle)
{
    if (mt_may_record() && mt_config.NCCL)
        MT_NOTE(collective_memory, when, .op = api, .address = (uintptr_t)address, .size = size,
                .comm = (uintptr_t)comm, .handle = (uintptr_t)handle);
}

/* Exported like the driver's hooks; nobody else declares them. */
#define NCCL(symbol, parameters, arguments, note)                                                  \
    int symbol parameters __attribute__((visibility("default")));                                  \
    int symbol parameters                                                                          \
    {                                                                                              \
        enum { api = MT_NCCL_##symbol };                                                           \
        __typeof__(&symbol) real = (__typeof__(&symbol))mt_nccl_real(api);                         \
        if (!real)                                                                                 \
            return MT_NCCL_INTERNAL_ERROR;                                                         \
        uint64_t when = mt_clock_ticks();                                                          \
        inside++;                                                                                  \
        int result = real arguments;                                                               \
        (void)api, (void)when;                                                                     \
        if (--inside == 0 && (result == MT_NCCL_SUCCESS || result == MT_NCCL_IN_PROGRESS))         \
            note;                                                                                  \
        else if (inside == 0 && (int)api == (int)MT_NCCL_ncclGroupEnd)                             \
            note_group_end(when); /* it has ended all the same */                                  \
        return result;                                                                             \
    }
#include "shim/nccl/nccl.def"

const struct mt_hook mt_nccl_hooks[] = {
#define NCCL(symbol, ...) {#symbol, (void *)symbol},
#include "shim/nccl/nccl.def"
};
