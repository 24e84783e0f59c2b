/* Texts by id, as `string` events tell of them. The first event of an id holds. */
#ifndef MT_STRINGS_H
#define MT_STRINGS_H

#include <stdint.h>

#include "event/event.h"

#define MT_STRINGS_MAX (1u << 24) /* ids from here on are not kept */

struct mt_strings {
    char **text; /* by id */
    uint32_t room;
};

/* Note a `string` record. 0 or MT_ERR_MEMORY. */
int mt_strings_add(struct mt_strings *strings, const struct mt_record *record);

static inline const char *mt_strings_get(const struct mt_strings *strings, uint64_t id)
{
    return id < strings->room ? strings->text[id] : NULL;
}

void mt_strings_release(struct mt_strings *strings);

#endif
