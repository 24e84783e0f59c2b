/* A ring is read by the rules of its producer and trusted in nothing: the file may be cut, and a
 * process that still runs may write into it. */
#include "reader/rings.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MAX (256u << 20)

static bool header_fits(const struct mt_ringfile_header *header, uint64_t trace_id)
{
    uint32_t capacity = header->capacity;
    return memcmp(header->magic, MT_RINGFILE_MAGIC, sizeof header->magic) == 0 &&
           header->trace_id == trace_id && header->rings <= MT_RINGFILE_RINGS_MAX &&
           header->time_shift < 64 && capacity >= MT_RINGFILE_PAGE && capacity <= CAPACITY_MAX &&
           (capacity & (capacity - 1)) == 0;
}

static bool ring_fits(const struct mt_ringfile_ring *ring, uint32_t capacity)
{
    return (ring->state == MT_RING_LIVE || ring->state == MT_RING_CLOSED) &&
           ring->tail <= ring->head && ring->head - ring->tail <= capacity &&
           ring->tail % sizeof(uint64_t) == 0 && ring->head % sizeof(uint64_t) == 0;
}

static void read_part(struct mt_rings *rings, uint32_t i)
{
    struct mt_ringfile_ring ring;
    uint64_t page = MT_RINGFILE_PAGE;
    uint64_t offset = page + i * (page + rings->header.capacity);
    if (mt_source_read(&rings->source, offset, &ring, sizeof ring) != sizeof ring ||
        !ring_fits(&ring, rings->header.capacity))
        return;
    rings->part[rings->count++] = (struct mt_ring_part){
        .thread = ring.thread,
        .offset = offset + page,
        .begin = ring.tail,
        .end = ring.head,
        .lost = ring.lost,
    };
}

int mt_rings_open(struct mt_rings *rings, const char *path, uint64_t trace_id)
{
    *rings = (struct mt_rings){.source.fd = -1};
    char *name = malloc(strlen(path) + sizeof MT_RINGFILE_SUFFIX);
    if (!name)
        return MT_ERR_MEMORY;
    strcat(strcpy(name, path), MT_RINGFILE_SUFFIX);
    int code = mt_source_open(&rings->source, name, NULL);
    free(name);
    if (code < 0 ||
        mt_source_read(&rings->source, 0, &rings->header, sizeof rings->header) !=
            sizeof rings->header ||
        !header_fits(&rings->header, trace_id))
        return 0;
    rings->part = calloc(rings->header.rings + 1, sizeof rings->part[0]);
    if (!rings->part)
        return MT_ERR_MEMORY;
    for (uint32_t i = 0; i < rings->header.rings; i++)
        read_part(rings, i);
    return 0;
}

void mt_rings_release(struct mt_rings *rings)
{
    mt_source_close(&rings->source);
    free(rings->part);
    *rings = (struct mt_rings){.source.fd = -1};
}

/* Copy [begin, end) out of the ring, straightened; the bytes there were. */
static size_t copy_out(const struct mt_rings *rings, const struct mt_ring_part *part, char *to)
{
    size_t size = part->end - part->begin, at = part->begin % rings->header.capacity;
    size_t first = rings->header.capacity - at < size ? rings->header.capacity - at : size;
    size_t got = mt_source_read(&rings->source, part->offset + at, to, first);
    if (got == first)
        got += mt_source_read(&rings->source, part->offset, to + first, size - first);
    return got;
}

static uint64_t time_of(const struct mt_rings *rings, uint64_t ticks)
{
    unsigned shift = rings->header.time_shift;
    return mt_clock_since(rings->header.pair, ticks) >> shift << shift;
}

/* Bytes from `position` on that hold nothing: a rest of the ring too short for a header. */
static size_t rest(const struct mt_rings *rings, uint64_t position)
{
    size_t left = rings->header.capacity - position % rings->header.capacity;
    return left < sizeof(struct mt_record) ? left : 0;
}

/* Push the records of a part, copied to `from`, together, without what fills the ring's end, and
 * give them their times, none before the one before it. The end of the records; *used is how far
 * they made sense. */
static struct mt_record *tidy(const struct mt_rings *rings, const struct mt_ring_part *part,
                              char *from, size_t size, size_t *used)
{
    char *to = from;
    size_t at = rest(rings, part->begin);
    uint64_t last = 0;
    while (at < size && size - at >= sizeof(struct mt_record)) {
        struct mt_record *record = (void *)(from + at);
        size_t bytes = record->words > size / sizeof(uint64_t) ? SIZE_MAX : mt_record_size(record);
        if (bytes > size - at || (record->kind != MT_NONE && !mt_record_is_valid(record)))
            break;
        at += bytes;
        at += rest(rings, part->begin + at);
        if (record->kind == MT_NONE)
            continue;
        uint64_t time = time_of(rings, record->time);
        record->time = last = time > last ? time : last;
        memmove(to, record, bytes);
        to += bytes;
    }
    *used = at;
    return (void *)to;
}

struct mt_record *mt_ring_part_load(const struct mt_rings *rings, const struct mt_ring_part *part,
                                    const struct mt_record **end)
{
    size_t used;
    char *bytes = malloc(part->end - part->begin + 1);
    if (bytes)
        *end = tidy(rings, part, bytes, copy_out(rings, part, bytes), &used);
    return (void *)bytes;
}

int mt_ring_part_survey(struct mt_rings *rings, struct mt_ring_part *part, uint64_t position)
{
    if (position > part->begin)
        part->begin = position < part->end ? position : part->end;
    size_t size = part->end - part->begin, used;
    char *bytes = malloc(size + 1);
    if (!bytes)
        return MT_ERR_MEMORY;
    const struct mt_record *record = (void *)bytes;
    const struct mt_record *end = tidy(rings, part, bytes, copy_out(rings, part, bytes), &used);
    part->damaged = used < size;
    part->time_first = record < end ? record->time : 0;
    for (; record < end; record = mt_record_next(record)) {
        part->time_last = record->time;
        part->events++;
    }
    free(bytes);
    return 0;
}
