/* See sim_arena.h. Blocks, free or not, tile the range; their records are found by their first
 * unit, neighbours through the ordered set of first units. */
#include "sim_arena.h"

#include <stddef.h>
#include <sys/mman.h>

enum { MAX_BLOCKS = 1 << 24 };

static void *reserve(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static struct sim_block *block_of(struct sim_arena *a, uint64_t unit)
{
    return &a->blocks[a->block_at[unit]];
}

static uint64_t unit_of(const struct sim_arena *a, uint64_t address)
{
    return (address - a->base) / SIM_UNIT;
}

static struct sim_block *insert(struct sim_arena *a, uint64_t unit, uint64_t units,
                                enum sim_use use)
{
    uint32_t index = a->spare;
    if (index)
        a->spare = (uint32_t)a->blocks[index].units;
    else if (a->used_blocks < MAX_BLOCKS)
        index = a->used_blocks++;
    else
        return NULL;
    struct sim_block *b = &a->blocks[index];
    *b = (struct sim_block){.address = a->base + unit * SIM_UNIT, .units = units, .use = use};
    a->block_at[unit] = index;
    sim_bitset_put(&a->starts, unit);
    if (use == SIM_FREE)
        sim_bitset_put(&a->free_starts, unit);
    return b;
}

static void erase(struct sim_arena *a, uint64_t unit)
{
    uint32_t index = a->block_at[unit];
    a->block_at[unit] = 0;
    a->blocks[index].units = a->spare;
    a->spare = index;
    sim_bitset_drop(&a->starts, unit);
    sim_bitset_drop(&a->free_starts, unit);
}

bool sim_arena_init(struct sim_arena *a, uint64_t base, uint64_t bytes)
{
    *a = (struct sim_arena){.base = base, .units = bytes / SIM_UNIT, .used_blocks = 1};
    pthread_mutexattr_t spin_first; /* what is done under the lock is shorter than a sleep */
    pthread_mutexattr_init(&spin_first);
    pthread_mutexattr_settype(&spin_first, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&a->lock, &spin_first);
    pthread_mutexattr_destroy(&spin_first);
    a->block_at = reserve(a->units * sizeof(*a->block_at));
    a->blocks = reserve(MAX_BLOCKS * sizeof(*a->blocks));
    if (!a->block_at || !a->blocks || !sim_bitset_init(&a->starts, a->units) ||
        !sim_bitset_init(&a->free_starts, a->units))
        return false;
    return insert(a, 0, a->units, SIM_FREE) != NULL;
}

/* Where in a free block a request would begin, or -1. */
static int64_t fit(const struct sim_arena *a, const struct sim_block *b, uint64_t units,
                   uint64_t align)
{
    uint64_t start = unit_of(a, (b->address + align - 1) & ~(align - 1));
    uint64_t first = unit_of(a, b->address);
    return start + units <= first + b->units ? (int64_t)start : -1;
}

static int64_t fit_at(struct sim_arena *a, uint64_t unit, uint64_t units, uint64_t align)
{
    if (unit >= a->units || ((a->base + unit * SIM_UNIT) & (align - 1)))
        return -1;
    int64_t first = sim_bitset_at_or_below(&a->starts, unit);
    const struct sim_block *b = block_of(a, (uint64_t)first);
    bool fits = b->use == SIM_FREE && unit + units <= (uint64_t)first + b->units;
    return fits ? (int64_t)unit : -1;
}

static uint64_t *recent_of(struct sim_arena *a, uint64_t units)
{
    return a->recent[(units * 0x9e3779b97f4a7c15ULL) >> 56];
}

static int64_t fit_recent(struct sim_arena *a, uint64_t units, uint64_t align)
{
    uint64_t *recent = recent_of(a, units);
    while (recent[0]) {
        int64_t start = fit_at(a, recent[0] - 1, units, align);
        for (int i = 0; i + 1 < SIM_RECENT; i++)
            recent[i] = recent[i + 1];
        recent[SIM_RECENT - 1] = 0;
        if (start >= 0)
            return start;
    }
    return -1;
}

static void remember(struct sim_arena *a, uint64_t unit, uint64_t units)
{
    uint64_t *recent = recent_of(a, units);
    for (int i = SIM_RECENT - 1; i > 0; i--)
        recent[i] = recent[i - 1];
    recent[0] = unit + 1;
}

static int64_t fit_first(struct sim_arena *a, uint64_t units, uint64_t align)
{
    int64_t unit = sim_bitset_at_or_above(&a->free_starts, 0);
    while (unit >= 0) {
        struct sim_block *b = block_of(a, (uint64_t)unit);
        int64_t start = fit(a, b, units, align);
        if (start >= 0)
            return start;
        uint64_t next = (uint64_t)unit + b->units;
        unit = next < a->units ? sim_bitset_at_or_above(&a->free_starts, next) : -1;
    }
    return -1;
}

/* Cuts [start, start + units) out of the free block around it. The block that begins where the free
 * one did takes over its record, which spares both sets most of the work. */
static struct sim_block *carve(struct sim_arena *a, uint64_t start, uint64_t units)
{
    uint64_t first = (uint64_t)sim_bitset_at_or_below(&a->starts, start);
    struct sim_block *b = block_of(a, first);
    uint64_t end = first + b->units;
    if (first < start) {
        b->units = start - first;
        b = insert(a, start, units, SIM_SPACE);
    } else {
        sim_bitset_drop(&a->free_starts, start);
        b->use = SIM_SPACE;
        b->units = units;
    }
    if (start + units < end)
        insert(a, start + units, end - start - units, SIM_FREE);
    return b;
}

static int64_t find_room(struct sim_arena *a, uint64_t units, uint64_t align, uint64_t wish)
{
    int64_t start = -1;
    if (wish >= a->base && wish % SIM_UNIT == 0)
        start = fit_at(a, unit_of(a, wish), units, align);
    if (start < 0)
        start = fit_recent(a, units, align);
    return start < 0 ? fit_first(a, units, align) : start;
}

bool sim_arena_take(struct sim_arena *a, struct sim_block *block, uint64_t align, uint64_t wish)
{
    uint64_t units = (block->bytes + SIM_UNIT - 1) / SIM_UNIT;
    if (units == 0 || units > a->units)
        return false;
    align = align < SIM_UNIT ? SIM_UNIT : align;
    pthread_mutex_lock(&a->lock);
    int64_t start = a->used_blocks + 2 < MAX_BLOCKS ? find_room(a, units, align, wish) : -1;
    if (start >= 0) {
        struct sim_block *b = carve(a, (uint64_t)start, units);
        block->address = b->address;
        block->units = units;
        block->id = ++a->next_id;
        *b = *block;
        a->live++;
    }
    pthread_mutex_unlock(&a->lock);
    return start >= 0;
}

static struct sim_block *find(struct sim_arena *a, uint64_t address, bool start_only)
{
    if (address < a->base || unit_of(a, address) >= a->units)
        return NULL;
    uint64_t unit = unit_of(a, address);
    if (start_only)
        return a->block_at[unit] && block_of(a, unit)->address == address &&
                       block_of(a, unit)->use != SIM_FREE
                   ? block_of(a, unit)
                   : NULL;
    struct sim_block *b = block_of(a, (uint64_t)sim_bitset_at_or_below(&a->starts, unit));
    return b->use != SIM_FREE && address - b->address < b->bytes ? b : NULL;
}

static bool look_up(struct sim_arena *a, uint64_t address, bool start_only, struct sim_block *block)
{
    pthread_mutex_lock(&a->lock);
    const struct sim_block *b = find(a, address, start_only);
    if (b)
        *block = *b;
    pthread_mutex_unlock(&a->lock);
    return b != NULL;
}

bool sim_arena_starting(struct sim_arena *a, uint64_t address, struct sim_block *block)
{
    return look_up(a, address, true, block);
}

bool sim_arena_containing(struct sim_arena *a, uint64_t address, struct sim_block *block)
{
    return look_up(a, address, false, block);
}

static void release_and_merge(struct sim_arena *a, uint64_t unit)
{
    struct sim_block *b = block_of(a, unit);
    uint64_t end = unit + b->units;
    if (end < a->units && block_of(a, end)->use == SIM_FREE) {
        b->units += block_of(a, end)->units;
        erase(a, end);
    }
    int64_t before = unit ? sim_bitset_at_or_below(&a->starts, unit - 1) : -1;
    if (before >= 0 && block_of(a, (uint64_t)before)->use == SIM_FREE) {
        block_of(a, (uint64_t)before)->units += b->units;
        erase(a, unit);
    } else {
        b->use = SIM_FREE;
        sim_bitset_put(&a->free_starts, unit);
    }
}

bool sim_arena_give(struct sim_arena *a, uint64_t address, unsigned uses, struct sim_block *block)
{
    pthread_mutex_lock(&a->lock);
    const struct sim_block *b = find(a, address, true);
    bool found = b && (uses >> b->use & 1);
    if (found) {
        *block = *b;
        if (a->leaving)
            a->leaving(block);
        remember(a, unit_of(a, address), b->units);
        release_and_merge(a, unit_of(a, address));
        a->live--;
    }
    pthread_mutex_unlock(&a->lock);
    return found;
}

bool sim_arena_is_valid(struct sim_arena *a)
{
    bool good = true;
    uint64_t live = 0, unit = 0;
    enum sim_use before = SIM_SPACE;
    pthread_mutex_lock(&a->lock);
    while (good && unit < a->units) {
        const struct sim_block *b = block_of(a, unit);
        bool is_free = sim_bitset_at_or_above(&a->free_starts, unit) == (int64_t)unit;
        good = sim_bitset_at_or_above(&a->starts, unit) == (int64_t)unit &&
               b->address == a->base + unit * SIM_UNIT && b->units > 0 &&
               is_free == (b->use == SIM_FREE) && !(is_free && before == SIM_FREE);
        live += b->use != SIM_FREE;
        before = b->use;
        unit += b->units;
    }
    good = good && unit == a->units && live == a->live;
    pthread_mutex_unlock(&a->lock);
    return good;
}
