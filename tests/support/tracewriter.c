#include "tracewriter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mt_tracewriter {
    FILE *out;
    struct mt_tracefile *file;
    struct mt_error error;
};

static int put(void *context, const void *bytes, size_t size)
{
    struct mt_tracewriter *writer = context;
    if (fwrite(bytes, size, 1, writer->out) == 1)
        return 0;
    return mt_fail(&writer->error, MT_ERR_SYSTEM, "cannot write");
}

static void need(const struct mt_tracewriter *writer, int code)
{
    if (code < 0) {
        fprintf(stderr, "tracewriter: %s\n", writer ? writer->error.message : "out of memory");
        exit(99);
    }
}

struct mt_tracewriter *mt_tracewriter_new(const char *path,
                                          const struct mt_tracefile_options *options)
{
    struct mt_tracewriter *writer = calloc(1, sizeof *writer);
    need(NULL, writer ? 0 : MT_ERR_MEMORY);
    writer->out = fopen(path, "wb");
    if (!writer->out) {
        perror(path);
        exit(99);
    }
    writer->file = mt_tracefile_new(put, writer, options, &writer->error);
    need(writer, writer->file ? 0 : MT_ERR_MEMORY);
    return writer;
}

void mt_tracewriter_meta(struct mt_tracewriter *writer, const char *key, const char *value)
{
    need(writer, mt_tracefile_meta(writer->file, key, value));
}

void mt_tracewriter_flush(struct mt_tracewriter *writer)
{
    need(writer, mt_tracefile_flush(writer->file));
}

void mt_tracewriter_add(struct mt_tracewriter *writer, uint32_t thread,
                        const struct mt_record *record)
{
    need(writer, mt_tracefile_add(writer->file, thread, record));
}

void mt_tracewriter_words(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                          enum mt_kind kind, const uint64_t *word, uint32_t words)
{
    need(writer, mt_tracefile_words(writer->file, thread, time_ns, kind, word, words));
}

void mt_tracewriter_kernel(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                           uint64_t id, const char *name, uint32_t params, const uint16_t *layout)
{
    need(writer, mt_tracefile_kernel(writer->file, thread, time_ns, id, name, params, layout));
}

void mt_tracewriter_launch(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                           uint64_t kernel, uint64_t stream, const uint64_t *word, uint32_t words)
{
    struct mt_ev_launch event = {.kernel = kernel, .stream = stream};
    need(writer,
         mt_tracefile_text(writer->file, thread, time_ns, MT_launch, (const uint64_t *)&event,
                           sizeof event / sizeof(uint64_t), word, words * sizeof *word));
}

/* `fields` words, then both texts. */
static void put_texts(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                      enum mt_kind kind, const uint64_t *field, uint32_t fields, const char *first,
                      const char *second)
{
    char text[4096];
    size_t one = strlen(first) + 1, two = strlen(second) + 1;
    memcpy(text, first, one);
    memcpy(text + one, second, two);
    need(writer,
         mt_tracefile_text(writer->file, thread, time_ns, kind, field, fields, text, one + two));
}

void mt_tracewriter_code(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                         uint64_t id, uint64_t first_line, const char *file, const char *name)
{
    put_texts(writer, thread, time_ns, MT_code, (uint64_t[]){id, first_line}, 2, file, name);
}

void mt_tracewriter_module(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                           uint64_t id, uint64_t base, uint64_t size, const char *path,
                           const char *build_id)
{
    put_texts(writer, thread, time_ns, MT_module, (uint64_t[]){id, base, size}, 3, path, build_id);
}

void mt_tracewriter_lost(struct mt_tracewriter *writer, uint32_t thread, uint32_t events)
{
    need(writer, mt_tracefile_lost(writer->file, thread, events));
}

void mt_tracewriter_raw(struct mt_tracewriter *writer, const void *bytes, size_t size)
{
    need(writer, mt_tracefile_raw(writer->file, bytes, size));
}

uint64_t mt_tracewriter_size(const struct mt_tracewriter *writer)
{
    return mt_tracefile_size(writer->file);
}

uint64_t mt_tracewriter_free(struct mt_tracewriter *writer)
{
    need(writer, mt_tracefile_finish(writer->file));
    uint64_t size = mt_tracefile_size(writer->file);
    if (fclose(writer->out) != 0) {
        perror("tracewriter");
        exit(99);
    }
    mt_tracefile_free(writer->file);
    free(writer);
    return size;
}
