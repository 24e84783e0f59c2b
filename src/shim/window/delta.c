#include "shim/window/delta.h"

#include <string.h>

#include "shim/image/pile.h"

#define FIRST_SLOTS (1u << 12)
#define SLOTS_KEPT (1u << 15) /* a larger table is not kept for the next pause */
#define SLOTS_MAX (1u << 21)
#define WORDS_MAX 8

/* Where a thing lies: what an allocator hands out may have the address of what the driver did. */
enum level { DRIVER, BLOCK, POOL };

struct life {
    uint64_t key;   /* address and level; 0: the slot is free */
    uint64_t died;  /* ticks of the end of what lived before, 0: none is known */
    uint64_t first; /* of the first birth, 0: there was none */
    uint64_t born;  /* of the last birth, 0: there was none */
    uint64_t ended; /* of the last end */
    int32_t open;   /* births less ends: whether an end is still to come */
    uint16_t birth_kind, death_kind;
    uint64_t birth[WORDS_MAX], death[WORDS_MAX];
};

static struct {
    struct mt_pile table, order;
    uint32_t slots, used;
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

static bool is_alive(const struct life *life)
{
    return life->born > life->ended;
}

/* Of what has come and gone nothing more is to be known, once its ends are all here. */
static bool is_of_use(const struct life *life)
{
    return life->died || life->open || is_alive(life);
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
    struct life *to = slots > SLOTS_MAX ? NULL : mt_pile_room(&fresh, slots * sizeof(struct life));
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
    life->open++;
    if (!life->first || record->time < life->first)
        life->first = record->time;
    if (life->died > life->first) /* it was not what lived before that ended there */
        life->died = 0;
    if (record->time < life->born)
        return;
    life->born = record->time;
    life->birth_kind = record->kind;
    copy(life->birth, record);
}

static void end(struct life *life, const struct mt_record *record)
{
    life->open--;
    if (record->time > life->ended)
        life->ended = record->time;
    if ((life->first && record->time > life->first) || (life->died && life->died < record->time))
        return;
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

/* ---- telling ---- */

size_t mt_delta_count(void)
{
    const struct life *life = delta.table.at;
    size_t n = 0;
    for (uint32_t i = 0; i < delta.slots; i++)
        n += (life[i].died != 0) + is_alive(&life[i]);
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

static bool has_died(const struct life *life, uint64_t until)
{
    return life->died && life->died < until;
}

static bool is_born(const struct life *life, uint64_t until)
{
    return is_alive(life) && life->born < until;
}

static int each_death(mt_delta_fn *each, bool driver, uint64_t until)
{
    const struct life *life = delta.table.at;
    for (uint32_t i = 0; i < delta.slots; i++) {
        if (!has_died(&life[i], until) || (life[i].death_kind == MT_free) != driver)
            continue;
        int error = each((enum mt_kind)life[i].death_kind, life[i].death, life[i].died);
        if (error < 0)
            return error;
    }
    return 0;
}

static int each_birth(mt_delta_fn *each, uint32_t *order, uint64_t until)
{
    const struct life *life = delta.table.at;
    uint32_t n = 0;
    for (uint32_t i = 0; i < delta.slots; i++)
        if (is_born(&life[i], until))
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

int mt_delta_each(mt_delta_fn *each, uint64_t until)
{
    uint32_t *order = mt_pile_room(&delta.order, (delta.slots + 1) * sizeof *order);
    if (!order)
        return -1;
    int error = each_death(each, false, until);
    if (error == 0)
        error = each_death(each, true, until);
    return error < 0 ? error : each_birth(each, order, until);
}

/* Where a birth was told it is as at the beginning: something lives there. */
void mt_delta_told(uint64_t until)
{
    struct life *life = delta.table.at;
    for (uint32_t i = 0; i < delta.slots; i++) {
        if (has_died(&life[i], until)) {
            life[i].died = 0;
            life[i].open++;
        }
        if (is_born(&life[i], until))
            life[i] = (struct life){.key = life[i].key};
    }
}

void mt_delta_clear(void)
{
    if (delta.slots > SLOTS_KEPT) {
        mt_pile_release(&delta.table);
        delta.slots = 0;
    } else if (delta.used) {
        memset(delta.table.at, 0, delta.slots * sizeof(struct life));
    }
    delta.used = 0;
}

void mt_delta_forget(void)
{
    mt_pile_release(&delta.table);
    mt_pile_release(&delta.order);
    memset(&delta, 0, sizeof delta);
}
