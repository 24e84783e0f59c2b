#include <math.h>
#include <string.h>

#include "report/formats.h"
#include "report/number.h"

#define CELL 32u /* room for a number, and for a word that is put like one */

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

/* Bytes of a short text in which nothing needs quotes or escapes; CELL if it is not like that. */
static size_t simple_length(const char *text)
{
    size_t n = 0;
    while (n < CELL && text[n] > 0x20 && text[n] < 0x7f && text[n] != ',' && text[n] != '"')
        n++;
    return n > 0 && n < CELL && !text[n] ? n : CELL;
}

static char *put_number(char *to, enum mt_column_type type, const struct mt_value *cell)
{
    if (type == MT_T_HEX)
        return to + mt_format_hex(to, cell->u);
    bool negative = type == MT_T_INT && cell->i < 0;
    if (negative)
        *to++ = '-';
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

/* Most of a large table is whole numbers and short words: these go into the buffer as they are. */
static void put_cell(struct mt_output *output, enum mt_column_type type,
                     const struct mt_value *cell, char separator)
{
    char *to = mt_output_room(output, CELL + 1);
    size_t length = type == MT_T_TEXT && !cell->null ? simple_length(cell->s) : 0;
    if (!cell->null && (length == CELL || type == MT_T_REAL)) {
        put_slowly(output, type, cell);
        mt_put_char(output, separator);
        return;
    }
    if (!cell->null && type == MT_T_TEXT)
        to = (char *)memcpy(to, cell->s, length) + length;
    else if (!cell->null)
        to = put_number(to, type, cell);
    *to++ = separator;
    mt_output_filled(output, to);
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

static int row(struct mt_sink *sink, const struct mt_table *table, const struct mt_value *cells)
{
    struct mt_output *output = mt_stream_of(sink)->output;
    for (size_t i = 0; i < table->n_columns; i++)
        put_cell(output, table->columns[i].type, &cells[i], i + 1 < table->n_columns ? ',' : '\n');
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
