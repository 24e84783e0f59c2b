/* Opening: header, chunks, meta data, the ring file, and one stream for each thread. */
#include "memtrace/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "base/error.h"
#include "format/encode.h"
#include "format/ringfile.h"
#include "reader/opened.h"

/* Whether a chunk begins right behind where the file header should be. */
static bool has_chunk(const struct mt_source_file *source)
{
    struct mt_chunk_header header;
    return mt_source_read(source, sizeof(struct mt_file_header), &header, sizeof header) ==
               sizeof header &&
           mt_chunk_is_valid(&header);
}

static bool header_is_valid(const struct mt_file_header *header)
{
    return header->crc == mt_crc32(header, offsetof(struct mt_file_header, crc)) &&
           header->size == sizeof *header && header->time_shift <= MT_TIME_SHIFT_MAX;
}

/* What was taken for a trace, and what to do instead. */
static const char *what_it_is(const struct mt_file_header *header)
{
    static const unsigned char gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    if (memcmp(header, MT_RINGFILE_MAGIC, 8) == 0)
        return "it is the ring file of one: name the trace without .ring";
    if (memcmp(header, gzip, sizeof gzip) == 0 || memcmp(header, zstd, sizeof zstd) == 0)
        return "it is compressed: unpack it first";
    return "of a log memtrace-import makes one";
}

static int read_header(struct mt_trace *trace, const char *path, struct mt_error *error)
{
    struct mt_file_header *header = &trace->header;
    size_t got = mt_source_read(&trace->source, 0, header, sizeof *header);
    bool magic = got >= 8 && memcmp(header->magic, MT_FILE_MAGIC, 8) == 0;
    if (!magic && !has_chunk(&trace->source))
        return mt_fail(error, MT_ERR_NOT_TRACE, "%s is not a memtrace file; %s", path,
                       got ? what_it_is(header) : "it is empty: record it again");
    if (got < sizeof *header)
        return mt_fail(error, MT_ERR_DAMAGED,
                       "%s ends after %zu bytes, within the file header: it holds no events", path,
                       got);
    if (magic && header_is_valid(header)) {
        if (header->version_major <= MT_VERSION_MAJOR)
            return 0;
        return mt_fail(
            error, MT_ERR_VERSION,
            "%s has format version %u.%u, this program reads up to %u: use a newer memtrace", path,
            header->version_major, header->version_minor, MT_VERSION_MAJOR);
    }
    /* Chunks stand alone, so all there is to lose here is the start's date and the process id. */
    memset(header, 0, sizeof *header);
    trace->stats.bytes_skipped = sizeof *header;
    return 0;
}

static int read_meta(struct mt_trace *trace)
{
    void *frame = NULL;
    size_t room = 0;
    int code = 0;
    for (uint32_t i = 0; i < trace->chunks.count && code != MT_ERR_MEMORY; i++) {
        const struct mt_index_entry *entry = &trace->chunks.entry[i];
        char *raw = NULL;
        bool intact;
        if (entry->header.type != MT_CHUNK_META)
            continue;
        if (mt_chunk_read(&trace->source, entry, &frame, &room, &intact))
            raw = mt_plain_decode(&entry->header, frame);
        code = raw ? mt_meta_add(&trace->meta, raw, entry->header.raw_size) : MT_ERR_DAMAGED;
        if (code == MT_ERR_DAMAGED) {
            trace->stats.first_damage =
                trace->stats.chunks_damaged++ ? trace->stats.first_damage : entry->offset;
        }
        free(raw);
    }
    free(frame);
    return code == MT_ERR_MEMORY ? code : mt_meta_list_apis(&trace->meta);
}

static void widen(struct mt_trace_stats *stats, uint64_t first, uint64_t last)
{
    if (first < stats->first_ns)
        stats->first_ns = first;
    if (last > stats->last_ns)
        stats->last_ns = last;
}

static int by_thread(const void *one, const void *other)
{
    const struct mt_stream *a = one, *b = other;
    return a->thread < b->thread ? -1 : a->thread > b->thread;
}

static struct mt_stream *find_stream(const struct mt_trace *trace, uint32_t thread)
{
    struct mt_stream key = {.thread = thread};
    return bsearch(&key, trace->stream, trace->streams, sizeof key, by_thread);
}

/* One stream for each thread number that occurs. */
static int make_streams(struct mt_trace *trace)
{
    const struct mt_chunks *chunks = &trace->chunks;
    size_t most = (size_t)chunks->count + trace->rings.count, n = 0;
    struct mt_stream *stream = calloc(most + 1, sizeof *stream);
    if (!stream)
        return MT_ERR_MEMORY;
    for (uint32_t i = 0; i < chunks->count; i++)
        if (chunks->entry[i].header.type == MT_CHUNK_EVENTS)
            stream[n++].thread = chunks->entry[i].header.thread;
    for (uint32_t i = 0; i < trace->rings.count; i++)
        stream[n++].thread = trace->rings.part[i].thread;
    qsort(stream, n, sizeof *stream, by_thread);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || stream[i].thread != stream[trace->streams - 1].thread)
            stream[trace->streams++].thread = stream[i].thread;
    for (uint32_t i = 0; i < trace->streams; i++)
        stream[i].first = stream[i].chunk = MT_STREAM_NONE;
    trace->stream = stream;
    trace->next = calloc((size_t)chunks->count + 1, sizeof trace->next[0]);
    trace->merge.turn = calloc((size_t)trace->streams + 1, sizeof trace->merge.turn[0]);
    return trace->next && trace->merge.turn ? 0 : MT_ERR_MEMORY;
}

/* Backwards, so that each list of a thread grows at its head. */
static void link_chunks(struct mt_trace *trace)
{
    struct mt_trace_stats *stats = &trace->stats;
    for (uint32_t i = trace->chunks.count; i-- > 0;) {
        const struct mt_chunk_header *header = &trace->chunks.entry[i].header;
        if (header->type != MT_CHUNK_EVENTS)
            continue;
        struct mt_stream *stream = find_stream(trace, header->thread);
        trace->next[i] = stream->first;
        stream->first = i;
        stats->events += header->events;
        stats->events_lost += header->lost;
        stats->chunks++;
        widen(stats, header->time_first, header->time_last);
    }
}

/* How far the chunks in the file cover a thread's ring. */
static uint64_t covered(const struct mt_trace *trace, const struct mt_stream *stream)
{
    uint64_t end = 0;
    for (uint32_t i = stream->first; i != MT_STREAM_NONE; i = trace->next[i])
        if (trace->chunks.entry[i].header.ring_end > end)
            end = trace->chunks.entry[i].header.ring_end;
    return end;
}

static int link_rings(struct mt_trace *trace)
{
    struct mt_trace_stats *stats = &trace->stats;
    struct mt_chunk_header *cut = &trace->chunks.cut;
    for (uint32_t i = 0; i < trace->rings.count; i++) {
        struct mt_ring_part *part = &trace->rings.part[i];
        struct mt_stream *stream = find_stream(trace, part->thread);
        RETURN_IF_ERROR(mt_ring_part_survey(&trace->rings, part, covered(trace, stream)));
        stats->events_lost += part->lost;
        if (cut->magic && cut->thread == part->thread && part->begin <= cut->ring_begin)
            cut->magic = 0;
        if (part->damaged && stats->chunks_damaged++ == 0)
            stats->first_damage = trace->source.size; /* behind all that is in the file */
        if (part->events == 0)
            continue;
        stream->part = part;
        stats->events += part->events;
        stats->events_salvaged += part->events;
        widen(stats, part->time_first, part->time_last);
    }
    return 0;
}

/* The recorder says at its end how many events were lost that no `lost` event tells of
 * (lost.untold), and how many that some do (lost.told). */
static uint64_t losses(const struct mt_trace *trace, const char *key)
{
    const char *value = mt_trace_meta(trace, key);
    return value ? strtoull(value, NULL, 10) : 0;
}

static void fill_stats(struct mt_trace *trace)
{
    struct mt_trace_stats *stats = &trace->stats;
    const struct mt_chunks *chunks = &trace->chunks;
    if (chunks->bytes_skipped && stats->bytes_skipped == 0 && stats->chunks_damaged == 0)
        stats->first_damage = chunks->first_damage;
    stats->bytes_skipped += chunks->bytes_skipped;
    /* The chunk that was being written when the process was killed: the ring file has its events.
     */
    if (trace->rings.part)
        stats->bytes_skipped -= chunks->tail_skipped;
    stats->events_lost += losses(trace, "lost.untold");
    trace->lost_told = losses(trace, "lost.told");
    stats->file_bytes = trace->source.size;
    stats->chunks_damaged += chunks->chunks_broken + (chunks->cut.magic != 0);
    stats->events_damaged += chunks->events_broken + (chunks->cut.magic ? chunks->cut.events : 0);
    stats->first_ns = stats->first_ns == UINT64_MAX ? 0 : stats->first_ns;
    stats->start_realtime_ns = trace->header.start_realtime_ns;
    stats->quantum_ns = UINT64_C(1) << trace->header.time_shift;
    stats->threads = trace->streams;
    stats->pid = trace->header.pid;
    stats->complete = chunks->complete;
}

static int load(struct mt_trace *trace, const char *path)
{
    trace->stats.first_ns = UINT64_MAX;
    RETURN_IF_ERROR(mt_chunks_find(&trace->chunks, &trace->source));
    RETURN_IF_ERROR(mt_rings_open(&trace->rings, path, trace->header.trace_id));
    RETURN_IF_ERROR(read_meta(trace));
    RETURN_IF_ERROR(make_streams(trace));
    link_chunks(trace);
    RETURN_IF_ERROR(link_rings(trace));
    fill_stats(trace);
    trace->pool = (struct mt_stream_pool){.source = &trace->source,
                                          .entry = trace->chunks.entry,
                                          .next = trace->next,
                                          .rings = &trace->rings};
    trace->until = UINT64_MAX;
    return mt_trace_rewind(trace);
}

int mt_trace_open(struct mt_trace **opened, const char *path, struct mt_error *error)
{
    struct mt_trace *trace = calloc(1, sizeof *trace);
    *opened = NULL;
    if (!trace)
        return mt_fail(error, MT_ERR_MEMORY, "out of memory while opening %s", path);
    trace->rings.source.fd = -1;
    int code = mt_source_open(&trace->source, path, error);
    if (code == 0)
        code = read_header(trace, path, error);
    if (code == 0 && (code = load(trace, path)) < 0)
        mt_fail(error, code, "%s while opening %s", mt_err_text(code), path);
    if (code < 0)
        mt_trace_free(trace);
    else
        *opened = trace;
    return code;
}

void mt_trace_free(struct mt_trace *trace)
{
    if (!trace)
        return;
    mt_ahead_free(trace->ahead);
    for (uint32_t i = 0; i < trace->streams; i++)
        mt_stream_rewind(&trace->stream[i], &trace->pool);
    mt_stream_pool_release(&trace->pool);
    free(trace->stream);
    free(trace->next);
    free(trace->merge.turn);
    mt_kernels_release(&trace->kernels);
    mt_stackframes_release(&trace->stacks);
    mt_strings_release(&trace->strings);
    mt_meta_release(&trace->meta);
    mt_rings_release(&trace->rings);
    mt_chunks_release(&trace->chunks);
    mt_source_close(&trace->source);
    free(trace);
}
