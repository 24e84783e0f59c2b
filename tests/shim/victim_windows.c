/* Recording that stops and goes on.
 *
 * windows-quiet THREADS TIMES   threads allocate, free, report blocks and launch; recording stops
 *                               at any moment and goes on while they wait: what lives then is in
 *                               the ledger, of the main thread, before each `resumed`
 * windows-race THREADS TIMES [hurry]   the same, and nobody waits; in a hurry rings are always full
 * windows-steady THREADS MS     the same, and memory is mapped; the clock stops recording
 * windows-signals THREADS MS    the same, and signals do, ten thousand a second
 * windows-nudged THREADS TIMES  the same, and the recorder looks at the rings all through the
 * pauses windows-kill                  the same, until somebody ends it windows-ways
 * cudaProfilerStart and Stop, and memory that comes and goes outside windows-c10 blocks of the
 * caching allocator, of before the recording windows-clock MS              a launch each
 * millisecond, for so long; says how many windows-signal WHAT           SIGUSR1, with a handler of
 * its own: none, before, after, ignored windows-fork                  a child while recording is
 * stopped windows-graph                 graphs that are made, changed and launched outside
 * windows-graph-memory          memory of a graph that is given back outside, and comes anew
 * windows-failing               a free that fails, under way while recording goes on
 * windows-late                  a child that records, of a parent that said that it would not */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memtrace/memtrace.h"
#include "simcuda/simc10.h"
#include "victim.h"

#define LIVE 24
#define MAPPED ((size_t)2 << 20)
#define THREADS 16

struct worker {
    pthread_t thread;
    unsigned state;
    CUdeviceptr live[LIVE];
    size_t size[LIVE];
    bool pooled[LIVE];
    CUdeviceptr range; /* reserved and mapped, 0: is not */
    CUmemGenericAllocationHandle mapped;
};

static struct {
    CUcontext context;
    CUfunction function;
    pthread_rwlock_t quiet;
    _Atomic bool stop;
    bool hurry; /* nobody ever rests */
    bool maps;
    struct worker worker[THREADS];
    unsigned workers;
} w = {.quiet = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP};

static void sleep_us(unsigned us)
{
    nanosleep(&(struct timespec){us / 1000000, (long)(us % 1000000) * 1000}, NULL);
}

static unsigned next(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void report(CUdeviceptr block, int64_t size)
{
    if (victim_report_usage)
        victim_report_usage((void *)(uintptr_t)block, size, 0, 0, (struct victim_device){1, 0});
}

static void launch(CUdeviceptr address)
{
    uint64_t n = 0;
    void *params[] = {&address, &address, &n};
    MUST(CU(cuLaunchKernel)(w.function, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
}

static void begin(void)
{
    CUmodule module;
    victim_begin(DOOR_HANDLE);
    MUST(REAL(cuCtxGetCurrent)(&w.context));
    MUST(REAL(cuModuleLoadData)(&module, victim_ptx));
    MUST(REAL(cuModuleGetFunction)(&w.function, module, "k_two"));
}

/* ---- threads that never rest ---- */

static void drop(struct worker *worker, unsigned i)
{
    report(worker->live[i], -(int64_t)worker->size[i]);
    if (worker->pooled[i])
        MUST(CU(cuMemFreeAsync)(worker->live[i], NULL));
    else
        MUST(CU(cuMemFree_v2)(worker->live[i]));
    worker->live[i] = 0;
}

static void take(struct worker *worker, unsigned i)
{
    size_t size = 512 * (1 + next(&worker->state) % 7);
    worker->size[i] = size;
    worker->pooled[i] = next(&worker->state) % 3 == 0;
    if (worker->pooled[i])
        MUST(CU(cuMemAllocAsync)(&worker->live[i], size, NULL));
    else
        MUST(CU(cuMemAlloc_v2)(&worker->live[i], size));
    report(worker->live[i], (int64_t)size);
}

static void map(struct worker *worker)
{
    const CUmemAllocationProp what = {.type = CU_MEM_ALLOCATION_TYPE_PINNED,
                                      .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE}};
    MUST(CU(cuMemAddressReserve)(&worker->range, MAPPED, 0, 0, 0));
    MUST(CU(cuMemCreate)(&worker->mapped, MAPPED, &what, 0));
    MUST(CU(cuMemMap)(worker->range, MAPPED, 0, worker->mapped, 0));
    report(worker->range, 512);
}

static void unmap(struct worker *worker)
{
    report(worker->range, -512);
    MUST(CU(cuMemUnmap)(worker->range, MAPPED));
    MUST(CU(cuMemRelease)(worker->mapped));
    MUST(CU(cuMemAddressFree)(worker->range, MAPPED));
    worker->range = 0;
}

static void step(struct worker *worker)
{
    if (w.maps && next(&worker->state) % 16 == 0)
        (worker->range ? unmap : map)(worker);
    unsigned i = next(&worker->state) % LIVE;
    if (worker->live[i])
        drop(worker, i);
    else
        take(worker, i);
    if (worker->live[i])
        launch(worker->live[i]);
}

static void *work(void *data)
{
    struct worker *worker = data;
    MUST(REAL(cuCtxSetCurrent)(w.context));
    while (!atomic_load(&w.stop)) {
        pthread_rwlock_rdlock(&w.quiet);
        step(worker);
        pthread_rwlock_unlock(&w.quiet);
        if (!w.hurry && next(&worker->state) % 8 == 0)
            sleep_us(20);
    }
    return NULL;
}

static void start(unsigned threads)
{
    w.workers = threads < THREADS ? threads : THREADS;
    for (unsigned i = 0; i < w.workers; i++) {
        w.worker[i].state = i * 77777 + 1;
        pthread_create(&w.worker[i].thread, NULL, work, &w.worker[i]);
    }
}

/* What lives, as the trace should know it; nobody changes it. */
static void tell_living(unsigned window)
{
    for (unsigned t = 0; t < w.workers; t++)
        for (unsigned i = 0; i < LIVE; i++)
            if (w.worker[t].live[i])
                DID(block_alloc, .address = w.worker[t].live[i], .size = w.worker[t].size[i]);
    DID(resumed, .window = window);
}

static void end(void)
{
    atomic_store(&w.stop, true);
    for (unsigned i = 0; i < w.workers; i++)
        pthread_join(w.worker[i].thread, NULL);
}

static void toggle(unsigned *state, unsigned window, bool quiet)
{
    memtrace_record(0);
    sleep_us(next(state) % 3000);
    if (quiet)
        pthread_rwlock_wrlock(&w.quiet);
    memtrace_record(1);
    if (quiet) {
        tell_living(window);
        pthread_rwlock_unlock(&w.quiet);
    }
    sleep_us(next(state) % 3000);
}

static int threads_victim(int argc, char **argv)
{
    unsigned times = argc > 2 ? (unsigned)atoi(argv[2]) : 100, state = 4711;
    bool quiet = strcmp(argv[0], "windows-quiet") == 0;
    w.hurry = argc > 3;
    begin();
    start(argc > 1 ? (unsigned)atoi(argv[1]) : 8);
    for (unsigned i = 0; i < times; i++)
        toggle(&state, i + 1, quiet);
    end();
    tell_living(times + 1);
    return 0;
}

static int steady_victim(int argc, char **argv)
{
    unsigned us = (argc > 2 ? (unsigned)atoi(argv[2]) : 500) * 1000;
    bool signals = strcmp(argv[0], "windows-signals") == 0;
    w.maps = true;
    begin();
    start(argc > 1 ? (unsigned)atoi(argv[1]) : 8);
    for (unsigned i = 0; signals && i < us / 100; i++) {
        kill(getpid(), SIGUSR1);
        sleep_us(100);
    }
    if (!signals)
        sleep_us(us);
    end();
    tell_living(0);
    return 0;
}

/* Each call that asks for what is so already makes the recorder look. */
static int nudged_victim(int argc, char **argv)
{
    unsigned times = argc > 2 ? (unsigned)atoi(argv[2]) : 20;
    w.maps = true;
    begin();
    start(argc > 1 ? (unsigned)atoi(argv[1]) : 8);
    for (unsigned i = 0; i < times; i++) {
        for (unsigned j = 0; j < 200; j++) {
            memtrace_record(0);
            sleep_us(50);
        }
        memtrace_record(1);
        sleep_us(2000);
    }
    end();
    tell_living(0);
    return 0;
}

static int kill_victim(int argc, char **argv)
{
    unsigned state = (unsigned)getpid();
    (void)argc, (void)argv;
    begin();
    start(4);
    for (unsigned i = 0;; i++) {
        toggle(&state, i + 1, true);
        pthread_rwlock_wrlock(&w.quiet); /* what the ledger had no room for is of no use */
        pthread_rwlock_unlock(&w.quiet);
        if (i > 500)
            break;
    }
    end();
    return 0;
}

/* ---- a free that fails ---- */

static void *fail(void *address)
{
    MUST(REAL(cuCtxSetCurrent)(w.context));
    if (CU(cuMemFree_v2)(*(CUdeviceptr *)address) == CUDA_SUCCESS)
        victim_fail("the free did not fail");
    return NULL;
}

static int failing_victim(int argc, char **argv)
{
    pthread_t thread;
    (void)argc, (void)argv;
    begin();
    CUdeviceptr address;
    MUST(CU(cuMemAlloc_v2)(&address, 512));
    memtrace_record(0);
    pthread_create(&thread, NULL, fail, &address);
    sleep_us(100000);
    memtrace_record(1);
    launch(address);
    pthread_join(thread, NULL);
    return 0;
}

/* ---- the profiler ---- */

static CUdeviceptr allocate(size_t size)
{
    CUdeviceptr address;
    MUST(CU(cuMemAlloc_v2)(&address, size));
    return address;
}

static void launches(CUdeviceptr address, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        launch(address);
}

/* 3 and 2 launches inside; a lives from the first moment on, b ends and c begins between. */
static int ways(int argc, char **argv)
{
    (void)argc, (void)argv;
    begin();
    CUdeviceptr a = allocate(1024), b = allocate(2048);
    launches(a, 7);
    MUST(CU(cuProfilerStart)());
    launches(a, 3);
    MUST(CU(cuProfilerStop)());
    launches(b, 5);
    CUdeviceptr gone = allocate(512);
    MUST(CU(cuMemFree_v2)(gone));
    MUST(CU(cuMemFree_v2)(b));
    CUdeviceptr c = allocate(4096);
    MUST(CU(cuProfilerStart)());
    launches(c, 2);
    MUST(CU(cuProfilerStop)());
    launches(c, 9);
    MUST(CU(cuMemFree_v2)(c));
    MUST(CU(cuMemFree_v2)(a));
    return 0;
}

/* ---- the clock ---- */

static int clock_victim(int argc, char **argv)
{
    unsigned ms = argc > 1 ? (unsigned)atoi(argv[1]) : 500, n = 0;
    struct timespec start, now;
    begin();
    CUdeviceptr address = allocate(512);
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        launch(address);
        n++;
        sleep_us(1000);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
    printf("%u\n", n);
    return 0;
}

/* ---- the signal ---- */

static volatile sig_atomic_t handled;

static void handler(int number)
{
    (void)number;
    handled++;
}

static bool is_default(void)
{
    struct sigaction now;
    return sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL;
}

static void kick(CUdeviceptr address, unsigned n)
{
    raise(SIGUSR1);
    sleep_us(100000); /* it takes a moment before it goes on */
    launches(address, n);
}

/* 1 launch, a signal, 2 launches, a signal, 4 launches. Prints how often the own handler ran, and
 * whether the signal seemed free. */
static int signal_victim(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "none";
    bool seemed_free = false;
    if (strcmp(what, "before") == 0)
        signal(SIGUSR1, handler);
    if (strcmp(what, "ignored") == 0)
        signal(SIGUSR1, SIG_IGN);
    begin();
    CUdeviceptr address = allocate(512);
    seemed_free = is_default();
    if (strcmp(what, "after") == 0)
        seemed_free = signal(SIGUSR1, handler) == SIG_DFL && seemed_free;
    launches(address, 1);
    kick(address, 2);
    kick(address, 4);
    sleep_us(400000);
    printf("%d %d\n", (int)handled, seemed_free);
    return 0;
}

/* ---- the caching allocator ---- */

#define BLOCKS 60

static void *found_in(void *library, const char *name)
{
    void *found = library ? dlsym(library, name) : NULL;
    if (!found)
        victim_fail("%s", dlerror());
    return found;
}

/* Its blocks before the recording begins, and what of them lives then. */
static int c10_victim(int argc, char **argv)
{
    struct simc10_stats stats;
    void *block[BLOCKS];
    uint64_t size[BLOCKS];
    (void)argc, (void)argv;
    void *library = dlopen("libsimc10_cuda.so", RTLD_NOW | RTLD_LOCAL);
    __typeof__(&simc10_alloc) alloc = (__typeof__(alloc))found_in(library, "simc10_alloc");
    __typeof__(&simc10_free) give_back = (__typeof__(give_back))found_in(library, "simc10_free");
    __typeof__(&simc10_stats) ask = (__typeof__(ask))found_in(library, "simc10_stats");
    begin();
    for (unsigned i = 0; i < BLOCKS; i++) {
        ask(0, &stats);
        uint64_t before = stats.allocated;
        block[i] = alloc(1 + (i * i * 97 << i % 8), NULL);
        ask(0, &stats);
        size[i] = stats.allocated - before;
    }
    for (unsigned i = 0; i < BLOCKS; i += 3)
        give_back(block[i]);
    memtrace_record(1);
    for (unsigned i = 0; i < BLOCKS; i++)
        if (i % 3)
            DID(block_alloc, .address = (uintptr_t)block[i], .size = size[i]);
    DID(resumed, .window = 1);
    launch((CUdeviceptr)(uintptr_t)block[1]);
    for (unsigned i = 0; i < BLOCKS; i++)
        if (i % 3)
            give_back(block[i]);
    return 0;
}

/* ---- children ---- */

static int fork_victim(int argc, char **argv)
{
    int status = 0;
    (void)argc, (void)argv;
    begin();
    CUdeviceptr a = allocate(512), b = allocate(1024);
    memtrace_record(0);
    MUST(CU(cuMemFree_v2)(a));
    pid_t pid = fork();
    if (pid == 0) {
        CUdeviceptr none;
        CU(cuMemAlloc_v2)(&none, 512); /* is refused */
        memtrace_record(1);
        raise(SIGUSR2); /* ends a process that has no handler */
        _exit(0);
    }
    CUdeviceptr c = allocate(2048);
    waitpid(pid, &status, 0);
    memtrace_record(1);
    launch(b);
    launch(c);
    printf("%d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 0;
}

static int late_victim(int argc, char **argv)
{
    int status = 1;
    (void)argc, (void)argv;
    memtrace_record(0);
    pid_t pid = fork();
    if (pid == 0) {
        begin();
        launch(allocate(512));
        exit(0);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

/* ---- graphs ---- */

static CUgraph make_graph(CUdeviceptr address, CUgraphNode *node)
{
    CUgraph graph;
    uint64_t n = 0;
    void *params[] = {&address, &address, &n};
    CUDA_KERNEL_NODE_PARAMS kernel = {.func = w.function,
                                      .gridDimX = 1,
                                      .gridDimY = 1,
                                      .gridDimZ = 1,
                                      .blockDimX = 1,
                                      .blockDimY = 1,
                                      .blockDimZ = 1,
                                      .kernelParams = params};
    MUST(REAL(cuGraphCreate)(&graph, 0));
    MUST(REAL(cuGraphAddKernelNode_v2)(node, graph, NULL, 0, &kernel));
    return graph;
}

/* Made while recording is stopped; launched three times afterwards, and twice before. */
static int graph_victim(int argc, char **argv)
{
    CUgraphNode node;
    CUgraphExec exec;
    (void)argc, (void)argv;
    begin();
    CUdeviceptr a = allocate(512);
    memtrace_record(0);
    CUdeviceptr b = allocate(1024);
    CUgraph graph = make_graph(b, &node);
    MUST(CU(cuGraphInstantiateWithFlags)(&exec, graph, 0));
    for (unsigned i = 0; i < 2; i++)
        MUST(CU(cuGraphLaunch)(exec, NULL));
    memtrace_record(1);
    for (unsigned i = 0; i < 3; i++)
        MUST(CU(cuGraphLaunch)(exec, NULL));
    launch(a);
    return 0;
}

/* Launched, given back by a call, launched again: it lives when recording goes on. */
static int graph_memory_victim(int argc, char **argv)
{
    CUgraph graph;
    CUgraphExec exec;
    CUstream stream;
    CUdeviceptr inside;
    (void)argc, (void)argv;
    begin();
    MUST(REAL(cuStreamCreate)(&stream, 0));
    MUST(CU(cuStreamBeginCapture_v2)(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    MUST(CU(cuMemAllocAsync)(&inside, 4096, stream));
    MUST(CU(cuStreamEndCapture)(stream, &graph));
    MUST(CU(cuGraphInstantiateWithFlags)(&exec, graph, 0));
    CUdeviceptr other = allocate(512);
    memtrace_record(0);
    MUST(CU(cuGraphLaunch)(exec, stream));
    MUST(CU(cuMemFreeAsync)(inside, stream));
    MUST(CU(cuGraphLaunch)(exec, stream));
    memtrace_record(1);
    launch(other);
    return 0;
}

const struct victim_command victim_windows[] = {{"windows-quiet", threads_victim},
                                                {"windows-race", threads_victim},
                                                {"windows-steady", steady_victim},
                                                {"windows-signals", steady_victim},
                                                {"windows-nudged", nudged_victim},
                                                {"windows-kill", kill_victim},
                                                {"windows-ways", ways},
                                                {"windows-clock", clock_victim},
                                                {"windows-signal", signal_victim},
                                                {"windows-fork", fork_victim},
                                                {"windows-late", late_victim},
                                                {"windows-failing", failing_victim},
                                                {"windows-graph", graph_victim},
                                                {"windows-graph-memory", graph_memory_victim},
                                                {"windows-c10", c10_victim},
                                                {NULL, NULL}};
