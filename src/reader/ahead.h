/* A thread that reads, decompresses and decodes ahead of the one that wants the events.
 *
 * It cuts runs (runs.h) and packs them into parcels; a few parcels go round between the two. While
 * it is there, the streams of the trace, their pool and the merge are the thread's; all else of the
 * trace is the caller's. Records stay where they were decoded: their batch goes along with the last
 * parcel that names it, and back with it. So no more is held than the parcels and what they have
 * room for, and the order is the same as without. */
#ifndef MT_AHEAD_H
#define MT_AHEAD_H

#include "memtrace/trace.h"
#include "reader/runs.h"

struct mt_ahead;

/* Begin at where the streams stand; NULL where memory or a thread cannot be had. */
struct mt_ahead *mt_ahead_new(struct mt_trace *trace);

/* As mt_runs_next. The records stay valid until the next call. */
int mt_ahead_next(struct mt_ahead *ahead, struct mt_delivery *delivery);

/* Stop, and leave the streams to the caller; they may be somewhere ahead. NULL is allowed. */
void mt_ahead_free(struct mt_ahead *ahead);

#endif
