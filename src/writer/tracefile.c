#include "writer/tracefile.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "base/grow.h"
#include "format/encode.h"

#define OPEN_MAX 64u /* chunks at a time */
#define CHUNK_BYTES (4u << 20)

struct thread {
    uint64_t position;
    uint32_t lost;
    struct open *open; /* which holds its chunk, NULL if none does */
};

struct open {
    struct mt_encoder *encoder; /* made when it is first needed */
    uint32_t thread, events;    /* of no thread while events is 0 */
    uint64_t used;              /* when it was last added to */
};

struct mt_tracefile {
    mt_tracefile_put *put;
    void *context;
    struct mt_error *error;
    int status;
    struct mt_tracefile_options options;
    uint64_t offset, clock;
    struct open open[OPEN_MAX];
    struct thread *thread;
    uint32_t threads;
    char *meta;
    size_t meta_size, meta_room, index_room, chunks;
    struct mt_index_entry *index;
    struct mt_record *record; /* room for one */
};

static int fail(struct mt_tracefile *file, enum mt_err code, const char *what)
{
    if (file->status == 0)
        file->status = mt_fail(file->error, code, "%s", what);
    return file->status;
}

static int out_of_memory(struct mt_tracefile *file)
{
    return fail(file, MT_ERR_MEMORY, "out of memory for writing the trace");
}

static int put(struct mt_tracefile *file, const void *bytes, size_t size)
{
    if (file->status == 0 && size)
        file->status = file->put(file->context, bytes, size);
    file->offset += size;
    return file->status;
}

static int put_header(struct mt_tracefile *file)
{
    struct mt_file_header header = {
        .magic = MT_FILE_MAGIC,
        .version_major = MT_VERSION_MAJOR,
        .version_minor = MT_VERSION_MINOR,
        .size = sizeof header,
        .trace_id = file->options.trace_id,
        .start_realtime_ns = file->options.start_realtime_ns,
        .start_monotonic_ns = file->options.start_monotonic_ns,
        .pid = file->options.pid,
        .time_shift = file->options.time_shift,
    };
    header.crc = mt_crc32(&header, offsetof(struct mt_file_header, crc));
    return put(file, &header, sizeof header);
}

struct mt_tracefile *mt_tracefile_new(mt_tracefile_put *sink, void *context,
                                      const struct mt_tracefile_options *options,
                                      struct mt_error *error)
{
    struct mt_tracefile *file = calloc(1, sizeof *file);
    if (!file) {
        mt_fail(error, MT_ERR_MEMORY, "out of memory for writing the trace");
        return NULL;
    }
    file->put = sink;
    file->context = context;
    file->error = error;
    if (options)
        file->options = *options;
    if (!file->options.chunk_events)
        file->options.chunk_events = 16384;
    if (!file->options.level)
        file->options.level = 3;
    file->record =
        malloc(sizeof *file->record + MT_RECORD_WORDS_MAX * sizeof file->record->word[0]);
    if (!file->record)
        out_of_memory(file);
    if (file->status < 0 || put_header(file) < 0) {
        mt_tracefile_free(file);
        return NULL;
    }
    return file;
}

void mt_tracefile_free(struct mt_tracefile *file)
{
    if (!file)
        return;
    for (uint32_t i = 0; i < OPEN_MAX; i++)
        free(file->open[i].encoder);
    free(file->thread);
    free(file->meta);
    free(file->index);
    free(file->record);
    free(file);
}

uint64_t mt_tracefile_size(const struct mt_tracefile *file)
{
    return file->offset;
}

/* ---- chunks ---- */

static struct mt_encoder *encoder_at(struct mt_tracefile *file, uint32_t i)
{
    uint32_t events = file->options.chunk_events;
    struct open *open = &file->open[i];
    if (!open->encoder) {
        void *memory = aligned_alloc(64, mt_encoder_size(events, CHUNK_BYTES));
        open->encoder = memory ? mt_encoder_init(memory, events, CHUNK_BYTES, file->options.level,
                                                 file->options.time_shift)
                               : NULL;
        if (!open->encoder) {
            free(memory);
            out_of_memory(file);
        }
    }
    return open->encoder;
}

static int note_chunk(struct mt_tracefile *file, const struct mt_chunk_header *header)
{
    if (!MT_ROOM(file->index, file->chunks, file->index_room, 64))
        return out_of_memory(file);
    file->index[file->chunks++] = (struct mt_index_entry){file->offset, *header};
    return 0;
}

static int put_chunk(struct mt_tracefile *file, struct mt_chunk_header *header, const void *frame)
{
    mt_chunk_seal(header);
    if (header->type != MT_CHUNK_INDEX)
        RETURN_IF_ERROR(note_chunk(file, header));
    RETURN_IF_ERROR(put(file, header, sizeof *header));
    return put(file, frame, header->stored_size);
}

/* Close the chunk of an encoder and leave the encoder to whoever needs one. */
static int flush_open(struct mt_tracefile *file, struct open *open)
{
    struct mt_chunk_header header;
    const void *frame;
    if (open->events == 0 || file->status < 0)
        return file->status;
    struct thread *thread = &file->thread[open->thread];
    if (mt_encoder_end(open->encoder, thread->position, &header, &frame) < 0)
        return fail(file, MT_ERR_LIMIT, "a chunk of the trace cannot be encoded");
    header.lost = thread->lost;
    thread->lost = 0;
    thread->open = NULL;
    open->events = 0;
    return put_chunk(file, &header, frame);
}

static int put_plain(struct mt_tracefile *file, enum mt_chunk_type type, const void *bytes,
                     size_t size)
{
    struct mt_chunk_header header;
    const void *frame;
    struct mt_encoder *encoder = encoder_at(file, 0); /* it holds nothing after a flush */
    if (!encoder)
        return file->status;
    if (mt_encoder_plain(encoder, type, bytes, size, &header, &frame) < 0)
        return fail(file, MT_ERR_LIMIT, "the trace has more facts or chunks than a chunk can hold");
    return put_chunk(file, &header, frame);
}

/* ---- threads ---- */

static struct thread *thread_at(struct mt_tracefile *file, uint32_t thread)
{
    if (thread >= MT_THREADS_MAX) {
        fail(file, MT_ERR_LIMIT, "the trace has too many threads");
        return NULL;
    }
    if (!MT_ROOM_AT(file->thread, thread, file->threads, 16)) {
        out_of_memory(file);
        return NULL;
    }
    return &file->thread[thread];
}

/* An encoder that is free, or that of the thread that has had no event for longest. */
static uint32_t choose_open(const struct mt_tracefile *file)
{
    uint32_t oldest = 0;
    for (uint32_t i = 0; i < OPEN_MAX; i++) {
        if (file->open[i].events == 0)
            return i;
        if (file->open[i].used < file->open[oldest].used)
            oldest = i;
    }
    return oldest;
}

/* The encoder of a thread, with a chunk begun; NULL on error. */
static struct open *open_for(struct mt_tracefile *file, uint32_t number)
{
    struct thread *thread = thread_at(file, number);
    if (!thread)
        return NULL;
    if (thread->open)
        return thread->open;
    uint32_t i = choose_open(file);
    struct open *open = &file->open[i];
    if (flush_open(file, open) < 0 || !encoder_at(file, i))
        return NULL;
    thread->open = open;
    open->thread = number;
    mt_encoder_begin(open->encoder, number, thread->position);
    return open;
}

int mt_tracefile_add(struct mt_tracefile *file, uint32_t thread, const struct mt_record *record)
{
    struct open *open = file->status < 0 ? NULL : open_for(file, thread);
    if (!open)
        return file->status;
    if (!mt_encoder_add(open->encoder, record, record->time)) {
        if (flush_open(file, open) < 0)
            return file->status;
        open = open_for(file, thread);
        if (!open || !mt_encoder_add(open->encoder, record, record->time))
            return fail(file, MT_ERR_LIMIT, "an event is larger than a chunk can hold");
    }
    open->events++;
    open->used = ++file->clock;
    file->thread[thread].position += mt_record_size(record);
    return 0;
}

/* ---- events from loose parts ---- */

int mt_tracefile_text(struct mt_tracefile *file, uint32_t thread, uint64_t time_ns,
                      enum mt_kind kind, const uint64_t *word, uint32_t words, const void *text,
                      size_t size)
{
    size_t all = words + (size + 7) / 8;
    if (all > MT_RECORD_WORDS_MAX)
        return fail(file, MT_ERR_LIMIT, "an event has more words than a record holds");
    struct mt_record *record = file->record;
    *record = (struct mt_record){.time = time_ns, .kind = (uint16_t)kind, .words = (uint32_t)all};
    if (size)
        record->word[all - 1] = 0;
    memcpy(record->word, word, words * sizeof *word);
    if (size)
        memcpy(record->word + words, text, size);
    return mt_tracefile_add(file, thread, record);
}

int mt_tracefile_words(struct mt_tracefile *file, uint32_t thread, uint64_t time_ns,
                       enum mt_kind kind, const uint64_t *word, uint32_t words)
{
    return mt_tracefile_text(file, thread, time_ns, kind, word, words, NULL, 0);
}

int mt_tracefile_kernel(struct mt_tracefile *file, uint32_t thread, uint64_t time_ns, uint64_t id,
                        const char *name, uint32_t params, const uint16_t *layout)
{
    struct mt_ev_kernel event = {.id = id, .handle = 0x10000 + 64 * id, .params = params};
    size_t length = strlen(name) + 1, pairs = layout ? 4 * (size_t)params : 0;
    char *text = malloc(length + pairs);
    if (!text)
        return out_of_memory(file);
    memcpy(text, name, length);
    if (pairs)
        memcpy(text + length, layout, pairs);
    int code = mt_tracefile_text(file, thread, time_ns, MT_kernel, (const uint64_t *)&event,
                                 sizeof event / sizeof(uint64_t), text, length + pairs);
    free(text);
    return code;
}

/* ---- the rest of the file ---- */

int mt_tracefile_meta(struct mt_tracefile *file, const char *key, const char *value)
{
    size_t name = strlen(key) + 1, size = name + strlen(value) + 1;
    if (!MT_ROOM_FOR(file->meta, file->meta_size + size, file->meta_room, 1024))
        return out_of_memory(file);
    memcpy(file->meta + file->meta_size, key, name);
    memcpy(file->meta + file->meta_size + name, value, size - name);
    file->meta_size += size;
    return file->status;
}

int mt_tracefile_flush(struct mt_tracefile *file)
{
    for (uint32_t thread = 0; thread < file->threads; thread++)
        if (file->thread[thread].open)
            RETURN_IF_ERROR(flush_open(file, file->thread[thread].open));
    if (file->meta_size && file->status == 0)
        put_plain(file, MT_CHUNK_META, file->meta, file->meta_size);
    file->meta_size = 0;
    return file->status;
}

int mt_tracefile_lost(struct mt_tracefile *file, uint32_t thread, uint32_t events)
{
    struct thread *it = thread_at(file, thread);
    if (!it)
        return file->status;
    if (it->open)
        RETURN_IF_ERROR(flush_open(file, it->open));
    it->lost += events;
    return file->status;
}

int mt_tracefile_raw(struct mt_tracefile *file, const void *bytes, size_t size)
{
    RETURN_IF_ERROR(mt_tracefile_flush(file));
    return put(file, bytes, size);
}

int mt_tracefile_finish(struct mt_tracefile *file)
{
    struct mt_trailer trailer = {.magic = MT_TRAILER_MAGIC};
    RETURN_IF_ERROR(mt_tracefile_flush(file));
    if (file->options.cut)
        return 0;
    trailer.index_offset = file->offset;
    trailer.crc = mt_crc32(&trailer, offsetof(struct mt_trailer, crc));
    RETURN_IF_ERROR(
        put_plain(file, MT_CHUNK_INDEX, file->index, file->chunks * sizeof *file->index));
    return put(file, &trailer, sizeof trailer);
}
