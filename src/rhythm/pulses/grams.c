/* A gram's hash is a polynomial of its symbols' hashes, taken on from rank to rank (R. M. Karp and
 * M. O. Rabin, 1987), so that long grams cost no more than short ones. */
#include "rhythm/pulses/grams.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/grow.h"
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

static int number_all(const struct mt_window *window, struct mt_gram_mode mode,
                      struct mt_numbering *numbering)
{
    struct rolling rolling = {.window = window, .mode = mode};
    struct numbers numbers = {0};
    bool able = true;
    for (uint32_t t = 0; t < window->threads; t++) {
        uint32_t begin = window->thread_begin[t], before = MT_GRAM_NONE;
        start(&rolling);
        for (uint32_t r = begin; able && r < window->thread_begin[t + 1]; r++) {
            uint64_t hash = mt_sym_mix(roll(&rolling, r), t);
            numbering->id[r] = MT_GRAM_NONE;
            if (r + 1 < begin + mode.length)
                continue;
            numbering->id[r] = before = guess_number(&numbers, hash, before);
            able = before != MT_GRAM_NONE;
        }
    }
    numbering->grams = numbers.grams;
    mt_symkeys_release(&numbers.keys);
    free(numbers.hash);
    return able ? 0 : MT_ERR_MEMORY;
}

/* Symbols have their numbers already, and these tell threads apart. */
static void take_symbols(const struct mt_window *window, bool bare, struct mt_numbering *numbering)
{
    const struct mt_sym *sym = window->table.sym;
    numbering->grams = bare ? window->table.bares : window->table.syms;
    for (uint32_t r = 0; r < window->n; r++)
        numbering->id[r] = bare ? sym[window->ranked[r]].bare : window->ranked[r];
}

const struct mt_numbering *mt_grams_all(const struct mt_window *window, struct mt_gram_mode mode)
{
    struct mt_numbering *numbering = window->numbering;
    while (numbering->length && (numbering->length != mode.length || numbering->bare != mode.bare))
        numbering++;
    if (numbering->length)
        return numbering;
    numbering->id = malloc((window->n + 1) * sizeof *numbering->id);
    int code = numbering->id ? 0 : MT_ERR_MEMORY;
    if (code == 0 && mode.length == 1)
        take_symbols(window, mode.bare, numbering);
    else if (code == 0)
        code = number_all(window, mode, numbering);
    if (code < 0) {
        free(numbering->id);
        *numbering = (struct mt_numbering){0};
        return NULL;
    }
    numbering->length = mode.length;
    numbering->bare = mode.bare;
    return numbering;
}

/* The stretch's grams get their numbers. */
static void number(const struct mt_numbering *all, const struct mt_window *window,
                   struct mt_slices slices, struct mt_grams *grams, uint32_t *number_of)
{
    for (uint32_t t = 0; t < window->threads; t++) {
        for (uint32_t r = slices.begin[t] + all->length - 1; r < slices.end[t]; r++)
            if (number_of[all->id[r]] == MT_GRAM_NONE)
                number_of[all->id[r]] = grams->grams++;
    }
}

/* All others are looked for among them. */
static void find(const struct mt_numbering *all, const struct mt_window *window,
                 struct mt_grams *grams, const uint32_t *number_of)
{
    uint32_t back = all->length - 1;
    for (uint32_t t = 0; t < window->threads; t++) {
        uint32_t begin = window->thread_begin[t], end = window->thread_begin[t + 1];
        uint32_t last = end - begin > back ? end - back : begin; /* behind the last that ends */
        for (uint32_t r = begin; r < last; r++)
            grams->id[r] = number_of[all->id[r + back]];
        for (uint32_t r = last; r < end; r++)
            grams->id[r] = MT_GRAM_NONE;
    }
}

int mt_grams_number(const struct mt_window *window, struct mt_gram_mode mode,
                    struct mt_stretch stretch, struct mt_grams *grams)
{
    const struct mt_numbering *all = mt_grams_all(window, mode);
    struct mt_slices slices;
    int code = mt_slices_init(&slices, window);
    uint32_t *number_of = all ? malloc((all->grams + 1) * sizeof *number_of) : NULL;
    *grams = (struct mt_grams){.mode = mode, .id = malloc((window->n + 1) * sizeof(uint32_t))};
    bool able = code == 0 && all && number_of && grams->id;
    if (able) {
        memset(number_of, 0xff, (all->grams + 1) * sizeof *number_of);
        mt_slices_fill(&slices, window, stretch);
        number(all, window, slices, grams, number_of);
        find(all, window, grams, number_of);
    }
    free(number_of);
    mt_slices_release(&slices);
    if (!able)
        mt_grams_release(grams);
    return able ? 0 : MT_ERR_MEMORY;
}

void mt_grams_release(struct mt_grams *grams)
{
    free(grams->id);
    grams->id = NULL;
}
