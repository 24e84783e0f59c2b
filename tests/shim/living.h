/* A trace with pauses, replayed by its specification alone: what lives, and what does not fit. */
#ifndef MT_LIVING_H
#define MT_LIVING_H

#include "compare.h"

#define LIVE_MAX 4096
#define WINDOWS_MAX 512

enum level { DRIVER, BLOCK, RANGE }; /* BLOCK: an allocator's; RANGE: reserved */

struct living {
    uint64_t address, size;
    uint64_t birth_ns;
    enum level level;
};

struct replay {
    struct mt_trace *trace;
    struct living live[LIVE_MAX];
    unsigned lives;
    bool paused, told; /* stopped; and what lives is told again */
    bool kept;
    uint32_t teller; /* thread that tells of pauses */
    uint64_t kept_ns, resumed_ns[WINDOWS_MAX];
    uint64_t windows, pauses, launches, launches_in[WINDOWS_MAX], graph_launches;
    uint64_t left;             /* of a pause in which the trace was cut off */
    uint64_t doubles, unknown; /* births where something lives, ends of nothing */
    uint64_t inside;           /* ends of ranges in which blocks live */
    const struct run *run;
    unsigned want; /* place in the ledger of the main thread */
    bool compare;
    bool both; /* each block is an allocation of the driver, too */
};

/* Replay the run's trace, of which nothing may be lost; kept until the next one. With `compare`,
 * whenever recording goes on what lives is what the ledger says; a trace named c10 has blocks
 * only. */
struct replay *replay(const struct run *run, bool compare);

/* What lives at the end beside what the ledger says behind window `window` - 1. */
void compare_living(struct replay *r, uint64_t window);

/* Blocks that live, of an allocator. */
unsigned blocks_of(const struct replay *r);

#endif
