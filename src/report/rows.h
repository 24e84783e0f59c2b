/* A sink that keeps rows in memory: all of a small table, or the few largest by one column. */
#ifndef MT_ROWS_H
#define MT_ROWS_H

#include "table/table.h"

struct mt_rows;

/* Keep at most `limit` rows: those with the largest whole numbers in column `by`, largest first;
 * the first ones where `by` is NULL. limit 0 keeps all, in their order. NULL where memory is out.
 */
struct mt_rows *mt_rows_new(size_t limit, const char *by);

/* Keep only rows with this text in column `where`. Both strings must outlive the rows. */
void mt_rows_only(struct mt_rows *rows, const char *where, const char *text);

/* The sink of the rows, which owns them: they live until it is released. */
struct mt_sink *mt_rows_sink(struct mt_rows *rows);

void mt_rows_clear(struct mt_rows *rows);
size_t mt_rows_count(const struct mt_rows *rows); /* NULL: 0 */

/* The table that they are of; NULL before it began. */
const struct mt_table *mt_rows_table(const struct mt_rows *rows);

/* A cell by its column's name; null where there is no such row or column,
 * or no rows at all (NULL). Good until a clear. */
struct mt_value mt_rows_get(const struct mt_rows *rows, size_t row, const char *column);

/* In a table of keys and values: the value of a key, NULL if it has none. */
const char *mt_rows_text(const struct mt_rows *rows, const char *key);

/* The same as a number; 0 if there is none. */
uint64_t mt_rows_number(const struct mt_rows *rows, const char *key);

#endif
