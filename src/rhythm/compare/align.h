/* Comparing an iteration with a reference, thread by thread. */
#ifndef MT_ALIGN_H
#define MT_ALIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "rhythm/compare/slices.h"
#include "rhythm/rhythm.h"

/* An iteration that others are compared with. */
struct mt_reference {
    uint32_t *sym;   /* thread by thread */
    uint32_t *begin; /* of each thread; one more at the end */
    uint32_t threads, length;
    uint32_t *landmark; /* by hash of a trigram: its index in sym + 1 if it is the only one */
    uint32_t landmarks; /* room, a power of two */
    uint64_t hash;
};

struct mt_likeness {
    uint32_t exact, class_, kind; /* symbols of the reference that are found */
    uint32_t length;              /* symbols of the iteration */
    uint32_t last;                /* position behind the last that is found; 0: none is */
};

/* Told of each difference; `expected` or `found` may be NULL. `position` counts in the thread's
 * part of the reference. */
typedef int mt_differs(void *context, uint32_t thread, uint32_t position,
                       const struct mt_sym *expected, const struct mt_sym *found);

int mt_reference_init(struct mt_reference *reference, const struct mt_window *window,
                      const struct mt_slices *slices);
void mt_reference_release(struct mt_reference *reference);

/* `differs` may be NULL; a negative result of it is returned. */
int mt_align(const struct mt_reference *reference, const struct mt_window *window,
             const struct mt_slices *slices, struct mt_likeness *likeness, mt_differs *differs,
             void *context);

#endif
