/* A hash table from 64-bit keys to 64-bit values. Used by one thread. */
#ifndef MT_DICT_H
#define MT_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_dict {
    struct mt_dict_entry *entry;
    size_t room, size; /* room: a power of two, or 0 */
};

/* A dictionary of zeros is empty. */
void mt_dict_release(struct mt_dict *dict);

/* Where the value of `key` lies; NULL if it has none. Good until the next add or remove. */
uint64_t *mt_dict_find(const struct mt_dict *dict, uint64_t key);

/* Where the value of `key` lies, 0 if it is new; NULL where memory is out. */
uint64_t *mt_dict_add(struct mt_dict *dict, uint64_t key);

bool mt_dict_remove(struct mt_dict *dict, uint64_t key);

#endif
