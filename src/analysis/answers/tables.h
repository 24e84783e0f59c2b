/* The tables of tables.def: their descriptions, and the places of their columns. */
#ifndef MT_TABLES_H
#define MT_TABLES_H

#include "table/table.h"

/* MT_COL_table_column: index of a column's cell in a row; MT_COLS_table: how many there are. */
#define TABLE(name, doc, on_request) enum {
#define COLUMN(table, name, type, unit, doc) MT_COL_##table##_##name,
#define END(table)                                                                                 \
    MT_COLS_##table                                                                                \
    }                                                                                              \
    ;
#include "analysis/answers/tables.def"

/* mt_table_NAME. */
#define TABLE(name, doc, on_request) extern const struct mt_table mt_table_##name;
#define COLUMN(table, name, type, unit, doc)
#define END(table)
#include "analysis/answers/tables.def"

/* Every table, in the order of the list; NULL-terminated. */
extern const struct mt_table *const mt_tables[];

/* The table called `name`, NULL if there is none. */
const struct mt_table *mt_table_find(const char *name);

#endif
