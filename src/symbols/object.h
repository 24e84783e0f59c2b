/* One opened program or library, with its debug file if there is one. */
#ifndef MT_OBJECT_H
#define MT_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols/symbols.h"

#define MT_PLACES_MAX 64u /* of one address: deeper inlining is cut */

/* Places as they are found; strings belong to whoever called. */
struct mt_found {
    bool signal_return;
    uint32_t n;
    struct {
        char *function, *file;
        uint32_t line;
    } place[MT_PLACES_MAX];
};

struct mt_object;

/* Look for the file that was mapped from `path` and for its debug file. NULL if there is neither,
 * or memory is out. */
struct mt_object *mt_object_open(const struct mt_symbols_options *options, const char *path,
                                 const char *build_id);
void mt_object_close(struct mt_object *object); /* NULL is allowed */

/* Fill *found, which is empty. */
void mt_object_at(struct mt_object *object, uint64_t address, struct mt_found *found);

#endif
