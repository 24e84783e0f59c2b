/* Stacks of many kinds, each walked twice (walkcompare.h). Exit 1 where the walks differ. */
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

#include "frames.h"
#include "stepping.h"
#include "walkcompare.h"

static const void *trampoline;

static int looking = 1;

NOINLINE void act(void)
{
    if (looking)
        walk_compare(trampoline);
    STAY;
}

static int by_size(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Frames of one size at the same places, from other callers each time. */
static NOINLINE void branches(void)
{
    for (unsigned n = 0; n < 1024; n++)
        branch(n * 37, 10);
}

static NOINLINE void plain(void)
{
    act();
    recursion(30);
    sorted();
}

static NOINLINE void frames(void)
{
    for (size_t size = 16; size < 100000; size *= 3)
        variable(size);
    with_pointer();
}

static NOINLINE void all_frames(void)
{
    aligned();
    for (size_t size = 16; size < 100000; size *= 3)
        aligned_variable(size);
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

/* ---- wherever a signal comes ---- */

static char room[256];

static void step(int number)
{
    (void)number;
    walk_compare(__builtin_return_address(0));
    STAY;
}

#if defined(__x86_64__)
/* At each instruction. */
static NOINLINE void stepped(void (*run)(void))
{
    struct sigaction action = {.sa_handler = step};
    sigaction(SIGTRAP, &action, NULL);
    stepping_on();
    run();
    stepping_off();
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
    raise_signals(handler);
    wrong += walk_report("signals");
    stepped(own_calls);
    wrong += walk_report("where signals come");
    stepped(library_calls);
    wrong += walk_report("where signals come in the C library");
    return wrong > 0;
}
