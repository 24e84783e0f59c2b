#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/formats.h"
#include "report/utf8.h"

struct mt_sink *mt_stream_new(struct mt_output *output, const struct mt_sink *calls)
{
    struct mt_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->sink = *calls;
    stream->output = output;
    return &stream->sink;
}

void mt_stream_free(struct mt_sink *sink)
{
    mt_output_free(mt_stream_of(sink)->output);
    free(sink);
}

void mt_put_real(struct mt_output *output, double value)
{
    char text[32];
    int length = 0;
    if (value >= 1 && value < 1e6 && value == (double)(uint32_t)value) {
        mt_put_uint(output, (uint32_t)value);
        return;
    }
    for (int digits = 6; digits <= 17; digits += 11) {
        length = snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    mt_put(output, text, (size_t)length);
}

void mt_put_escaped(struct mt_output *output, const char *text, const char *special,
                    void (*escape)(struct mt_output *output, unsigned char byte))
{
    for (;;) {
        size_t length = mt_utf8_clean(text, special);
        mt_put(output, text, length);
        text += length;
        if (!*text)
            return;
        escape(output, (unsigned char)*text++);
    }
}

void mt_escape_hex(struct mt_output *output, unsigned char byte)
{
    mt_printf(output, "\\x%02x", byte);
}
