#include "analysis/sitebook.h"

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
static inline __attribute__((always_inline)) int
change(struct mt_sitebook *book, const struct held *held, uint64_t bytes, uint64_t live)
{
    const uint64_t serial = book->serial[held->device];
    for (uint32_t by = 0; by < held->groups.n; by++) {
        struct mt_tally *tally = tally_at(&book->of[by][held->device], held->groups.group[by]);
        if (!tally)
            return MT_ERR_MEMORY;
        catch_up(tally, serial);
        tally->bytes += bytes;
        tally->live += live;
        if (tally->bytes > tally->peak_bytes)
            tally->peak_bytes = tally->bytes;
    }
    return 0;
}

static __attribute__((noinline)) int uncount(struct mt_sitebook *book, struct held *held)
{
    held->counted = false;
    return change(book, held, 0 - held->bytes, UINT64_MAX);
}

int mt_sitebook_birth(struct mt_sitebook *book, const struct mt_block *block,
                      const struct mt_groups *groups)
{
    /* Driver memory that was taken for a block is none any more once a block lies in it. */
    if (block->segment_slot) {
        struct held *around = held_at(book, block->segment_slot);
        if (!around)
            return MT_ERR_MEMORY;
        if (around->counted)
            RETURN_IF_ERROR(uncount(book, around));
    }
    struct held *held = held_at(book, block->slot);
    if (!held)
        return MT_ERR_MEMORY;
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

int mt_sitebook_death(struct mt_sitebook *book, const struct mt_block *block, uint64_t end_ns)
{
    struct held *held = held_at(book, block->slot);
    uint64_t death_ns = block->death_ns != UINT64_MAX ? block->death_ns : end_ns;
    if (!held)
        return MT_ERR_MEMORY;
    if (block->level == MT_LEVEL_SEGMENT)
        return held->counted ? uncount(book, held) : 0;
    for (uint32_t by = 0; by < held->groups.n; by++) {
        struct mt_tally *tally = tally_at(&book->of[by][held->device], held->groups.group[by]);
        if (!tally)
            return MT_ERR_MEMORY;
        count_death(tally, block, held, (double)(int64_t)(death_ns - block->birth_ns),
                    book->serial[held->device]);
    }
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
