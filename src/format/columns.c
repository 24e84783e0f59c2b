#include "format/columns.h"

#include <string.h>

#include "base/varint.h"
#include "event/event.h"

/* Blocks, not one region a column: any of them may take all the room, and most take none. */
#define BLOCK_BYTES 4080u
#define NO_BLOCK UINT32_MAX

struct mt_column_block {
    uint32_t next, used;
    uint8_t bytes[BLOCK_BYTES];
    uint64_t unused;
};

_Static_assert(sizeof(struct mt_column_block) == 4096, "a page");

static size_t pool_blocks(size_t bytes)
{
    return bytes / (BLOCK_BYTES - MT_COLUMN_ROOM) + 1 + MT_COLUMNS;
}

size_t mt_columns_pool_size(size_t bytes)
{
    return pool_blocks(bytes) * sizeof(struct mt_column_block);
}

void mt_columns_init(struct mt_columns *columns, void *pool, size_t bytes)
{
    columns->pool = pool;
    columns->blocks = (uint32_t)pool_blocks(bytes);
    mt_columns_clear(columns);
}

void mt_columns_clear(struct mt_columns *columns)
{
    memset(columns->column, 0, sizeof columns->column);
    columns->used = 0;
    columns->exhausted = false;
}

/* Note how full the block in use is before it is left. */
static void close_block(const struct mt_columns *columns, const struct mt_column *column)
{
    struct mt_column_block *block = &columns->pool[column->last];
    block->used = (uint32_t)(column->at - block->bytes);
}

uint8_t *mt_column_grow(struct mt_columns *columns, struct mt_column *column)
{
    if (columns->used == columns->blocks) {
        columns->exhausted = true;
        column->at = column->limit = NULL;
        return columns->scrap;
    }
    uint32_t fresh = columns->used++;
    struct mt_column_block *block = &columns->pool[fresh];
    block->next = NO_BLOCK;
    if (column->limit) {
        close_block(columns, column);
        columns->pool[column->last].next = fresh;
        column->size += columns->pool[column->last].used;
    } else {
        column->first = fresh;
    }
    column->last = fresh;
    column->at = block->bytes;
    column->limit = block->bytes + BLOCK_BYTES;
    return column->at;
}

size_t mt_columns_bound(size_t bytes)
{
    return bytes + (size_t)MT_COLUMNS * (2 + 5);
}

bool mt_column_may_lack(unsigned id)
{
    const struct mt_event_info *info = mt_event_info(id >> 4);
    unsigned slot = id & 15;
    if (!info || slot >= info->fields)
        return false;
    enum mt_field_type type = info->field[slot].type;
    return type == MT_COUNT || type == MT_API || type == MT_SIZE;
}

/* As a rule the first byte tells. */
static bool is_zero(const struct mt_columns *columns, const struct mt_column *column)
{
    close_block(columns, column);
    for (uint32_t i = column->first; i != NO_BLOCK; i = columns->pool[i].next) {
        const struct mt_column_block *block = &columns->pool[i];
        if (block->bytes[0] || memcmp(block->bytes, block->bytes + 1, block->used - 1) != 0)
            return false;
    }
    return true;
}

static uint8_t *write_column(const struct mt_columns *columns, const struct mt_column *column,
                             uint8_t *to)
{
    close_block(columns, column);
    for (uint32_t i = column->first; i != NO_BLOCK; i = columns->pool[i].next) {
        const struct mt_column_block *block = &columns->pool[i];
        memcpy(to, block->bytes, block->used);
        to += block->used;
    }
    return to;
}

uint8_t *mt_columns_write(const struct mt_columns *columns, uint8_t *to)
{
    for (unsigned id = 0; id < MT_COLUMNS; id++) {
        const struct mt_column *column = &columns->column[id];
        if (!column->limit || (mt_column_may_lack(id) && is_zero(columns, column)))
            continue;
        size_t open = (size_t)(column->at - columns->pool[column->last].bytes);
        to = mt_varint_put(to, id);
        to = mt_varint_put(to, column->size + open);
        to = write_column(columns, column, to);
    }
    return to;
}

bool mt_columns_find(struct mt_column_view view[MT_COLUMNS], const uint8_t *raw, size_t size)
{
    const uint8_t *at = raw, *end = raw + size;
    memset(view, 0, sizeof view[0] * MT_COLUMNS);
    for (uint64_t next = 0, id, bytes; at < end; next = id + 1) {
        at = mt_varint_get(at, end, &id);
        if (!at || id < next || id >= MT_COLUMNS)
            return false;
        at = mt_varint_get(at, end, &bytes);
        if (!at || bytes == 0 || bytes > (size_t)(end - at))
            return false;
        view[id] = (struct mt_column_view){at, at + bytes};
        at += bytes;
    }
    return true;
}
