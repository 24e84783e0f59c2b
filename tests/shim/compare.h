/* A trace against the ledger of what was done. */
#ifndef MT_COMPARE_H
#define MT_COMPARE_H

#include "harness.h"
#include "memtrace/trace.h"

/* What else was in the trace. */
struct seen {
    uint64_t events; /* those that the ledger tells of as well */
    uint64_t threads, variants, kernels;
    uint64_t lost; /* as the reader counts */
    bool complete;
    bool salvaged;
};

enum compare_how {
    COMPARE_EXACT, /* each thread did what is in the trace, in this order, and nothing else */
    COMPARE_PREFIX, /* was killed: the trace holds what was done and at most `more` events behind */
};

#define KIND_BIT(kind) (UINT64_C(1) << (kind))

/* Fails the test where trace and ledger of process `pid` (0: of the trace's own) differ. */
struct seen compare_trace(const char *path, const struct ledger *ledger, pid_t pid,
                          enum compare_how how, unsigned more);

/* The same for a run with one trace, exactly. */
struct seen compare_run(const struct run *run);

/* The same for some kinds of events: a set of KIND_BIT. */
struct seen compare_kinds(const struct run *run, uint64_t kinds);

/* Open, or fail the test. */
struct mt_trace *open_trace(const char *path);

/* "free api=cuMemFree_v2 address=0x... stream=0x0"; tails in hexadecimal words. Kept until the next
 * few calls. */
const char *event_text(const struct mt_record *record);

/* Events of one kind in the trace. */
uint64_t count_events(const char *path, enum mt_kind kind);

#endif
