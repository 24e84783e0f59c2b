#include "model/words.h"

struct mt_value mt_level_value(uint8_t level)
{
    static const struct mt_word words[] = {[MT_LEVEL_SEGMENT] = MT_WORD_OF("segment"),
                                           [MT_LEVEL_BLOCK] = MT_WORD_OF("block"),
                                           [MT_LEVEL_HOST] = MT_WORD_OF("host")};
    return mt_word(&words[level]);
}

struct mt_value mt_source_value(uint8_t source)
{
#define WORD(suffix, name, doc) [MT_SOURCE_##suffix] = MT_WORD_OF(name),
    static const struct mt_word words[] = {MT_SOURCES(WORD)};
#undef WORD
    return mt_word(&words[source]);
}

const char *mt_access_kind_word(enum mt_access_kind kind)
{
    static const char *const words[] = {"read", "write", "touch"};
    return words[kind];
}

const char *mt_access_by_word(enum mt_access_by by)
{
    static const char *const words[] = {"launch", "copy", "set", "nccl"};
    return words[by];
}

struct mt_value mt_device_value(uint32_t device)
{
    return device < MT_DEVICES - 1 ? mt_uint(device) : mt_null();
}
