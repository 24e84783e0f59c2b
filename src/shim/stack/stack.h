/* Who asked: the stack of the calling thread as a number (docs/stacks.md). */
#ifndef MT_STACK_H
#define MT_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

extern _Atomic uint8_t mt_stacks_wanted; /* which frames, by stack.c's own flags; 0: none */

/* mt_stack_here where some are wanted. */
uint32_t mt_stack_now(uint64_t *when);

/* The frames that led here, as a number of the trace; 0: none are recorded. Raises *when where what
 * the number means was told later than that. Keeps errno. Never call it between reserve and commit.
 * Takes no lock where the stack was seen before. */
static inline uint32_t mt_stack_here(uint64_t *when)
{
    if (!atomic_load_explicit(&mt_stacks_wanted, memory_order_relaxed))
        return 0;
    uint64_t told = *when; /* the caller's own may stay in a register */
    uint32_t stack = mt_stack_now(&told);
    *when = told;
    return stack;
}

#endif
