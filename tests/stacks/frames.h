/* Frames of each kind that compilers make, with `act` called below each; and signals at each
 * instruction. One program that includes this defines act(). */
#ifndef MT_TEST_FRAMES_H
#define MT_TEST_FRAMES_H

#include <alloca.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#define NOINLINE __attribute__((noinline, unused))
#define STAY __asm__ volatile("" : : : "memory") /* keeps a call from becoming a jump */

void act(void);

static NOINLINE int recursion(int depth)
{
    if (depth)
        recursion(depth - 1);
    else
        act();
    STAY;
    return depth;
}

static __attribute__((unused)) int acting_order(const void *a, const void *b)
{
    act();
    return *(const int *)a - *(const int *)b;
}

/* Below a function of the C library. */
static NOINLINE void sorted(void)
{
    int numbers[] = {5, 3, 1, 4, 2};
    qsort(numbers, 5, sizeof *numbers, acting_order);
}

/* A frame pointer is needed where the size of the frame is not known. */
static NOINLINE void variable(size_t size)
{
    volatile char *room = alloca(size);
    room[0] = 1;
    recursion(2);
    room[size - 1] = 2;
}

/* The stack is aligned to more than a caller guarantees: its frame is found through memory. */
static NOINLINE void aligned(void)
{
    volatile char room[64] __attribute__((aligned(64)));
    room[0] = 1;
    recursion(1);
    room[63] = room[0];
    STAY;
}

static NOINLINE void aligned_variable(size_t size)
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

/* A handler on the same stack, and one on another. */
static inline void raise_signals(void (*handler)(int))
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

/* One of very many ways down: each bit of n is a choice between two callers. */
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
        act();
    STAY;
}

#endif
