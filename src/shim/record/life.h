/* The recorder's life in the traced process: it starts at the first success of the driver, so that
 * a process without CUDA leaves no file and gets no thread; it stops in a forked child and starts
 * afresh there should the child use CUDA itself; it ends with the process's exit handlers, after
 * which single late events are still taken. */
#ifndef MT_LIFE_H
#define MT_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/record/config.h"
#include "shim/record/ring.h"

/* Grows with each recording this process (or, forked, its parents) began: what was defined in an
 * earlier trace is not defined in this one. */
extern _Atomic uint32_t mt_life_epoch;

/* Called where a call that needs a device has succeeded and mt_is_recording() was false: starts
 * recording if this process has not begun. Whether an event may now be recorded. Keeps errno. */
bool mt_life_wake(void);

/* After an event of the state MT_LATE: write it now. */
void mt_life_late(void);

/* The job asked the driver for `name` at `version` and got a function that is not hooked. Any time.
 */
void mt_life_variant(const char *name, int version);

/* A recording begins with these settings; shim/stack/stack.c has it. */
void mt_stacks_begin(void);

#endif
