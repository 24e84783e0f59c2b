#include "reader/threadevents.h"

#include <stdlib.h>

#include "base/grow.h"

static void give_decoder(struct mt_stream *stream, struct mt_stream_pool *pool)
{
    if (!stream->decoder)
        return;
    if (MT_ROOM(pool->idle, pool->idles, pool->idle_room, 8))
        pool->idle[pool->idles++] = stream->decoder;
    else
        mt_decoder_free(stream->decoder);
    stream->decoder = NULL;
}

static bool take_decoder(struct mt_stream *stream, struct mt_stream_pool *pool)
{
    stream->decoder = pool->idles ? pool->idle[--pool->idles] : mt_decoder_new();
    if (stream->decoder)
        mt_decoder_lean(stream->decoder, pool->lean);
    return stream->decoder != NULL;
}

static void free_batches(struct mt_batch **batches)
{
    while (*batches) {
        struct mt_batch *next = (*batches)->next;
        free(*batches);
        *batches = next;
    }
}

void mt_stream_pool_release(struct mt_stream_pool *pool)
{
    free_batches(&pool->spare);
    free_batches(&pool->spent);
    while (pool->idles)
        mt_decoder_free(pool->idle[--pool->idles]);
    free(pool->idle);
    free(pool->frame);
}

void mt_stream_rewind(struct mt_stream *stream, struct mt_stream_pool *pool)
{
    give_decoder(stream, pool);
    free(stream->loaded);
    free(stream->spent);
    stream->loaded = stream->spent = NULL;
    stream->at = stream->end = NULL;
    stream->chunk = stream->first;
    stream->part_done = stream->part == NULL;
    stream->last_ns = 0;
}

static void note_damage(struct mt_passed *passed, uint64_t offset)
{
    if (passed->chunks_damaged + passed->headers_damaged == 0 || offset < passed->first_damage)
        passed->first_damage = offset;
}

static void chunk_damaged(struct mt_passed *passed, uint64_t offset, uint32_t events)
{
    note_damage(passed, offset);
    passed->chunks_damaged++;
    passed->damaged += events;
    passed->events += events;
}

static bool outside(const struct mt_stream_pool *pool, uint64_t first, uint64_t last)
{
    return last < pool->since || first >= pool->until;
}

static void skip_chunks(struct mt_stream *stream, struct mt_stream_pool *pool)
{
    while (stream->chunk != MT_STREAM_NONE) {
        const struct mt_chunk_header *header = &pool->entry[stream->chunk].header;
        bool defines = header->flags & MT_CHUNK_DEFINES && header->time_first < pool->until;
        if (!outside(pool, header->time_first, header->time_last) || defines)
            return;
        pool->passed.events += header->events;
        stream->chunk = pool->next[stream->chunk];
    }
}

uint64_t mt_stream_peek(struct mt_stream *stream, struct mt_stream_pool *pool)
{
    uint64_t time;
    if (stream->at < stream->end)
        return stream->at->time;
    if (stream->decoder || stream->loaded)
        return stream->last_ns;
    skip_chunks(stream, pool);
    if (stream->chunk != MT_STREAM_NONE)
        time = pool->entry[stream->chunk].header.time_first;
    else if (!stream->part_done)
        time = stream->part->time_first;
    else
        return UINT64_MAX;
    return time > stream->last_ns ? time : stream->last_ns;
}

static int open_chunk(struct mt_stream *stream, struct mt_stream_pool *pool)
{
    const struct mt_index_entry *entry = &pool->entry[stream->chunk];
    bool intact = true;
    stream->chunk = pool->next[stream->chunk];
    stream->current = entry->offset;
    /* The merge has come to this time, even if the chunk turns out to hold nothing. */
    if (entry->header.time_first > stream->last_ns)
        stream->last_ns = entry->header.time_first;
    if (!take_decoder(stream, pool))
        return MT_ERR_MEMORY;
    int code = MT_ERR_DAMAGED;
    if (mt_chunk_read(pool->source, entry, &pool->frame, &pool->frame_room, &intact))
        code = mt_decoder_begin(stream->decoder, &entry->header, pool->frame);
    if (!intact) {
        note_damage(&pool->passed, entry->offset);
        pool->passed.headers_damaged++;
    }
    if (code < 0) {
        chunk_damaged(&pool->passed, entry->offset, entry->header.events);
        give_decoder(stream, pool);
    }
    return code == MT_ERR_MEMORY ? code : 0;
}

/* Records come in the order they were written; a time may be stamped a little before that of the
 * one before, which within a chunk the encoder has evened out, and here what is left at the seams.
 * The batch is this library's own memory. */
static void even_out(struct mt_stream *stream, uint64_t last_ns)
{
    struct mt_record *record = (struct mt_record *)(uintptr_t)stream->at;
    while (record < stream->end && record->time < stream->last_ns) {
        record->time = stream->last_ns;
        record = (struct mt_record *)(uintptr_t)mt_record_next(record);
    }
    if (last_ns > stream->last_ns)
        stream->last_ns = last_ns;
}

static int load_part(struct mt_stream *stream, const struct mt_stream_pool *pool)
{
    const struct mt_record *end;
    stream->part_done = true;
    stream->loaded = mt_ring_part_load(pool->rings, stream->part, &end);
    if (!stream->loaded)
        return MT_ERR_MEMORY;
    stream->at = stream->loaded;
    stream->end = end;
    stream->records = 0;
    stream->kinds = UINT64_MAX;
    even_out(stream, stream->part->time_last);
    return stream->at < end;
}

/* The last batch may still be read: another one takes its place. */
static int renew_batch(struct mt_decoder *decoder, struct mt_stream_pool *pool)
{
    struct mt_batch *batch = pool->spare;
    if (batch)
        pool->spare = batch->next;
    else if (!(batch = mt_batch_new()))
        return MT_ERR_MEMORY;
    batch = mt_decoder_swap(decoder, batch);
    batch->next = pool->spent;
    pool->spent = batch;
    pool->spents++;
    return 0;
}

static int next_batch(struct mt_stream *stream, struct mt_stream_pool *pool)
{
    if (pool->keeps)
        RETURN_IF_ERROR(renew_batch(stream->decoder, pool));
    int records = mt_decoder_next(stream->decoder, &stream->at, &stream->end);
    if (records > 0) {
        even_out(stream, mt_decoder_time(stream->decoder));
        stream->records = (uint32_t)records;
        stream->kinds = mt_decoder_kinds(stream->decoder);
        return 1;
    }
    stream->at = stream->end = NULL;
    if (records < 0)
        chunk_damaged(&pool->passed, stream->current, mt_decoder_left(stream->decoder));
    give_decoder(stream, pool);
    return 0;
}

int mt_stream_fill(struct mt_stream *stream, struct mt_stream_pool *pool)
{
    if (stream->loaded) {
        stream->spent = stream->loaded;
        stream->loaded = NULL;
        stream->at = stream->end = NULL;
        return 0;
    }
    if (!stream->decoder && stream->chunk == MT_STREAM_NONE)
        return stream->part_done ? 0 : load_part(stream, pool);
    if (!stream->decoder)
        RETURN_IF_ERROR(open_chunk(stream, pool));
    return stream->decoder ? next_batch(stream, pool) : 0;
}
