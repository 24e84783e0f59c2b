/* kill EVENTS: two threads that allocate, free, launch and report blocks, each call in the ledger
 * once it has returned, until there are so many or somebody ends it. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "victim.h"

#define LIVE 8

static CUfunction function;
static uint64_t kernel;
static unsigned events;

static void report(CUdeviceptr block, int64_t size, size_t allocated)
{
    if (!victim_report_usage)
        return;
    victim_report_usage((void *)(uintptr_t)block, size, allocated, 1 << 20,
                        (struct victim_device){1, 0});
    uint64_t fields[] = {block, (uint64_t)(size < 0 ? -size : size), allocated, 1 << 20, 0};
    ledger_put(size < 0 ? MT_block_free : MT_block_alloc, fields, 5, NULL, 0);
}

static void *work(void *context)
{
    CUdeviceptr live[LIVE] = {0};
    MUST(REAL(cuCtxSetCurrent)(context));
    for (unsigned i = 0; i < events / 5; i++) {
        CUdeviceptr *slot = &live[i % LIVE];
        if (*slot) {
            report(*slot, -512, i);
            victim_free(*slot);
        }
        *slot = victim_alloc(512 + 512 * (i % 5));
        report(*slot, 512, i + 512);
        victim_launch(function, kernel, *slot, *slot + 8);
    }
    return NULL;
}

/* ---- signals ---- */

static volatile sig_atomic_t handled;
static CUfunction other;

/* Comes at any moment, also in the middle of a hook. */
static void handler(int signal)
{
    int saved = errno;
    (void)signal;
    victim_report_usage((void *)0x1000, 512, 0, 0, (struct victim_device){1, 0});
    CU(cuLaunchKernel)(other, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL);
    handled++;
    errno = saved;
}

static void interrupt_every(unsigned us)
{
    struct itimerval often = {.it_interval.tv_usec = us, .it_value.tv_usec = us};
    signal(SIGALRM, handler);
    setitimer(ITIMER_REAL, &often, NULL);
}

/* signals TIMES: prints how many calls were made, those of the handler included. */
static int signals(int argc, char **argv)
{
    unsigned times = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    CUmodule first, module;
    uint64_t n = 0;
    victim_begin(DOOR_HANDLE);
    MUST(REAL(cuModuleLoadData)(&first, victim_ptx));
    MUST(REAL(cuModuleGetFunction)(&other, first, "k_none"));
    CUdeviceptr address = victim_alloc(512);
    void *params[] = {&address, &address, &n};
    interrupt_every(50);
    for (unsigned i = 0; i < times; i++) {
        MUST(REAL(cuModuleLoadData)(&module, victim_ptx));
        MUST(REAL(cuModuleGetFunction)(&function, module, "k_two"));
        for (unsigned j = 0; j < 20; j++)
            MUST(CU(cuLaunchKernel)(function, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
        victim_free(address);
        address = victim_alloc(512);
        MUST(CU(cuModuleUnload)(module)); /* all kernels are learnt again */
    }
    signal(SIGALRM, SIG_IGN);
    printf("%u\n", 1 + times * 22 + 2 * (unsigned)handled);
    return 0;
}

static int kill_victim(int argc, char **argv)
{
    pthread_t threads[2];
    CUcontext context;
    CUmodule module;
    events = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
    victim_begin(DOOR_HANDLE);
    MUST(REAL(cuCtxGetCurrent)(&context));
    MUST(REAL(cuModuleLoadData)(&module, victim_ptx));
    MUST(REAL(cuModuleGetFunction)(&function, module, "k_two"));
    kernel = victim_tell_kernel(&victim_k_two);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, context);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

const struct victim_command victim_kill[] = {
    {"kill", kill_victim}, {"signals", signals}, {NULL, NULL}};
