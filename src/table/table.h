/* The one model of a table: what analysis yields and every writer writes.
 *
 * A table is a name, columns with type, unit and meaning, and rows that are pushed, one after the
 * other, into a sink. Rows are not kept: a table may be larger than memory. The lists of tables and
 * columns (analysis/tables.def) are also their documentation. */
#ifndef MT_TABLE_H
#define MT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum mt_column_type {
    MT_T_UINT,    /* value.u */
    MT_T_INT,     /* value.i */
    MT_T_HEX,     /* value.u, written 0x... (addresses, handles) */
    MT_T_REAL,    /* value.r */
    MT_T_TEXT,    /* value.s, UTF-8; bytes that are not are written escaped */
};

enum mt_unit { MT_U_NONE, MT_U_BYTES, MT_U_NS, MT_U_COUNT, MT_U_SHARE };

struct mt_column {
    const char *name; /* carries the unit: size_bytes, birth_ns */
    const char *doc;
    enum mt_column_type type;
    enum mt_unit unit;
};

struct mt_table {
    const char *name;
    const char *doc;
    const struct mt_column *columns;
    size_t n_columns;
    bool on_request; /* large: only written when asked for by name */
};

/* One cell; `null` is written as nothing (CSV), null (JSON), - (text). */
struct mt_value {
    union {
        uint64_t u;
        int64_t i;
        double r;
        const char *s;
    };
    bool null;
};

/* Where rows go. All of one table between begin and end; tables may be open side by side, then each
 * has its own sink. Negative enum mt_err stops the analysis. */
struct mt_sink {
    int (*begin)(struct mt_sink *sink, const struct mt_table *table);
    int (*row)(struct mt_sink *sink, const struct mt_table *table, const struct mt_value *cells);
    int (*end)(struct mt_sink *sink, const struct mt_table *table);
};

#endif
