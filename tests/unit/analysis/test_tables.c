#include "analysis/answers/tables.h"

#include <string.h>

#include "../unit.h"

/* The columns that users were promised, first and in this order. */
static const char *const promised[] = {
    "block_id", "level",           "device",         "address",    "size_bytes", "stream",
    "birth_ns", "death_ns",        "lifetime_ns",    "accesses",   "reads",      "writes",
    "touches",  "first_access_ns", "last_access_ns", "segment_id",
};

START_TEST(blocks_begins_as_promised)
{
    for (size_t i = 0; i < sizeof promised / sizeof *promised; i++)
        ck_assert_str_eq(mt_table_blocks.columns[i].name, promised[i]);
}
END_TEST

START_TEST(columns_say_their_units)
{
    for (const struct mt_table *const *table = mt_tables; *table; table++)
        for (size_t i = 0; i < (*table)->n_columns; i++) {
            const struct mt_column *column = &(*table)->columns[i];
            const char *unit = strrchr(column->name, '_');
            ck_assert_int_eq(column->unit == MT_U_NS, unit && strcmp(unit, "_ns") == 0);
            ck_assert_int_eq(column->unit == MT_U_BYTES, unit && strcmp(unit, "_bytes") == 0);
            ck_assert_int_gt(strlen(column->doc), 0);
            ck_assert_ptr_eq(mt_table_column(*table, column->name), column);
        }
}
END_TEST

START_TEST(trace_is_the_last_column)
{
    for (const struct mt_table *const *table = mt_tables; *table; table++)
        ck_assert_str_eq((*table)->columns[(*table)->n_columns - 1].name, "trace");
}
END_TEST

START_TEST(tables_are_found_by_name)
{
    ck_assert_ptr_eq(mt_table_find("kernels"), &mt_table_kernels);
    ck_assert_ptr_null(mt_table_find("nonsense"));
    ck_assert(mt_table_accesses.on_request);
    ck_assert_ptr_null(mt_table_column(&mt_table_kernels, "nonsense"));
}
END_TEST

UNIT_MAIN("tables", blocks_begins_as_promised, columns_say_their_units, trace_is_the_last_column,
          tables_are_found_by_name)
