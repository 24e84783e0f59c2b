#include "analysis/measures/sitebook.h"

#include <string.h>

/* What a live block was counted as. */
struct held {
    struct mt_groups groups;
    uint32_t device;
    bool counted;
    uint64_t bytes;
};

void mt_sitebook_release(struct mt_sitebook *book)
{
    for (uint32_t by = 0; by < MT_BY_GROUPS; by++)
        for (uint32_t device = 0; device < MT_DEVICES; device++)
            free(book->of[by][device].tally);
    mt_slots_release(&book->held);
}

static struct held *held_at(struct mt_sitebook *book, uint32_t slot)
{
    return mt_slots_at(&book->held, slot, sizeof(struct held));
}

static __attribute__((noinline)) struct mt_tally *grow(struct mt_tallies *tallies, uint32_t group)
{
    uint32_t n = group < 32 ? 64 : group * 2;
    struct mt_tally *tally = realloc(tallies->tally, n * sizeof *tally);
    if (!tally)
        return NULL;
    memset(tally + tallies->n, 0, (n - tallies->n) * sizeof *tally);
    tallies->tally = tally;
    tallies->n = n;
    return &tallies->tally[group];
}

static inline struct mt_tally *tally_at(struct mt_tallies *tallies, uint32_t group)
{
    return group < tallies->n ? &tallies->tally[group] : grow(tallies, group);
}

/* What it holds now is what it held at the last peak, if it has not changed since. */
static inline void catch_up(struct mt_tally *tally, uint64_t serial)
{
    if (tally->serial == serial)
        return;
    tally->serial = serial;
    tally->at_peak_bytes = tally->bytes;
    tally->at_peak = tally->live;
}

/* Changes are added modulo 2^64. */
static inline void change_tally(struct mt_tally *tally, uint64_t serial, uint64_t bytes,
                                uint64_t live)
{
    catch_up(tally, serial);
    tally->bytes += bytes;
    tally->live += live;
    if (tally->bytes > tally->peak_bytes)
        tally->peak_bytes = tally->bytes;
}

static __attribute__((noinline)) int change_all(struct mt_sitebook *book, const struct held *held,
                                                uint64_t bytes, uint64_t live)
{
    for (uint32_t by = 0; by < held->groups.n; by++) {
        struct mt_tally *tally = tally_at(&book->of[by][held->device], held->groups.group[by]);
        if (!tally)
            return MT_ERR_MEMORY;
        change_tally(tally, book->serial[held->device], bytes, live);
    }
    return 0;
}

/* The tally of what is in one group only, as what has no stack is; NULL: it is not like that, or
 * not there yet. Births and deaths of such blocks call nothing, and so need not save registers. */
static inline struct mt_tally *only_tally(struct mt_sitebook *book, const struct held *held)
{
    struct mt_tallies *tallies = &book->of[0][held->device];
    uint32_t group = held->groups.group[0];
    return held->groups.n == 1 && group < tallies->n ? &tallies->tally[group] : NULL;
}

static inline __attribute__((always_inline)) int
change(struct mt_sitebook *book, const struct held *held, uint64_t bytes, uint64_t live)
{
    struct mt_tally *tally = only_tally(book, held);
    if (!tally)
        return change_all(book, held, bytes, live);
    change_tally(tally, book->serial[held->device], bytes, live);
    return 0;
}

static __attribute__((noinline)) int uncount(struct mt_sitebook *book, struct held *held)
{
    held->counted = false;
    return change(book, held, 0 - held->bytes, UINT64_MAX);
}

/* Makes way for a birth: places for all slots, and driver memory that was taken for a block is none
 * any more once a block lies in it. */
static __attribute__((noinline)) int
make_way(struct mt_sitebook *book, const struct mt_block *block, const struct mt_groups *groups)
{
    struct held *around = held_at(book, block->segment_slot);
    if (!around || !held_at(book, block->slot))
        return MT_ERR_MEMORY;
    around = held_at(book, block->segment_slot);
    if (around->counted)
        RETURN_IF_ERROR(uncount(book, around));
    return mt_sitebook_birth(book, block, groups);
}

int mt_sitebook_birth(struct mt_sitebook *book, const struct mt_block *block,
                      const struct mt_groups *groups)
{
    const uint32_t slot = block->slot, room = book->held.room, around = block->segment_slot;
    struct held *places = (struct held *)(void *)book->held.place;
    if (slot >= room || around >= room || places[around].counted) /* that of no slot, 0, is not */
        return make_way(book, block, groups);
    struct held *held = &places[slot];
    /* One by one, as they were written: read as a whole they would have to be waited for. */
    held->groups.n = groups->n;
    for (uint32_t by = 0; by < groups->n; by++)
        held->groups.group[by] = groups->group[by];
    held->device = block->device;
    held->counted = block->level == MT_LEVEL_BLOCK;
    held->bytes = mt_block_bytes(block);
    return held->counted ? change(book, held, held->bytes, 1) : 0;
}

int mt_sitebook_resize(struct mt_sitebook *book, const struct mt_block *block)
{
    struct held *held = held_at(book, block->slot);
    if (!held)
        return MT_ERR_MEMORY;
    uint64_t grown = mt_block_bytes(block) - held->bytes;
    held->bytes += grown;
    return held->counted ? change(book, held, grown, 0) : 0;
}

/* What a block that has ended adds to the sums of a group. */
static inline void count_death(struct mt_tally *tally, const struct mt_block *block,
                               const struct held *held, double lifetime_ns, uint64_t serial)
{
    bool died = block->death_ns != UINT64_MAX;
    if (held->counted && died) {
        catch_up(tally, serial);
        tally->bytes -= held->bytes;
        tally->live--;
    }
    tally->blocks++;
    tally->allocated_bytes += block->size;
    tally->accesses += block->accesses;
    tally->survivors += !died;
    tally->lifetime_ns += lifetime_ns;
}

static __attribute__((noinline)) int count_all(struct mt_sitebook *book,
                                               const struct mt_block *block, struct held *held,
                                               double lifetime_ns)
{
    for (uint32_t by = 0; by < held->groups.n; by++) {
        struct mt_tally *tally = tally_at(&book->of[by][held->device], held->groups.group[by]);
        if (!tally)
            return MT_ERR_MEMORY;
        count_death(tally, block, held, lifetime_ns, book->serial[held->device]);
    }
    held->counted = false;
    return 0;
}

int mt_sitebook_death(struct mt_sitebook *book, const struct mt_block *block, uint64_t end_ns)
{
    struct held *held = held_at(book, block->slot);
    if (!held)
        return MT_ERR_MEMORY;
    if (block->level == MT_LEVEL_SEGMENT)
        return held->counted ? uncount(book, held) : 0;
    double lifetime_ns = (double)(int64_t)(end_ns - block->birth_ns);
    struct mt_tally *tally = only_tally(book, held);
    if (!tally)
        return count_all(book, block, held, lifetime_ns);
    count_death(tally, block, held, lifetime_ns, book->serial[held->device]);
    held->counted = false;
    return 0;
}

const struct mt_tally *mt_sitebook_tally(struct mt_sitebook *book, enum mt_grouping grouping,
                                         uint32_t device, uint32_t group)
{
    struct mt_tallies *tallies = &book->of[grouping][device];
    if (group >= tallies->n)
        return NULL;
    struct mt_tally *tally = &tallies->tally[group];
    catch_up(tally, book->serial[device]);
    /* What was taken for a block at the peak may have turned out a segment since. */
    return tally->blocks || tally->at_peak_bytes ? tally : NULL;
}
