/* Aligned columns. Widths come from the first rows, which are held back as text; later rows that
 * are wider push their line to the right rather than being cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/formats.h"
#include "report/number.h"
#include "report/utf8.h"

#define HELD_ROWS 1000u
#define CELL_BYTES 256u  /* room for one cell's text */
#define CELL_COLUMNS 60u /* a longer text is cut and ends in ... */

struct text_sink {
    struct mt_stream stream;
    size_t *width; /* of each column, in characters */
    char *held;    /* cells of the first rows, each ended by NUL */
    size_t held_size, held_room;
    bool streaming;
};

static struct text_sink *text_of(struct mt_sink *sink)
{
    return (struct text_sink *)(void *)sink;
}

/* Characters, as a terminal counts them but for wide and combining ones. */
static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* `text` with unprintable bytes as \xNN, cut after CELL_COLUMNS characters. */
static void cut_text(char *to, const char *text)
{
    size_t n = 0, at = 0;
    while (*text && n < CELL_COLUMNS - 3) {
        size_t clean = mt_utf8_clean(text, "") ? mt_utf8_length(text) : 0;
        if (clean) {
            memcpy(to + at, text, clean);
            at += clean;
            text += clean;
            n++;
        } else {
            at += (size_t)sprintf(to + at, "\\x%02x", (unsigned char)*text++);
            n += 4;
        }
    }
    bool rest = *text && (strlen(text) > 3 || text[mt_utf8_clean(text, "")]);
    strcpy(to + at, rest ? "..." : text);
}

static void format_uint(char *to, enum mt_unit unit, uint64_t value)
{
    switch (unit) {
    case MT_U_BYTES:
        mt_human_bytes(to, value);
        break;
    case MT_U_NS:
        mt_exact_ns(to, value);
        break;
    case MT_U_COUNT:
        mt_human_count(to, value);
        break;
    case MT_U_NONE:
    case MT_U_SHARE:
        to[mt_format_uint(to, value)] = 0;
        break;
    }
}

static void format_cell(char to[CELL_BYTES], const struct mt_column *column,
                        const struct mt_value *cell)
{
    if (cell->null) {
        strcpy(to, "-");
        return;
    }
    switch (column->type) {
    case MT_T_UINT:
        format_uint(to, column->unit, cell->u);
        break;
    case MT_T_INT:
        snprintf(to, CELL_BYTES, "%lld", (long long)cell->i);
        break;
    case MT_T_HEX:
        to[mt_format_hex(to, cell->u)] = 0;
        break;
    case MT_T_REAL:
        if (column->unit == MT_U_SHARE)
            mt_human_share(to, cell->r);
        else
            snprintf(to, CELL_BYTES, "%.6g", cell->r);
        break;
    case MT_T_TEXT:
        cut_text(to, cell->s);
        break;
    }
}

static void put_cell(struct text_sink *sink, const struct mt_table *table, size_t i,
                     const char *text)
{
    struct mt_output *output = sink->stream.output;
    size_t length = characters(text);
    size_t gap = sink->width[i] > length ? sink->width[i] - length : 0;
    bool last = i + 1 == table->n_columns;
    if (table->columns[i].type == MT_T_TEXT) {
        mt_put_string(output, text);
        mt_put_spaces(output, last ? 0 : gap);
    } else {
        mt_put_spaces(output, gap);
        mt_put_string(output, text);
    }
    mt_put_string(output, last ? "\n" : "  ");
}

/* The header and the rows that were held back, now that the widths are known. */
static void flush_held(struct text_sink *sink, const struct mt_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++)
        put_cell(sink, table, i, table->columns[i].name);
    const char *cell = sink->held;
    for (uint64_t r = 0; r < sink->stream.rows; r++)
        for (size_t i = 0; i < table->n_columns; i++, cell += strlen(cell) + 1)
            put_cell(sink, table, i, cell);
    sink->streaming = true;
}

static int hold(struct text_sink *sink, size_t column, const char *cell)
{
    size_t size = strlen(cell) + 1, width = characters(cell);
    if (sink->held_room - sink->held_size < size) {
        size_t room = sink->held_room ? sink->held_room * 2 : 16384;
        char *held = realloc(sink->held, room);
        if (!held)
            return MT_ERR_MEMORY;
        sink->held = held;
        sink->held_room = room;
    }
    memcpy(sink->held + sink->held_size, cell, size);
    sink->held_size += size;
    if (sink->width[column] < width)
        sink->width[column] = width;
    return 0;
}

static int begin(struct mt_sink *base, const struct mt_table *table)
{
    struct text_sink *sink = text_of(base);
    sink->width = calloc(table->n_columns, sizeof *sink->width);
    if (!sink->width)
        return MT_ERR_MEMORY;
    for (size_t i = 0; i < table->n_columns; i++)
        sink->width[i] = strlen(table->columns[i].name);
    return 0;
}

static int row(struct mt_sink *base, const struct mt_table *table, const struct mt_value *cells)
{
    struct text_sink *sink = text_of(base);
    char cell[CELL_BYTES];
    for (size_t i = 0; i < table->n_columns; i++) {
        format_cell(cell, &table->columns[i], &cells[i]);
        if (sink->streaming)
            put_cell(sink, table, i, cell);
        else
            RETURN_IF_ERROR(hold(sink, i, cell));
    }
    if (++sink->stream.rows == HELD_ROWS)
        flush_held(sink, table);
    return mt_output_status(sink->stream.output);
}

static int end(struct mt_sink *base, const struct mt_table *table)
{
    struct text_sink *sink = text_of(base);
    if (!sink->streaming)
        flush_held(sink, table);
    return mt_output_close(sink->stream.output);
}

static void text_free(struct mt_sink *base)
{
    struct text_sink *sink = text_of(base);
    free(sink->width);
    free(sink->held);
    mt_stream_free(base);
}

struct mt_sink *mt_text_sink_new(struct mt_output *output)
{
    struct text_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return NULL;
    sink->stream.sink = (struct mt_sink){.begin = begin, .row = row, .end = end, .free = text_free};
    sink->stream.output = output;
    return &sink->stream.sink;
}
