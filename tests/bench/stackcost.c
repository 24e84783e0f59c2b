/* What the stack of an allocation costs: a loop of block reports below a given number of native
 * frames, called from C (bench-stacks DEPTH) or from Python (stackcost.py), where it stands below
 * as many frames as Python has. Run with and without stacks, the difference is the stack.
 * bench-stacks DEPTH BITS: 2^BITS stacks take turns, as in a loop that trains.
 * bench-unwind DEPTH: libunwind walks there instead, as fast as it can be set up to be. */
#ifdef STACKCOST_LIBUNWIND
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#endif
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "timing.h"

#define CALLS 10000
#define BURSTS 41

typedef void report_fn(void *block, int64_t size, size_t allocated, size_t reserved,
                       uint16_t device);

/* Exported: Python calls it. The median nanoseconds of one block handed out and taken back. */
__attribute__((visibility("default"))) double stackcost(int depth);

static report_fn *report;

static unsigned choices; /* bits: two frames each, of one function or another */

static __attribute__((noinline)) void branch(unsigned n, unsigned bits);

static __attribute__((noinline)) void left(unsigned n, unsigned bits)
{
    branch(n, bits);
    __asm__ volatile("" : : : "memory"); /* no tail call */
}

static __attribute__((noinline)) void right(unsigned n, unsigned bits)
{
    branch(n, bits);
    __asm__ volatile("" : : : "memory");
}

static void branch(unsigned n, unsigned bits)
{
    if (bits && n & 1)
        left(n >> 1, bits - 1);
    else if (bits)
        right(n >> 1, bits - 1);
    else
        report((void *)0x7e9000000000, 4096, 4096, 1 << 21, 1);
    __asm__ volatile("" : : : "memory");
}

static double bursts(void)
{
    double ns[BURSTS];
    for (int i = 0; i < BURSTS; i++) {
        double start = thread_ns();
        for (int j = 0; j < CALLS; j++) {
            branch((unsigned)j, choices);
            report((void *)0x7e9000000000, -4096, 0, 1 << 21, 1);
        }
        ns[i] = (thread_ns() - start) / CALLS;
        nanosleep(&(struct timespec){.tv_nsec = 15000000}, NULL);
    }
    qsort(ns, BURSTS, sizeof *ns, ascending);
    return ns[BURSTS / 2];
}

static __attribute__((noinline)) double deeper(int depth)
{
    double ns = depth > 0 ? deeper(depth - 1) : bursts();
    __asm__ volatile("" : : : "memory"); /* no tail call */
    return ns;
}

#ifdef STACKCOST_LIBUNWIND
static volatile int seen;

static void walk(void *block, int64_t size, size_t allocated, size_t reserved, uint16_t device)
{
    void *frame[64];
    (void)block, (void)allocated, (void)reserved, (void)device;
    if (size > 0)
        seen = unw_backtrace(frame, 64);
}

int main(int argc, char **argv)
{
    report = walk;
    unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_PER_THREAD);
    unw_set_cache_size(unw_local_addr_space, 1024, 0);
    printf("libunwind %.1f\n", deeper(argc > 1 ? atoi(argv[1]) : 0));
    return 0;
}
#else
double stackcost(int depth)
{
    report =
        (report_fn *)dlsym(RTLD_DEFAULT, "_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE");
    return report ? deeper(depth) : 0;
}
#endif

#ifdef STACKCOST_PROGRAM
int main(int argc, char **argv)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    int (*init)(unsigned) = driver ? (int (*)(unsigned))dlsym(driver, "cuInit") : NULL;
    int (*context)(void **, unsigned, int) =
        driver ? (int (*)(void **, unsigned, int))dlsym(driver, "cuCtxCreate_v2") : NULL;
    void *made;
    choices = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    if (!init || !context || init(0) || context(&made, 0, 0))
        return 1;
    printf("native %.1f\n", stackcost(argc > 1 ? atoi(argv[1]) : 0));
    return 0;
}
#endif
