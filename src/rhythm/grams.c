/* A gram's hash is a polynomial of its symbols' hashes, taken on from rank to rank (R. M. Karp and
 * M. O. Rabin, 1987), so that long grams cost no more than short ones. */
#include "rhythm/grams.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/track.h"

#define BASE 0x9e3779b97f4a7c15u

/* One way along a thread. */
struct rolling {
    const struct mt_window *window;
    struct mt_gram_mode mode;
    uint64_t hash, oldest;       /* oldest: weight of the symbol that leaves */
    uint64_t value[MT_GRAM_MAX]; /* of the last ones, by rank */
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
    uint64_t value = value_at(rolling, rank), *old = &rolling->value[rank % rolling->mode.length];
    rolling->hash = rolling->hash * BASE + value - rolling->oldest * *old;
    *old = value;
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

/* The stretch's grams get their numbers. */
static int number(struct rolling *rolling, struct mt_slices slices, struct mt_grams *grams,
                  struct mt_symkeys *keys)
{
    for (uint32_t t = 0; t < rolling->window->threads; t++) {
        start(rolling);
        for (uint32_t r = slices.begin[t]; r < slices.end[t]; r++) {
            uint64_t hash = mt_sym_mix(roll(rolling, r), t);
            if (r + 1 < slices.begin[t] + grams->mode.length)
                continue;
            uint32_t id = mt_symkeys_add(keys, hash, grams->grams);
            if (id == MT_SYM_NONE)
                return MT_ERR_MEMORY;
            grams->grams += id == grams->grams;
        }
    }
    return 0;
}

/* All others are looked for among them. */
static void find(struct rolling *rolling, struct mt_grams *grams, const struct mt_symkeys *keys)
{
    const struct mt_window *window = rolling->window;
    uint32_t back = grams->mode.length - 1;
    for (uint32_t t = 0; t < window->threads; t++) {
        start(rolling);
        for (uint32_t r = window->thread_begin[t]; r < window->thread_begin[t + 1]; r++) {
            uint64_t hash = mt_sym_mix(roll(rolling, r), t);
            if (r >= window->thread_begin[t] + back)
                grams->id[r - back] = mt_symkeys_find(keys, hash);
        }
    }
}

int mt_grams_number(const struct mt_window *window, struct mt_gram_mode mode,
                    struct mt_stretch stretch, struct mt_grams *grams)
{
    struct rolling rolling = {.window = window, .mode = mode};
    struct mt_symkeys keys = {0};
    struct mt_slices slices = {malloc((window->threads + 1) * sizeof(uint32_t)),
                               malloc((window->threads + 1) * sizeof(uint32_t))};
    *grams = (struct mt_grams){.mode = mode, .id = malloc((window->n + 1) * sizeof(uint32_t))};
    int code = grams->id && slices.begin && slices.end ? 0 : MT_ERR_MEMORY;
    if (code == 0) {
        memset(grams->id, 0xff, (window->n + 1) * sizeof(uint32_t));
        mt_slices_fill(&slices, window, stretch);
        code = number(&rolling, slices, grams, &keys);
    }
    if (code == 0)
        find(&rolling, grams, &keys);
    mt_symkeys_release(&keys);
    free(slices.begin);
    free(slices.end);
    if (code < 0)
        mt_grams_release(grams);
    return code;
}

void mt_grams_release(struct mt_grams *grams)
{
    free(grams->id);
    grams->id = NULL;
}
