/* What one hooked call costs: loops of launches (three pointers), allocations with their frees, c10
 * reports and ranges against the simulated driver. Run bare and preloaded, the difference is the
 * hook.
 *
 *   bench-hooks [THREADS [BURSTS]]
 *
 * Prints "name ns" lines: the median over bursts of the time of one call, in the calling thread's
 * CPU time. A burst fits into a ring, and between bursts the drain thread gets time to empty it: a
 * job that launches faster than it can be recorded is another question (bench-drain). */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Every variant under its own name. */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>

#include "memtrace/memtrace.h"

#include "timing.h"

#define CALLS 20000
#define BURSTS_MAX 1000
#define THREADS_MAX 64

static struct {
    __typeof__(&cuInit) init;
    __typeof__(&cuCtxCreate_v2) context;
    __typeof__(&cuCtxSetCurrent) set_context;
    __typeof__(&cuMemAlloc_v2) alloc;
    __typeof__(&cuMemFree_v2) release;
    __typeof__(&cuModuleLoadData) load;
    __typeof__(&cuModuleGetFunction) function;
    __typeof__(&cuLaunchKernel) launch;
} cu;

typedef void report_fn(void *block, int64_t size, size_t allocated, size_t reserved,
                       uint16_t device);
static report_fn *report;
static CUfunction kernel;
static CUcontext context;
static CUdeviceptr memory;
static int bursts = 30;

static const char ptx[] = ".version 7.0\n.target sm_70\n.address_size 64\n"
                          ".visible .entry three(.param .u64 a, .param .u64 b, .param .u64 c,"
                          " .param .u32 n)\n{ ret; }\n";

static void *must(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (!symbol) {
        fprintf(stderr, "bench-hooks: no %s\n", name);
        exit(1);
    }
    return symbol;
}

static void check(CUresult result, const char *what)
{
    if (result != CUDA_SUCCESS) {
        fprintf(stderr, "bench-hooks: %s: %d\n", what, (int)result);
        exit(1);
    }
}

static void launch_once(void)
{
    CUdeviceptr a = memory, b = memory + 4096, c = memory + 8192;
    unsigned n = 5;
    void *params[] = {&a, &b, &c, &n};
    check(cu.launch(kernel, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL), "launch");
}

static void alloc_once(void)
{
    CUdeviceptr address;
    check(cu.alloc(&address, 1 << 16), "alloc");
    check(cu.release(address), "free");
}

static void report_once(void)
{
    report((void *)memory, 4096, 4096, 1 << 21, 1);
    report((void *)memory, -4096, 0, 1 << 21, 1);
}

static void mark_once(void)
{
    memtrace_range_push("forward pass");
    memtrace_range_pop();
}

static const struct {
    const char *name;
    void (*once)(void);
    int calls; /* of hooked functions in `once` */
} loops[] = {{"launch", launch_once, 1}, {"alloc_free", alloc_once, 2}, {"block", report_once, 2},
             {"range", mark_once, 2}};
#define LOOPS (sizeof loops / sizeof *loops)

struct result {
    double ns[LOOPS];
};

static double time_loop(size_t loop)
{
    double ns[BURSTS_MAX];
    int times = CALLS / loops[loop].calls;
    for (int i = 0; i < bursts; i++) {
        double start = thread_ns();
        for (int j = 0; j < times; j++)
            loops[loop].once();
        ns[i] = (thread_ns() - start) / CALLS;
        nanosleep(&(struct timespec){.tv_nsec = 15000000}, NULL);
    }
    qsort(ns, (size_t)bursts, sizeof *ns, ascending);
    return ns[bursts / 2];
}

static void *run(void *data)
{
    struct result *result = data;
    check(cu.set_context(context), "context");
    for (size_t i = 0; i < LOOPS; i++)
        result->ns[i] = loops[i].once == report_once && !report ? 0 : time_loop(i);
    return NULL;
}

static void open_driver(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    CUmodule module;
    if (!library) {
        fprintf(stderr, "bench-hooks: %s\n", dlerror());
        exit(1);
    }
    cu.init = (__typeof__(cu.init))must(library, "cuInit");
    cu.context = (__typeof__(cu.context))must(library, "cuCtxCreate_v2");
    cu.set_context = (__typeof__(cu.set_context))must(library, "cuCtxSetCurrent");
    cu.alloc = (__typeof__(cu.alloc))must(library, "cuMemAlloc_v2");
    cu.release = (__typeof__(cu.release))must(library, "cuMemFree_v2");
    cu.load = (__typeof__(cu.load))must(library, "cuModuleLoadData");
    cu.function = (__typeof__(cu.function))must(library, "cuModuleGetFunction");
    cu.launch = (__typeof__(cu.launch))must(library, "cuLaunchKernel");
    check(cu.init(0), "init");
    check(cu.context(&context, 0, 0), "context");
    check(cu.load(&module, ptx), "module");
    check(cu.function(&kernel, module, "three"), "function");
    check(cu.alloc(&memory, 1 << 20), "alloc");
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    pthread_t thread[THREADS_MAX];
    static struct result result[THREADS_MAX];
    if (argc > 2)
        bursts = atoi(argv[2]);
    if (threads < 1 || threads > THREADS_MAX || bursts < 1 || bursts > BURSTS_MAX)
        return 2;
    open_driver();
    report =
        (report_fn *)dlsym(RTLD_DEFAULT, "_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE");
    for (int i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, run, &result[i]);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < LOOPS; i++) {
        double sum = 0;
        for (int t = 0; t < threads; t++)
            sum += result[t].ns[i];
        printf("%s %.1f\n", loops[i].name, sum / threads);
    }
    return 0;
}
