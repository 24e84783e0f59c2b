/* Finds the rhythms of a trace from its symbols, in one scan.
 *
 *     struct mt_detector *detector = mt_detector_new();
 *     mt_detector_feed(detector, symbol, n);         as often as wanted, in the order of time
 *     mt_detector_finish(detector, end_ns, events, &rhythm);
 *     mt_detector_free(detector);
 *     mt_rhythm_release(&rhythm);
 *
 * Used by one thread. Functions that may fail return MT_ERR_MEMORY. */
#ifndef MT_DETECTOR_H
#define MT_DETECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "rhythm/rhythm.h"
#include "rhythm/symbols/symbol.h"

struct mt_detector;

struct mt_detector *mt_detector_new(void); /* NULL: out of memory */
void mt_detector_free(struct mt_detector *detector);

int mt_detector_feed(struct mt_detector *detector, const struct mt_symbol *symbol, size_t n);

/* Between the symbols fed so far and the next ones something was not recorded: at event number
 * `event`. No iteration goes over it. */
int mt_detector_break(struct mt_detector *detector, uint64_t event);

/* `events`: how many the trace has, `end_ns`: time of the last. */
int mt_detector_finish(struct mt_detector *detector, uint64_t end_ns, uint64_t events,
                       struct mt_rhythm *rhythm);

#endif
