/* From what each thread's stream has decoded to runs in the order of time.
 *
 * Of a trace nothing is used here but its streams, their pool and the merge, so a thread of its own
 * may do it (ahead.h). Definitions are left to whoever delivers the runs. */
#ifndef MT_RUNS_H
#define MT_RUNS_H

#include "memtrace/trace.h"
#include "reader/threadevents.h"

/* What is to be looked at on the way, whatever the trace is read for. */
#define MT_RUNS_NOTED (MT_DEFINITIONS | UINT64_C(1) << MT_lost)

struct mt_delivery {
    struct mt_trace_run run;
    uint32_t events;               /* in it; 0: none is asked for */
    uint32_t skipped;              /* before it: outside the window */
    const struct mt_record *noted; /* what is to be noted lies between here and run.end; NULL:
                                      nothing is */
    struct mt_passed passed;       /* so far */
};

/* All streams from their first event on, as the pool says. */
void mt_runs_rewind(struct mt_trace *trace);

/* The next run. 1; 0 at the end, a negative enum mt_err where memory is out: then `passed` is all
 * that is filled. */
int mt_runs_next(struct mt_trace *trace, struct mt_delivery *delivery);

#endif
