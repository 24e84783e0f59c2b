/* The recorder's life in the traced process: it starts at the first success of the driver, so that
 * a process without CUDA leaves no file and gets no thread; it stops in a forked child and starts
 * afresh there should the child use CUDA itself; it ends with the process's exit handlers, after
 * which single late events are still taken. */
#ifndef MT_LIFE_H
#define MT_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/process/config.h"
#include "shim/record/ring.h"

/* Grows with each recording this process (or, forked, its parents) began: what was defined in an
 * earlier trace is not defined in this one. */
extern _Atomic uint32_t mt_life_epoch;

/* Called where a call that needs a device has succeeded and mt_is_recording() was false: starts
 * recording if this process has not begun. Whether an event may now be recorded. Keeps errno. */
MT_SELDOM bool mt_life_wake(void);

/* After an event of the state MT_LATE: write it now. */
MT_SELDOM void mt_life_late(void);

/* The job asked the driver for `name` at `version` and got a function that is not hooked. Any time.
 */
void mt_life_variant(const char *name, int version);

/* A recording begins in this process; whether it begins paused. In a forked child: what its parent
 * was asked is nothing to it. And the signal of the settings is taken, unless the job has it.
 * shim/window has them. */
bool mt_window_begin(void);
void mt_window_forget(void);
void mt_signal_begin(void);

/* A recording begins with these settings; shim/stack/stack.c and shim/cuda/kernels/kernels.c have
 * it. */
void mt_stacks_begin(void);
void mt_kernels_begin(void);

/* Devices 0..63 on which memory was taken. */
extern _Atomic uint64_t mt_life_devices;

static inline void mt_life_use_device(uint64_t device)
{
    uint64_t bit = device < 64 ? UINT64_C(1) << device : 0;
    if (!(atomic_load_explicit(&mt_life_devices, memory_order_relaxed) & bit))
        atomic_fetch_or_explicit(&mt_life_devices, bit, memory_order_relaxed);
}

static inline bool mt_life_uses_device(unsigned device)
{
    return device < 64 && atomic_load(&mt_life_devices) >> device & 1;
}

#endif
