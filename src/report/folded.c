#include <stdlib.h>
#include <string.h>

#include "report/formats.h"
#include "report/stacksinks.h"

struct folded {
    struct mt_stream stream; /* rows: stacks that came */
    const char *weight;
    size_t frames_column, weight_column;
};

static struct folded *folded_of(struct mt_sink *sink)
{
    return (struct folded *)(void *)sink;
}

const char *mt_frame_from_end(const char *frames, size_t *end, size_t *length)
{
    if (*end == 0)
        return NULL;
    size_t begin = *end;
    while (begin > 0 && frames[begin - 1] != ';')
        begin--;
    *length = *end - begin;
    *end = begin > 0 ? begin - 1 : 0;
    return frames + begin;
}

static int begin(struct mt_sink *sink, const struct mt_table *table)
{
    struct folded *folded = folded_of(sink);
    folded->frames_column = (size_t)(mt_table_column(table, "frames") - table->columns);
    folded->weight_column = (size_t)(mt_table_column(table, folded->weight) - table->columns);
    return 0;
}

/* One frame; a control character would break the line apart. */
static void put_frame(struct mt_output *output, const char *frame, size_t length)
{
    char *text = strndup(frame, length);
    if (text)
        mt_put_escaped(output, text, "", mt_escape_hex);
    free(text);
}

static int row(struct mt_sink *sink, const struct mt_table *table, const struct mt_value *cells)
{
    struct folded *folded = folded_of(sink);
    struct mt_output *output = folded->stream.output;
    const char *frames = cells[folded->frames_column].s, *frame;
    size_t length, end = strlen(frames);
    (void)table;
    folded->stream.rows++;
    if (cells[folded->weight_column].u == 0)
        return mt_output_status(output);
    for (bool first = true; (frame = mt_frame_from_end(frames, &end, &length)); first = false) {
        if (!first)
            mt_put_char(output, ';');
        put_frame(output, frame, length);
    }
    mt_put_char(output, ' ');
    mt_put_uint(output, cells[folded->weight_column].u);
    mt_put_char(output, '\n');
    return mt_output_status(output);
}

static int finish(struct mt_sink *sink, const struct mt_table *table)
{
    struct folded *folded = folded_of(sink);
    (void)table;
    return folded->stream.rows ? mt_output_close(folded->stream.output) : 0;
}

static void folded_free(struct mt_sink *sink)
{
    mt_output_free(folded_of(sink)->stream.output);
    free(sink);
}

struct mt_sink *mt_folded_sink_new(struct mt_output *output, const char *weight)
{
    struct folded *folded = calloc(1, sizeof *folded);
    if (!folded) {
        mt_output_free(output);
        return NULL;
    }
    folded->stream.sink =
        (struct mt_sink){.begin = begin, .row = row, .end = finish, .free = folded_free};
    folded->stream.output = output;
    folded->weight = weight;
    return &folded->stream.sink;
}

bool mt_stack_sink_filled(const struct mt_sink *sink)
{
    return ((const struct mt_stream *)(const void *)sink)->rows > 0;
}
