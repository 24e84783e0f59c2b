#include "rhythm/compare/slices.h"

#include <stdlib.h>

#include "base/error.h"

int mt_slices_init(struct mt_slices *slices, const struct mt_window *window)
{
    slices->begin = calloc(window->threads + 1, sizeof *slices->begin);
    slices->end = calloc(window->threads + 1, sizeof *slices->end);
    return slices->begin && slices->end ? 0 : MT_ERR_MEMORY;
}

void mt_slices_release(struct mt_slices *slices)
{
    free(slices->begin);
    free(slices->end);
}

void mt_slices_fill(struct mt_slices *slices, const struct mt_window *window,
                    struct mt_stretch stretch)
{
    for (uint32_t t = 0; t < window->threads; t++) {
        uint32_t begin = mt_window_rank_from(window, t, stretch.begin, slices->end[t]);
        slices->begin[t] = begin;
        slices->end[t] = mt_window_rank_from(window, t, stretch.end, begin);
    }
}

uint64_t mt_slices_hash(const struct mt_window *window, const struct mt_slices *slices)
{
    uint64_t hash = 1;
    for (uint32_t t = 0; t < window->threads; t++)
        for (uint32_t r = slices->begin[t]; r < slices->end[t]; r++)
            hash = mt_sym_mix(hash, window->ranked[r]);
    return hash;
}
