/* When is recorded: from the first call, or between cudaProfilerStart and Stop, or when a signal or
 * the program asks; and, whatever of these, only within windows of time.
 *
 * Who asks that recording stops is obeyed at once, by the state MT_PAUSED that every hook looks at
 * (record/ring.h). That it goes on only the drain thread can bring about, because what has changed
 * meanwhile must be told first (window/netting.h); who asks for it may wait. */
#ifndef MT_WHEN_H
#define MT_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* Record from now on, or stop. `why`: MT_WHY_*. With `on`, returns once it is so; not where the
 * clock forbids it, and never after more than some seconds. Any time, any thread; holding no lock
 * that the drain thread could need. Keeps errno. */
void mt_window_record(bool on, uint64_t why);

/* cudaProfilerStart and Stop were called; nothing to us unless the settings say so. */
void mt_window_profiler(bool on);

/* The other of the two states; from a signal handler. */
void mt_window_toggle(uint64_t why);

/* ---- for netting.c; what the room record asks for it declares itself ---- */

/* Ticks at which recording stopped, 0 while it goes on; and who asked for that, and that it goes on
 * again. */
uint64_t mt_window_paused_at(void);
uint64_t mt_window_why_stopped(void);
uint64_t mt_window_why_goes_on(void);

/* Whether recording is to go on; and that it does. */
bool mt_window_is_wanted(void);
void mt_window_go_on(void);

#endif
