#include "report/rows.h"

#include <stdlib.h>
#include <string.h>

struct mt_rows {
    struct mt_sink sink;
    const struct mt_table *table;
    size_t limit;
    const char *by;
    const char *where, *only;       /* NULL: every row */
    size_t by_column, where_column; /* meaningful if `by`, `where` are not NULL */
    struct mt_value **row;
    size_t n, room;
};

static struct mt_rows *rows_of(struct mt_sink *sink)
{
    return (struct mt_rows *)(void *)sink;
}

static size_t column_index(const struct mt_table *table, const char *name)
{
    const struct mt_column *column = mt_table_column(table, name);
    return column ? (size_t)(column - table->columns) : table->n_columns;
}

static void free_row(const struct mt_rows *rows, struct mt_value *row)
{
    for (size_t i = 0; row && i < rows->table->n_columns; i++)
        if (rows->table->columns[i].type == MT_T_TEXT && !row[i].null)
            free((char *)(uintptr_t)row[i].s);
    free(row);
}

static struct mt_value *copy_row(const struct mt_rows *rows, const struct mt_value *cells)
{
    size_t n = rows->table->n_columns;
    struct mt_value *row = calloc(n, sizeof *row);
    for (size_t i = 0; row && i < n; i++) {
        row[i] = cells[i];
        if (rows->table->columns[i].type != MT_T_TEXT || cells[i].null)
            continue;
        row[i] = mt_text(strdup(cells[i].s));
        if (row[i].null) {
            free_row(rows, row);
            return NULL;
        }
    }
    return row;
}

static int begin(struct mt_sink *sink, const struct mt_table *table)
{
    struct mt_rows *rows = rows_of(sink);
    rows->table = table;
    rows->by_column = rows->by ? column_index(table, rows->by) : 0;
    rows->sink.floor_column = rows->by_column;
    rows->where_column = rows->where ? column_index(table, rows->where) : 0;
    return 0;
}

static bool make_room(struct mt_rows *rows)
{
    if (rows->n < rows->room)
        return true;
    size_t room = rows->room ? rows->room * 2 : 32;
    struct mt_value **row = realloc(rows->row, room * sizeof(struct mt_value *));
    if (!row)
        return false;
    rows->row = row;
    rows->room = room;
    return true;
}

/* Where a row with this number belongs among those kept. */
static size_t place_of(const struct mt_rows *rows, uint64_t number)
{
    size_t at = rows->n;
    while (rows->by && at > 0 && rows->row[at - 1][rows->by_column].u < number)
        at--;
    return at;
}

static int keep(struct mt_sink *sink, const struct mt_table *table, const struct mt_value *cells)
{
    struct mt_rows *rows = rows_of(sink);
    (void)table;
    size_t at = place_of(rows, rows->by ? cells[rows->by_column].u : 0);
    if (rows->limit && at >= rows->limit)
        return 0;
    if (rows->where && strcmp(cells[rows->where_column].s, rows->only) != 0)
        return 0;
    struct mt_value *row = make_room(rows) ? copy_row(rows, cells) : NULL;
    if (!row)
        return MT_ERR_MEMORY;
    if (rows->n == rows->limit && rows->limit)
        free_row(rows, rows->row[--rows->n]);
    memmove(&rows->row[at + 1], &rows->row[at], (rows->n - at) * sizeof(struct mt_value *));
    rows->row[at] = row;
    rows->n++;
    if (rows->by && rows->n == rows->limit)
        rows->sink.floor = rows->row[rows->n - 1][rows->by_column].u;
    return 0;
}

static int end(struct mt_sink *sink, const struct mt_table *table)
{
    (void)sink;
    (void)table;
    return 0;
}

static void rows_free(struct mt_sink *sink)
{
    mt_rows_clear(rows_of(sink));
    free(rows_of(sink)->row);
    free(sink);
}

struct mt_rows *mt_rows_new(size_t limit, const char *by)
{
    struct mt_rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return NULL;
    rows->sink = (struct mt_sink){.begin = begin, .row = keep, .end = end, .free = rows_free};
    rows->limit = limit;
    rows->by = by;
    return rows;
}

void mt_rows_only(struct mt_rows *rows, const char *where, const char *text)
{
    rows->where = where;
    rows->only = text;
}

struct mt_sink *mt_rows_sink(struct mt_rows *rows)
{
    return &rows->sink;
}

void mt_rows_clear(struct mt_rows *rows)
{
    while (rows->n)
        free_row(rows, rows->row[--rows->n]);
    rows->sink.floor = 0;
}

size_t mt_rows_count(const struct mt_rows *rows)
{
    return rows ? rows->n : 0;
}

const struct mt_table *mt_rows_table(const struct mt_rows *rows)
{
    return rows->table;
}

struct mt_value mt_rows_get(const struct mt_rows *rows, size_t row, const char *column)
{
    size_t n = mt_rows_count(rows), i = row < n ? column_index(rows->table, column) : 0;
    return row < n && i < rows->table->n_columns ? rows->row[row][i] : mt_null();
}

const char *mt_rows_text(const struct mt_rows *rows, const char *key)
{
    for (size_t i = 0; i < rows->n; i++) {
        struct mt_value name = mt_rows_get(rows, i, "key");
        if (!name.null && strcmp(name.s, key) == 0)
            return mt_rows_get(rows, i, "value").s;
    }
    return NULL;
}

uint64_t mt_rows_number(const struct mt_rows *rows, const char *key)
{
    const char *text = mt_rows_text(rows, key);
    return text ? strtoull(text, NULL, 10) : 0;
}
