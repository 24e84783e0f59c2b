#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/digits.h"
#include "report/formats.h"
#include "report/number.h"

#define CELL 32u /* room for a number, and for a word that is put like one */

_Static_assert(CELL >= MT_DIGITS_MAX + 1, "a number with its sign fits");
_Static_assert(CELL >= MT_WORD_BYTES, "a word fits");

static void escape(struct mt_output *output, unsigned char byte)
{
    if (byte == '"')
        mt_put_string(output, "\"\"");
    else if (byte == '\n' || byte == '\r' || byte == '\t')
        mt_put_char(output, (char)byte);
    else
        mt_escape_hex(output, byte);
}

/* Quotes where RFC 4180 asks for them, and around the empty text, which is not the missing one. */
static void put_text(struct mt_output *output, const char *text)
{
    bool quoted = !*text || text[strcspn(text, ",\"\r\n")];
    if (quoted)
        mt_put_char(output, '"');
    mt_put_escaped(output, text, "\"", escape);
    if (quoted)
        mt_put_char(output, '"');
}

/* Copy a short text in which nothing needs quotes or escapes; NULL if it is not like that. */
static char *put_word(char *to, const char *text)
{
    char *const limit = to + CELL;
    char c = *text;
    while (c > 0x20 && c < 0x7f && c != ',' && c != '"' && to < limit) {
        *to++ = c;
        c = *++text;
    }
    return c || to == limit - CELL ? NULL : to;
}

/* The digits of a large number but for its last eight. Times often begin alike. */
struct head {
    uint64_t value;
    size_t length;
    char digits[16];
};

struct csv {
    struct mt_stream stream;
    struct head head;
};

static inline char *put_large(char *to, uint64_t value, struct head *head)
{
    uint64_t upper = value / MT_EIGHT;
    if (upper != head->value) {
        head->value = upper;
        head->length = mt_format_uint(head->digits, upper); /* at most twelve */
    }
    memcpy(to, head->digits, sizeof head->digits);
    mt_put_digits(to + head->length, mt_eight_digits((uint32_t)(value - upper * MT_EIGHT)));
    return to + head->length + 8;
}

static inline char *put_uint(char *to, uint64_t value, struct head *head)
{
    if (value < 10) {
        *to = (char)('0' + value);
        return to + 1;
    }
    return value < MT_EIGHT ? to + mt_put_head(to, (uint32_t)value) : put_large(to, value, head);
}

/* What is rare: texts that may need quotes, numbers with a point. */
static void put_slowly(struct mt_output *output, enum mt_column_type type,
                       const struct mt_value *cell)
{
    if (type == MT_T_TEXT)
        put_text(output, cell->s);
    else if (isfinite(cell->r))
        mt_put_real(output, cell->r);
}

/* A whole number or a short word, of at most CELL bytes; NULL where it is none. */
static inline __attribute__((always_inline)) char *
put_simply(char *to, enum mt_column_type type, const struct mt_value *cell, struct head *head)
{
    if (type == MT_T_UINT)
        return put_uint(to, cell->u, head);
    if (type == MT_T_TEXT && cell->word) {
        memcpy(to, cell->s, MT_WORD_BYTES);
        return to + cell->word;
    }
    if (type == MT_T_TEXT)
        return put_word(to, cell->s);
    if (type == MT_T_HEX)
        return to + mt_put_hex_number(to, cell->u);
    if (type == MT_T_REAL)
        return NULL;
    if (cell->i >= 0)
        return put_uint(to, cell->u, head);
    *to = '-';
    return put_uint(to + 1, 0 - cell->u, head);
}

static int begin(struct mt_sink *sink, const struct mt_table *table)
{
    struct mt_output *output = mt_stream_of(sink)->output;
    for (size_t i = 0; i < table->n_columns; i++) {
        if (i)
            mt_put_char(output, ',');
        mt_put_string(output, table->columns[i].name);
    }
    mt_put_char(output, '\n');
    return mt_output_status(output);
}

/* Most of a large table is whole numbers and short words: these go into the buffer as they are,
 * with room made for all of them at once. */
static int row(struct mt_sink *sink, const struct mt_table *table, const struct mt_value *cells)
{
    struct csv *csv = (struct csv *)(void *)sink;
    struct mt_output *output = csv->stream.output;
    const struct mt_column *column = table->columns, *const end = column + table->n_columns;
    char *to = mt_output_room(output, table->n_columns * (CELL + 1));
    for (const struct mt_value *cell = cells; column < end; column++, cell++) {
        char *next = cell->null ? to : put_simply(to, column->type, cell, &csv->head);
        if (__builtin_expect(!next, 0)) {
            mt_output_filled(output, to);
            put_slowly(output, column->type, cell);
            next = mt_output_room(output, (size_t)(end - column) * (CELL + 1));
        }
        *next = ',';
        to = next + 1;
    }
    to[-1] = '\n';
    mt_output_filled(output, to);
    return mt_output_status(output);
}

static int end(struct mt_sink *sink, const struct mt_table *table)
{
    (void)table;
    return mt_output_close(mt_stream_of(sink)->output);
}

struct mt_sink *mt_csv_sink_new(struct mt_output *output)
{
    struct csv *csv = calloc(1, sizeof *csv);
    if (!csv)
        return NULL;
    csv->stream.sink =
        (struct mt_sink){.begin = begin, .row = row, .end = end, .free = mt_stream_free};
    csv->stream.output = output;
    csv->head.length = mt_format_uint(csv->head.digits, csv->head.value);
    return &csv->stream.sink;
}
