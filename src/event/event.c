#include "event/event.h"

#include <string.h>

/* END closes the designated initializer; fields are counted by a second reading of the list. */
#define EVENT(number, ev, text) enum mt_fields_of_##ev {
#define FIELD(event, name, type, doc) event##_##name,
#define TAIL(event, type, doc)
#define END(event) event##_fields };
#include "event.def"

#define EVENT(number, ev, text)                                                                    \
    [number] = {.name = #ev, .doc = text, .fields = ev##_fields,
#define FIELD(event, id, kind, text) .field[event##_##id] = {#id, text, MT_##kind},
#define TAIL(event, kind, text) .tail = MT_TAIL_##kind, .tail_doc = text,
#define END(event) },
static const struct mt_event_info infos[MT_KINDS] = {
#include "event.def"
};

const struct mt_event_info *mt_event_info(unsigned kind)
{
    return kind < MT_KINDS && infos[kind].name ? &infos[kind] : NULL;
}

enum mt_kind mt_event_kind(const char *name)
{
    for (unsigned kind = 0; kind < MT_KINDS; kind++)
        if (infos[kind].name && strcmp(infos[kind].name, name) == 0)
            return (enum mt_kind)kind;
    return MT_NONE;
}

const uint64_t *mt_record_tail(const struct mt_record *record, size_t *words)
{
    const struct mt_event_info *info = mt_event_info(record->kind);
    size_t fields = info ? info->fields : record->words;
    *words = record->words > fields ? record->words - fields : 0;
    return &record->word[fields];
}
