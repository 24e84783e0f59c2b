#include "tracewriter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "format/encode.h"

#define THREADS 64
#define CHUNK_BYTES (4u << 20)

struct mt_tracewriter {
    FILE *file;
    uint64_t offset;
    struct mt_tracewriter_options options;
    struct mt_encoder *encoder[THREADS]; /* made when the thread first has an event */
    uint32_t events[THREADS], lost[THREADS];
    uint64_t position[THREADS], begin[THREADS];
    char *meta;
    size_t meta_size, index_room, chunks;
    struct mt_index_entry *index;
};

static void *need(void *memory)
{
    if (!memory) {
        fprintf(stderr, "tracewriter: out of memory\n");
        exit(99);
    }
    return memory;
}

static void put(struct mt_tracewriter *writer, const void *bytes, size_t size)
{
    if (size && fwrite(bytes, size, 1, writer->file) != 1) {
        perror("tracewriter");
        exit(99);
    }
    writer->offset += size;
}

static struct mt_encoder *encoder_of(struct mt_tracewriter *writer, uint32_t thread)
{
    if (thread >= THREADS) {
        fprintf(stderr, "tracewriter: thread %u is beyond %u\n", thread, THREADS);
        exit(99);
    }
    if (!writer->encoder[thread]) {
        uint32_t events = writer->options.chunk_events;
        void *memory = need(aligned_alloc(64, mt_encoder_size(events, CHUNK_BYTES)));
        writer->encoder[thread] = need(mt_encoder_init(
            memory, events, CHUNK_BYTES, writer->options.level, writer->options.time_shift));
    }
    return writer->encoder[thread];
}

static void put_chunk(struct mt_tracewriter *writer, struct mt_chunk_header *header,
                      const void *frame)
{
    mt_chunk_seal(header);
    if (writer->chunks == writer->index_room) {
        writer->index_room = writer->index_room ? 2 * writer->index_room : 64;
        writer->index = need(realloc(writer->index, writer->index_room * sizeof *writer->index));
    }
    if (header->type != MT_CHUNK_INDEX)
        writer->index[writer->chunks++] = (struct mt_index_entry){writer->offset, *header};
    put(writer, header, sizeof *header);
    put(writer, frame, header->stored_size);
}

static void put_plain(struct mt_tracewriter *writer, enum mt_chunk_type type, const void *bytes,
                      size_t size)
{
    struct mt_chunk_header header;
    const void *frame;
    if (mt_encoder_plain(encoder_of(writer, 0), type, bytes, size, &header, &frame) < 0) {
        fprintf(stderr, "tracewriter: cannot encode %zu plain bytes\n", size);
        exit(99);
    }
    put_chunk(writer, &header, frame);
}

struct mt_tracewriter *mt_tracewriter_new(const char *path,
                                          const struct mt_tracewriter_options *options)
{
    struct mt_tracewriter *writer = need(calloc(1, sizeof *writer));
    if (options)
        writer->options = *options;
    if (!writer->options.chunk_events)
        writer->options.chunk_events = 16384;
    if (!writer->options.level)
        writer->options.level = 3;
    writer->file = fopen(path, "wb");
    if (!writer->file) {
        perror(path);
        exit(99);
    }
    struct mt_file_header header = {
        .magic = MT_FILE_MAGIC,
        .version_major = MT_VERSION_MAJOR,
        .version_minor = MT_VERSION_MINOR,
        .size = sizeof header,
        .trace_id = writer->options.trace_id,
        .start_realtime_ns = writer->options.start_realtime_ns,
        .pid = writer->options.pid,
        .time_shift = writer->options.time_shift,
    };
    header.crc = mt_crc32(&header, offsetof(struct mt_file_header, crc));
    put(writer, &header, sizeof header);
    return writer;
}

void mt_tracewriter_meta(struct mt_tracewriter *writer, const char *key, const char *value)
{
    size_t name = strlen(key) + 1, size = name + strlen(value) + 1;
    writer->meta = need(realloc(writer->meta, writer->meta_size + size));
    memcpy(writer->meta + writer->meta_size, key, name);
    memcpy(writer->meta + writer->meta_size + name, value, size - name);
    writer->meta_size += size;
}

static void flush_thread(struct mt_tracewriter *writer, uint32_t thread)
{
    struct mt_chunk_header header;
    const void *frame;
    if (writer->events[thread] == 0)
        return;
    if (mt_encoder_end(writer->encoder[thread], writer->position[thread], &header, &frame) < 0) {
        fprintf(stderr, "tracewriter: cannot encode a chunk\n");
        exit(99);
    }
    header.lost = writer->lost[thread];
    writer->lost[thread] = writer->events[thread] = 0;
    put_chunk(writer, &header, frame);
}

void mt_tracewriter_flush(struct mt_tracewriter *writer)
{
    for (uint32_t thread = 0; thread < THREADS; thread++)
        flush_thread(writer, thread);
    if (writer->meta_size)
        put_plain(writer, MT_CHUNK_META, writer->meta, writer->meta_size);
    writer->meta_size = 0;
}

void mt_tracewriter_add(struct mt_tracewriter *writer, uint32_t thread,
                        const struct mt_record *record)
{
    struct mt_encoder *encoder = encoder_of(writer, thread);
    if (writer->events[thread] == 0)
        mt_encoder_begin(encoder, thread, writer->position[thread]);
    if (!mt_encoder_add(encoder, record, record->time)) {
        flush_thread(writer, thread);
        mt_encoder_begin(encoder, thread, writer->position[thread]);
        mt_encoder_add(encoder, record, record->time);
    }
    writer->events[thread]++;
    writer->position[thread] += mt_record_size(record);
}

void mt_tracewriter_words(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                          enum mt_kind kind, const uint64_t *word, uint32_t words)
{
    struct mt_record *record = need(malloc(sizeof *record + words * sizeof *word + 8));
    *record = (struct mt_record){.time = time_ns, .kind = (uint16_t)kind, .words = words};
    memcpy(record->word, word, words * sizeof *word);
    mt_tracewriter_add(writer, thread, record);
    free(record);
}

void mt_tracewriter_kernel(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                           uint64_t id, const char *name, uint32_t params, const uint16_t *layout)
{
    size_t length = strlen(name) + 1, pairs = layout ? 4 * (size_t)params : 0;
    size_t words = 3 + (length + pairs + 7) / 8;
    uint64_t *word = need(calloc(words, sizeof *word));
    word[0] = id;
    word[1] = 0x10000 + 64 * id;
    word[2] = params;
    memcpy(&word[3], name, length);
    if (pairs)
        memcpy((char *)&word[3] + length, layout, pairs);
    mt_tracewriter_words(writer, thread, time_ns, MT_kernel, word, (uint32_t)words);
    free(word);
}

void mt_tracewriter_launch(struct mt_tracewriter *writer, uint32_t thread, uint64_t time_ns,
                           uint64_t kernel, uint64_t stream, const uint64_t *word, uint32_t words)
{
    uint64_t *all = need(malloc((words + 3) * sizeof *all));
    all[0] = kernel;
    all[1] = stream;
    all[2] = 0;
    if (words)
        memcpy(&all[3], word, words * sizeof *all);
    mt_tracewriter_words(writer, thread, time_ns, MT_launch, all, words + 3);
    free(all);
}

void mt_tracewriter_lost(struct mt_tracewriter *writer, uint32_t thread, uint32_t events)
{
    flush_thread(writer, thread);
    writer->lost[thread] += events;
}

void mt_tracewriter_raw(struct mt_tracewriter *writer, const void *bytes, size_t size)
{
    mt_tracewriter_flush(writer);
    put(writer, bytes, size);
}

uint64_t mt_tracewriter_size(const struct mt_tracewriter *writer)
{
    return writer->offset;
}

uint64_t mt_tracewriter_free(struct mt_tracewriter *writer)
{
    struct mt_trailer trailer = {.magic = MT_TRAILER_MAGIC};
    mt_tracewriter_flush(writer);
    if (!writer->options.cut) {
        trailer.index_offset = writer->offset;
        trailer.crc = mt_crc32(&trailer, offsetof(struct mt_trailer, crc));
        put_plain(writer, MT_CHUNK_INDEX, writer->index, writer->chunks * sizeof *writer->index);
        put(writer, &trailer, sizeof trailer);
    }
    uint64_t size = writer->offset;
    if (fclose(writer->file) != 0) {
        perror("tracewriter");
        exit(99);
    }
    for (uint32_t thread = 0; thread < THREADS; thread++)
        free(writer->encoder[thread]);
    free(writer->meta);
    free(writer->index);
    free(writer);
    return size;
}
