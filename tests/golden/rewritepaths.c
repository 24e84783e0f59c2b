/* A trace with other paths in it, for golden files: where a job was recorded is nobody's affair.
 *
 * usage: rewritepaths IN OUT FROM=TO...     in the meta data and in texts of events */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memtrace/trace.h"
#include "tracewriter.h"

#define TEXT_MAX 65536u

/* `size` bytes with each FROM of the pairs replaced; returns the new size. */
static size_t replaced(const char *text, size_t size, char *const *pairs, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < size;) {
        char *const *pair = pairs;
        size_t from = 0;
        for (; *pair; pair++) {
            from = strcspn(*pair, "=");
            if (size - i >= from && memcmp(text + i, *pair, from) == 0)
                break;
        }
        const char *to = *pair ? *pair + from + 1 : text + i;
        size_t length = *pair ? strlen(to) : 1;
        if (n + length > TEXT_MAX) {
            fprintf(stderr, "a text is too long\n");
            exit(1);
        }
        memcpy(out + n, to, length);
        n += length;
        i += *pair ? from : 1;
    }
    return n;
}

static void copy_meta(const struct mt_trace *trace, struct mt_tracewriter *writer,
                      char *const *pairs)
{
    static char value[TEXT_MAX + 1];
    const char *key;
    for (uint32_t i = 0; (key = mt_trace_meta_key(trace, i)); i++) {
        const char *old = mt_trace_meta(trace, key);
        value[replaced(old, strlen(old), pairs, value)] = 0;
        mt_tracewriter_meta(writer, key, value);
    }
}

static void copy_text(struct mt_tracewriter *writer, uint32_t thread,
                      const struct mt_record *record, char *const *pairs)
{
    static uint64_t word[64 + TEXT_MAX / 8 + 1];
    size_t words;
    const uint64_t *tail = mt_record_tail(record, &words);
    size_t fields = (size_t)(tail - record->word), size = words * 8;
    const char *text = (const char *)tail;
    while (size > 0 && !text[size - 1])
        size--;
    memset(word, 0, sizeof word);
    memcpy(word, record->word, fields * 8);
    /* Behind the last text of `code` and `module` a NUL stands. */
    size = replaced(text, size, pairs, (char *)&word[fields]) + (record->kind != MT_string);
    mt_tracewriter_words(writer, thread, record->time, record->kind, word,
                         (uint32_t)(fields + (size + 7) / 8));
}

static void copy_events(struct mt_trace *trace, struct mt_tracewriter *writer, char *const *pairs)
{
    const struct mt_record *record;
    uint32_t thread;
    while ((record = mt_trace_next(trace, &thread)))
        if (record->kind == MT_code || record->kind == MT_module || record->kind == MT_string)
            copy_text(writer, thread, record, pairs);
        else
            mt_tracewriter_add(writer, thread, record);
}

/* As the input is, in chunks small enough that half of a small file holds some. */
static struct mt_tracefile_options options_of(const char *path, const struct mt_trace *trace)
{
    struct mt_file_header header;
    struct mt_trace_stats stats;
    FILE *file = fopen(path, "rb");
    if (!file || fread(&header, sizeof header, 1, file) != 1) {
        fprintf(stderr, "%s: no header\n", path);
        exit(1);
    }
    fclose(file);
    mt_trace_stats(trace, &stats);
    return (struct mt_tracefile_options){.chunk_events = 1024 + (uint32_t)(stats.events / 16),
                                         .level = 19,
                                         .time_shift = header.time_shift,
                                         .trace_id = header.trace_id,
                                         .pid = header.pid,
                                         .start_realtime_ns = header.start_realtime_ns,
                                         .start_monotonic_ns = header.start_monotonic_ns};
}

int main(int argc, char **argv)
{
    struct mt_trace *trace;
    struct mt_error error;
    if (argc < 4)
        return 2;
    if (mt_trace_open(&trace, argv[1], &error) < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], error.message);
        return 1;
    }
    struct mt_tracefile_options options = options_of(argv[1], trace);
    struct mt_tracewriter *writer = mt_tracewriter_new(argv[2], &options);
    copy_meta(trace, writer, argv + 3);
    mt_tracewriter_flush(writer);
    copy_events(trace, writer, argv + 3);
    mt_tracewriter_free(writer);
    mt_trace_free(trace);
    return 0;
}
