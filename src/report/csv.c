#include <math.h>
#include <string.h>

#include "report/formats.h"
#include "report/number.h"

#define CELL 32u /* room for a number, and for a word that is put like one */

_Static_assert(CELL >= MT_DIGITS_MAX + 1, "a number with its sign fits");

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

static char *put_number(char *to, enum mt_column_type type, const struct mt_value *cell)
{
    if (type == MT_T_HEX)
        return to + mt_format_hex(to, cell->u);
    bool negative = type == MT_T_INT && cell->i < 0;
    if (negative)
        *to++ = '-';
    if (cell->u < 10) {
        *to++ = (char)('0' + cell->u);
        return to;
    }
    return to + mt_format_uint(to, negative ? 0 - cell->u : cell->u);
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
static inline char *put_simply(char *to, enum mt_column_type type, const struct mt_value *cell)
{
    if (cell->null)
        return to;
    if (type == MT_T_TEXT)
        return put_word(to, cell->s);
    return type == MT_T_REAL ? NULL : put_number(to, type, cell);
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
    struct mt_output *output = mt_stream_of(sink)->output;
    size_t n = table->n_columns;
    char *to = mt_output_room(output, n * (CELL + 1));
    for (size_t i = 0; i < n; i++) {
        enum mt_column_type type = table->columns[i].type;
        char *end = put_simply(to, type, &cells[i]);
        if (!end) {
            mt_output_filled(output, to);
            put_slowly(output, type, &cells[i]);
            end = mt_output_room(output, (n - i) * (CELL + 1));
        }
        *end++ = i + 1 < n ? ',' : '\n';
        to = end;
    }
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
    static const struct mt_sink calls = {
        .begin = begin, .row = row, .end = end, .free = mt_stream_free};
    return mt_stream_new(output, &calls);
}
