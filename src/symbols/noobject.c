/* Without elfutils: no file is ever opened. */
#include "symbols/object.h"

struct mt_object *mt_object_open(const struct mt_symbols_options *options, const char *path,
                                 const char *build_id)
{
    (void)options;
    (void)path;
    (void)build_id;
    return NULL;
}

void mt_object_close(struct mt_object *object)
{
    (void)object;
}

void mt_object_at(struct mt_object *object, uint64_t address, struct mt_found *found)
{
    (void)object;
    (void)address;
    (void)found;
}
