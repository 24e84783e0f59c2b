/* The drain thread: rings in, chunks of the trace file out. */
#ifndef MT_DRAIN_H
#define MT_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "event/event.h"
#include "format/layout.h"
#include "shim/guest/mfile.h"
#include "shim/process/facts.h"

/* Write the file header and the first meta data into `file` and start the thread. 0 or -errno. */
int mt_drain_start(struct mt_mfile *file, const struct mt_file_header *header,
                   const struct mt_clock_pair pair[2], int level);

/* Stop the thread; from now on only mt_drain_all writes. False: it cannot be stopped, and nothing
 * more may be written. */
bool mt_drain_stop(void);

/* Write everything that is in the rings, then meta data, index and trailer. False: something could
 * not be written; the rings still hold it. Any thread; may wait for another that does the same. */
bool mt_drain_all(void);

/* After that failed for good: count what lies in rings of plain memory, and say so in the trace if
 * at all possible. */
void mt_drain_give_up(void);

/* Say what was lost, and why; at the end. A launcher does that, if the trace tells it. */
void mt_drain_say_losses(bool launched);

/* ---- for the room window, within a round ---- */

/* Ticks as ns since time 0; the number of the quantum they lie in, and the first ticks in one. */
uint64_t mt_drain_ns(uint64_t ticks);
uint64_t mt_drain_quantum(uint64_t ticks);
uint64_t mt_drain_ticks_of(uint64_t quantum);
unsigned mt_drain_time_shift(void);

/* What follows a record of a ring, or a rest that holds none. */
uint64_t mt_drain_next(const struct mt_record *record, uint64_t position);

/* Write what ring `i` holds before `position`. 0 or an error, after which all of it is still there.
 */
int mt_drain_ring_to(uint32_t i, uint64_t position);

/* Events of the recorder's own, a thread without a ring; `ns` may not fall. mt_drain_own_end writes
 * what is not yet written. */
int mt_drain_own_put(enum mt_kind kind, const uint64_t *fields, uint64_t ns);
int mt_drain_own_end(void);
void mt_drain_own_drop(void); /* what is not yet written is not to be */

/* In a forked child: forget the parent's thread and file. */
void mt_drain_forget(void);

/* ---- pauses; shim/window has these ---- */

/* What the clock asks for; how long the thread may sleep, in ns, `most` at most. */
void mt_window_tick(void);
long mt_window_sleep(long most);

/* Says once if the job has taken the signal from us. Whether *facts grew. */
bool mt_signal_tend(struct mt_facts *facts);

/* Before the rings are looked at: begin or end a pause if that is asked for, and net out what
 * becomes of memory in it. The last time what has changed is told, and recording does not go on. */
void mt_netting_step(void);
void mt_netting_last(void);

/* How far ring `i`, which is written up to `head`, may be written to the trace. */
uint64_t mt_netting_limit(uint32_t i, uint64_t head);

/* In a forked child. */
void mt_netting_forget(void);

/* The share of other rooms in each round: what hooks must not do. shim/stack/stack.c and
 * shim/cuda/kernels/kernels.c have them. */
void mt_stacks_tend(void);
void mt_kernels_tend(void);

#endif
