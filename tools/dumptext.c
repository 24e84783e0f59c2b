#include <stdio.h>
#include <string.h>

#include "dump.h"
#include "report/formats.h"
#include "report/number.h"

#define KIND_WIDTH 12

static void put_time(struct mt_output *output, uint64_t ns)
{
    char digits[32];
    int size = snprintf(digits, sizeof digits, "%6u.%09u", (unsigned)(ns / 1000000000u),
                        (unsigned)(ns % 1000000000u));
    mt_put(output, digits, (size_t)size);
}

static void put_field(struct mt_output *output, const struct mt_trace *trace,
                      const struct mt_field_info *field, uint64_t value)
{
    mt_put_char(output, ' ');
    mt_put_string(output, field->name);
    mt_put_char(output, '=');
    if (field->type == MT_API)
        mt_put_escaped(output, mt_trace_api(trace, value), " ", mt_escape_hex);
    else if (field->type == MT_ADDRESS || field->type == MT_HANDLE)
        mt_put_hex(output, value);
    else
        mt_put_uint(output, value);
}

static void put_words(struct mt_output *output, const struct mt_record *record)
{
    size_t words;
    const uint64_t *word = mt_dump_words_of(record, &words);
    for (size_t i = 0; i < words; i++) {
        mt_put_string(output, i ? "," : " words=");
        mt_put_hex(output, MT_WORD_ADDRESS(word[i]));
        mt_put_char(output, '@');
        mt_put_uint(output, MT_WORD_OFFSET(word[i]));
    }
}

static void put_layout(struct mt_output *output, const struct mt_trace_kernel *kernel)
{
    for (uint32_t i = 0; kernel && i < kernel->params; i++) {
        mt_put_string(output, i ? "," : " layout=");
        mt_put_uint(output, kernel->layout[2 * i]);
        mt_put_char(output, ':');
        mt_put_uint(output, kernel->layout[2 * i + 1]);
    }
}

static void event(struct mt_output *output, const struct mt_trace *trace,
                  const struct mt_record *record, uint32_t thread)
{
    static char buffer[MT_DUMP_TEXT];
    const struct mt_event_info *info = mt_event_info(record->kind);
    size_t name = strlen(info->name);
    put_time(output, record->time);
    mt_put_spaces(output, 2);
    mt_put_uint(output, thread);
    mt_put_spaces(output, 2);
    mt_put_string(output, info->name);
    mt_put_spaces(output, name < KIND_WIDTH ? KIND_WIDTH - name : 0);
    for (unsigned i = 0; i < info->fields; i++)
        put_field(output, trace, &info->field[i], record->word[i]);
    const char *text = mt_dump_text_of(trace, record, buffer);
    if (text) {
        mt_put_string(output, " text=");
        mt_put_escaped(output, text, "", mt_escape_hex);
    }
    if ((text = mt_dump_detail_of(record, buffer))) {
        mt_put_string(output, " detail=");
        mt_put_escaped(output, text, "", mt_escape_hex);
    }
    put_layout(output, mt_dump_layout_of(trace, record));
    put_words(output, record);
    mt_put_char(output, '\n');
}

static void pair(struct mt_output *output, const char *key, const char *value)
{
    size_t size = strlen(key);
    mt_put_escaped(output, key, "", mt_escape_hex);
    mt_put_spaces(output, size < 23 ? 24 - size : 1);
    mt_put_escaped(output, value, "", mt_escape_hex);
    mt_put_char(output, '\n');
}

const struct mt_dump_format mt_dump_text = {.event = event, .pair = pair};
