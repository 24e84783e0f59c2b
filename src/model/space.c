/* Sorted chunks of at most 64 ranges, and a sorted array of the chunks' first begins: two short
 * searches, and one short move on insertion. A tree would spend its time on cache misses; here all
 * that is searched for 10^4 ranges fits the first two caches. Chunks split in halves when full and
 * are merged with the next when nearly empty.
 *
 * A range that is removed keeps its place, marked as gone, until another is in its way or many are:
 * memory that comes back is the same ranges again as a rule, and then nothing is moved. */
#include "model/space.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_RANGES 64u /* as count_of_64 counts */
#define MERGE_BELOW 16u
#define MERGED_AT_MOST 48u
#define GONE UINT32_MAX /* as an item: the range was removed */
#define GONE_KEPT 4096u /* and four for each that is there */

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

static inline bool is_gone(const struct mt_space_chunk *chunk, size_t i)
{
    return chunk->item[i] == GONE;
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

/* Whether what ends at `end` ends before what follows the place, be that gone or not. */
static inline bool ends_before_next(const struct mt_space *space, struct place place, uint64_t end)
{
    const struct mt_space_chunk *chunk = space->chunk[place.chunk];
    uint64_t next = place.i < chunk->n ? chunk->begin[place.i] : space->first[place.chunk + 1];
    return end <= next; /* behind the last chunk's first is one that is larger than any */
}

static inline bool overlaps(const struct mt_space *space, struct place place, uint64_t begin,
                            uint64_t end)
{
    const struct mt_space_chunk *chunk = space->chunk[place.chunk];
    return (place.i > 0 && chunk->end[place.i - 1] > begin) || !ends_before_next(space, place, end);
}

static enum mt_space_result insert_first(struct mt_space *space)
{
    if (!add_chunk(space, 0))
        return MT_SPACE_MEMORY;
    space->first[0] = 0;
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

/* Take the ranges that are gone out of a chunk; false if there are none. It may be empty then. */
static bool squeeze(struct mt_space *space, size_t at)
{
    struct mt_space_chunk *chunk = space->chunk[at];
    uint32_t n = chunk->n, kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (is_gone(chunk, i))
            continue;
        chunk->begin[kept] = chunk->begin[i];
        chunk->end[kept] = chunk->end[i];
        chunk->item[kept++] = chunk->item[i];
    }
    chunk->n = kept;
    pad(chunk, kept);
    space->gone -= n - kept;
    space->first[at] = chunk->begin[0];
    return kept < n;
}

static __attribute__((noinline)) void forget_gone(struct mt_space *space)
{
    for (size_t at = space->chunks; at-- > 0;)
        if (squeeze(space, at) && space->chunk[at]->n < MERGE_BELOW)
            shrink(space, at);
}

/* Take out the range before a place, which is gone. */
static void take_out(struct mt_space *space, struct place place)
{
    struct mt_space_chunk *chunk = space->chunk[place.chunk];
    shift(chunk, place.i - 1, place.i);
    chunk->begin[--chunk->n] = UINT64_MAX;
    space->first[place.chunk] = chunk->begin[0];
    space->gone--;
    if (chunk->n < MERGE_BELOW)
        shrink(space, place.chunk);
}

/* What is gone and in the way of [begin, end) is taken out; false if what is in the way is there.
 */
static bool clear_way(struct mt_space *space, uint64_t begin, uint64_t end)
{
    while (space->chunks) {
        struct place place = locate(space, begin);
        const struct mt_space_chunk *chunk = space->chunk[place.chunk];
        if (!overlaps(space, place, begin, end))
            return true;
        if (place.i == 0 || chunk->end[place.i - 1] <= begin) { /* the one behind it */
            place.chunk += place.i == chunk->n;
            place.i = place.i == chunk->n ? 1 : place.i + 1;
            chunk = space->chunk[place.chunk];
        }
        if (!is_gone(chunk, place.i - 1))
            return false;
        take_out(space, place);
    }
    return true;
}

/* Where a range goes that overlaps none, in a chunk with room. */
static bool make_place(struct mt_space *space, uint64_t begin, struct place *place)
{
    *place = (struct place){0, 0};
    if (space->chunks == 0)
        return insert_first(space) == MT_SPACE_OK;
    for (;;) {
        *place = locate(space, begin);
        if (space->chunk[place->chunk]->n < CHUNK_RANGES)
            return true;
        if (!squeeze(space, place->chunk) && !split(space, place->chunk))
            return false;
        if (space->chunk[place->chunk]->n == 0)
            space->first[place->chunk] = begin; /* all were gone: it begins with this one */
    }
}

static inline void set(struct mt_space *space, struct place place, uint64_t begin, uint64_t end,
                       uint32_t item)
{
    struct mt_space_chunk *chunk = space->chunk[place.chunk];
    chunk->begin[place.i] = begin;
    chunk->end[place.i] = end;
    chunk->item[place.i] = item;
    space->first[place.chunk] = chunk->begin[0];
    space->last = place.chunk;
    space->size++;
}

static inline void put(struct mt_space *space, struct place place, uint64_t begin, uint64_t end,
                       uint32_t item)
{
    struct mt_space_chunk *chunk = space->chunk[place.chunk];
    shift(chunk, place.i + 1, place.i);
    chunk->n++;
    set(space, place, begin, end, item);
}

static __attribute__((noinline)) enum mt_space_result
insert_new(struct mt_space *space, uint64_t begin, uint64_t end, uint32_t item)
{
    struct place place;
    if (!clear_way(space, begin, end))
        return MT_SPACE_OVERLAP;
    if (!make_place(space, begin, &place))
        return MT_SPACE_MEMORY;
    put(space, place, begin, end, item);
    return MT_SPACE_OK;
}

/* In the place of ranges of one chunk that are gone and in the way. */
static enum mt_space_result insert_over(struct mt_space *space, struct place place, uint64_t begin,
                                        uint64_t end, uint32_t item)
{
    struct mt_space_chunk *chunk = space->chunk[place.chunk];
    size_t from = place.i - (place.i > 0 && chunk->end[place.i - 1] > begin), to = from;
    for (; to < chunk->n && chunk->begin[to] < end; to++)
        if (!is_gone(chunk, to))
            return MT_SPACE_OVERLAP;
    if (to == from || space->first[place.chunk + 1] < end)
        return insert_new(space, begin, end, item);
    space->gone -= to - from;
    if (to > from + 1) {
        shift(chunk, from + 1, to);
        chunk->n -= (uint32_t)(to - from - 1);
        pad(chunk, chunk->n);
    }
    set(space, (struct place){place.chunk, from}, begin, end, item);
    return MT_SPACE_OK;
}

enum mt_space_result mt_space_insert(struct mt_space *space, uint64_t begin, uint64_t end,
                                     uint32_t item)
{
    if (space->chunks == 0)
        return insert_new(space, begin, end, item);
    struct place place = locate(space, begin);
    if (overlaps(space, place, begin, end))
        return insert_over(space, place, begin, end, item);
    if (space->chunk[place.chunk]->n == CHUNK_RANGES)
        return insert_new(space, begin, end, item);
    put(space, place, begin, end, item);
    return MT_SPACE_OK;
}

bool mt_space_remove(struct mt_space *space, uint64_t begin, struct mt_range *removed)
{
    if (space->size == 0)
        return false;
    struct place place = locate(space, begin);
    struct mt_space_chunk *chunk = space->chunk[place.chunk];
    size_t i = place.i - 1;
    if (place.i == 0 || chunk->begin[i] != begin || is_gone(chunk, i))
        return false;
    if (removed)
        range_at(chunk, i, removed);
    chunk->item[i] = GONE;
    space->size--;
    space->gone++;
    space->last = place.chunk;
    if (__builtin_expect(space->gone > 4 * space->size + GONE_KEPT, 0))
        forget_gone(space);
    return true;
}

bool mt_space_find(const struct mt_space *space, uint64_t address, struct mt_range *range)
{
    if (space->size == 0)
        return false;
    struct place place = locate(space, address);
    const struct mt_space_chunk *chunk = space->chunk[place.chunk];
    if (place.i == 0 || chunk->end[place.i - 1] <= address || is_gone(chunk, place.i - 1))
        return false;
    range_at(chunk, place.i - 1, range);
    return true;
}

/* Ranges that are gone are passed over only as far as those asked for can begin. */
bool mt_space_next_in(const struct mt_space *space, uint64_t address, uint64_t end,
                      struct mt_range *range)
{
    if (space->size == 0)
        return false;
    struct place place = locate(space, address);
    if (place.i > 0 && space->chunk[place.chunk]->end[place.i - 1] > address)
        place.i--;
    for (; place.chunk < space->chunks; place = (struct place){place.chunk + 1, 0}) {
        const struct mt_space_chunk *chunk = space->chunk[place.chunk];
        while (place.i < chunk->n && is_gone(chunk, place.i))
            place.i++;
        if (place.i < chunk->n && chunk->begin[place.i] < end) {
            range_at(chunk, place.i, range);
            return true;
        }
        if (place.i < chunk->n || space->first[place.chunk + 1] >= end)
            return false;
    }
    return false;
}

bool mt_space_next(const struct mt_space *space, uint64_t address, struct mt_range *range)
{
    return mt_space_next_in(space, address, UINT64_MAX, range);
}

bool mt_space_is_valid(const struct mt_space *space)
{
    size_t size = 0, gone = 0;
    uint64_t end = 0;
    for (size_t c = 0; c < space->chunks; c++) {
        const struct mt_space_chunk *chunk = space->chunk[c];
        if (chunk->n == 0 || chunk->n > CHUNK_RANGES || chunk->begin[0] != space->first[c])
            return false;
        for (size_t i = 0; i < chunk->n; i++) {
            if (chunk->begin[i] < end || chunk->end[i] <= chunk->begin[i])
                return false;
            end = chunk->end[i];
            gone += is_gone(chunk, i);
        }
        for (size_t i = chunk->n; i < CHUNK_RANGES; i++)
            if (chunk->begin[i] != UINT64_MAX)
                return false;
        size += chunk->n;
    }
    for (size_t c = space->chunks; c < space->room + CHUNK_RANGES && space->room; c++)
        if (space->first[c] != UINT64_MAX)
            return false;
    return gone == space->gone && size == space->size + gone;
}
