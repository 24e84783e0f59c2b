/* The columns of a chunk: many byte strings that grow side by side in one pool, then stand one
 * after the other, and are found again.
 *
 * The writer's side needs no memory but what it is given and runs in the traced process. */
#ifndef MT_COLUMNS_H
#define MT_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/varint.h"
#include "format/layout.h"

#define MT_COLUMN_ROOM 16u /* bytes that can be written at once */

/* A column being written: the block in use. */
struct mt_column {
    uint8_t *at, *limit;  /* both NULL as long as it is empty */
    uint32_t first, last; /* blocks */
    uint32_t size;        /* bytes in the full blocks */
};

struct mt_columns {
    struct mt_column column[MT_COLUMNS];
    struct mt_column_block *pool;
    uint32_t blocks, used;
    uint8_t scrap[MT_COLUMN_ROOM]; /* written to when the pool is exhausted */
    bool exhausted;
};

/* Bytes of a pool for columns of together at most `bytes` bytes, written MT_COLUMN_ROOM at a time.
 */
size_t mt_columns_pool_size(size_t bytes);

/* Start with `pool`, 64-byte aligned, of mt_columns_pool_size(bytes) bytes. */
void mt_columns_init(struct mt_columns *columns, void *pool, size_t bytes);

/* All columns are empty again. */
void mt_columns_clear(struct mt_columns *columns);

/* Go on in a fresh block. */
uint8_t *mt_column_grow(struct mt_columns *columns, struct mt_column *column);

/* Where to write up to MT_COLUMN_ROOM bytes; tell how far with mt_column_end. */
static inline uint8_t *mt_column_at(struct mt_columns *columns, struct mt_column *column)
{
    if (column->limit - column->at >= (ptrdiff_t)MT_COLUMN_ROOM)
        return column->at;
    return mt_column_grow(columns, column);
}

static inline void mt_column_end(struct mt_column *column, uint8_t *end)
{
    column->at = end;
}

/* Bytes that mt_columns_write writes at most for columns of together `bytes` bytes. */
size_t mt_columns_bound(size_t bytes);

/* Whether a column is left out where it holds nothing but zeros: fields of plain numbers. */
bool mt_column_may_lack(unsigned id);

/* Write the columns with their ids and lengths to `to`, but for what is left out; the end of what
 * was written. */
uint8_t *mt_columns_write(const struct mt_columns *columns, uint8_t *to);

/* A column being read: what is left of it. */
struct mt_column_view {
    const uint8_t *at, *end;
};

/* Find the columns in [raw, raw + size); absent ones are empty. False where they are not
 * well-formed. */
bool mt_columns_find(struct mt_column_view view[MT_COLUMNS], const uint8_t *raw, size_t size);

/* Bytes behind `raw` that may be read, whatever they hold: a number is fetched in one piece and its
 * end checked afterwards. */
#define MT_COLUMN_PAD 8u

/* Numbers of up to 4 bytes without a branch on how many, longer ones byte by byte. */
static inline bool mt_column_get_wide(struct mt_column_view *view, uint64_t *value)
{
    const uint8_t *at = view->at;
    uint32_t bytes;
    if (__builtin_expect(at >= view->end, 0))
        return false;
    memcpy(&bytes, at, sizeof bytes);
    uint32_t stops = ~bytes & 0x80808080u;
    if (__builtin_expect(stops == 0, 0)) {
        view->at = mt_varint_get(at, view->end, value);
        return view->at != NULL;
    }
    bytes &= stops ^ (stops - 1); /* up to and with the first byte that stops */
    *value = (bytes & 0x7f) | (bytes >> 1 & 0x7f << 7) | (bytes >> 2 & 0x7f << 14) |
             (bytes >> 3 & 0x7f << 21);
    view->at = at + ((unsigned)__builtin_ctz(stops) / 8 + 1);
    return view->at <= view->end;
}

/* The next number of a column; false where there is none. */
static inline bool mt_column_get(struct mt_column_view *view, uint64_t *value)
{
    const uint8_t *at = view->at;
    uint16_t bytes;
    if (__builtin_expect(at >= view->end, 0))
        return false;
    memcpy(&bytes, at, sizeof bytes);
    if ((bytes & 0x80) == 0) {
        *value = bytes & 0x7f;
        view->at = at + 1;
        return true;
    }
    if ((bytes & 0x8000) == 0) {
        *value = (bytes & 0x7f) | (bytes >> 1 & 0x7f << 7);
        view->at = at + 2;
        return view->at <= view->end;
    }
    return mt_column_get_wide(view, value);
}

/* The same where nearly all are of one byte, which the processor then knows. */
static inline __attribute__((always_inline)) bool mt_column_get_small(struct mt_column_view *view,
                                                                      uint64_t *value)
{
    const uint8_t *at = view->at;
    if (__builtin_expect(at < view->end, 1)) {
        uint8_t byte = *at;
        if (__builtin_expect(byte < 0x80, 1)) {
            *value = byte;
            view->at = at + 1;
            return true;
        }
    }
    return mt_column_get_wide(view, value);
}

#endif
