/* Allocations from many kinds of native frames; run by native_stacks.py, also below gdb. With an
 * argument that many distinct stacks allocate again and again instead. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>

#include "frames.h"

static int (*mem_alloc)(uint64_t *, size_t);
static int (*mem_free)(uint64_t);
static int (*set_context)(void *);
static void *context;
static bool soaking;

NOINLINE void act(void)
{
    uint64_t address;
    if (mem_alloc(&address, soaking ? 64 : 4096) != 0 || (soaking && mem_free(address) != 0))
        abort();
    STAY;
}

static void handler(int number)
{
    (void)number;
    act();
    STAY;
}

static void *thread(void *nothing)
{
    set_context(context);
    recursion(3);
    return nothing;
}

static NOINLINE void threads(void)
{
    pthread_t started;
    pthread_create(&started, NULL, thread, NULL);
    pthread_join(started, NULL);
}

static ucontext_t here, there;

static void on_other_stack(void)
{
    recursion(2);
}

static NOINLINE void coroutine(void)
{
    static char room[1 << 16];
    getcontext(&there);
    there.uc_stack.ss_sp = room;
    there.uc_stack.ss_size = sizeof room;
    there.uc_link = &here;
    makecontext(&there, on_other_stack, 0);
    swapcontext(&here, &there);
    recursion(1);
}

/* Code that no table describes: the walk ends there. */
static NOINLINE void made_at_run_time(void)
{
#if defined(__x86_64__)
    static const uint8_t code[] = {0x48, 0x83, 0xec, 0x08, /* sub $8, %rsp */
                                   0xff, 0xd7,             /* call *%rdi */
                                   0x48, 0x83, 0xc4, 0x08, /* add $8, %rsp */
                                   0xc3};                  /* ret */
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    memcpy(page, code, sizeof code);
    ((void (*)(void (*)(void)))page)(act);
    STAY;
#endif
}

static int soak(unsigned stacks, unsigned rounds)
{
    int bits = 1;
    struct rusage usage;
    soaking = true;
    while (1u << bits < stacks)
        bits++;
    for (unsigned i = 0; i < rounds; i++)
        for (unsigned n = 0; n < stacks; n++)
            branch(n, bits);
    getrusage(RUSAGE_SELF, &usage);
    printf("%ld\n", usage.ru_maxrss);
    return 0;
}

int main(int argc, char **argv)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    int (*init)(unsigned) = (int (*)(unsigned))dlsym(driver, "cuInit");
    int (*retain)(void **, int) = (int (*)(void **, int))dlsym(driver, "cuDevicePrimaryCtxRetain");
    set_context = (int (*)(void *))dlsym(driver, "cuCtxSetCurrent");
    mem_alloc = (int (*)(uint64_t *, size_t))dlsym(driver, "cuMemAlloc_v2");
    mem_free = (int (*)(uint64_t))dlsym(driver, "cuMemFree_v2");
    if (init(0) || retain(&context, 0) || set_context(context))
        return 1;
    if (argc > 2)
        return soak((unsigned)atoi(argv[1]), (unsigned)atoi(argv[2]));
    act();
    recursion(20);
    sorted();
    variable(100);
    aligned();
    aligned_variable(200);
    with_pointer();
    raise_signals(handler);
    threads();
    coroutine();
    made_at_run_time();
    return 0;
}
