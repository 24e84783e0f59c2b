#include "dump.h"

#include <string.h>

static const char *cut_out(const char *text, size_t most, char *buffer)
{
    size_t size = strnlen(text, most);
    memcpy(buffer, text, size);
    buffer[size] = 0;
    return buffer;
}

const char *mt_dump_text_of(const struct mt_trace *trace, const struct mt_record *record,
                            char *buffer)
{
    const struct mt_event_info *info = mt_event_info(record->kind);
    if (record->kind == MT_launch || record->kind == MT_access) {
        const struct mt_trace_kernel *kernel = mt_trace_kernel(trace, record->word[0]);
        return kernel ? kernel->name : NULL;
    }
    if (record->kind == MT_mark || record->kind == MT_range_push || record->kind == MT_range_start)
        return mt_trace_string(trace, record->word[0]);
    if (info->tail != MT_TAIL_BYTES)
        return NULL;
    size_t words;
    const char *text = (const char *)mt_record_tail(record, &words);
    return cut_out(text, words * sizeof(uint64_t), buffer);
}

const char *mt_dump_detail_of(const struct mt_record *record, char *buffer)
{
    size_t words;
    const char *text = (const char *)mt_record_tail(record, &words);
    if (record->kind != MT_code && record->kind != MT_module)
        return NULL;
    size_t size = words * sizeof(uint64_t), first = strnlen(text, size);
    return first < size ? cut_out(text + first + 1, size - first - 1, buffer) : "";
}

const uint64_t *mt_dump_words_of(const struct mt_record *record, size_t *words)
{
    const uint64_t *word = mt_record_tail(record, words);
    if (mt_event_info(record->kind)->tail != MT_TAIL_WORDS)
        *words = 0;
    return word;
}

const struct mt_trace_kernel *mt_dump_layout_of(const struct mt_trace *trace,
                                                const struct mt_record *record)
{
    const struct mt_trace_kernel *kernel = NULL;
    if (record->kind == MT_kernel)
        kernel = mt_trace_kernel(trace, record->word[0]);
    return kernel && kernel->params != MT_PARAMS_UNKNOWN ? kernel : NULL;
}
