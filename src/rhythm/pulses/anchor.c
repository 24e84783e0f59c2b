#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sort.h"
#include "rhythm/pulses/pulse.h"

static uint32_t id_at(const struct mt_window *window, bool bare, uint32_t rank)
{
    uint32_t id = window->ranked[rank];
    return bare ? window->table.sym[id].bare : id;
}

void mt_anchor_take(const struct mt_window *window, struct mt_gram_mode mode, uint32_t rank,
                    struct mt_anchor *anchor)
{
    memset(anchor, 0, sizeof *anchor);
    anchor->mode = mode;
    anchor->thread = mt_window_ranked(window, rank)->thread;
    for (uint32_t i = 0; i < mode.length; i++)
        anchor->id[i] = id_at(window, mode.bare, rank + 1 - mode.length + i);
}

static bool ends_at(const struct mt_window *window, const struct mt_anchor *anchor, uint32_t rank)
{
    uint32_t i = anchor->mode.length;
    while (i && id_at(window, anchor->mode.bare, rank) == anchor->id[i - 1]) {
        rank--;
        i--;
    }
    return i == 0;
}

/* The first rank from `rank` on whose symbol is the anchor's last, `end` if there is none. */
static uint32_t next_last(const struct mt_window *window, const struct mt_anchor *anchor,
                          uint32_t rank, uint32_t end)
{
    const uint32_t *ranked = window->ranked;
    const struct mt_sym *all = window->table.sym;
    uint32_t last = anchor->id[anchor->mode.length - 1];
    if (anchor->mode.bare)
        while (rank < end && all[ranked[rank]].bare != last)
            rank++;
    else
        while (rank < end && ranked[rank] != last)
            rank++;
    return rank;
}

int mt_anchor_find(const struct mt_window *window, const struct mt_anchor *anchor, uint32_t **ranks,
                   uint32_t *found)
{
    uint32_t room = 0;
    *ranks = NULL;
    *found = 0;
    if (anchor->thread >= window->threads)
        return 0;
    uint32_t end = window->thread_begin[anchor->thread + 1];
    uint32_t r = window->thread_begin[anchor->thread] + anchor->mode.length - 1;
    for (; (r = next_last(window, anchor, r, end)) < end; r++) {
        if (!ends_at(window, anchor, r))
            continue;
        if (*found == room) {
            room = room ? 2 * room : 256;
            uint32_t *more = realloc(*ranks, room * sizeof *more);
            if (!more)
                return MT_ERR_MEMORY;
            *ranks = more;
        }
        (*ranks)[(*found)++] = r;
    }
    return 0;
}

uint32_t mt_median_u32(uint32_t *values, uint32_t n)
{
    mt_sort_u32(values, n);
    return values[n / 2];
}
