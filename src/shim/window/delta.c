#include "shim/window/delta.h"

#include <string.h>

#include "shim/image/pile.h"

#define FIRST_SLOTS (1u << 12)
#define SLOTS_MAX (1u << 21)
#define WORDS_MAX 8

/* Where a thing lies: what an allocator hands out may have the address of what the driver did. */
enum level { DRIVER, BLOCK, POOL };

struct life {
    uint64_t key;  /* address and level; 0: the slot is free */
    uint64_t died; /* ticks of the end of what lived before, 0: none is to be told */
    uint64_t born; /* ticks of the birth of what lives, 0: nothing was born */
    uint64_t was;  /* birth of what has ended last: the end may turn out to have failed */
    uint64_t over; /* what was born in a pause before it has ended, though that was not seen */
    uint16_t birth_kind, death_kind;
    bool told; /* the birth was */
    uint64_t birth[WORDS_MAX], death[WORDS_MAX];
};

static struct {
    struct mt_pile table, order;
    uint32_t slots, used;
    uint64_t horizon; /* ticks: older ends are nobody's concern */
} delta;

static enum level level_of(unsigned kind)
{
    return kind == MT_block_alloc || kind == MT_block_free ? BLOCK
           : kind == MT_pool_alloc || kind == MT_pool_free ? POOL
                                                           : DRIVER;
}

/* All six have the address as their second field but blocks, which have it first. */
static uint64_t address_of(const struct mt_record *record)
{
    return record->word[level_of(record->kind) != BLOCK];
}

static uint64_t key_of(const struct mt_record *record)
{
    return address_of(record) << 2 | (uint64_t)level_of(record->kind) | UINT64_C(1) << 63;
}

static bool is_birth(unsigned kind)
{
    return kind == MT_alloc || kind == MT_block_alloc || kind == MT_pool_alloc;
}

static bool is_of_use(const struct life *life)
{
    return life->died || life->born || life->over > delta.horizon;
}

static struct life *find(struct life *table, uint32_t slots, uint64_t key)
{
    uint32_t i = (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
    while (table[i & (slots - 1)].key != 0 && table[i & (slots - 1)].key != key)
        i++;
    return &table[i & (slots - 1)];
}

/* What says nothing any more is left behind; a table that is full of the rest is twice as large. */
static bool grow(void)
{
    struct life *from = delta.table.at;
    struct mt_pile fresh = {0};
    uint32_t useful = 0;
    for (uint32_t i = 0; i < delta.slots; i++)
        useful += from[i].key && is_of_use(&from[i]);
    uint32_t slots = delta.slots ? delta.slots : FIRST_SLOTS;
    while (useful >= slots / 2)
        slots *= 2;
    struct life *to =
        slots > SLOTS_MAX ? NULL : mt_pile_room(&fresh, slots * sizeof(struct life));
    if (!to)
        return false;
    for (uint32_t i = 0; i < delta.slots; i++)
        if (from[i].key && is_of_use(&from[i]))
            *find(to, slots, from[i].key) = from[i];
    mt_pile_release(&delta.table);
    delta.table = fresh;
    delta.slots = slots;
    delta.used = useful;
    return true;
}

static struct life *life_of(uint64_t key)
{
    if (delta.used + 1 > delta.slots / 4 * 3 && !grow() && delta.used + 1 >= delta.slots)
        return NULL;
    struct life *life = find(delta.table.at, delta.slots, key);
    if (!life->key)
        delta.used++;
    life->key = key;
    return life;
}

static void copy(uint64_t to[WORDS_MAX], const struct mt_record *record)
{
    uint32_t words = record->words < WORDS_MAX ? record->words : WORDS_MAX;
    memcpy(to, record->word, words * sizeof *to);
}

static void give_birth(struct life *life, const struct mt_record *record)
{
    if (life->born > record->time) /* an older one, of which the end will be seen as well */
        return;
    if (life->born)
        life->over = record->time;
    life->born = record->time;
    life->told = false;
    life->birth_kind = record->kind;
    copy(life->birth, record);
}

static void end(struct life *life, const struct mt_record *record)
{
    bool is_this = life->born && life->born <= record->time;
    if (life->over > record->time)
        return;
    if (is_this) {
        life->was = life->born;
        life->born = 0;
        if (!life->told)
            return;
    } else if (life->died || life->told) {
        return;
    }
    life->died = record->time;
    life->death_kind = record->kind;
    copy(life->death, record);
}

bool mt_delta_put(const struct mt_record *record)
{
    struct life *life = life_of(key_of(record));
    if (!life)
        return false;
    if (is_birth(record->kind))
        give_birth(life, record);
    else
        end(life, record);
    return true;
}

void mt_delta_undo(const struct mt_ev_free_failed *event)
{
    uint64_t key = event->address << 2 | DRIVER | UINT64_C(1) << 63;
    struct life *life = delta.slots ? find(delta.table.at, delta.slots, key) : NULL;
    if (!life || !life->key || life->born)
        return;
    if (life->was)
        life->born = life->was;
    life->died = life->was = 0;
}

bool mt_delta_is_stale(const struct mt_record *record)
{
    if (!mt_delta_takes(record->kind) || is_birth(record->kind) || !delta.slots)
        return false;
    const struct life *life = find(delta.table.at, delta.slots, key_of(record));
    return life->key && (life->over > record->time || (life->told && life->born > record->time));
}

/* ---- telling ---- */

static bool is_untold(const struct life *life)
{
    return life->key && life->born && !life->told;
}

size_t mt_delta_count(void)
{
    const struct life *life = delta.table.at;
    size_t n = 0;
    for (uint32_t i = 0; i < delta.slots; i++)
        n += life[i].key ? (life[i].died != 0) + is_untold(&life[i]) : 0;
    return n;
}

/* By address, and the driver's first, so that each block follows what it lies in. */
static bool is_before(uint32_t a, uint32_t b)
{
    const struct life *life = delta.table.at;
    return life[a].key < life[b].key;
}

static void sift(uint32_t *heap, uint32_t n, uint32_t at)
{
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && is_before(heap[child], heap[child + 1]);
        if (!is_before(heap[at], heap[child]))
            return;
        uint32_t top = heap[at];
        heap[at] = heap[child];
        heap[child] = top;
    }
}

/* Here and not by qsort, which may allocate. */
static void sort(uint32_t *order, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;)
        sift(order, n, i);
    for (uint32_t i = n; i-- > 1;) {
        uint32_t largest = order[0];
        order[0] = order[i];
        order[i] = largest;
        sift(order, i, 0);
    }
}

static int each_death(mt_delta_fn *each, bool driver)
{
    const struct life *life = delta.table.at;
    for (uint32_t i = 0; i < delta.slots; i++) {
        if (!life[i].key || !life[i].died || (life[i].death_kind == MT_free) != driver)
            continue;
        int error = each((enum mt_kind)life[i].death_kind, life[i].death, life[i].died);
        if (error < 0)
            return error;
    }
    return 0;
}

static int each_birth(mt_delta_fn *each, uint32_t *order)
{
    const struct life *life = delta.table.at;
    uint32_t n = 0;
    for (uint32_t i = 0; i < delta.slots; i++)
        if (is_untold(&life[i]))
            order[n++] = i;
    sort(order, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct life *one = &life[order[i]];
        int error = each((enum mt_kind)one->birth_kind, one->birth, one->born);
        if (error < 0)
            return error;
    }
    return 0;
}

int mt_delta_each(mt_delta_fn *each)
{
    uint32_t *order = mt_pile_room(&delta.order, (delta.slots + 1) * sizeof *order);
    if (!order)
        return -1;
    int error = each_death(each, false);
    if (error == 0)
        error = each_death(each, true);
    return error < 0 ? error : each_birth(each, order);
}

void mt_delta_told(void)
{
    struct life *life = delta.table.at;
    for (uint32_t i = 0; i < delta.slots; i++) {
        life[i].died = life[i].was = 0;
        life[i].told = life[i].born != 0;
    }
}

void mt_delta_clear(uint64_t ticks)
{
    struct life *life = delta.table.at;
    for (uint32_t i = 0; i < delta.slots; i++) {
        life[i].over = life[i].born > life[i].over ? life[i].born : life[i].over;
        life[i].died = life[i].born = life[i].was = 0;
        life[i].told = false;
    }
    delta.horizon = ticks;
}

void mt_delta_forget(void)
{
    mt_pile_release(&delta.table);
    mt_pile_release(&delta.order);
    memset(&delta, 0, sizeof delta);
}
