/* A CSV file has the same columns whatever events are in it: every field name of event.def once, in
 * the order in which the names first come there. */
#include <string.h>

#include "dump.h"
#include "report/formats.h"

#define COLUMNS_MAX 128

static struct {
    const char *name[COLUMNS_MAX];
    unsigned columns;
    uint8_t place[MT_KINDS][MT_FIELDS_MAX]; /* column of each field */
} csv;

static unsigned column_of(const char *name)
{
    for (unsigned i = 0; i < csv.columns; i++)
        if (strcmp(csv.name[i], name) == 0)
            return i;
    csv.name[csv.columns] = name;
    return csv.columns++;
}

static void begin(struct mt_output *output)
{
    csv.columns = 0;
    for (unsigned kind = 0; kind < MT_KINDS; kind++) {
        const struct mt_event_info *info = mt_event_info(kind);
        for (unsigned i = 0; info && i < info->fields; i++)
            csv.place[kind][i] = (uint8_t)column_of(info->field[i].name);
    }
    mt_put_string(output, "time_ns,thread,event");
    for (unsigned i = 0; i < csv.columns; i++) {
        mt_put_char(output, ',');
        mt_put_string(output, csv.name[i]);
    }
    mt_put_string(output, ",text,detail,layout,words\n");
}

static void escape(struct mt_output *output, unsigned char byte)
{
    if (byte == '"')
        mt_put_string(output, "\"\"");
    else
        mt_escape_hex(output, byte);
}

static void put_text(struct mt_output *output, const char *text)
{
    bool quoted = text[strcspn(text, ",\"\r\n")];
    if (quoted)
        mt_put_char(output, '"');
    mt_put_escaped(output, text, "\"", escape);
    if (quoted)
        mt_put_char(output, '"');
}

static void put_value(struct mt_output *output, const struct mt_trace *trace,
                      enum mt_field_type type, uint64_t value)
{
    if (type == MT_API)
        put_text(output, mt_trace_api(trace, value));
    else if (type == MT_ADDRESS || type == MT_HANDLE)
        mt_put_hex(output, value);
    else
        mt_put_uint(output, value);
}

static void put_fields(struct mt_output *output, const struct mt_trace *trace,
                       const struct mt_record *record, const struct mt_event_info *info)
{
    int8_t field[COLUMNS_MAX];
    memset(field, -1, sizeof field);
    for (unsigned i = 0; i < info->fields; i++)
        field[csv.place[record->kind][i]] = (int8_t)i;
    for (unsigned i = 0; i < csv.columns; i++) {
        mt_put_char(output, ',');
        if (field[i] >= 0)
            put_value(output, trace, info->field[field[i]].type, record->word[field[i]]);
    }
}

static void put_layout(struct mt_output *output, const struct mt_trace_kernel *kernel)
{
    for (uint32_t i = 0; kernel && i < kernel->params; i++) {
        if (i)
            mt_put_char(output, ' ');
        mt_put_uint(output, kernel->layout[2 * i]);
        mt_put_char(output, ':');
        mt_put_uint(output, kernel->layout[2 * i + 1]);
    }
}

static void put_words(struct mt_output *output, const struct mt_record *record)
{
    size_t words;
    const uint64_t *word = mt_dump_words_of(record, &words);
    for (size_t i = 0; i < words; i++) {
        if (i)
            mt_put_char(output, ' ');
        mt_put_hex(output, MT_WORD_ADDRESS(word[i]));
        mt_put_char(output, '@');
        mt_put_uint(output, MT_WORD_OFFSET(word[i]));
    }
}

static void event(struct mt_output *output, const struct mt_trace *trace,
                  const struct mt_record *record, uint32_t thread)
{
    static char buffer[MT_DUMP_TEXT];
    const struct mt_event_info *info = mt_event_info(record->kind);
    mt_put_uint(output, record->time);
    mt_put_char(output, ',');
    mt_put_uint(output, thread);
    mt_put_char(output, ',');
    mt_put_string(output, info->name);
    put_fields(output, trace, record, info);
    mt_put_char(output, ',');
    const char *text = mt_dump_text_of(trace, record, buffer);
    put_text(output, text ? text : "");
    mt_put_char(output, ',');
    text = mt_dump_detail_of(record, buffer);
    put_text(output, text ? text : "");
    mt_put_char(output, ',');
    put_layout(output, mt_dump_layout_of(trace, record));
    mt_put_char(output, ',');
    put_words(output, record);
    mt_put_char(output, '\n');
}

static void pair_begin(struct mt_output *output)
{
    mt_put_string(output, "key,value\n");
}

static void pair(struct mt_output *output, const char *key, const char *value)
{
    put_text(output, key);
    mt_put_char(output, ',');
    put_text(output, value);
    mt_put_char(output, '\n');
}

const struct mt_dump_format mt_dump_csv = {begin, event, pair_begin, pair};
