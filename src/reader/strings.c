#include "reader/strings.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/grow.h"

int mt_strings_add(struct mt_strings *strings, const struct mt_record *record)
{
    size_t words;
    const struct mt_ev_string *event = (const void *)record->word;
    const uint64_t *tail = mt_record_tail(record, &words);
    if (event->id == 0 || event->id >= MT_STRINGS_MAX || mt_strings_get(strings, event->id))
        return 0;
    if (!MT_ROOM_AT(strings->text, event->id, strings->room, 256))
        return MT_ERR_MEMORY;
    strings->text[event->id] = strndup((const char *)tail, words * sizeof *tail);
    return strings->text[event->id] ? 0 : MT_ERR_MEMORY;
}

void mt_strings_release(struct mt_strings *strings)
{
    for (uint32_t i = 0; i < strings->room; i++)
        free(strings->text[i]);
    free(strings->text);
    *strings = (struct mt_strings){0};
}
