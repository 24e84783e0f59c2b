/* The drain thread: rings in, chunks of the trace file out. */
#ifndef MT_DRAIN_H
#define MT_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "format/layout.h"
#include "shim/record/mfile.h"

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

/* In a forked child: forget the parent's thread and file. */
void mt_drain_forget(void);

/* The share of other rooms in each round: what hooks must not do. shim/stack/stack.c has it. */
void mt_stacks_tend(void);

#endif
