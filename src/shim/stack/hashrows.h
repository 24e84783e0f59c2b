/* A hash table of fixed-size rows in mapped memory that grows by doubling. Not for several threads.
 */
#ifndef MT_HASHROWS_H
#define MT_HASHROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* A row begins with its key, `key` bytes that are not all zero. */
struct mt_rows {
    uint8_t *row;
    uint32_t mask, used;
    uint16_t key, size;
    uint32_t most; /* rows that may be used */
};

static inline uint64_t mt_rows_hash(const void *key, size_t size)
{
    uint64_t hash = 0, word;
    for (size_t i = 0; i < size; i += 8) {
        memcpy(&word, (const char *)key + i, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

static inline bool mt_rows_is_free(const struct mt_rows *rows, const uint8_t *row)
{
    static const uint8_t zeros[64];
    return memcmp(row, zeros, rows->key) == 0;
}

/* The row of `key`, or the free one where it belongs. */
static inline void *mt_rows_find(const struct mt_rows *rows, const void *key)
{
    for (uint64_t i = mt_rows_hash(key, rows->key);; i++) {
        uint8_t *row = rows->row + (i & rows->mask) * rows->size;
        if (memcmp(row, key, rows->key) == 0 || mt_rows_is_free(rows, row))
            return row;
    }
}

static inline bool mt_rows_resize(struct mt_rows *rows, uint32_t slots)
{
    struct mt_rows larger = *rows;
    larger.row = mmap(NULL, (size_t)slots * rows->size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (larger.row == MAP_FAILED)
        return false;
    larger.mask = slots - 1;
    for (uint32_t i = 0; rows->row && i <= rows->mask; i++) {
        const uint8_t *row = rows->row + (size_t)i * rows->size;
        if (!mt_rows_is_free(rows, row))
            memcpy(mt_rows_find(&larger, row), row, rows->size);
    }
    if (rows->row)
        munmap(rows->row, ((size_t)rows->mask + 1) * rows->size);
    *rows = larger;
    return true;
}

/* Whether one more row may be used; there is room for it then. */
static inline bool mt_rows_make_room(struct mt_rows *rows)
{
    if (rows->used >= rows->most)
        return false;
    if (rows->row && rows->used < (rows->mask + 1) / 2)
        return true;
    return mt_rows_resize(rows, rows->row ? 2 * (rows->mask + 1) : 1024);
}

static inline void mt_rows_clear(struct mt_rows *rows)
{
    if (rows->row)
        munmap(rows->row, ((size_t)rows->mask + 1) * rows->size);
    rows->row = NULL;
    rows->used = 0;
}

#endif
