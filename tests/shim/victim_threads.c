/* Many threads, and more events than rings hold.
 *
 * threads N EVENTS      N threads allocate and free, each so many times
 * waves N EVENTS WAVES  the same, so often one after the other: rings are used again
 * crowd N               so many threads at once, an allocation and a free each; prints the KiB
 *                       that the ring file takes on the disk, for each of them
 * tls                   threads whose destructors of thread-local data call the driver, before
 *                       and after the recorder's own
 * flood EVENTS          one thread, sizes that do not compress; prints how many calls it did
 * newcomers N           threads that launch the same kernels for the first time at the same time
 * contexts N ROUNDS     threads that are the first at the same time to have memory in a context */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "victim.h"

#define THREADS_MAX 32
#define KERNELS 100

static CUcontext context;
static unsigned events;
static CUmodule module;
static uint64_t kernel[KERNELS];
static pthread_barrier_t barrier;

static void begin(void)
{
    victim_begin(DOOR_HANDLE);
    MUST(REAL(cuCtxGetCurrent)(&context));
}

static void in_threads(unsigned n, void *(*work)(void *))
{
    pthread_t threads[THREADS_MAX];
    n = n < THREADS_MAX ? n : THREADS_MAX;
    for (unsigned i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

static void *allocate(void *number)
{
    uintptr_t size = 512 * (1 + (uintptr_t)number);
    MUST(REAL(cuCtxSetCurrent)(context));
    for (unsigned i = 0; i < events / 2; i++)
        victim_free(victim_alloc(size + i % 7));
    return NULL;
}

static int threads(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
    unsigned waves = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
    events = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
    begin();
    for (unsigned i = 0; i < waves; i++)
        in_threads(n, allocate);
    return 0;
}

static void *meet_crowd(void *nothing)
{
    (void)nothing;
    MUST(REAL(cuCtxSetCurrent)(context));
    CUdeviceptr address;
    MUST(CU(cuMemAlloc_v2)(&address, 512));
    pthread_barrier_wait(&barrier);
    MUST(CU(cuMemFree_v2)(address));
    return NULL;
}

static int crowd(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
    pthread_t *thread = calloc(n, sizeof *thread);
    char path[64];
    struct stat status = {0};
    begin();
    pthread_barrier_init(&barrier, NULL, n);
    for (unsigned i = 0; i < n; i++)
        if (pthread_create(&thread[i], NULL, meet_crowd, NULL) != 0)
            victim_fail("no thread %u", i);
    for (unsigned i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    snprintf(path, sizeof path, "%d.mtrace.ring", (int)getpid());
    if (stat(path, &status) != 0)
        victim_fail("no %s", path);
    printf("%lu\n", (unsigned long)status.st_blocks / 2 / n);
    free(thread);
    return 0;
}

/* ---- thread-local data ---- */

static pthread_key_t early, later; /* made before and after the recorder's key */

static void free_late(void *address)
{
    MUST(REAL(cuCtxSetCurrent)(context)); /* the driver may have let go of the thread */
    victim_free((CUdeviceptr)(uintptr_t)address);
}

static void *use_tls(void *nothing)
{
    (void)nothing;
    MUST(REAL(cuCtxSetCurrent)(context));
    for (unsigned i = 0; i < 100; i++)
        victim_free(victim_alloc(512));
    pthread_setspecific(early, (void *)(uintptr_t)victim_alloc(1024));
    pthread_setspecific(later, (void *)(uintptr_t)victim_alloc(2048));
    return NULL;
}

static int tls(int argc, char **argv)
{
    (void)argc, (void)argv;
    pthread_key_create(&early, free_late);
    begin();
    victim_free(victim_alloc(64));
    pthread_key_create(&later, free_late);
    for (int i = 0; i < 5; i++)
        in_threads(8, use_tls);
    return 0;
}

/* ---- losses ---- */

static int flood(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 1000, done = 0;
    uint64_t random = 88172645463325252u;
    begin();
    for (unsigned i = 0; i < n / 2; i++, done += 2) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        victim_free(victim_alloc(1 + random % (64u << 20)));
    }
    printf("%u\n", done);
    return 0;
}

/* ---- kernels met by all at once ---- */

static void *meet(void *nothing)
{
    CUdeviceptr address;
    (void)nothing;
    MUST(REAL(cuCtxSetCurrent)(context));
    address = victim_alloc(512);
    for (unsigned i = 0; i < KERNELS; i++) {
        CUfunction f;
        char name[16];
        snprintf(name, sizeof name, "k_%u", i);
        MUST(REAL(cuModuleGetFunction)(&f, module, name));
        pthread_barrier_wait(&barrier);
        victim_launch(f, kernel[i], address, address + 8);
    }
    return NULL;
}

static int newcomers(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
    static char ptx[100 * KERNELS];
    char *to = ptx + sprintf(ptx, ".version 6.4\n.target sm_60\n.address_size 64\n");
    begin();
    for (unsigned i = 0; i < KERNELS; i++) {
        char name[16];
        struct victim_kernel k = victim_k_two;
        k.name = name;
        snprintf(name, sizeof name, "k_%u", i);
        to += sprintf(to, ".visible .entry %s(.param .u64 a, .param .u64 b, .param .u32 n)"
                          " { ret; }\n", name);
        kernel[i] = victim_tell_kernel(&k);
    }
    MUST(REAL(cuModuleLoadData)(&module, ptx));
    pthread_barrier_init(&barrier, NULL, n);
    in_threads(n, meet);
    return 0;
}

/* ---- contexts met by all at once ---- */

static unsigned rounds;

/* One of them makes each context and ends it. */
static void *meet_contexts(void *number)
{
    for (uint64_t round = 1; round <= rounds; round++) {
        CUdeviceptr address;
        if (!number)
            MUST(REAL(cuCtxCreate_v2)(&context, 0, 0));
        pthread_barrier_wait(&barrier);
        MUST(REAL(cuCtxSetCurrent)(context));
        pthread_barrier_wait(&barrier);
        MUST(CU(cuMemAlloc_v2)(&address, 512));
        DID(alloc, .api = MT_API_cuMemAlloc_v2, .address = address, .size = 512,
            .context = 1 + round);
        victim_free(address);
        pthread_barrier_wait(&barrier);
        if (!number) {
            MUST(CU(cuCtxDestroy_v2)(context));
            victim_upkeep(MT_API_cuCtxDestroy_v2, MT_UPKEEP_CONTEXT_END, 1);
            DID(context_end, .context = 1 + round, .device = MT_DEVICE_UNKNOWN);
            victim_upkeep(MT_API_cuCtxDestroy_v2, MT_UPKEEP_CONTEXT_END, 0);
        }
    }
    return NULL;
}

static int contexts(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
    rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 10;
    begin();
    victim_free(victim_alloc(512));
    pthread_barrier_init(&barrier, NULL, n);
    in_threads(n, meet_contexts);
    return 0;
}

const struct victim_command victim_threads[] = {
    {"threads", threads}, {"waves", threads},         {"tls", tls},           {"crowd", crowd},
    {"flood", flood},     {"newcomers", newcomers},   {"contexts", contexts},
    {NULL, NULL},
};
