/* A gram's hash is a polynomial of its symbols' hashes, taken on from rank to rank (R. M. Karp and
 * M. O. Rabin, 1987), so that long grams cost no more than short ones. */
#include "rhythm/grams.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define BASE 0x9e3779b97f4a7c15u

/* One way along a thread. */
struct rolling {
    const struct mt_window *window;
    struct mt_gram_mode mode;
    uint64_t hash, oldest; /* oldest: weight of the symbol that leaves */
};

static uint64_t value_at(const struct rolling *rolling, uint32_t rank)
{
    uint32_t id = rolling->window->sym[rolling->window->order[rank]];
    uint64_t value = rolling->mode.bare ? rolling->window->table.sym[id].bare : id;
    return mt_sym_mix(value, BASE);
}

/* Hash of the gram that ends at `rank`, of a thread that begins at `begin`. */
static uint64_t roll(struct rolling *rolling, uint32_t begin, uint32_t rank)
{
    rolling->hash = rolling->hash * BASE + value_at(rolling, rank);
    if (rank >= begin + rolling->mode.length)
        rolling->hash -= rolling->oldest * value_at(rolling, rank - rolling->mode.length);
    return rolling->hash;
}

static void start(struct rolling *rolling)
{
    rolling->hash = 0;
    rolling->oldest = 1;
    for (uint32_t i = 0; i < rolling->mode.length; i++)
        rolling->oldest *= BASE;
}

static bool is_inside(const struct mt_window *window, struct mt_stretch stretch, uint32_t first,
                      uint32_t last)
{
    return window->order[first] >= stretch.begin && window->order[last] < stretch.end;
}

/* First the stretch's grams get their numbers, then all others are looked for among them. */
static int number(struct rolling *rolling, struct mt_stretch stretch, struct mt_grams *grams,
                  struct mt_symkeys *keys, bool all)
{
    const struct mt_window *window = rolling->window;
    for (uint32_t t = 0; t < window->threads; t++) {
        uint32_t begin = window->thread_begin[t], back = grams->mode.length - 1;
        start(rolling);
        for (uint32_t r = begin; r < window->thread_begin[t + 1]; r++) {
            uint64_t hash = mt_sym_mix(roll(rolling, begin, r), t);
            if (r < begin + back)
                continue;
            if (all) {
                grams->id[r - back] = mt_symkeys_find(keys, hash);
            } else if (is_inside(window, stretch, r - back, r)) {
                uint32_t id = mt_symkeys_add(keys, hash, grams->grams);
                if (id == MT_SYM_NONE)
                    return MT_ERR_MEMORY;
                grams->grams += id == grams->grams;
            }
        }
    }
    return 0;
}

int mt_grams_number(const struct mt_window *window, struct mt_gram_mode mode,
                    struct mt_stretch stretch, struct mt_grams *grams)
{
    struct rolling rolling = {.window = window, .mode = mode};
    struct mt_symkeys keys = {0};
    *grams = (struct mt_grams){.mode = mode, .id = malloc((window->n + 1) * sizeof(uint32_t))};
    if (!grams->id)
        return MT_ERR_MEMORY;
    memset(grams->id, 0xff, (window->n + 1) * sizeof(uint32_t));
    int code = number(&rolling, stretch, grams, &keys, false);
    if (code == 0)
        code = number(&rolling, stretch, grams, &keys, true);
    mt_symkeys_release(&keys);
    if (code < 0)
        mt_grams_release(grams);
    return code;
}

void mt_grams_release(struct mt_grams *grams)
{
    free(grams->id);
    grams->id = NULL;
}
