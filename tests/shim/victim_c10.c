/* The caching allocator of simc10, loaded as Python loads libc10.
 *
 * c10 ORDER SIGNATURE   allocates and frees blocks, by the given way of reporting; ORDER says when
 *                       the libraries are loaded: first, or late (the recorder has long begun)
 * c10-cpu               reports of another device's allocator in a process without CUDA */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simcuda/simc10.h"
#include "victim.h"

#define BLOCKS 40

/* The functions as libc10_cuda imports them; the recorder defines them here. */
#define USAGE(name, symbol, ...) extern char report_##name[] __asm__(symbol) __attribute__((weak));
#define OOM(name, symbol, ...)
struct device;
#include "shim/torch/c10.def"

static struct {
    void *library;
    __typeof__(&simc10_alloc) alloc;
    __typeof__(&simc10_free) free;
    __typeof__(&simc10_empty_cache) empty_cache;
    __typeof__(&simc10_set_signature) set_signature;
    __typeof__(&simc10_stats) stats;
    __typeof__(&simc10_reports) reports;
} c10;
static enum simc10_signature signature;

static void *find(const char *name)
{
    void *found = dlsym(c10.library, name);
    if (!found)
        victim_fail("%s", dlerror());
    return found;
}

static void load(const char *name)
{
    c10.library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!c10.library)
        victim_fail("%s", dlerror());
    c10.reports = (__typeof__(c10.reports))find("simc10_reports");
}

static void load_allocator(void)
{
    load("libsimc10_cuda.so");
    c10.alloc = (__typeof__(c10.alloc))find("simc10_alloc");
    c10.free = (__typeof__(c10.free))find("simc10_free");
    c10.empty_cache = (__typeof__(c10.empty_cache))find("simc10_empty_cache");
    c10.set_signature = (__typeof__(c10.set_signature))find("simc10_set_signature");
    c10.stats = (__typeof__(c10.stats))find("simc10_stats");
    c10.set_signature(signature);
}

static struct simc10_stats now(void)
{
    struct simc10_stats stats;
    c10.stats(0, &stats);
    return stats;
}

/* The oldest signature has no totals. */
static uint64_t told(uint64_t total)
{
    return signature == SIMC10_PTR_L ? 0 : total;
}

static void *alloc(size_t size)
{
    uint64_t before = now().allocated;
    void *block = c10.alloc(size, NULL);
    struct simc10_stats stats = now();
    DID(block_alloc, .address = (uintptr_t)block, .size = stats.allocated - before,
        .allocated = told(stats.allocated), .reserved = told(stats.reserved));
    return block;
}

static void take_back(void *block)
{
    uint64_t before = now().allocated;
    c10.free(block);
    struct simc10_stats stats = now();
    DID(block_free, .address = (uintptr_t)block, .size = before - stats.allocated,
        .allocated = told(stats.allocated), .reserved = told(stats.reserved));
}

static void run_out(void)
{
    size_t size = (size_t)1 << 40;
    if (c10.alloc(size, NULL))
        victim_fail("there was a terabyte");
    size_t left, total;
    MUST(REAL(cuMemGetInfo_v2)(&left, &total));
    DID(block_oom, .size = size, .allocated = now().allocated, .reserved = now().reserved,
        .free_bytes = left, .total_bytes = total);
}

static void use_blocks(void)
{
    void *block[BLOCKS];
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < BLOCKS; i++)
            block[i] = alloc(1 + (i * i * 97 << i % 8) + round);
        for (unsigned i = 0; i < BLOCKS; i++)
            take_back(block[(i * 7 + round) % BLOCKS]);
        if (round == 2)
            c10.empty_cache();
    }
}

static void must_have_heard(void)
{
    struct simc10_stats stats = now();
    struct simc10_reports reports;
    c10.reports(&reports);
    unsigned long long oom = reports.oom_calls[0] + reports.oom_calls[1];
    if (reports.calls[signature] != stats.allocs + stats.frees || oom != stats.ooms || oom != 1)
        victim_fail("libsimc10 heard %llu reports of %llu, %llu of a shortage",
                    reports.calls[signature], stats.allocs + stats.frees, oom);
}

static int c10_victim(int argc, char **argv)
{
    bool late = argc > 1 && strcmp(argv[1], "late") == 0;
    signature = argc > 2 ? (enum simc10_signature)atoi(argv[2]) : SIMC10_PTR_L_MM;
    if (!late)
        load_allocator();
    victim_begin(DOOR_HANDLE);
    if (late) {
        MUST(REAL(cuMemFree_v2)(victim_alloc(64)));
        load_allocator();
    }
    use_blocks();
    run_out();
    must_have_heard();
    return 0;
}

/* On the stack as the second two bytes of a register, as the real structure. */
struct two_bytes {
    int8_t type, index;
};
typedef void usage_fn(void *block, int64_t size, size_t allocated, size_t reserved,
                      struct two_bytes device);

static int cpu_victim(int argc, char **argv)
{
    struct simc10_reports reports;
    usage_fn *report = (usage_fn *)(void *)report_usage_2_0;
    (void)argc, (void)argv;
    load("libsimc10.so");
    report(&reports, 100, 300, 500, (struct two_bytes){0, -1});
    report(&reports, -100, 200, 500, (struct two_bytes){0, -1});
    c10.reports(&reports);
    if (reports.calls[SIMC10_PTR_L_MM] != 2 || reports.size != -100 || reports.allocated != 200 ||
        reports.device.type != 0 || reports.device.index != -1)
        victim_fail("libsimc10 heard %llu reports", reports.calls[SIMC10_PTR_L_MM]);
    return 0;
}

const struct victim_command victim_c10[] = {
    {"c10", c10_victim}, {"c10-cpu", cpu_victim}, {NULL, NULL}};
