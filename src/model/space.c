/* Sorted chunks of at most 64 ranges, and a sorted array of the chunks' first begins: two short
 * searches, and one short move on insertion. A tree would spend its time on cache misses; here all
 * that is searched for 10^4 ranges fits the first two caches. Chunks split in halves when full and
 * are merged with the next when nearly empty. */
#include "model/space.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_RANGES 64u /* as count_of_64 counts */
#define MERGE_BELOW 16u
#define MERGED_AT_MOST 48u

struct mt_space_chunk {
    struct mt_space_chunk *spare;
    uint32_t n;
    uint32_t item[CHUNK_RANGES];
    uint64_t begin[CHUNK_RANGES];
    uint64_t end[CHUNK_RANGES];
};

struct place {
    size_t chunk;
    size_t i; /* ranges of the chunk that begin at or before the address */
};

/* How many of three keys, each `step` behind the one before, are <= x. One after the other: that is
 * two instructions for each. */
static inline size_t count_of_three(const uint64_t *key, size_t step, uint64_t x)
{
    size_t count = key[0] <= x;
    count += key[step] <= x;
    count += key[2 * step] <= x;
    return count;
}

/* How many of 64 ascending keys are <= x: comparisons of which few wait for others, and no
 * branches, whose outcome no one could predict. */
static inline size_t count_of_64(const uint64_t *key, uint64_t x)
{
    size_t count = 16 * count_of_three(key + 15, 16, x);
    count += 4 * count_of_three(key + count + 3, 4, x);
    return count + count_of_three(key + count, 1, x) + (key[count + 3] <= x);
}

/* How many of the chunks begin at or before x. Behind the keys are some that are larger than any.
 */
static size_t count_chunks(const struct mt_space *space, uint64_t x)
{
    const uint64_t *key = space->first;
    size_t n = space->chunks;
    while (n > 64) {
        size_t step = n / 4;
        key += count_of_three(key + step, step, x) * step;
        n -= 3 * step;
    }
    size_t count = (size_t)(key - space->first) + count_of_64(key, x);
    return count < space->chunks ? count : space->chunks; /* x may be the largest key itself */
}

static size_t count_in_chunk(const struct mt_space_chunk *chunk, uint64_t x)
{
    size_t count = count_of_64(chunk->begin, x);
    return count < chunk->n ? count : chunk->n;
}

static void pad_keys(uint64_t *key, size_t n)
{
    for (size_t i = 0; i < n; i++)
        key[i] = UINT64_MAX;
}

static void pad(struct mt_space_chunk *chunk, size_t from)
{
    pad_keys(chunk->begin + from, CHUNK_RANGES - from);
}

/* Memory comes and goes near where it last did, so that chunk is tried first. */
static struct place locate(const struct mt_space *space, uint64_t address)
{
    size_t last = space->last, c = last + 1; /* behind the keys are some that are larger than any */
    if (last >= space->chunks || address < space->first[last] || address >= space->first[last + 1])
        c = count_chunks(space, address);
    struct place place = {.chunk = c ? c - 1 : 0};
    const struct mt_space_chunk *chunk = space->chunk[place.chunk];
    place.i = c ? count_in_chunk(chunk, address) : 0;
    return place;
}

static void range_at(const struct mt_space_chunk *chunk, size_t i, struct mt_range *range)
{
    *range = (struct mt_range){chunk->begin[i], chunk->end[i], chunk->item[i]};
}

void mt_space_init(struct mt_space *space)
{
    memset(space, 0, sizeof *space);
}

void mt_space_release(struct mt_space *space)
{
    for (size_t i = 0; i < space->chunks; i++)
        free(space->chunk[i]);
    while (space->spare) {
        struct mt_space_chunk *next = space->spare->spare;
        free(space->spare);
        space->spare = next;
    }
    free(space->chunk);
    free(space->first);
    mt_space_init(space);
}

static struct mt_space_chunk *take_chunk(struct mt_space *space)
{
    struct mt_space_chunk *chunk = space->spare;
    if (chunk)
        space->spare = chunk->spare;
    else
        chunk = malloc(sizeof *chunk);
    if (!chunk)
        return NULL;
    chunk->n = 0;
    pad(chunk, 0);
    return chunk;
}

static bool grow_index(struct mt_space *space)
{
    size_t room = space->room ? space->room * 2 : 64;
    uint64_t *first = realloc(space->first, (room + CHUNK_RANGES) * sizeof *first);
    if (first) {
        space->first = first;
        pad_keys(first + space->chunks, room + CHUNK_RANGES - space->chunks);
    }
    struct mt_space_chunk **chunk = realloc(space->chunk, room * sizeof(struct mt_space_chunk *));
    if (chunk)
        space->chunk = chunk;
    if (!first || !chunk)
        return false;
    space->room = room;
    return true;
}

static struct mt_space_chunk *add_chunk(struct mt_space *space, size_t at)
{
    if (space->chunks == space->room && !grow_index(space))
        return NULL;
    struct mt_space_chunk *chunk = take_chunk(space);
    if (!chunk)
        return NULL;
    size_t behind = space->chunks - at;
    memmove(space->chunk + at + 1, space->chunk + at, behind * sizeof(struct mt_space_chunk *));
    memmove(space->first + at + 1, space->first + at, behind * sizeof *space->first);
    space->chunk[at] = chunk;
    space->chunks++;
    return chunk;
}

static void drop_chunk(struct mt_space *space, size_t at)
{
    struct mt_space_chunk *chunk = space->chunk[at];
    chunk->spare = space->spare;
    space->spare = chunk;
    size_t behind = --space->chunks - at;
    memmove(space->chunk + at, space->chunk + at + 1, behind * sizeof(struct mt_space_chunk *));
    memmove(space->first + at, space->first + at + 1, behind * sizeof *space->first);
    space->first[space->chunks] = UINT64_MAX;
}

/* Append n ranges of `from`, beginning with the i-th, to `to`. */
static void append(struct mt_space_chunk *to, const struct mt_space_chunk *from, size_t i, size_t n)
{
    memcpy(to->begin + to->n, from->begin + i, n * sizeof *to->begin);
    memcpy(to->end + to->n, from->end + i, n * sizeof *to->end);
    memcpy(to->item + to->n, from->item + i, n * sizeof *to->item);
    to->n += (uint32_t)n;
}

static bool split(struct mt_space *space, size_t at)
{
    struct mt_space_chunk *upper = add_chunk(space, at + 1);
    if (!upper)
        return false;
    struct mt_space_chunk *lower = space->chunk[at];
    append(upper, lower, CHUNK_RANGES / 2, CHUNK_RANGES / 2);
    lower->n = CHUNK_RANGES / 2;
    pad(lower, lower->n);
    space->first[at + 1] = upper->begin[0];
    return true;
}

/* Move the ranges from the i-th on by one place up or down. */
static void shift(struct mt_space_chunk *chunk, size_t to, size_t from)
{
    size_t n = chunk->n - from;
    memmove(chunk->begin + to, chunk->begin + from, n * sizeof *chunk->begin);
    memmove(chunk->end + to, chunk->end + from, n * sizeof *chunk->end);
    memmove(chunk->item + to, chunk->item + from, n * sizeof *chunk->item);
}

static bool overlaps(const struct mt_space *space, struct place place, uint64_t begin, uint64_t end)
{
    const struct mt_space_chunk *chunk = space->chunk[place.chunk];
    if (place.i > 0 && chunk->end[place.i - 1] > begin)
        return true;
    if (place.i < chunk->n)
        return chunk->begin[place.i] < end;
    return place.chunk + 1 < space->chunks && space->first[place.chunk + 1] < end;
}

static enum mt_space_result insert_first(struct mt_space *space)
{
    if (!add_chunk(space, 0))
        return MT_SPACE_MEMORY;
    space->first[0] = 0;
    return MT_SPACE_OK;
}

enum mt_space_result mt_space_insert(struct mt_space *space, uint64_t begin, uint64_t end,
                                     uint32_t item)
{
    struct place place = {0, 0};
    if (space->chunks == 0 && insert_first(space) != MT_SPACE_OK)
        return MT_SPACE_MEMORY;
    if (space->size > 0) {
        place = locate(space, begin);
        if (overlaps(space, place, begin, end))
            return MT_SPACE_OVERLAP;
    }
    if (space->chunk[place.chunk]->n == CHUNK_RANGES) {
        if (!split(space, place.chunk))
            return MT_SPACE_MEMORY;
        if (place.i > CHUNK_RANGES / 2)
            place = (struct place){place.chunk + 1, place.i - CHUNK_RANGES / 2};
    }
    struct mt_space_chunk *chunk = space->chunk[place.chunk];
    shift(chunk, place.i + 1, place.i);
    chunk->begin[place.i] = begin;
    chunk->end[place.i] = end;
    chunk->item[place.i] = item;
    chunk->n++;
    space->first[place.chunk] = chunk->begin[0];
    space->last = place.chunk;
    space->size++;
    return MT_SPACE_OK;
}

static void shrink(struct mt_space *space, size_t at)
{
    struct mt_space_chunk *chunk = space->chunk[at];
    if (chunk->n == 0) {
        drop_chunk(space, at);
    } else if (at + 1 < space->chunks && chunk->n + space->chunk[at + 1]->n <= MERGED_AT_MOST) {
        append(chunk, space->chunk[at + 1], 0, space->chunk[at + 1]->n);
        drop_chunk(space, at + 1);
    }
}

bool mt_space_remove(struct mt_space *space, uint64_t begin, struct mt_range *removed)
{
    if (space->size == 0)
        return false;
    struct place place = locate(space, begin);
    struct mt_space_chunk *chunk = space->chunk[place.chunk];
    if (place.i == 0 || chunk->begin[place.i - 1] != begin)
        return false;
    if (removed)
        range_at(chunk, place.i - 1, removed);
    shift(chunk, place.i - 1, place.i);
    chunk->begin[--chunk->n] = UINT64_MAX;
    space->size--;
    space->first[place.chunk] = chunk->begin[0];
    space->last = place.chunk;
    if (chunk->n < MERGE_BELOW)
        shrink(space, place.chunk);
    return true;
}

bool mt_space_find(const struct mt_space *space, uint64_t address, struct mt_range *range)
{
    if (space->size == 0)
        return false;
    struct place place = locate(space, address);
    const struct mt_space_chunk *chunk = space->chunk[place.chunk];
    if (place.i == 0 || chunk->end[place.i - 1] <= address)
        return false;
    range_at(chunk, place.i - 1, range);
    return true;
}

bool mt_space_next(const struct mt_space *space, uint64_t address, struct mt_range *range)
{
    if (space->size == 0)
        return false;
    struct place place = locate(space, address);
    if (place.i > 0 && space->chunk[place.chunk]->end[place.i - 1] > address)
        place.i--;
    if (place.i == space->chunk[place.chunk]->n)
        place = (struct place){place.chunk + 1, 0};
    if (place.chunk == space->chunks)
        return false;
    range_at(space->chunk[place.chunk], place.i, range);
    return true;
}

bool mt_space_is_valid(const struct mt_space *space)
{
    size_t size = 0;
    uint64_t end = 0;
    for (size_t c = 0; c < space->chunks; c++) {
        const struct mt_space_chunk *chunk = space->chunk[c];
        if (chunk->n == 0 || chunk->n > CHUNK_RANGES || chunk->begin[0] != space->first[c])
            return false;
        for (size_t i = 0; i < chunk->n; i++) {
            if (chunk->begin[i] < end || chunk->end[i] <= chunk->begin[i])
                return false;
            end = chunk->end[i];
        }
        for (size_t i = chunk->n; i < CHUNK_RANGES; i++)
            if (chunk->begin[i] != UINT64_MAX)
                return false;
        size += chunk->n;
    }
    for (size_t c = space->chunks; c < space->room + CHUNK_RANGES && space->room; c++)
        if (space->first[c] != UINT64_MAX)
            return false;
    return size == space->size;
}
