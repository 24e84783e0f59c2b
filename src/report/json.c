#include <math.h>

#include "report/formats.h"

static void escape(struct mt_output *output, unsigned char byte)
{
    if (byte == '"' || byte == '\\')
        mt_printf(output, "\\%c", byte);
    else if (byte < 0x80)
        mt_printf(output, "\\u%04x", byte);
    else
        mt_printf(output, "\\\\x%02x", byte); /* the text \xNN: JSON has no way to say a byte */
}

void mt_put_json_text(struct mt_output *output, const char *text)
{
    mt_put_char(output, '"');
    mt_put_escaped(output, text, "\"\\", escape);
    mt_put_char(output, '"');
}

void mt_put_json_hex(struct mt_output *output, uint64_t value)
{
    mt_put_char(output, '"');
    mt_put_hex(output, value);
    mt_put_char(output, '"');
}

static void put_cell(struct mt_output *output, enum mt_column_type type,
                     const struct mt_value *cell)
{
    if (cell->null || (type == MT_T_REAL && !isfinite(cell->r))) {
        mt_put_string(output, "null");
        return;
    }
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
        mt_put_json_hex(output, cell->u);
        break;
    case MT_T_REAL:
        mt_put_real(output, cell->r);
        break;
    case MT_T_TEXT:
        mt_put_json_text(output, cell->s);
        break;
    }
}

static int begin(struct mt_sink *sink, const struct mt_table *table)
{
    (void)table;
    mt_put_char(mt_stream_of(sink)->output, '[');
    return mt_output_status(mt_stream_of(sink)->output);
}

static int row(struct mt_sink *sink, const struct mt_table *table, const struct mt_value *cells)
{
    struct mt_stream *stream = mt_stream_of(sink);
    mt_put_string(stream->output, stream->rows++ ? ",\n{" : "\n{");
    for (size_t i = 0; i < table->n_columns; i++) {
        mt_put_string(stream->output, i ? ",\"" : "\"");
        mt_put_string(stream->output, table->columns[i].name);
        mt_put_string(stream->output, "\":");
        put_cell(stream->output, table->columns[i].type, &cells[i]);
    }
    mt_put_char(stream->output, '}');
    return mt_output_status(stream->output);
}

static int end(struct mt_sink *sink, const struct mt_table *table)
{
    (void)table;
    mt_put_string(mt_stream_of(sink)->output, "\n]\n");
    return mt_output_close(mt_stream_of(sink)->output);
}

struct mt_sink *mt_json_sink_new(struct mt_output *output)
{
    static const struct mt_sink calls = {
        .begin = begin, .row = row, .end = end, .free = mt_stream_free};
    return mt_stream_new(output, &calls);
}
