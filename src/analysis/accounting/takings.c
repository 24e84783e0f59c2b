#include "analysis/accounting/takings.h"

#define PAGE_BYTES (INT64_C(1) << MT_PAGE_BITS)
#define PIECE_BYTES (INT64_C(1) << MT_POOL_BITS)

/* A walk over driver memory, in the order of addresses. */
struct walk {
    const struct mt_model *model;
    uint32_t device;
    uint64_t next_page, next_piece; /* what lies below is counted */
    struct mt_takings *takings;
    uint64_t told; /* bytes, as far as the model's sums have them */
};

static void add_taker(struct mt_takings *t, uint32_t library, uint64_t bytes)
{
    uint32_t i = 0;
    while (i < t->takers && t->taker[i].library != library)
        i++;
    if (i == MT_TAKERS)
        i--;
    if (i == t->takers)
        t->taker[t->takers++] = (struct mt_taker){.library = library};
    t->taker[i].bytes += bytes;
    t->taker[i].count++;
    t->driver += bytes;
}

/* How many units of 2^bits hold a part of it and were not counted for what lies before it. Of a
 * virtual range, whose memory may lie anywhere in it, only how many they are is known. */
static uint64_t units(const struct mt_block *block, uint64_t bytes, unsigned bits, uint64_t *next)
{
    uint64_t first = block->address >> bits, last = (block->address + bytes - 1) >> bits;
    first = first < *next ? *next : first;
    if (!bytes || last < first)
        return 0;
    *next = last + 1;
    return last - first + 1;
}

static void add_physical(struct walk *walk, const struct mt_block *block, uint64_t bytes)
{
    struct mt_takings *t = walk->takings;
    if (block->source == MT_SOURCE_MANAGED) {
        t->managed += bytes;
    } else if (mt_is_pooled(block)) {
        t->pooled += bytes;
        t->pooled_pages += units(block, bytes, MT_PAGE_BITS, &walk->next_page);
        t->pieces += units(block, bytes, MT_POOL_BITS, &walk->next_piece);
    } else if (block->source == MT_SOURCE_ARRAY) {
        t->arrays += bytes;
    } else {
        t->plain += bytes;
        t->plain_pages += units(block, bytes, MT_PAGE_BITS, &walk->next_page);
    }
}

/* A variable of a module lies in the module, which is the driver's. */
static int add_driver(void *data, const struct mt_block *block, bool told)
{
    struct walk *walk = data;
    struct mt_takings *t = walk->takings;
    uint64_t bytes = mt_model_bytes_on(walk->model, block, walk->device);
    if (block->device != walk->device && !bytes)
        return 0;
    if (block->level == MT_LEVEL_BLOCK && told) {
        walk->told += bytes;
        t->blocks_count -= block->device == walk->device;
    }
    if (block->source == MT_SOURCE_GLOBAL)
        return 0;
    add_physical(walk, block, bytes);
    if (block->level == MT_LEVEL_SEGMENT) {
        t->slack += bytes;
        t->segments++;
    } else {
        add_taker(t, block->library, bytes);
    }
    return 0;
}

void mt_takings_add(struct mt_takings *t, const struct mt_model *model, uint32_t device)
{
    const struct mt_usage *usage = mt_model_usage(model, device);
    struct walk walk = {.model = model, .device = device, .takings = t};
    t->blocks_count += usage->blocks;
    mt_model_each_driver(model, add_driver, &walk);
    t->blocks = usage->allocated - walk.told;
    t->slack -= t->blocks;
    t->unmapped = mt_model_unmapped(model, device);
}

int64_t mt_takings_certain(const struct mt_takings *t)
{
    return (int64_t)((t->plain_pages << MT_PAGE_BITS) + t->arrays + t->unmapped);
}

/* The driver's own memory is larger for a moment, or smaller, by a page or some. */
static int64_t whole_pieces(int64_t bytes)
{
    bytes += 4 * PAGE_BYTES;
    return bytes < 0 ? 0 : bytes / PIECE_BYTES;
}

/* Where pools took smaller pieces than these there is less than they say. */
int64_t mt_takings_pools(const struct mt_takings *t, int64_t rest, int64_t before, uint64_t ever,
                         bool first)
{
    int64_t least = (int64_t)t->pieces, most = (int64_t)ever;
    int64_t pieces = first ? least : whole_pieces(rest - before);
    pieces = pieces > most ? most : pieces < least ? least : pieces;
    int64_t pages = (int64_t)(t->pooled_pages << MT_PAGE_BITS), held = pieces * PIECE_BYTES;
    int64_t room = first ? rest : rest - before + 4 * PAGE_BYTES;
    return held <= room || held <= pages ? held : room < pages ? pages : room;
}

int64_t mt_takings_managed(const struct mt_takings *t, int64_t rest, int64_t before)
{
    int64_t most = (int64_t)((t->managed + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1));
    int64_t beyond = rest - before;
    return beyond <= 0 ? 0 : beyond < most ? beyond : most;
}
