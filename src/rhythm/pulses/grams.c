/* A gram's hash is a polynomial of its symbols' hashes, taken on from rank to rank (R. M. Karp and
 * M. O. Rabin, 1987), so that long grams cost no more than short ones. */
#include "rhythm/pulses/grams.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/grow.h"
#include "base/pages.h"
#include "rhythm/compare/slices.h"

#define BASE 0x9e3779b97f4a7c15u

/* One way along a thread. */
struct rolling {
    const struct mt_window *window;
    struct mt_gram_mode mode;
    uint64_t hash, oldest;       /* oldest: weight of the symbol that leaves */
    uint64_t value[MT_GRAM_MAX]; /* of the last ones, by rank */
};

/* The numbers given so far. What followed a gram when it was new mostly follows it again, and then
 * has the next number: that is tried before the keys are. */
struct numbers {
    struct mt_symkeys keys;
    uint64_t *hash; /* by number */
    uint32_t room, grams;
};

static uint64_t value_at(const struct rolling *rolling, uint32_t rank)
{
    uint32_t id = rolling->window->ranked[rank];
    uint64_t value = rolling->mode.bare ? rolling->window->table.sym[id].bare : id;
    return mt_sym_mix(value, BASE);
}

/* Hash of the gram that ends at `rank`, if as many symbols came before. */
static uint64_t roll(struct rolling *rolling, uint32_t rank)
{
    uint64_t value = value_at(rolling, rank);
    uint64_t old = rolling->value[(rank - rolling->mode.length) % MT_GRAM_MAX];
    rolling->hash = rolling->hash * BASE + value - rolling->oldest * old;
    rolling->value[rank % MT_GRAM_MAX] = value;
    return rolling->hash;
}

static void start(struct rolling *rolling)
{
    memset(rolling->value, 0, sizeof rolling->value);
    rolling->hash = 0;
    rolling->oldest = 1;
    for (uint32_t i = 0; i < rolling->mode.length; i++)
        rolling->oldest *= BASE;
}

/* MT_GRAM_NONE: out of memory. */
static uint32_t add_number(struct numbers *numbers, uint64_t hash)
{
    uint32_t id = mt_symkeys_add(&numbers->keys, hash, numbers->grams);
    if (id != numbers->grams)
        return id;
    if (!MT_ROOM(numbers->hash, id, numbers->room, 4096))
        return MT_GRAM_NONE;
    numbers->hash[numbers->grams++] = hash;
    return id;
}

static inline uint32_t guess_number(struct numbers *numbers, uint64_t hash, uint32_t before)
{
    uint32_t next = before + 1; /* 0 behind none */
    if (next < numbers->grams && numbers->hash[next] == hash)
        return next;
    return add_number(numbers, hash);
}

static int number_all(const struct mt_window *window, struct mt_gram_mode mode, uint32_t *ids,
                      uint32_t *grams)
{
    struct rolling rolling = {.window = window, .mode = mode};
    struct numbers numbers = {0};
    bool able = true;
    for (uint32_t t = 0; t < window->threads; t++) {
        uint32_t begin = window->thread_begin[t], before = MT_GRAM_NONE;
        start(&rolling);
        for (uint32_t r = begin; able && r < window->thread_begin[t + 1]; r++) {
            uint64_t hash = mt_sym_mix(roll(&rolling, r), t);
            ids[r] = MT_GRAM_NONE;
            if (r + 1 < begin + mode.length)
                continue;
            ids[r] = before = guess_number(&numbers, hash, before);
            able = before != MT_GRAM_NONE;
        }
    }
    for (uint32_t r = window->n; r + 1 < window->n + mode.length; r++)
        ids[r] = MT_GRAM_NONE;
    *grams = numbers.grams;
    mt_symkeys_release(&numbers.keys);
    free(numbers.hash);
    return able ? 0 : MT_ERR_MEMORY;
}

/* Symbols have their numbers already, and these tell threads apart. */
static void take_bare(const struct mt_window *window, uint32_t *ids)
{
    const struct mt_sym *sym = window->table.sym;
    for (uint32_t r = 0; r < window->n; r++)
        ids[r] = sym[window->ranked[r]].bare;
}

static int number_grams(const struct mt_window *window, struct mt_gram_mode mode,
                        struct mt_numbering *numbering)
{
    const struct mt_symtab *table = &window->table;
    numbering->id = window->ranked;
    numbering->grams = mode.bare ? table->bares : table->syms;
    if (mode.length == 1 && !mode.bare)
        return 0;
    numbering->own = mt_pages_alloc((window->n + mode.length) * sizeof *numbering->own);
    if (!numbering->own)
        return MT_ERR_MEMORY;
    numbering->id = numbering->own;
    if (mode.length > 1)
        return number_all(window, mode, numbering->own, &numbering->grams);
    take_bare(window, numbering->own);
    return 0;
}

static int spread(const struct mt_window *window, struct mt_numbering *numbering)
{
    struct mt_spread *of = calloc(numbering->grams + 1, sizeof *of);
    if (!of)
        return MT_ERR_MEMORY;
    for (uint32_t r = 0; r < window->n; r++) {
        uint32_t id = numbering->id[r];
        if (id == MT_GRAM_NONE)
            continue;
        if (of[id].count++ == 0)
            of[id].first = r;
        of[id].last = r;
    }
    numbering->spread = of;
    return 0;
}

const struct mt_numbering *mt_grams_all(const struct mt_window *window, struct mt_gram_mode mode)
{
    struct mt_numbering *numbering = window->numbering;
    while (numbering->length && (numbering->length != mode.length || numbering->bare != mode.bare))
        numbering++;
    if (numbering->length)
        return numbering;
    int code = number_grams(window, mode, numbering);
    if (code == 0)
        code = spread(window, numbering);
    if (code < 0) {
        free(numbering->own);
        *numbering = (struct mt_numbering){0};
        return NULL;
    }
    numbering->length = mode.length;
    numbering->bare = mode.bare;
    return numbering;
}

/* The stretch's grams get their numbers. */
static void number(const struct mt_numbering *all, const struct mt_window *window,
                   struct mt_slices slices, struct mt_grams *grams)
{
    for (uint32_t t = 0; t < window->threads; t++) {
        for (uint32_t r = slices.begin[t] + all->length - 1; r < slices.end[t]; r++)
            if (grams->number_of[all->id[r]] == MT_GRAM_NONE)
                grams->number_of[all->id[r]] = grams->grams++;
    }
}

static int count_total(const struct mt_numbering *all, struct mt_grams *grams)
{
    grams->total = malloc((grams->grams + 1) * sizeof *grams->total);
    if (!grams->total)
        return MT_ERR_MEMORY;
    for (uint32_t id = 0; id < all->grams; id++)
        if (grams->number_of[id] != MT_GRAM_NONE)
            grams->total[grams->number_of[id]] = all->spread[id].count;
    return 0;
}

int mt_grams_number(const struct mt_window *window, struct mt_gram_mode mode,
                    struct mt_stretch stretch, struct mt_grams *grams)
{
    const struct mt_numbering *all = mt_grams_all(window, mode);
    struct mt_slices slices;
    int code = mt_slices_init(&slices, window);
    *grams = (struct mt_grams){.mode = mode};
    if (code == 0 && all)
        grams->number_of = malloc((all->grams + 1) * sizeof *grams->number_of);
    bool able = grams->number_of;
    if (able) {
        memset(grams->number_of, 0xff, (all->grams + 1) * sizeof *grams->number_of);
        grams->all = all->id;
        mt_slices_fill(&slices, window, stretch);
        number(all, window, slices, grams);
        able = count_total(all, grams) == 0;
    }
    mt_slices_release(&slices);
    if (!able)
        mt_grams_release(grams);
    return able ? 0 : MT_ERR_MEMORY;
}

void mt_grams_release(struct mt_grams *grams)
{
    free(grams->number_of);
    free(grams->total);
    grams->number_of = grams->total = NULL;
}
