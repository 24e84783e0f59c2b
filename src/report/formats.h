/* One sink a format; see report/writer.h, which is how they are reached. */
#ifndef MT_FORMATS_H
#define MT_FORMATS_H

#include "report/output.h"
#include "table/table.h"

/* The output belongs to the sink once it is not NULL (out of memory). */
struct mt_sink *mt_text_sink_new(struct mt_output *output);
struct mt_sink *mt_csv_sink_new(struct mt_output *output);
struct mt_sink *mt_json_sink_new(struct mt_output *output);

/* What they share: begin of each format's own sink. */
struct mt_stream {
    struct mt_sink sink;
    struct mt_output *output;
    uint64_t rows;
};

struct mt_sink *mt_stream_new(struct mt_output *output, const struct mt_sink *calls);
void mt_stream_free(struct mt_sink *sink);

static inline struct mt_stream *mt_stream_of(struct mt_sink *sink)
{
    return (struct mt_stream *)(void *)sink;
}

/* The shortest decimal that reads back as the same number. */
void mt_put_real(struct mt_output *output, double value);

/* `text` with what mt_utf8_clean stops at replaced by what `escape` writes for that byte. */
void mt_put_escaped(struct mt_output *output, const char *text, const char *special,
                    void (*escape)(struct mt_output *output, unsigned char byte));

/* \xNN: a byte that is not text. */
void mt_escape_hex(struct mt_output *output, unsigned char byte);

/* A JSON string of a text, and of 0x...: many readers keep numbers as doubles, which lose low
 * bits. */
void mt_put_json_text(struct mt_output *output, const char *text);
void mt_put_json_hex(struct mt_output *output, uint64_t value);

#endif
