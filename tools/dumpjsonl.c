#include "dump.h"
#include "report/formats.h"

static void put_field(struct mt_output *output, const struct mt_trace *trace,
                      const struct mt_field_info *field, uint64_t value)
{
    mt_put_string(output, ",\"");
    mt_put_string(output, field->name);
    mt_put_string(output, "\":");
    if (field->type == MT_API)
        mt_put_json_text(output, mt_trace_api(trace, value));
    else if (field->type == MT_ADDRESS || field->type == MT_HANDLE)
        mt_put_json_hex(output, value);
    else
        mt_put_uint(output, value);
}

static void put_words(struct mt_output *output, const struct mt_record *record)
{
    size_t words;
    const uint64_t *word = mt_dump_words_of(record, &words);
    if (mt_event_info(record->kind)->tail != MT_TAIL_WORDS)
        return;
    mt_put_string(output, ",\"words\":[");
    for (size_t i = 0; i < words; i++) {
        mt_put_string(output, i ? ",{\"address\":" : "{\"address\":");
        mt_put_json_hex(output, MT_WORD_ADDRESS(word[i]));
        mt_put_string(output, ",\"offset\":");
        mt_put_uint(output, MT_WORD_OFFSET(word[i]));
        mt_put_char(output, '}');
    }
    mt_put_char(output, ']');
}

static void put_layout(struct mt_output *output, const struct mt_trace_kernel *kernel)
{
    if (!kernel)
        return;
    mt_put_string(output, ",\"layout\":[");
    for (uint32_t i = 0; i < kernel->params; i++) {
        mt_put_string(output, i ? ",{\"offset\":" : "{\"offset\":");
        mt_put_uint(output, kernel->layout[2 * i]);
        mt_put_string(output, ",\"size\":");
        mt_put_uint(output, kernel->layout[2 * i + 1]);
        mt_put_char(output, '}');
    }
    mt_put_char(output, ']');
}

static void event(struct mt_output *output, const struct mt_trace *trace,
                  const struct mt_record *record, uint32_t thread)
{
    static char buffer[MT_DUMP_TEXT];
    const struct mt_event_info *info = mt_event_info(record->kind);
    mt_put_string(output, "{\"time_ns\":");
    mt_put_uint(output, record->time);
    mt_put_string(output, ",\"thread\":");
    mt_put_uint(output, thread);
    mt_put_string(output, ",\"event\":\"");
    mt_put_string(output, info->name);
    mt_put_char(output, '"');
    for (unsigned i = 0; i < info->fields; i++)
        put_field(output, trace, &info->field[i], record->word[i]);
    const char *text = mt_dump_text_of(trace, record, buffer);
    if (text) {
        mt_put_string(output, ",\"text\":");
        mt_put_json_text(output, text);
    }
    if ((text = mt_dump_detail_of(record, buffer))) {
        mt_put_string(output, ",\"detail\":");
        mt_put_json_text(output, text);
    }
    put_layout(output, mt_dump_layout_of(trace, record));
    put_words(output, record);
    mt_put_string(output, "}\n");
}

static void pair(struct mt_output *output, const char *key, const char *value)
{
    mt_put_string(output, "{\"key\":");
    mt_put_json_text(output, key);
    mt_put_string(output, ",\"value\":");
    mt_put_json_text(output, value);
    mt_put_string(output, "}\n");
}

const struct mt_dump_format mt_dump_jsonl = {.event = event, .pair = pair};
