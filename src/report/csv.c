#include <math.h>
#include <string.h>

#include "report/formats.h"

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

static void put_cell(struct mt_output *output, enum mt_column_type type,
                     const struct mt_value *cell)
{
    if (cell->null)
        return;
    switch (type) {
    case MT_T_UINT:
        mt_put_uint(output, cell->u);
        break;
    case MT_T_INT:
        if (cell->i < 0)
            mt_put_char(output, '-');
        mt_put_uint(output, cell->i < 0 ? 0 - cell->u : cell->u);
        break;
    case MT_T_HEX:
        mt_put_hex(output, cell->u);
        break;
    case MT_T_REAL:
        if (isfinite(cell->r))
            mt_put_real(output, cell->r);
        break;
    case MT_T_TEXT:
        put_text(output, cell->s);
        break;
    }
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
    for (size_t i = 0; i < table->n_columns; i++) {
        if (i)
            mt_put_char(output, ',');
        put_cell(output, table->columns[i].type, &cells[i]);
    }
    mt_put_char(output, '\n');
    return mt_output_status(output);
}

static int end(struct mt_sink *sink, const struct mt_table *table)
{
    (void)table;
    return mt_output_close(mt_stream_of(sink)->output);
}

struct mt_sink *mt_csv_sink_new(struct mt_output *output)
{
    static const struct mt_sink calls = {begin, row, end, mt_stream_free};
    return mt_stream_new(output, &calls);
}
