/* Stacks as numbers: each distinct one is told once in the trace, as frames of a tree. */
#ifndef MT_INTERN_H
#define MT_INTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/python/python.h"

/* What a thread found: native frames (return addresses), which are the inner ones, then those of
 * Python; both innermost first. */
struct mt_found {
    uint32_t natives, pythons;
    uintptr_t native[MT_STACK_DEPTH_MAX];
    struct mt_pyframe python[MT_STACK_DEPTH_MAX];
};

/* The number of a stack whose frames have this hash, 0 if it has none yet; *told: no event that
 * names it may be earlier. Free of locks. */
uint32_t mt_intern_find(uint64_t hash, uint64_t *told);

/* The number of a stack, which is told as far as it is new; 0 where that is impossible (counted).
 * `collect` fills in what was found: where it lies is the room of all threads, for a stack of the
 * job's may be small. Takes a lock of the recorder's. */
uint32_t mt_intern_stack(uint64_t hash, void (*collect)(struct mt_found *found, const void *how),
                         const void *how, uint64_t *told);

/* Stacks that could not be told since the recording began. */
uint64_t mt_intern_lost(void);

#endif
