/* A loop that trains makes the same few hundred walks in each iteration. A step by rules waits for
 * the one before; here all words are known beforehand, so nothing waits for anything.
 *
 * Very many walks begin alike, at the same place of the same stack: where a new one comes to that
 * of another, the first word in which they differ becomes a fork. So it takes a few looks to come
 * to the only walk that it can be, and that one is compared in full. */
#include "shim/native/recall.h"

#define STRIDE 4u /* words that are compared at once */
#define GROUP 4u
#define LOOKS_MAX 32 /* forks on a way */

static inline uint64_t mix(uint64_t key, uint64_t word)
{
    key = (key ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    key ^= key >> 32;
    return key ? key : 1;
}

static inline uint64_t first_key(const struct mt_recall_start *start)
{
    return mix(start->pc + start->generation, start->sp);
}

static inline uint64_t word_at(const struct mt_recall_start *start, uint32_t offset)
{
    return *(const uint64_t *)(start->sp + offset);
}

/* The group of those that a key may have: a line of the cache. */
static inline struct mt_recall_fork *group_of(struct mt_recall *recall, uint64_t key)
{
    return &recall->fork[(uint32_t)key % (MT_RECALL_FORKS / GROUP) * GROUP];
}

static inline struct mt_recall_fork *find_fork(struct mt_recall *recall, uint64_t key)
{
    struct mt_recall_fork *group = group_of(recall, key);
    for (unsigned i = 0; i < GROUP; i++)
        if (group[i].key == key)
            return &group[i];
    return NULL;
}

static bool begins_alike(const struct mt_recalled *walk, const struct mt_recall_start *start)
{
    const struct mt_recall_start *a = &walk->start;
    return a->pc == start->pc && a->sp == start->sp && a->hash == start->hash &&
           a->stop == start->stop && a->generation == start->generation && a->most == start->most;
}

static inline bool is_same(const struct mt_recalled *walk)
{
    for (uint32_t at = 0; at < walk->words; at += STRIDE) {
        uint64_t other = 0;
        for (uint32_t i = at; i < at + STRIDE; i++)
            other |= word_at(&walk->start, walk->offset[i]) ^ walk->value[i];
        if (other)
            return false;
    }
    return true;
}

const struct mt_recall_end *mt_recall_find(struct mt_recall *recall,
                                           const struct mt_recall_start *start, uintptr_t high)
{
    uint64_t key = first_key(start);
    for (int look = 0; look < LOOKS_MAX; look++) {
        const struct mt_recall_fork *fork = find_fork(recall, key);
        if (!fork)
            return NULL;
        if (fork->walk) {
            const struct mt_recalled *walk = &recall->walk[fork->walk - 1];
            return walk->key == key && begins_alike(walk, start) && walk->top <= high &&
                           (!walk->by_bp || walk->start.bp == start->bp) && is_same(walk)
                       ? &walk->end
                       : NULL;
        }
        if (start->sp + fork->offset + 8 > high)
            return NULL;
        key = mix(key, word_at(start, fork->offset));
    }
    return NULL;
}

/* ---- keeping ---- */

static bool add(struct mt_recalled *walk, uintptr_t at, uint64_t value)
{
    uintptr_t offset = at - walk->start.sp;
    if (walk->words == MT_RECALL_WORDS || offset > UINT32_MAX - 8)
        return false;
    walk->offset[walk->words] = (uint32_t)offset;
    walk->value[walk->words++] = value;
    walk->top = at + 8 > walk->top ? at + 8 : walk->top;
    return true;
}

/* The words that led from each state to the next; frame pointers only where one was needed. */
static bool add_all(struct mt_recalled *walk, const struct mt_walked_state *state, uint32_t states)
{
    bool by_bp = false;
    for (uint32_t i = states - 1; i-- > 0;) {
        uintptr_t saved = state[i].saved & ~MT_WALKED_BY_BP;
        if (saved == MT_WALKED_NOT_PLAIN || !add(walk, state[i + 1].sp - 8, state[i + 1].pc) ||
            (by_bp && saved != MT_WALKED_SAME && !add(walk, saved, state[i + 1].bp)))
            return false;
        by_bp = state[i].saved & MT_WALKED_BY_BP || (by_bp && saved == MT_WALKED_SAME);
    }
    walk->by_bp = by_bp;
    while (walk->words % STRIDE && walk->words)
        add(walk, walk->start.sp + walk->offset[0], walk->value[0]);
    return walk->words > 0;
}

/* NULL for most, once there is no room: a job with more walks than fit would keep each for nothing.
 * What makes room is taken by chance: an order would find nothing where one more takes turns than
 * there is room for. */
static struct mt_recalled *take_walk(struct mt_recall *recall)
{
    if (recall->used < MT_RECALL_WALKS)
        return &recall->walk[recall->used++];
    recall->turn = recall->turn * 1664525u + 1013904223u;
    return recall->turn >> 29 ? NULL : &recall->walk[(recall->turn >> 16) % MT_RECALL_WALKS];
}

/* The fork of this key leads to the walk; perhaps to that of another key no more. */
static void lead_to(struct mt_recall *recall, uint64_t key, struct mt_recalled *walk)
{
    struct mt_recall_fork *fork = find_fork(recall, key), *group = group_of(recall, key);
    for (unsigned i = 0; !fork && i < GROUP; i++)
        fork = group[i].key ? NULL : &group[i];
    if (!fork)
        fork = &group[(key >> 40) % GROUP];
    walk->key = key;
    *fork = (struct mt_recall_fork){.key = key, .walk = (uint32_t)(walk - recall->walk) + 1};
}

/* The word in which a walk that is kept differs from the stack, -1: there is none. */
static int where_they_part(const struct mt_recalled *other, const struct mt_recall_start *start,
                           uintptr_t high)
{
    for (uint32_t i = 0; begins_alike(other, start) && other->top <= high && i < other->words; i++)
        if (word_at(start, other->offset[i]) != other->value[i])
            return (int)i;
    return -1;
}

/* Where only one walk comes, and it is another one, both part from here on. */
static struct mt_recall_fork *part_from(struct mt_recall *recall, uint64_t key,
                                        const struct mt_recall_start *start, uintptr_t high)
{
    struct mt_recall_fork *fork = find_fork(recall, key);
    if (!fork || !fork->walk)
        return fork;
    struct mt_recalled *other = &recall->walk[fork->walk - 1];
    int word = other->key == key ? where_they_part(other, start, high) : -1;
    if (word < 0)
        return NULL;
    *fork = (struct mt_recall_fork){.key = key, .offset = other->offset[word]};
    lead_to(recall, mix(key, other->value[word]), other);
    return find_fork(recall, key); /* whose room that may have taken */
}

static void plant(struct mt_recall *recall, struct mt_recalled *walk, uintptr_t high)
{
    const struct mt_recall_start *start = &walk->start;
    uint64_t key = first_key(start);
    for (int look = 0; look < LOOKS_MAX; look++) {
        const struct mt_recall_fork *fork = part_from(recall, key, start, high);
        if (!fork) {
            lead_to(recall, key, walk);
            return;
        }
        if (fork->walk || start->sp + fork->offset + 8 > high)
            return;
        key = mix(key, word_at(start, fork->offset));
    }
}

void mt_recall_keep(struct mt_recall *recall, const struct mt_recall_start *start,
                    const struct mt_recall_end *end, const struct mt_walked_state *state,
                    uint32_t states, uintptr_t high)
{
    uint64_t *met = &recall->met[end->hash % MT_RECALL_MET];
    if (*met != end->hash) { /* very many different ones would only push each other out */
        *met = end->hash;
        return;
    }
    struct mt_recalled *walk = take_walk(recall);
    if (!walk)
        return;
    walk->start = *start;
    walk->end = *end;
    walk->key = walk->top = 0;
    walk->words = 0;
    if (add_all(walk, state, states) && walk->top <= high)
        plant(recall, walk, high);
}
