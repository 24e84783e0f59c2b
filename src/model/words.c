#include "model/words.h"

const char *mt_level_word(uint8_t level)
{
    static const char *const words[] = {
        [MT_LEVEL_SEGMENT] = "segment", [MT_LEVEL_BLOCK] = "block", [MT_LEVEL_HOST] = "host"};
    return words[level];
}

const char *mt_source_word(uint8_t source)
{
#define WORD(suffix, name, doc) [MT_SOURCE_##suffix] = name,
    static const char *const words[] = {MT_SOURCES(WORD)};
#undef WORD
    return words[source];
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
