/* Collectives of the simulated NCCL.
 *
 * nccl DOOR      every function, found through a door: framework (symbols of a library that is
 *                loaded locally), handle (dlsym on it), default (dlsym on RTLD_DEFAULT)
 * nccl-graph     collectives that are captured
 * nccl-without   what a look-up gives where there is no NCCL
 * nccl-twice     a second copy of NCCL, of which the recorder knows nothing */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memtrace/memtrace.h"
#include "shim/nccl/nccl.h"
#include "simcuda/simnccl.h"
#include "victim.h"

static void *functions[MT_NCCL_END - MT_APIS];
#define NC(name) ((__typeof__(&name))functions[MT_NCCL_##name - MT_APIS])
#define MUST_NC(call)                                                                              \
    do {                                                                                           \
        int result_ = call;                                                                        \
        if (result_ != 0)                                                                          \
            victim_fail("%s: %d", #call, result_);                                                 \
    } while (0)

static const char *const names[] = {
#define NCCL(symbol, ...) #symbol,
#include "shim/nccl/nccl.def"
};
enum { NAMES = sizeof names / sizeof *names };

struct function {
    const char *name;
    void *address;
};

static void *load(const char *name, int flags)
{
    void *library = dlopen(name, RTLD_NOW | flags);
    if (!library)
        victim_fail("%s", dlerror());
    return library;
}

static void open_door(const char *door)
{
    if (strcmp(door, "framework") == 0) {
        const struct function *all =
            dlsym(load("libvictim-framework.so", RTLD_LOCAL), "framework_functions");
        for (unsigned i = 0; i < NAMES; i++)
            functions[i] = all[i].address;
        return;
    }
    bool global = strcmp(door, "default") == 0;
    void *library = load("libnccl.so.2", global ? RTLD_GLOBAL : RTLD_LOCAL);
    for (unsigned i = 0; i < NAMES; i++)
        if (!(functions[i] = dlsym(global ? RTLD_DEFAULT : library, names[i])))
            victim_fail("%s", dlerror());
}

#define FLOAT32 7
#define BFLOAT16 9
#define STREAM ((void *)0x5150)

/* One for the rank that is not the root, one for the root. */
static struct simnccl_comm *comm;
static int rank;

#define COLLECTIVE(function, from, to, sent, received, other)                                      \
    DID(collective, .op = MT_NCCL_##function, .send = (sent) > 0 ? (uintptr_t)(from) : 0,          \
        .receive = (received) > 0 ? (uintptr_t)(to) : 0, .send_bytes = sent,                       \
        .receive_bytes = received, .peer = other, .comm = (uintptr_t)comm,                         \
        .stream = (uintptr_t)STREAM)

static void use_all_alike(char *a, char *b)
{
    MUST_NC(NC(ncclAllReduce)(a, a, 1000, FLOAT32, 0, comm, STREAM));
    COLLECTIVE(ncclAllReduce, a, a, 4000, 4000, MT_PEER_ALL);
    MUST_NC(NC(ncclAllGather)(a, b, 100, BFLOAT16, comm, STREAM));
    COLLECTIVE(ncclAllGather, a, b, 200, 800, MT_PEER_ALL);
    MUST_NC(NC(ncclReduceScatter)(b, a, 100, BFLOAT16, 0, comm, STREAM));
    COLLECTIVE(ncclReduceScatter, b, a, 800, 200, MT_PEER_ALL);
    MUST_NC(NC(ncclAlltoAll)(a, b, 50, FLOAT32, comm, STREAM));
    COLLECTIVE(ncclAlltoAll, a, b, 800, 800, MT_PEER_ALL);
}

static void use_rooted(char *a, char *b)
{
    uint64_t root = rank == 2;
    MUST_NC(NC(ncclBroadcast)(a, b, 10, FLOAT32, 2, comm, STREAM));
    COLLECTIVE(ncclBroadcast, a, b, 40 * root, 40, 2);
    MUST_NC(NC(ncclBcast)(a, 10, FLOAT32, 2, comm, STREAM));
    COLLECTIVE(ncclBcast, a, a, 40 * root, 40 * !root, 2);
    MUST_NC(NC(ncclReduce)(a, b, 10, FLOAT32, 0, 2, comm, STREAM));
    COLLECTIVE(ncclReduce, a, b, 40, 40 * root, 2);
    MUST_NC(NC(ncclGather)(a, b, 10, FLOAT32, 2, comm, STREAM));
    COLLECTIVE(ncclGather, a, b, 40, 160 * root, 2);
    MUST_NC(NC(ncclScatter)(a, b, 10, FLOAT32, 2, comm, STREAM));
    COLLECTIVE(ncclScatter, a, b, 160 * root, 40, 2);
}

static void use_group(char *a, char *b)
{
    MUST_NC(NC(ncclGroupStart)());
    MUST_NC(NC(ncclGroupStart)());
    for (int peer = 0; peer < 4; peer++) {
        MUST_NC(NC(ncclSend)(a + 64 * peer, 16, FLOAT32, peer, comm, STREAM));
        COLLECTIVE(ncclSend, a + 64 * peer, 0, 64, 0, (uint64_t)peer);
        MUST_NC(NC(ncclRecv)(b + 64 * peer, 16, FLOAT32, peer, comm, STREAM));
        COLLECTIVE(ncclRecv, 0, b + 64 * peer, 0, 64, (uint64_t)peer);
    }
    MUST_NC(NC(ncclGroupEnd)());
    MUST_NC(NC(ncclGroupEnd)());
    DID(collective_group, .calls = 8);
    if (NC(ncclGroupEnd)() == 0 || NC(ncclAllReduce)(a, b, 1, 99, 0, comm, STREAM) == 0)
        victim_fail("it worked");
}

static void did_communicator(unsigned op, uint64_t ranks, uint64_t place)
{
    DID(communicator, .op = op, .comm = (uintptr_t)comm, .ranks = ranks, .rank = place);
}

static void use_memory(void)
{
    void *address, *handle;
    MUST_NC(NC(ncclMemAlloc)(&address, 1000));
    DID(collective_memory, .op = MT_NCCL_ncclMemAlloc, .address = (uintptr_t)address, .size = 1000);
    MUST_NC(NC(ncclCommRegister)(comm, address, 1000, &handle));
    DID(collective_memory, .op = MT_NCCL_ncclCommRegister, .address = (uintptr_t)address,
        .size = 1000, .comm = (uintptr_t)comm, .handle = (uintptr_t)handle);
    MUST_NC(NC(ncclCommDeregister)(comm, handle));
    DID(collective_memory, .op = MT_NCCL_ncclCommDeregister, .comm = (uintptr_t)comm,
        .handle = (uintptr_t)handle);
    MUST_NC(NC(ncclCommWindowRegister)(comm, address, 1000, &handle, 1));
    DID(collective_memory, .op = MT_NCCL_ncclCommWindowRegister, .address = (uintptr_t)address,
        .size = 1000, .comm = (uintptr_t)comm, .handle = (uintptr_t)handle);
    MUST_NC(NC(ncclCommWindowDeregister)(comm, handle));
    DID(collective_memory, .op = MT_NCCL_ncclCommWindowDeregister, .comm = (uintptr_t)comm,
        .handle = (uintptr_t)handle);
    MUST_NC(NC(ncclMemFree)(address));
    DID(collective_memory, .op = MT_NCCL_ncclMemFree, .address = (uintptr_t)address);
}

static void use_ranks(char *a, char *b)
{
    struct simnccl_id id;
    memset(&id, 7, sizeof id);
    for (rank = 0; rank < 4; rank += 2) { /* the same handle again, of another rank */
        MUST_NC(NC(ncclCommInitRank)(&comm, 4, id, rank));
        did_communicator(MT_NCCL_ncclCommInitRank, 4, (uint64_t)rank);
        use_all_alike(a, b);
        use_rooted(a, b);
        use_group(a, b);
        use_memory();
        MUST_NC(NC(ncclCommDestroy)(comm));
        did_communicator(MT_NCCL_ncclCommDestroy, 0, 0);
    }
}

static void use_communicators(void)
{
    struct simnccl_comm *all[3], *parent;
    struct simnccl_id id;
    memset(&id, 7, sizeof id);
    MUST_NC(NC(ncclCommInitAll)(all, 3, NULL));
    for (uint64_t i = 0; i < 3; i++) {
        comm = all[i];
        did_communicator(MT_NCCL_ncclCommInitAll, 3, i);
    }
    parent = comm;
    MUST_NC(NC(ncclCommSplit)(parent, -1, 0, &comm, NULL)); /* in none of the new ones */
    MUST_NC(NC(ncclCommSplit)(parent, 0, 0, &comm, NULL));
    did_communicator(MT_NCCL_ncclCommSplit, 2, 1);
    int excluded = 0;
    MUST_NC(NC(ncclCommShrink)(parent, &excluded, 1, &comm, NULL, 0));
    did_communicator(MT_NCCL_ncclCommShrink, 2, 2);
    MUST_NC(NC(ncclCommAbort)(comm));
    did_communicator(MT_NCCL_ncclCommAbort, 0, 0);
    MUST_NC(NC(ncclCommInitRankConfig)(&comm, 9, id, 8, NULL));
    did_communicator(MT_NCCL_ncclCommInitRankConfig, 9, 8);
    MUST_NC(NC(ncclGroupStart)()); /* there it is known only afterwards */
    MUST_NC(NC(ncclCommInitRankScalable)(&comm, 5, 4, 1, &id, NULL));
    MUST_NC(NC(ncclGroupEnd)());
    did_communicator(MT_NCCL_ncclSend, 5, 4);
    MUST_NC(NC(ncclSend)(NULL, 0, FLOAT32, 0, comm, STREAM));
    COLLECTIVE(ncclSend, 0, 0, 0, 0, 0);
}

static int nccl_victim(int argc, char **argv)
{
    victim_begin(DOOR_HANDLE);
    open_door(argc > 1 ? argv[1] : "framework");
    CUdeviceptr a, b;
    MUST(REAL(cuMemAlloc_v2)(&a, 8192));
    MUST(REAL(cuMemAlloc_v2)(&b, 8192));
    use_ranks((char *)(uintptr_t)a, (char *)(uintptr_t)b);
    use_communicators();
    return 0;
}

/* ---- captured ---- */

static CUstream stream;
static uint64_t graphs;
static bool paused;

static void did_reduce(const char *at, CUstream on, uint64_t flags)
{
    DID(collective, .op = MT_NCCL_ncclAllReduce, .send = (uintptr_t)at, .receive = (uintptr_t)at,
        .send_bytes = 64, .receive_bytes = 64, .peer = MT_PEER_ALL, .comm = (uintptr_t)comm,
        .stream = (uintptr_t)on, .flags = flags);
}

static void reduce(char *at)
{
    MUST_NC(NC(ncclAllReduce)(at, at, 16, FLOAT32, 0, comm, (void *)stream));
    if (!paused)
        did_reduce(at, stream, MT_COLLECTIVE_CAPTURED);
}

static void did_set(const char *at)
{
    DID(set, .api = MT_API_cuGraphLaunch, .address = (uintptr_t)at, .width = 8, .height = 1);
}

/* Sets of 8 bytes and collectives: one of these first, one between, two last. */
static CUgraph capture(char *at, bool collectives)
{
    CUgraph graph;
    MUST(CU(cuStreamBeginCapture_v2)(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    for (int i = 0; i < 2; i++) {
        if (collectives)
            reduce(at + 64 * i);
        MUST(CU(cuMemsetD8Async)((uintptr_t)at, 0, 8, stream));
    }
    for (int i = 2; i < 4 && collectives; i++)
        reduce(at + 64 * i);
    MUST(CU(cuStreamEndCapture)(stream, &graph));
    return graph;
}

static void did_nodes(const char *at, bool collectives)
{
    for (int i = 0; i < 2; i++) {
        if (collectives)
            did_reduce(at + 64 * i, NULL, MT_COLLECTIVE_NODE);
        did_set(at);
    }
    for (int i = 2; i < 4 && collectives; i++)
        did_reduce(at + 64 * i, NULL, MT_COLLECTIVE_NODE);
}

static CUgraphExec instantiate(CUgraph graph, const char *at, bool collectives)
{
    CUgraphExec exec;
    MUST(CU(cuGraphInstantiateWithFlags)(&exec, graph, 0));
    DID(graph, .id = ++graphs, .graph = (uintptr_t)exec, .nodes = collectives ? 6 : 2);
    did_nodes(at, collectives);
    return exec;
}

static void run_graph(CUgraph graph, const char *at, bool collectives)
{
    CUgraphExec exec = instantiate(graph, at, collectives);
    for (int i = 0; i < 3; i++) {
        MUST(CU(cuGraphLaunch)(exec, stream));
        DID(graph_launch, .graph = (uintptr_t)exec, .stream = (uintptr_t)stream);
    }
    MUST(CU(cuGraphExecDestroy)(exec));
    DID(graph_end, .graph = (uintptr_t)exec);
}

static void capture_into(CUgraph graph, char *at, bool set_first)
{
    CUgraph same;
    MUST(CU(cuStreamBeginCaptureToGraph)(stream, graph, NULL, NULL, 0,
                                         CU_STREAM_CAPTURE_MODE_RELAXED));
    if (!set_first)
        reduce(at);
    MUST(CU(cuMemsetD8Async)((uintptr_t)at, 0, 8, stream));
    if (set_first)
        reduce(at);
    MUST(CU(cuStreamEndCapture)(stream, &same));
}

/* A collective in the body of a conditional node, and one behind it. */
static void run_nested(char *at)
{
    CUgraph graph;
    CUgraphNode node;
    CUgraphExec exec;
    CUcontext context;
    CUgraphNodeParams params = {.type = CU_GRAPH_NODE_TYPE_CONDITIONAL,
                                .conditional = {.type = CU_GRAPH_COND_TYPE_IF, .size = 1}};
    MUST(REAL(cuCtxGetCurrent)(&context));
    MUST(REAL(cuGraphCreate)(&graph, 0));
    MUST(REAL(cuGraphConditionalHandleCreate)(&params.conditional.handle, graph, context, 1, 1));
    MUST(CU(cuGraphAddNode_v2)(&node, graph, NULL, NULL, 0, &params));
    capture_into(params.conditional.phGraph_out[0], at, false);
    capture_into(graph, at + 64, true);
    MUST(CU(cuGraphInstantiateWithFlags)(&exec, graph, 0));
    DID(graph, .id = ++graphs, .graph = (uintptr_t)exec, .nodes = 4, .flags = MT_GRAPH_MAYBE);
    did_reduce(at, NULL, MT_COLLECTIVE_NODE);
    did_set(at);
    did_set(at + 64);
    did_reduce(at + 64, NULL, MT_COLLECTIVE_NODE);
}

/* Clones and children of graphs, and children of clones, outlive what they were copied of. */
static void run_copies(char *at)
{
    CUgraph inner = capture(at, true), clone, outer, both;
    CUgraphNode node;
    MUST(CU(cuGraphClone)(&clone, inner));
    MUST(CU(cuGraphCreate)(&outer, 0));
    MUST(CU(cuGraphAddChildGraphNode)(&node, outer, NULL, 0, inner));
    MUST(CU(cuGraphClone)(&both, outer));
    MUST(CU(cuGraphDestroy)(inner));
    run_graph(clone, at, true);
    run_graph(outer, at, true);
    MUST(CU(cuGraphDestroy)(outer));
    run_graph(both, at, true);
    MUST(CU(cuGraphDestroy)(clone));
    run_graph(capture(at, false), at, false); /* has a handle of one of these */
    MUST(CU(cuGraphDestroy)(both));
}

/* Another graph takes a child's place in an executable, with its collectives. */
static void change_a_child(char *at)
{
    CUgraph first = capture(at, true), second = capture(at + 1024, true), outer;
    CUgraphNode node;
    MUST(CU(cuGraphCreate)(&outer, 0));
    MUST(CU(cuGraphAddChildGraphNode)(&node, outer, NULL, 0, first));
    CUgraphExec exec = instantiate(outer, at, true);
    MUST(CU(cuGraphExecChildGraphNodeSetParams)(exec, node, second));
    DID(graph_update, .graph = (uintptr_t)exec, .nodes = 6);
    did_nodes(at + 1024, true);
}

/* Its graph goes unseen, and the next one has its handle. */
static void abort_a_capture(char *at)
{
    CUstream kept = stream;
    CUstreamCaptureStatus status;
    CUgraph gone;
    MUST(REAL(cuStreamCreate)(&stream, CU_STREAM_NON_BLOCKING));
    MUST(CU(cuStreamBeginCapture_v2)(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    reduce(at);
    MUST(REAL(cuStreamGetCaptureInfo_v2)(stream, &status, NULL, &gone, NULL, NULL));
    MUST(REAL(cuStreamDestroy_v2)(stream));
    stream = kept;
    CUgraph graph = capture(at, false);
    if (graph != gone)
        victim_fail("the handle of an aborted capture did not come again");
    run_graph(graph, at, false);
}

static int graph_victim(int argc, char **argv)
{
    struct simnccl_id id;
    (void)argc, (void)argv;
    memset(&id, 7, sizeof id);
    victim_begin(DOOR_HANDLE);
    open_door("framework");
    MUST(REAL(cuStreamCreate)(&stream, CU_STREAM_NON_BLOCKING));
    char *at = (char *)(uintptr_t)victim_alloc(8192);
    MUST_NC(NC(ncclCommInitRank)(&comm, 4, id, 1));
    did_communicator(MT_NCCL_ncclCommInitRank, 4, 1);
    CUgraph first = capture(at, true);
    memtrace_record(0);
    paused = true; /* a capture is none of a use */
    CUgraph second = capture(at + 1024, true);
    paused = false;
    memtrace_record(1);
    run_graph(first, at, true);
    run_graph(second, at + 1024, true);
    run_graph(first, at, true); /* instantiated again */
    MUST(CU(cuGraphDestroy)(first));
    CUgraph third = capture(at + 2048, false); /* has the handle of the first */
    if (third != first)
        victim_fail("the handle did not come again");
    run_graph(third, at + 2048, false);
    run_graph(second, at + 1024, true);
    run_nested(at);
    run_copies(at);
    change_a_child(at);
    abort_a_capture(at);
    return 0;
}

static int without_victim(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (unsigned i = 0; i < NAMES; i++) {
        dlerror();
        if (dlsym(RTLD_DEFAULT, names[i]) || !dlerror())
            victim_fail("%s: found where there is none", names[i]);
    }
    return 0;
}

static int twice_victim(int argc, char **argv)
{
    struct simnccl_id id;
    memset(&id, 7, sizeof id);
    victim_begin(DOOR_HANDLE);
    open_door("handle");
    void *copy = load(argc > 1 ? argv[1] : "", RTLD_LOCAL);
    __typeof__(&ncclCommInitRank) second =
        (__typeof__(&ncclCommInitRank))dlsym(copy, "ncclCommInitRank");
    if (!second || second == NC(ncclCommInitRank))
        victim_fail("the copy is not its own");
    MUST_NC(second(&comm, 2, id, 1));
    return 0;
}

const struct victim_command victim_nccl[] = {{"nccl", nccl_victim},
                                             {"nccl-graph", graph_victim},
                                             {"nccl-without", without_victim},
                                             {"nccl-twice", twice_victim},
                                             {NULL, NULL}};
