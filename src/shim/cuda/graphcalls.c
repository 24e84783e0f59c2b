#include "shim/cuda/graphcalls.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define CALLS_MAX 65536u

static struct {
    pthread_mutex_t lock;
    struct mt_pile pile;
    _Atomic uint32_t n; /* most jobs have none: then nobody waits for the lock */
} calls = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void child_of_fork(void)
{
    pthread_mutex_init(&calls.lock, NULL);
}

__attribute__((constructor)) static void load(void)
{
    pthread_atfork(NULL, NULL, child_of_fork);
}

static bool find_graph(CUstream stream, CUgraph *graph, size_t *nodes)
{
    CUstreamCaptureStatus status;
    return mt_ask.cuStreamGetCaptureInfo_v2 && mt_ask.cuGraphGetNodes &&
           mt_ask.cuStreamGetCaptureInfo_v2(stream, &status, NULL, graph, NULL, NULL) ==
               CUDA_SUCCESS &&
           status == CU_STREAM_CAPTURE_STATUS_ACTIVE &&
           mt_ask.cuGraphGetNodes(*graph, NULL, nodes) == CUDA_SUCCESS;
}

void mt_graph_calls_add(CUstream stream, const struct mt_ev_collective *collective)
{
    CUgraph graph = NULL;
    size_t nodes = 0;
    if (!find_graph(stream, &graph, &nodes))
        return;
    pthread_mutex_lock(&calls.lock);
    struct mt_graph_call *call = mt_pile_room(&calls.pile, (calls.n + 1) * sizeof *call);
    if (call && calls.n < CALLS_MAX)
        call[calls.n++] = (struct mt_graph_call){graph, (uint32_t)nodes, *collective};
    pthread_mutex_unlock(&calls.lock);
}

uint32_t mt_graph_calls_of(CUgraph graph, struct mt_pile *found, uint32_t n)
{
    if (atomic_load(&calls.n) == 0)
        return n;
    pthread_mutex_lock(&calls.lock);
    const struct mt_graph_call *call = calls.pile.at;
    for (uint32_t i = 0; i < calls.n; i++) {
        struct mt_graph_call *room =
            call[i].graph == graph ? mt_pile_room(found, (n + 1) * sizeof *room) : NULL;
        if (room)
            room[n++] = call[i];
    }
    pthread_mutex_unlock(&calls.lock);
    return n;
}

void mt_graph_calls_drop(CUgraph graph)
{
    uint32_t kept = 0;
    if (atomic_load(&calls.n) == 0)
        return;
    pthread_mutex_lock(&calls.lock);
    struct mt_graph_call *call = calls.pile.at;
    for (uint32_t i = 0; i < calls.n; i++)
        if (call[i].graph != graph)
            call[kept++] = call[i];
    calls.n = kept;
    pthread_mutex_unlock(&calls.lock);
}
