/* What tables call things. */
#ifndef MT_WORDS_H
#define MT_WORDS_H

#include "model/model.h"
#include "table/table.h"

extern const struct mt_word mt_level_words[], mt_source_words[];

static inline struct mt_value mt_level_value(uint8_t level)
{
    return mt_word(&mt_level_words[level]);
}

static inline struct mt_value mt_source_value(uint8_t source)
{
    return mt_word(&mt_source_words[source]);
}

const char *mt_access_kind_word(enum mt_access_kind kind);
const char *mt_access_by_word(enum mt_access_by by);

/* The ordinal of a device, nothing for those that are not known. */
static inline struct mt_value mt_device_value(uint32_t device)
{
    return device < MT_DEVICES - 1 ? mt_uint(device) : mt_null();
}

#endif
