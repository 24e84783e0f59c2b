/* Runs passes over traces: opens a trace, replays it once, feeds the passes whose tables are
 * wanted. Several traces are replayed one after the other into the same tables. Used by one thread.
 */
#ifndef MT_ENGINE_H
#define MT_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/measures/swaprule.h"
#include "base/error.h"
#include "memtrace/trace.h"
#include "symbols/symbols.h"
#include "table/table.h"

struct mt_engine;

/* *error (not NULL) gets the first thing that goes wrong and must outlive the engine. */
struct mt_engine *mt_engine_new(struct mt_error *error);
void mt_engine_free(struct mt_engine *engine); /* NULL is allowed; drops unfinished tables */

/* Rows of `table` go to `sink`, which the engine owns from now on, whatever comes back. A table may
 * be wanted by several. All wants come before the first run. */
int mt_engine_want(struct mt_engine *engine, const struct mt_table *table, struct mt_sink *sink);

/* Where the files are that name native frames; the strings must outlive the engine. To be said
 * before the first run, if at all. */
void mt_engine_symbols(struct mt_engine *engine, const struct mt_symbols_options *options);

/* The rule by which blocks may be swapped out; it is copied. Before the first run, if at all. */
void mt_engine_swap(struct mt_engine *engine, const struct mt_swaprule *rule);

/* Tables picture show this iteration; without the call, or with UINT64_MAX, a typical one. */
void mt_engine_picture(struct mt_engine *engine, uint64_t iteration);

/* Called now and then with the events done and all there are; a negative result stops the run. */
typedef int mt_progress(void *context, uint64_t done, uint64_t events);

/* Replay the next trace. `stats` (may be NULL) is what is known at its end. A trace that cannot be
 * opened leaves the engine usable; error->code then is not MT_ERR_SYSTEM of a sink. */
int mt_engine_run(struct mt_engine *engine, const char *path, mt_progress *progress, void *context,
                  struct mt_trace_stats *stats);

/* End all tables. */
int mt_engine_finish(struct mt_engine *engine);

/* Whether what went wrong last went wrong in opening the trace. */
bool mt_engine_usable(const struct mt_engine *engine);

#endif
