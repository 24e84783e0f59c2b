/* Allocations from many kinds of native frames; run by native_stacks.py, also below gdb. With an
 * argument that many distinct stacks allocate again and again instead. */
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline))
#define STAY __asm__ volatile("" : : : "memory") /* keeps a call from becoming a jump */

static int (*mem_alloc)(uint64_t *, size_t);
static int (*mem_free)(uint64_t);
static int (*set_context)(void *);
static void *context;

static NOINLINE void ask(void)
{
    uint64_t address;
    if (mem_alloc(&address, 4096) != 0)
        abort();
    STAY;
}

static NOINLINE int recursion(int depth)
{
    if (depth)
        recursion(depth - 1);
    else
        ask();
    STAY;
    return depth;
}

static int order(const void *a, const void *b)
{
    ask();
    return *(const int *)a - *(const int *)b;
}

/* A frame pointer is needed where the size of the frame is not known. */
static NOINLINE void variable(size_t size)
{
    volatile char *room = alloca(size);
    room[0] = 1;
    ask();
    room[size - 1] = 2;
}

/* The stack is aligned to more than a caller guarantees: its frame is found through memory. */
static NOINLINE void aligned(void)
{
    volatile char room[64] __attribute__((aligned(64)));
    room[0] = 1;
    ask();
    room[63] = room[0];
    STAY;
}

static NOINLINE void aligned_variable(size_t size)
{
    volatile char room[64] __attribute__((aligned(64)));
    volatile char *more = alloca(size);
    room[0] = more[0] = 1;
    ask();
    room[63] = more[size - 1];
    more[0] = room[0];
}

static NOINLINE __attribute__((optimize("no-omit-frame-pointer"))) void with_pointer(void)
{
    ask();
    STAY;
}

static void handler(int number)
{
    (void)number;
    ask();
    STAY;
}

static NOINLINE void signals(void)
{
    static char other[1 << 16];
    stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
    struct sigaction action = {.sa_handler = handler};
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR2, &action, NULL);
    raise(SIGUSR1);
    raise(SIGUSR2);
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
    ((void (*)(void (*)(void)))page)(ask);
    STAY;
#endif
}

/* One of very many stacks: each bit of n is a choice between two callers. */
static NOINLINE void branch(unsigned n, int bits);

static NOINLINE void left(unsigned n, int bits)
{
    branch(n, bits);
    STAY;
}

static NOINLINE void right(unsigned n, int bits)
{
    branch(n, bits);
    STAY;
}

static NOINLINE void branch(unsigned n, int bits)
{
    uint64_t address;
    if (bits && n & 1)
        left(n >> 1, bits - 1);
    else if (bits)
        right(n >> 1, bits - 1);
    else if (mem_alloc(&address, 64) != 0 || mem_free(address) != 0)
        abort();
    STAY;
}

static int soak(unsigned stacks, unsigned rounds)
{
    int bits = 1;
    struct rusage usage;
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
    int numbers[] = {3, 1, 2};
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
    ask();
    recursion(20);
    qsort(numbers, 3, sizeof *numbers, order);
    variable(100);
    aligned();
    aligned_variable(200);
    with_pointer();
    signals();
    threads();
    coroutine();
    made_at_run_time();
    return 0;
}
