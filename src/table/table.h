/* The one model of a table: what analysis yields and every writer writes.
 *
 * A table is a name, columns with type, unit and meaning, and rows that are pushed, one after the
 * other, into a sink. Rows are not kept: a table may be larger than memory. The lists of tables and
 * columns (analysis/answers/tables.def) are also their documentation. */
#ifndef MT_TABLE_H
#define MT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* X(suffix of MT_T_, name in documentation); the remark names the member of mt_value */
#define MT_COLUMN_TYPES(X)                                                                         \
    X(UINT, "whole number")       /* value.u */                                                    \
    X(INT, "signed whole number") /* value.i */                                                    \
    X(HEX, "address or handle")   /* value.u, written 0x... */                                     \
    X(REAL, "number")             /* value.r */                                                    \
    X(TEXT, "text")               /* value.s, UTF-8; bytes that are not are written escaped */

/* X(suffix of MT_U_, name in documentation) */
#define MT_UNITS(X) X(NONE, "") X(BYTES, "bytes") X(NS, "ns") X(COUNT, "count") X(SHARE, "share")

#define MT_TYPE_ENUM(suffix, text) MT_T_##suffix,
enum mt_column_type { MT_COLUMN_TYPES(MT_TYPE_ENUM) };
#undef MT_TYPE_ENUM

#define MT_UNIT_ENUM(suffix, text) MT_U_##suffix,
enum mt_unit { MT_UNITS(MT_UNIT_ENUM) };
#undef MT_UNIT_ENUM

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
    /* Without padding, so that it is copied part by part: one that was put together byte by byte
     * and is read as a whole keeps a processor waiting. */
    uint32_t null; /* 1: nothing */
    uint32_t word; /* a text that is a word has so many letters, see mt_word */
};

#define MT_WORD_BYTES 16u

/* A word that comes again and again: of letters, digits and underscores only, and NUL behind it. */
struct mt_word {
    char text[MT_WORD_BYTES];
    uint8_t length;
};
#define MT_WORD_OF(letters)                                                                        \
    {                                                                                              \
        letters, sizeof letters - 1                                                                \
    }

/* Where rows go. All of one table between begin and end; tables may be open side by side, then each
 * has its own sink. Negative enum mt_err stops the analysis. */
struct mt_sink {
    int (*begin)(struct mt_sink *sink, const struct mt_table *table);
    int (*row)(struct mt_sink *sink, const struct mt_table *table, const struct mt_value *cells);
    int (*end)(struct mt_sink *sink, const struct mt_table *table);
    void (*free)(struct mt_sink *sink); /* without an end before it: what was written is dropped */
    /* If floor > 0: rows whose number in column floor_column is not above it are dropped in any
     * case, and need not be made. Changes with every row. */
    uint64_t floor;
    size_t floor_column;
};

/* Release a sink; NULL is allowed. */
static inline void mt_sink_free(struct mt_sink *sink)
{
    if (sink)
        sink->free(sink);
}

static inline struct mt_value mt_uint(uint64_t u)
{
    return (struct mt_value){.u = u};
}

static inline struct mt_value mt_int(int64_t i)
{
    return (struct mt_value){.i = i};
}

static inline struct mt_value mt_real(double r)
{
    return (struct mt_value){.r = r};
}

/* NULL is no text. The string must live until row() returns. */
static inline struct mt_value mt_text(const char *s)
{
    return (struct mt_value){.s = s, .null = !s};
}

/* The same of a word, which has to be neither measured nor looked through. */
static inline struct mt_value mt_word(const struct mt_word *word)
{
    return (struct mt_value){.s = word->text, .word = word->length};
}

static inline struct mt_value mt_null(void)
{
    return (struct mt_value){.null = true};
}

/* What a type and a unit are called in documentation. */
const char *mt_column_type_name(enum mt_column_type type);
const char *mt_unit_name(enum mt_unit unit);

/* The column called `name`, NULL if there is none. */
const struct mt_column *mt_table_column(const struct mt_table *table, const char *name);

#endif
