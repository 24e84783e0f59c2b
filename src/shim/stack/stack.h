/* Who asked: the stack of the calling thread as a number (docs/stacks.md). */
#ifndef MT_STACK_H
#define MT_STACK_H

#include <stdbool.h>
#include <stdint.h>

/* The frames that led here, as a number of the trace; 0: none are recorded. Raises *when where what
 * the number means was told later than that. Keeps errno. Never call it between reserve and commit.
 * Takes no lock where the stack was seen before. */
uint32_t mt_stack_here(uint64_t *when);

#endif
