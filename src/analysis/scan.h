/* The first scan of a trace: every event is reduced to a symbol, and the rhythm is found. */
#ifndef MT_SCAN_H
#define MT_SCAN_H

#include "analysis/engine.h"

struct mt_rhythm;

/* Reads `trace` from its first event to its end and leaves it rewound. */
int mt_scan_rhythm(struct mt_trace *trace, struct mt_rhythm *rhythm, mt_progress *progress,
                   void *context);

#endif
