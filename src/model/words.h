/* What tables call things. */
#ifndef MT_WORDS_H
#define MT_WORDS_H

#include "model/model.h"
#include "table/table.h"

struct mt_value mt_level_value(uint8_t level);
struct mt_value mt_source_value(uint8_t source);
const char *mt_access_kind_word(enum mt_access_kind kind);
const char *mt_access_by_word(enum mt_access_by by);

/* The ordinal of a device, nothing for those that are not known. */
struct mt_value mt_device_value(uint32_t device);

#endif
