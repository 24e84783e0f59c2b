/* A pass answers one question. The model replays the address space once and tells every chosen pass
 * what happens; a pass keeps what it needs and pushes rows of its tables.
 *
 * Blocks: level MT_LEVEL_BLOCK is what a caching allocator hands out, or a driver allocation in
 * which no allocator block was ever reported; level MT_LEVEL_SEGMENT is driver memory that holds
 * blocks. Words are PyTorch's: segment, block, reserved, allocated.
 *
 * Memory: a pass's grows with live blocks, kernels and distinct patterns, never with events. What
 * it knows of a live block it keeps at block->slot (see slots.h). */
#ifndef MT_PASS_H
#define MT_PASS_H

#include <stdint.h>

#include "analysis/engine/glance.h"
#include "analysis/measures/swaprule.h"
#include "model/model.h"
#include "memtrace/trace.h"
#include "rhythm/rhythm.h"
#include "stacks/stacks.h"
#include "table/table.h"

/* What a pass may ask of the run it belongs to. */
struct mt_run {
    struct mt_trace *trace;
    const struct mt_model *model;
    const struct mt_rhythm *rhythm; /* NULL where no pass of the run needs it */
    const struct mt_glance *glance; /* at which iterations passes look that hear closely */
    const struct mt_swaprule *swap; /* NULL: the defaults */
    uint64_t picture;               /* iteration that is pictured; UINT64_MAX: a typical one */
    uint32_t trace_index;           /* position on the command line, from 0 */
    struct mt_error *error;
    /* Sink of a table of this pass, NULL if nobody asked for it. */
    struct mt_sink *(*sink)(const struct mt_run *run, const struct mt_table *table);
    struct mt_stacks *stacks; /* what stacks are called */
    void *owner;
};

#define MT_KIND_BIT(kind) (UINT64_C(1) << MT_##kind)

/* Every function but `new` and `free` may be NULL. `state` is what `new` returned. Times are ns
 * since the trace's start. See struct mt_listener for birth, access, launch, death, usage and
 * resize. */
struct mt_pass {
    const char *name;
    const struct mt_table *const *tables;   /* NULL-terminated */
    uint64_t kinds;                         /* MT_KIND_BIT of the events that `event` is told */
    void *(*new)(const struct mt_run *run); /* NULL: out of memory */
    void (*free)(void *state);
    int (*event)(void *state, const struct mt_record *record,
                 uint32_t thread); /* before the model */
    int (*birth)(void *state, const struct mt_block *block);
    int (*access)(void *state, const struct mt_block *block, const struct mt_access *access);
    int (*launch)(void *state, const struct mt_launch *launch); /* after its accesses */
    int (*death)(void *state, const struct mt_block *block);    /* also of what lives at the end */
    int (*usage)(void *state, uint32_t device, const struct mt_usage *usage, uint64_t time_ns);
    int (*resize)(void *state, const struct mt_block *block);
    /* Before its first event is replayed; NULL: the iteration before is over and none begins. */
    int (*iteration)(void *state, const struct mt_iteration *iteration);
    /* Of a pass that hears closely: nothing is told but deaths (and `event`) until the next call of
     * `iteration`; births that it missed are told right before that one. */
    int (*away)(void *state);
    int (*finish)(void *state, uint64_t end_ns);
    bool by_launch; /* see struct mt_listener, as host */
    bool host;
    bool ranges;       /* asks mt_model_range of blocks */
    bool needs_rhythm; /* the first scan is made, and run->rhythm and `iteration` are there */
    const struct mt_table *const *glanced; /* NULL-terminated; where no other of its tables is
                                              wanted it is told of some iterations only: these are
                                              as if it were told of all, as a rule. See glance.h */
};

/* How many of some tables somebody asked for. */
static inline size_t mt_tables_wanted(const struct mt_table *const *table, const struct mt_run *run)
{
    size_t n = 0;
    for (; *table; table++)
        n += run->sink(run, *table) != NULL;
    return n;
}

static inline bool mt_pass_is_wanted(const struct mt_pass *pass, const struct mt_run *run)
{
    return mt_tables_wanted(pass->tables, run) > 0;
}

/* Whether it can do with some iterations. */
static inline bool mt_pass_glances(const struct mt_pass *pass, const struct mt_run *run)
{
    return pass->glanced &&
           mt_tables_wanted(pass->tables, run) == mt_tables_wanted(pass->glanced, run);
}

/* Every pass, in the order of passes.def; NULL-terminated. */
extern const struct mt_pass *const mt_passes[];

#endif
