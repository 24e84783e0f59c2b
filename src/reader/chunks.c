#include "reader/chunks.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "base/grow.h"
#include "format/decode.h"
#include "format/encode.h"

#define HEADER sizeof(struct mt_chunk_header)
#define SEARCH_BYTES (1u << 18)

static int keep(struct mt_chunks *chunks, uint64_t offset, const struct mt_chunk_header *header)
{
    if (!MT_ROOM(chunks->entry, chunks->count, chunks->room, 64))
        return MT_ERR_MEMORY;
    chunks->entry[chunks->count++] = (struct mt_index_entry){offset, *header};
    return 0;
}

static void skip(struct mt_chunks *chunks, uint64_t offset, uint64_t end)
{
    if (end <= offset)
        return;
    if (chunks->bytes_skipped == 0 || offset < chunks->first_damage)
        chunks->first_damage = offset;
    chunks->bytes_skipped += end - offset;
}

void mt_chunks_release(struct mt_chunks *chunks)
{
    free(chunks->entry);
    *chunks = (struct mt_chunks){0};
}

static bool read_trailer(const struct mt_source_file *source, struct mt_trailer *trailer)
{
    return source->size >= sizeof(struct mt_file_header) + sizeof *trailer &&
           mt_source_read(source, source->size - sizeof *trailer, trailer, sizeof *trailer) ==
               sizeof *trailer &&
           memcmp(trailer->magic, MT_TRAILER_MAGIC, sizeof trailer->magic) == 0 &&
           trailer->crc == mt_crc32(trailer, offsetof(struct mt_trailer, crc));
}

/* Entries describe the file without a gap, from its header to the index; else they are of no use.
 */
static bool index_fits(const struct mt_index_entry *entry, size_t count, uint64_t index_offset)
{
    uint64_t next = sizeof(struct mt_file_header);
    for (size_t i = 0; i < count; i++) {
        if (entry[i].offset != next || !mt_chunk_is_valid(&entry[i].header) ||
            entry[i].header.type == MT_CHUNK_INDEX)
            return false;
        next += HEADER + entry[i].header.stored_size;
    }
    return next == index_offset;
}

/* The index as the trailer tells, or nothing: *raw is malloc'ed. */
static size_t read_index(const struct mt_source_file *source, struct mt_index_entry **raw)
{
    struct mt_trailer trailer;
    struct mt_index_entry index;
    void *frame = NULL;
    size_t room = 0, count = 0;
    bool intact;
    *raw = NULL;
    if (!read_trailer(source, &trailer) ||
        mt_source_read(source, trailer.index_offset, &index.header, HEADER) != HEADER ||
        !mt_chunk_is_valid(&index.header) || index.header.type != MT_CHUNK_INDEX ||
        trailer.index_offset + HEADER + index.header.stored_size + sizeof trailer != source->size)
        return 0;
    index.offset = trailer.index_offset;
    if (mt_chunk_read(source, &index, &frame, &room, &intact))
        *raw = mt_plain_decode(&index.header, frame);
    if (*raw && index.header.raw_size % sizeof **raw == 0)
        count = index.header.raw_size / sizeof **raw;
    if (!index_fits(*raw, count, index.offset))
        count = 0;
    free(frame);
    return count;
}

/* Offset of the next intact chunk header at or after `from`, the file's size if there is none. None
 * begins in a hole, whose bytes are zeros: a file may be made of one, and be huge. */
static uint64_t search(const struct mt_source_file *source, uint64_t from, char *buffer)
{
    static const uint32_t magic = MT_CHUNK_MAGIC;
    struct mt_chunk_header header;
    for (size_t got;; from += got - HEADER + 1) {
        from = mt_source_data(source, from);
        got = mt_source_read(source, from, buffer, SEARCH_BYTES);
        if (got < HEADER)
            return source->size;
        const char *at = buffer, *end = buffer + got - HEADER + 1;
        for (; (at = memmem(at, (size_t)(end - at) + 3, &magic, sizeof magic)) && at < end; at++) {
            memcpy(&header, at, HEADER);
            if (mt_chunk_is_valid(&header))
                return from + (uint64_t)(at - buffer);
        }
    }
}

struct walk {
    const struct mt_source_file *source;
    struct mt_chunks *chunks;
    char *buffer;
    uint64_t offset; /* where a chunk should begin */
    uint64_t back;   /* from where to search if none does: behind the last header */
};

/* No chunk begins where one should. What the last one claims may be wrong as well (bytes are
 * missing from its frame), so the search begins inside it. */
static void pass_over(struct walk *walk)
{
    uint64_t found = search(walk->source, walk->back, walk->buffer);
    skip(walk->chunks, walk->offset, found);
    if (found == walk->source->size)
        walk->chunks->tail_skipped = found - walk->offset;
    walk->offset = walk->back = found;
}

static bool at_trailer(const struct walk *walk)
{
    struct mt_trailer trailer;
    return walk->offset + sizeof trailer == walk->source->size &&
           read_trailer(walk->source, &trailer);
}

/* A frame goes past the end of the file: the recorder was stopped there, or bytes are missing
 * before. */
static void note_cut(struct walk *walk, const struct mt_chunk_header *header)
{
    if (header->type != MT_CHUNK_EVENTS)
        return;
    if (walk->offset == walk->source->size) {
        walk->chunks->cut = *header;
    } else {
        walk->chunks->chunks_broken++;
        walk->chunks->events_broken += header->events;
    }
}

static int step(struct walk *walk)
{
    struct mt_chunk_header header;
    uint64_t end = walk->offset + HEADER;
    if (mt_source_read(walk->source, walk->offset, &header, HEADER) != HEADER ||
        !mt_chunk_is_valid(&header)) {
        pass_over(walk);
        return 0;
    }
    end += header.stored_size;
    walk->back = walk->offset + HEADER;
    if (end > walk->source->size) {
        pass_over(walk);
        note_cut(walk, &header);
        return 0;
    }
    if (header.type != MT_CHUNK_INDEX)
        RETURN_IF_ERROR(keep(walk->chunks, walk->offset, &header));
    walk->offset = end;
    return 0;
}

/* Go from chunk to chunk. A trailer may be there although the index is of no use. */
static int walk_file(struct mt_chunks *chunks, const struct mt_source_file *source)
{
    uint64_t start = sizeof(struct mt_file_header);
    struct walk walk = {source, chunks, malloc(SEARCH_BYTES), start, start};
    if (!walk.buffer)
        return MT_ERR_MEMORY;
    int code = 0;
    while (code == 0 && walk.offset < source->size) {
        if (at_trailer(&walk)) {
            chunks->complete = true;
            break;
        }
        code = step(&walk);
    }
    free(walk.buffer);
    return code;
}

int mt_chunks_find(struct mt_chunks *chunks, const struct mt_source_file *source)
{
    *chunks = (struct mt_chunks){0};
    size_t count = read_index(source, &chunks->entry);
    if (count) {
        chunks->count = chunks->room = (uint32_t)count;
        chunks->complete = true;
        return 0;
    }
    free(chunks->entry);
    chunks->entry = NULL;
    return walk_file(chunks, source);
}

bool mt_chunk_read(const struct mt_source_file *source, const struct mt_index_entry *entry,
                   void **buffer, size_t *room, bool *intact)
{
    struct mt_chunk_header header;
    size_t size = entry->header.stored_size;
    if (size > *room) {
        free(*buffer);
        *buffer = malloc(size);
        *room = *buffer ? size : 0;
        if (!*buffer)
            return false;
    }
    *intact = mt_source_read(source, entry->offset, &header, HEADER) == HEADER &&
              memcmp(&header, &entry->header, HEADER) == 0;
    return mt_source_read(source, entry->offset + HEADER, *buffer, size) == size;
}
