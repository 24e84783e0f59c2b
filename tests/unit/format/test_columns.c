#include "format/columns.h"

#include <stdlib.h>
#include <string.h>

#include "base/varint.h"
#include "unit.h"

#define BYTES (1u << 20)

static struct mt_columns columns;
static void *pool;

static void start(size_t bytes)
{
    pool = aligned_alloc(64, mt_columns_pool_size(bytes));
    mt_columns_init(&columns, pool, bytes);
}

static void put(unsigned id, uint64_t value)
{
    struct mt_column *column = &columns.column[id];
    mt_column_end(column, mt_varint_put(mt_column_at(&columns, column), value));
}

START_TEST(grow_side_by_side)
{
    static struct mt_column_view view[MT_COLUMNS];
    static const unsigned ids[] = {0, 1, 500, 1023};
    uint8_t *raw = malloc(mt_columns_bound(BYTES) + MT_COLUMN_PAD);
    start(BYTES);
    for (uint64_t i = 0; i < 20000; i++)
        for (unsigned c = 0; c < 4; c++)
            put(ids[c], i << 10 * c);
    size_t size = (size_t)(mt_columns_write(&columns, raw) - raw);
    ck_assert(!columns.exhausted);
    ck_assert(mt_columns_find(view, raw, size));
    for (uint64_t i = 0, value; i < 20000; i++)
        for (unsigned c = 0; c < 4; c++) {
            ck_assert(mt_column_get(&view[ids[c]], &value));
            ck_assert_uint_eq(value, i << 10 * c);
        }
    for (unsigned id = 0; id < MT_COLUMNS; id++)
        ck_assert_ptr_eq(view[id].at, view[id].end);
    free(raw);
    free(pool);
}
END_TEST

/* One column may take all the room that all have; more is not written anywhere. */
START_TEST(one_may_take_all_the_room)
{
    start(BYTES);
    for (unsigned i = 0; i < BYTES / 10; i++)
        put(7, UINT64_MAX);
    ck_assert(!columns.exhausted);
    for (unsigned i = 0; i < 3 * BYTES; i++)
        put(8, UINT64_MAX);
    ck_assert(columns.exhausted);
    mt_columns_clear(&columns);
    put(7, 1);
    ck_assert(!columns.exhausted);
    free(pool);
}
END_TEST

START_TEST(numbers_end_with_their_column)
{
    static const uint8_t bytes[] = {0x05, 0x80, 0x81, 0x01, 0xff, 0xff, 0xff, 0xff, 0x0f,
                                    0x85, 0,    0,    0,    0,    0,    0,    0,    0};
    struct mt_column_view view = {bytes, bytes + 10};
    uint64_t value;
    ck_assert(mt_column_get_small(&view, &value));
    ck_assert_uint_eq(value, 5);
    ck_assert(mt_column_get_small(&view, &value));
    ck_assert_uint_eq(value, 1 << 7 | 1 << 14);
    ck_assert(mt_column_get(&view, &value));
    ck_assert_uint_eq(value, UINT32_MAX);
    ck_assert(!mt_column_get(&view, &value)); /* what follows the column would complete it */
    view = (struct mt_column_view){bytes, bytes};
    ck_assert(!mt_column_get(&view, &value));
    ck_assert(!mt_column_get_small(&view, &value));
}
END_TEST

static bool found(const char *raw, size_t size)
{
    static struct mt_column_view view[MT_COLUMNS];
    return mt_columns_find(view, (const uint8_t *)raw, size);
}

START_TEST(rules_of_the_directory)
{
    ck_assert(found("", 0));
    ck_assert(found("\1\1x\2\1y", 6));
    ck_assert(!found("\2\1x\1\1y", 6));  /* falling ids */
    ck_assert(!found("\1\1x\1\1y", 6));  /* an id twice */
    ck_assert(!found("\1\0", 2));        /* empty */
    ck_assert(!found("\1\2x", 3));       /* too long */
    ck_assert(!found("\1", 1));          /* no length */
    ck_assert(!found("\x80\x10\1x", 4)); /* id 2048 */
    ck_assert(found("\xff\7\1x", 4));    /* id 1023 */
}
END_TEST

UNIT_MAIN("columns", grow_side_by_side, one_may_take_all_the_room, numbers_end_with_their_column,
          rules_of_the_directory)
