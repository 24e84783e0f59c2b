#include "reader/meta.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/grow.h"

#define PAIRS_MAX (1u << 20)
#define APIS_MAX 4096u
#define API_PREFIX "api."

static uint32_t hash(const char *key)
{
    uint32_t sum = 2166136261u;
    for (; *key; key++)
        sum = (sum ^ (unsigned char)*key) * 16777619u;
    return sum;
}

/* The slot of a key: where it is, or the free one where it would go. */
static uint32_t *find(const struct mt_meta *meta, const char *key)
{
    uint32_t i = hash(key) & (meta->slots - 1);
    while (meta->slot[i] && strcmp(meta->pair[meta->slot[i] - 1].key, key) != 0)
        i = (i + 1) & (meta->slots - 1);
    return &meta->slot[i];
}

const char *mt_meta_get(const struct mt_meta *meta, const char *key)
{
    uint32_t found = meta->slots ? *find(meta, key) : 0;
    return found ? meta->pair[found - 1].value : NULL;
}

static int grow(struct mt_meta *meta)
{
    if (meta->count == PAIRS_MAX)
        return MT_ERR_DAMAGED;
    if (!MT_ROOM(meta->pair, meta->count, meta->room, 64))
        return MT_ERR_MEMORY;
    uint32_t *slot = calloc(2 * (size_t)meta->room, sizeof *slot);
    if (!slot)
        return MT_ERR_MEMORY;
    free(meta->slot);
    meta->slot = slot;
    meta->slots = 2 * meta->room;
    for (uint32_t i = 0; i < meta->count; i++)
        *find(meta, meta->pair[i].key) = i + 1;
    return 0;
}

static int set(struct mt_meta *meta, const char *key, const char *value)
{
    if (meta->count == meta->slots / 2)
        RETURN_IF_ERROR(grow(meta));
    char *copy = strdup(value);
    if (!copy)
        return MT_ERR_MEMORY;
    uint32_t *slot = find(meta, key);
    if (*slot) {
        free(meta->pair[*slot - 1].value);
        meta->pair[*slot - 1].value = copy;
        return 0;
    }
    char *name = strdup(key);
    if (!name) {
        free(copy);
        return MT_ERR_MEMORY;
    }
    meta->pair[meta->count++] = (struct mt_meta_pair){name, copy};
    *slot = meta->count;
    return 0;
}

int mt_meta_add(struct mt_meta *meta, const char *bytes, size_t size)
{
    const char *end = bytes + size;
    while (bytes < end) {
        const char *value = memchr(bytes, 0, (size_t)(end - bytes));
        const char *stop = value ? memchr(value + 1, 0, (size_t)(end - value - 1)) : NULL;
        if (!stop)
            return MT_ERR_DAMAGED;
        RETURN_IF_ERROR(set(meta, bytes, value + 1));
        bytes = stop + 1;
    }
    return 0;
}

/* N of "api.N", APIS_MAX where a key is not of that form. */
static unsigned long api_number(const char *key)
{
    char *end;
    if (strncmp(key, API_PREFIX, strlen(API_PREFIX)) != 0)
        return APIS_MAX;
    key += strlen(API_PREFIX);
    unsigned long number = strtoul(key, &end, 10);
    return *key >= '0' && *key <= '9' && !*end && number < APIS_MAX ? number : APIS_MAX;
}

int mt_meta_list_apis(struct mt_meta *meta)
{
    meta->api = calloc(APIS_MAX, sizeof meta->api[0]);
    if (!meta->api)
        return MT_ERR_MEMORY;
    for (uint32_t i = 0; i < meta->count; i++) {
        unsigned long number = api_number(meta->pair[i].key);
        if (number == APIS_MAX)
            continue;
        meta->api[number] = meta->pair[i].value;
        if (number >= meta->apis)
            meta->apis = (uint32_t)number + 1;
    }
    return 0;
}

void mt_meta_release(struct mt_meta *meta)
{
    for (uint32_t i = 0; i < meta->count; i++) {
        free(meta->pair[i].key);
        free(meta->pair[i].value);
    }
    free(meta->pair);
    free(meta->slot);
    free(meta->api);
    *meta = (struct mt_meta){0};
}
