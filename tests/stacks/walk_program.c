/* Stacks of many kinds, each walked twice (walkcompare.h). Exit 1 where the walks differ. */
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "walkcompare.h"

#define NOINLINE __attribute__((noinline))
#define STAY __asm__ volatile("" : : : "memory") /* keeps a call from becoming a jump */

static const void *trampoline;

static int looking = 1;

static NOINLINE void look(void)
{
    if (looking)
        walk_compare(trampoline);
    STAY;
}

static NOINLINE int recursion(int depth)
{
    if (depth)
        recursion(depth - 1);
    else
        look();
    STAY;
    return depth;
}

static int by_size(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int order(const void *a, const void *b)
{
    look();
    return *(const int *)a - *(const int *)b;
}

/* Frames of one size at the same places, from other callers each time. */
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
    if (bits && n & 1)
        left(n >> 1, bits - 1);
    else if (bits)
        right(n >> 1, bits - 1);
    else
        look();
    STAY;
}

static NOINLINE void branches(void)
{
    for (unsigned n = 0; n < 1024; n++)
        branch(n * 37, 10);
}

static NOINLINE void plain(void)
{
    int numbers[] = {5, 3, 1, 4, 2};
    look();
    recursion(30);
    qsort(numbers, 5, sizeof *numbers, order);
}

static NOINLINE void variable(size_t size)
{
    volatile char *room = alloca(size);
    room[0] = 1;
    recursion(2);
    room[size - 1] = 2;
}

static NOINLINE void aligned(size_t size)
{
    volatile char room[64] __attribute__((aligned(64)));
    volatile char *more = alloca(size);
    room[0] = more[0] = 1;
    recursion(2);
    room[63] = more[size - 1];
    more[0] = room[0];
}

static NOINLINE __attribute__((optimize("no-omit-frame-pointer"))) void with_pointer(void)
{
    recursion(2);
    STAY;
}

static NOINLINE void frames(void)
{
    for (size_t size = 16; size < 100000; size *= 3)
        variable(size);
    with_pointer();
}

static NOINLINE void all_frames(void)
{
    for (size_t size = 16; size < 100000; size *= 3)
        aligned(size);
    frames();
}

static void *deep(void *nothing)
{
    recursion(5000);
    return nothing;
}

static void threads(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, deep, NULL);
    pthread_join(thread, NULL);
}

/* ---- signals ---- */

static void handler(int number)
{
    (void)number;
    trampoline = __builtin_return_address(0);
    recursion(3);
    trampoline = NULL;
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

/* ---- wherever a signal comes ---- */

static char room[256];

static void step(int number)
{
    (void)number;
    walk_compare(__builtin_return_address(0));
    STAY;
}

#if defined(__x86_64__)
/* At each instruction. Flag TF: a trap behind each instruction. */
#define STEP_ON                                                                                    \
    __asm__ volatile("sub $128, %%rsp\n\tpushf\n\torl $0x100, (%%rsp)\n\tpopf\n\t"                 \
                     "add $128, %%rsp"                                                             \
                     :                                                                             \
                     :                                                                             \
                     : "cc", "memory")
#define STEP_OFF                                                                                   \
    __asm__ volatile("sub $128, %%rsp\n\tpushf\n\tandl $~0x100, (%%rsp)\n\tpopf\n\t"               \
                     "add $128, %%rsp"                                                             \
                     :                                                                             \
                     :                                                                             \
                     : "cc", "memory")

static NOINLINE void stepped(void (*run)(void))
{
    struct sigaction action = {.sa_handler = step};
    sigaction(SIGTRAP, &action, NULL);
    STEP_ON;
    run();
    STEP_OFF;
}

#else
/* Now and then. */
static NOINLINE void stepped(void (*run)(void))
{
    struct sigaction action = {.sa_handler = step};
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 100000 && walk_counts.walks < 1000; i++)
        run();
    setitimer(ITIMER_REAL, &never, NULL);
}
#endif

/* First calls are bound by the linker, through the stubs of the table of procedures (PLT). */
static NOINLINE void library_calls(void)
{
    int numbers[] = {5, 3, 1, 4, 2};
    time_t now = 1000000000;
    struct tm utc;
    snprintf(room, sizeof room, "%.3f %d %s", 3.14159, 42, "text");
    qsort(numbers, 5, sizeof *numbers, by_size);
    gmtime_r(&now, &utc);
    strftime(room, sizeof room, "%Y-%m-%d", &utc);
    free(memset(malloc(1000), 1, 1000));
    dlsym(RTLD_DEFAULT, "puts");
    strtod("1.5e10", NULL);
}

/* Not those which align the stack: for an instruction or two their frame is found by a register
 * that nobody follows, and the walk ends. */
static NOINLINE void own_calls(void)
{
    looking = 0;
    frames();
    recursion(5);
    looking = 1;
}

int main(void)
{
    long wrong = 0;
    plain();
    wrong += walk_report("plain C");
    branches();
    wrong += walk_report("other callers");
    all_frames();
    wrong += walk_report("frames of other kinds");
    threads();
    wrong += walk_report("deep recursion");
    signals();
    wrong += walk_report("signals");
    stepped(own_calls);
    wrong += walk_report("where signals come");
    stepped(library_calls);
    wrong += walk_report("where signals come in the C library");
    return wrong > 0;
}
