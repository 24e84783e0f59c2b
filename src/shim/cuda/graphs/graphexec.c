/* Graphs: what an executable holds is told once, when it is made; then each launch is one event.
 *
 * The driver has no way to ask an executable. So the graph it is made of is looked through, right
 * behind the call; and which record belongs to which node of that graph is kept for as long as the
 * executable lives, because changes of single nodes are asked for by those. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "shim/cuda/graphs/graphcalls.h"
#include "shim/cuda/graphs/graphwalk.h"
#include "shim/cuda/note.h"
#include "shim/guest/glibc.h"
#include "shim/guest/guard.h"

#define BUCKETS 1024u

struct exec {
    struct exec *next;
    CUgraphExec handle;
    uint32_t flags;    /* MT_GRAPH_* that it was made with */
    uint32_t n, steps; /* places; records of its definition */
    uint32_t hint;     /* the place asked for last: changes come in order, as a rule */
    struct mt_pile places;
    bool memory; /* its launch allocates or frees */
};

static struct {
    pthread_mutex_t lock;
    struct exec *bucket[BUCKETS];
    struct exec *spare;
    _Atomic bool memory; /* whether any executable ever had such nodes */
    _Atomic uint32_t ids, epoch;
} execs = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void child_of_fork(void)
{
    pthread_mutex_init(&execs.lock, NULL);
}

__attribute__((constructor)) static void load(void)
{
    mt_in_forked_child(child_of_fork);
}

/* ---- executables; with the lock held ---- */

static struct exec **find(CUgraphExec handle)
{
    uint64_t hash = ((uintptr_t)handle >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    struct exec **at = &execs.bucket[hash >> 54];
    while (*at && (*at)->handle != handle)
        at = &(*at)->next;
    return at;
}

/* Entries are cut from mapped pieces and used again. */
static struct exec *new_exec(void)
{
    struct mt_pile piece = {0};
    if (!execs.spare && mt_pile_room(&piece, 1)) {
        struct exec *fresh = piece.at;
        for (size_t i = 0; i < piece.bytes / sizeof *fresh; i++) {
            fresh[i].next = execs.spare;
            execs.spare = &fresh[i];
        }
    }
    struct exec *exec = execs.spare;
    if (exec)
        execs.spare = exec->next;
    return exec;
}

static void forget(CUgraphExec handle)
{
    struct exec **at = find(handle), *exec = *at;
    if (!exec)
        return;
    *at = exec->next;
    mt_pile_release(&exec->places);
    exec->next = execs.spare;
    execs.spare = exec;
}

/* A handle that is used again forgets what it was. Takes over the places of `walk`. */
static void remember(CUgraphExec handle, struct mt_walk *walk)
{
    forget(handle);
    struct exec **at = find(handle), *exec = new_exec();
    if (!exec)
        return;
    *exec = (struct exec){NULL,           handle,        walk->flags & MT_GRAPH_DEVICE,
                          walk->n_places, walk->n_steps, 0,
                          walk->places,   walk->memory};
    walk->places = (struct mt_pile){0};
    if (walk->memory)
        atomic_store(&execs.memory, true);
    *at = exec;
}

/* The records of a node; false where it is not known, or has none. */
static bool find_place(CUgraphExec handle, CUgraphNode node, struct mt_place *found)
{
    *found = (struct mt_place){0};
    struct mt_guard guard = mt_lock(&execs.lock);
    struct exec *exec = *find(handle);
    for (uint32_t i = 0; exec && i < exec->n; i++) {
        uint32_t at = (exec->hint + i) % exec->n;
        const struct mt_place *place = (const struct mt_place *)exec->places.at + at;
        if (place->node == node) {
            *found = *place;
            exec->hint = at + 1;
            break;
        }
    }
    mt_unlock(&execs.lock, &guard);
    return found->count > 0;
}

/* ---- definitions ---- */

/* Numbers start anew with each recording. */
static uint32_t next_id(void)
{
    uint32_t epoch = atomic_load(&mt_life_epoch);
    if (atomic_exchange(&execs.epoch, epoch) != epoch)
        atomic_store(&execs.ids, 0);
    return atomic_fetch_add(&execs.ids, 1) + 1;
}

static void define(CUgraphExec handle, const struct mt_walk *walk)
{
    uint64_t when = mt_clock_ticks();
    MT_NOTE(graph, when, .id = next_id(), .graph = (uintptr_t)handle, .nodes = walk->n_steps,
            .flags = walk->flags);
    mt_walk_put(walk, when);
}

static void note_graph(CUgraphExec handle, CUgraph graph, uint64_t flags)
{
    struct mt_walk walk;
    int saved = errno;
    if (!mt_may_note())
        return;
    mt_walk_graph(&walk, graph);
    if (flags & CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH)
        walk.flags |= MT_GRAPH_DEVICE;
    define(handle, &walk);
    struct mt_guard guard = mt_lock(&execs.lock);
    remember(handle, &walk);
    mt_unlock(&execs.lock, &guard);
    mt_walk_release(&walk);
    errno = saved;
}

/* It does what another graph of the same shape does; single nodes are still asked for by those of
 * the graph that it was made of, which stand in the same order. */
static void note_new_graph(CUgraphExec handle, CUgraph graph)
{
    struct mt_walk walk;
    int saved = errno;
    if (!mt_may_note())
        return;
    mt_walk_graph(&walk, graph);
    struct mt_guard guard = mt_lock(&execs.lock);
    struct exec *exec = *find(handle);
    if (exec && exec->steps == walk.n_steps && exec->n == walk.n_places)
        walk.flags |= exec->flags;
    else
        remember(handle, &walk);
    mt_unlock(&execs.lock, &guard);
    define(handle, &walk);
    mt_walk_release(&walk);
    errno = saved;
}

/* Before the real call: within it another thread may be given the handle. */
static void drop(CUgraphExec handle)
{
    struct mt_guard guard = mt_lock(&execs.lock);
    forget(handle);
    mt_unlock(&execs.lock, &guard);
}

#define MT_STAMP_DROPS(call)                                                                       \
    uint64_t when = mt_clock_ticks();                                                              \
    drop(exec);                                                                                    \
    CUresult result = call;

#define MT_STAMP_DROPS_GRAPH(call)                                                                 \
    uint64_t when = 0;                                                                             \
    mt_graph_calls_drop(graph);                                                                    \
    CUresult result = call;

#define MT_DONE_DROPS ((void)0)
#define MT_DONE_DROPS_GRAPH ((void)0)

static void note_end(uint64_t when, CUgraphExec handle)
{
    if (mt_may_record())
        MT_NOTE(graph_end, when, .graph = (uintptr_t)handle);
}

static inline bool may_change_memory(void)
{
    return __builtin_expect(atomic_load_explicit(&execs.memory, memory_order_relaxed), 0);
}

/* While recording is paused only what changes memory counts. */
static bool changes_memory(CUgraphExec handle)
{
    if (!may_change_memory())
        return false;
    struct mt_guard guard = mt_lock(&execs.lock);
    const struct exec *exec = *find(handle);
    bool memory = exec && exec->memory;
    mt_unlock(&execs.lock, &guard);
    return memory;
}

static void note_launch(uint64_t when, CUgraphExec graph, uint64_t stream)
{
    if (mt_is_paused() && !changes_memory(graph))
        return;
    /* Given to a stream that captures it becomes a node of another graph. */
    if (mt_may_note() && !mt_is_captured(stream))
        MT_NOTE(graph_launch, when, .graph = (uintptr_t)graph, .stream = stream);
}

static uint64_t show_launch(unsigned api)
{
    MT_SHOW(api | MT_FREEING_MORE, UINT64_MAX, 0);
    return when;
}

#define MT_STAMP_LAUNCHES_GRAPH(call)                                                              \
    bool shown = may_change_memory();                                                              \
    uint64_t when = shown ? show_launch(api) : mt_clock_ticks();                                   \
    CUresult result = call;
#define MT_DONE_LAUNCHES_GRAPH (shown ? mt_freeing_ends() : (void)0)

/* ---- changes of nodes ---- */

static void note_set_node(CUgraphExec exec, CUgraphNode handle, struct mt_node *node)
{
    struct mt_place place;
    if (!mt_may_note() || !mt_node_counts(node->type) || !find_place(exec, handle, &place))
        return;
    mt_kernels_hold();
    if (node->type == CU_GRAPH_NODE_TYPE_KERNEL)
        node->kernel = mt_kernel_get(node->launch.handle);
    if (node->type != CU_GRAPH_NODE_TYPE_KERNEL || node->kernel) {
        uint64_t when = mt_clock_ticks();
        MT_NOTE(graph_update, when, .graph = (uintptr_t)exec, .first = place.first, .nodes = 1);
        mt_node_put(node, when);
    }
    mt_kernels_let_go();
}

static void note_set_kernel(CUgraphExec exec, CUgraphNode node, CUfunction handle,
                            void *const *params, void *const *extra)
{
    note_set_node(
        exec, node,
        &(struct mt_node){.type = CU_GRAPH_NODE_TYPE_KERNEL, .launch = {handle, params, extra}});
}

static void note_set_copy(CUgraphExec exec, CUgraphNode node, const CUDA_MEMCPY3D *copy)
{
    note_set_node(exec, node, &(struct mt_node){.type = CU_GRAPH_NODE_TYPE_MEMCPY, .copy = *copy});
}

static void note_set_set(CUgraphExec exec, CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *set)
{
    note_set_node(exec, node, &(struct mt_node){.type = CU_GRAPH_NODE_TYPE_MEMSET, .set = *set});
}

static void note_set_child(CUgraphExec exec, CUgraphNode handle, CUgraph child)
{
    struct mt_place place;
    struct mt_walk walk;
    if (!mt_may_note() || !find_place(exec, handle, &place))
        return;
    mt_walk_graph(&walk, child);
    uint64_t when = mt_clock_ticks();
    /* The driver wants the same shape; of another one nothing could be put in place. */
    if (walk.n_steps == place.count) {
        MT_NOTE(graph_update, when, .graph = (uintptr_t)exec, .first = place.first,
                .nodes = walk.n_steps);
        mt_walk_put(&walk, when);
    }
    mt_walk_release(&walk);
}

static CUDA_MEMSET_NODE_PARAMS plain_set(const CUDA_MEMSET_NODE_PARAMS_v2 *set)
{
    return (CUDA_MEMSET_NODE_PARAMS){.dst = set->dst,
                                     .pitch = set->pitch,
                                     .elementSize = set->elementSize,
                                     .width = set->width,
                                     .height = set->height};
}

static void note_set_any(CUgraphExec exec, CUgraphNode node, const CUgraphNodeParams *params)
{
    switch ((int)params->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        note_set_kernel(exec, node,
                        params->kernel.func ? params->kernel.func : (CUfunction)params->kernel.kern,
                        params->kernel.kernelParams, params->kernel.extra);
        break;
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        note_set_copy(exec, node, &params->memcpy.copyParams);
        break;
    case CU_GRAPH_NODE_TYPE_MEMSET: {
        CUDA_MEMSET_NODE_PARAMS set = plain_set(&params->memset);
        note_set_set(exec, node, &set);
        break;
    }
    case CU_GRAPH_NODE_TYPE_GRAPH:
        note_set_child(exec, node, params->graph.graph);
        break;
    default:
        break;
    }
}

static void note_enabled(CUgraphExec exec, CUgraphNode node, unsigned enabled)
{
    struct mt_place place;
    if (mt_may_note() && find_place(exec, node, &place))
        MT_NOTE(graph_update, mt_clock_ticks(), .graph = (uintptr_t)exec, .first = place.first,
                .state = enabled ? MT_NODE_ENABLED : MT_NODE_DISABLED);
}

static void note_added(CUgraphNode node, const CUgraphNodeParams *params)
{
    if (params->type == CU_GRAPH_NODE_TYPE_CONDITIONAL)
        mt_bodies_learn(node, &params->conditional);
    else if (params->type == CU_GRAPH_NODE_TYPE_GRAPH)
        mt_graph_calls_copy_to_node(node, params->graph.graph);
}

#define HOOK_memory(...)
#define HOOK_vmm(...)
#define HOOK_copies(...)
#define HOOK_launches(...)
#define HOOK_graphs MT_HOOK
#define HOOK_holdings(...)
#define HOOK_doors(...)
#define HOOK(family, ...) HOOK_##family(__VA_ARGS__)
#include "shim/cuda/hooks.def"
