#include "model/words.h"

const struct mt_word mt_level_words[] = {[MT_LEVEL_SEGMENT] = MT_WORD_OF("segment"),
                                         [MT_LEVEL_BLOCK] = MT_WORD_OF("block"),
                                         [MT_LEVEL_HOST] = MT_WORD_OF("host")};

#define WORD(suffix, name, doc) [MT_SOURCE_##suffix] = MT_WORD_OF(name),
const struct mt_word mt_source_words[] = {MT_SOURCES(WORD)};
#undef WORD

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
