/* Open addressing with linear steps; a removal moves followers back, so no tombstones pile up. */
#include "base/dict.h"

#include <stdlib.h>
#include <string.h>

struct mt_dict_entry {
    uint64_t key, value;
    bool used;
};

static size_t home(const struct mt_dict *dict, uint64_t key)
{
    return (key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (dict->room - 1);
}

static size_t locate(const struct mt_dict *dict, uint64_t key)
{
    size_t i = home(dict, key);
    while (dict->entry[i].used && dict->entry[i].key != key)
        i = (i + 1) & (dict->room - 1);
    return i;
}

void mt_dict_release(struct mt_dict *dict)
{
    free(dict->entry);
    memset(dict, 0, sizeof *dict);
}

uint64_t *mt_dict_find(const struct mt_dict *dict, uint64_t key)
{
    if (dict->size == 0)
        return NULL;
    struct mt_dict_entry *entry = &dict->entry[locate(dict, key)];
    return entry->used ? &entry->value : NULL;
}

static bool grow(struct mt_dict *dict)
{
    struct mt_dict bigger = {.room = dict->room ? dict->room * 2 : 64, .size = dict->size};
    bigger.entry = calloc(bigger.room, sizeof *bigger.entry);
    if (!bigger.entry)
        return false;
    for (size_t i = 0; i < dict->room; i++)
        if (dict->entry[i].used)
            bigger.entry[locate(&bigger, dict->entry[i].key)] = dict->entry[i];
    free(dict->entry);
    *dict = bigger;
    return true;
}

uint64_t *mt_dict_add(struct mt_dict *dict, uint64_t key)
{
    if (dict->size * 2 >= dict->room && !grow(dict))
        return NULL;
    struct mt_dict_entry *entry = &dict->entry[locate(dict, key)];
    if (!entry->used) {
        *entry = (struct mt_dict_entry){.key = key, .used = true};
        dict->size++;
    }
    return &entry->value;
}

bool mt_dict_remove(struct mt_dict *dict, uint64_t key)
{
    if (!mt_dict_find(dict, key))
        return false;
    size_t mask = dict->room - 1, hole = locate(dict, key);
    for (size_t i = (hole + 1) & mask; dict->entry[i].used; i = (i + 1) & mask) {
        /* An entry may fill the hole unless its home lies behind the hole. */
        if (((i - home(dict, dict->entry[i].key)) & mask) >= ((i - hole) & mask)) {
            dict->entry[hole] = dict->entry[i];
            hole = i;
        }
    }
    dict->entry[hole].used = false;
    dict->size--;
    return true;
}
