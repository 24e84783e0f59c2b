/* The meta data of a trace: keys and values, in the order in which the keys came first. */
#ifndef MT_META_H
#define MT_META_H

#include <stddef.h>
#include <stdint.h>

struct mt_meta_pair {
    char *key, *value; /* one allocation each */
};

struct mt_meta {
    struct mt_meta_pair *pair;
    uint32_t count, room;
    uint32_t *slot; /* hash table: index + 1 of a pair, 0 free; slots is a power of two */
    uint32_t slots;
    const char **api; /* "api.N" by N */
    uint32_t apis;
};

/* Add the pairs in [bytes, bytes + size): key NUL value NUL ... A later value replaces an earlier
 * one. 0, MT_ERR_MEMORY, or MT_ERR_DAMAGED where the bytes end within a pair (those before it are
 * added). */
int mt_meta_add(struct mt_meta *meta, const char *bytes, size_t size);

/* The value of a key, NULL if there is none. */
const char *mt_meta_get(const struct mt_meta *meta, const char *key);

/* Make mt_meta.api from the pairs. */
int mt_meta_list_apis(struct mt_meta *meta);

void mt_meta_release(struct mt_meta *meta);

#endif
