/* The first scan of a trace: every event is reduced to a symbol, and the rhythm is found. */
#ifndef MT_SCAN_H
#define MT_SCAN_H

#include "analysis/engine/engine.h"

struct mt_rhythm;

/* The most that caching allocators had handed out on a device, and the event that made it so. What
 * was handed out before the trace, and all other memory, does not count: it is a hint. */
struct mt_most {
    int64_t now, bytes; /* 0: never any */
    uint64_t event;
};

/* Reads `trace` from its first event to its end and leaves it rewound. `most`: MT_DEVICES zeros. */
int mt_scan_rhythm(struct mt_trace *trace, struct mt_rhythm *rhythm, struct mt_most *most,
                   mt_progress *progress, void *context);

#endif
