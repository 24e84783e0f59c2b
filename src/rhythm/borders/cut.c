/* Borders by the cut that border.c chose: at the cut's anchor itself, or at the nth occurrence of
 * what iterations begin with before each anchor. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/borders/choose.h"

#define BACK 16u /* symbols within which the first iteration's first one is looked for */

/* Positions at which an anchor begins. */
static int find_begins(const struct mt_window *window, const struct mt_anchor *anchor,
                       uint32_t **at, uint32_t *count)
{
    int code = mt_anchor_find(window, anchor, at, count);
    for (uint32_t i = 0; code == 0 && i < *count; i++)
        (*at)[i] = window->order[(*at)[i] + 1 - anchor->mode.length];
    if (code < 0)
        free(*at);
    if (code < 0)
        *at = NULL;
    return code;
}

/* Of places in the order of time, the nth before or at each anchor, if it is behind the anchor
 * before; written over the anchors. How many. */
static uint32_t step_back(uint32_t *anchor, uint32_t anchors, const uint32_t *place,
                          uint32_t places, uint32_t nth)
{
    uint32_t n = 0, j = 0;
    int64_t before = -1;
    for (uint32_t i = 0; i < anchors; i++) {
        int64_t here = anchor[i];
        while (j < places && place[j] <= here)
            j++;
        if (j >= nth && (int64_t)place[j - nth] > before)
            anchor[n++] = place[j - nth];
        before = here;
    }
    return n;
}

int mt_cut_find(const struct mt_window *window, const struct mt_cut *cut, uint32_t **border,
                uint32_t *borders)
{
    uint32_t *place, places;
    RETURN_IF_ERROR(find_begins(window, &cut->anchor, border, borders));
    if (!cut->nth)
        return 0;
    int code = find_begins(window, &cut->begin, &place, &places);
    if (code < 0) {
        free(*border);
        *border = NULL;
        return code;
    }
    *borders = step_back(*border, *borders, place, places, cut->nth);
    free(place);
    return 0;
}

/* Of the places before the border the one that is about as far from it as usual; else, with `far`,
 * the nearest beyond: the first iteration may try out kernels for long. What is much shorter is the
 * rest of one with which the trace begins. */
static uint32_t choose_first(const uint32_t *place, uint32_t places, uint32_t border,
                             uint32_t usual, uint32_t least, bool far)
{
    uint32_t first = border, beyond = border;
    for (uint32_t i = 0; i < places && place[i] < border; i++) {
        uint32_t length = border - place[i], best = border - first;
        uint32_t off = length > usual ? length - usual : usual - length;
        uint32_t best_off = best > usual ? best - usual : usual - best;
        first = off < best_off && length >= least ? place[i] : first;
        beyond = length > usual ? place[i] : beyond;
    }
    return first == border && far ? beyond : first;
}

static int look_for(const struct mt_window *window, const struct mt_anchor *gram, uint32_t border,
                    uint32_t usual, uint32_t least, bool far, uint32_t *first)
{
    uint32_t *place, places;
    RETURN_IF_ERROR(find_begins(window, gram, &place, &places));
    *first = choose_first(place, places, border, usual, least, far);
    free(place);
    return 0;
}

/* Libraries set themselves up behind what the first iteration begins with: from what comes next
 * back to it. */
static uint32_t look_back(const struct mt_window *window, const struct mt_anchor *gram, uint32_t at)
{
    uint32_t rank = window->rank[at], begin = window->thread_begin[gram->thread];
    for (uint32_t back = 1; back <= BACK && rank >= begin + back; back++)
        if (mt_window_ranked(window, rank - back)->bare == gram->id[0])
            return window->order[rank - back];
    return at;
}

int mt_cut_first(const struct mt_window *window, const struct mt_cut *cut, uint32_t border,
                 uint32_t usual, uint32_t least, uint32_t *first)
{
    struct mt_anchor gram = cut->first;
    *first = border;
    if (gram.mode.length > 1)
        RETURN_IF_ERROR(look_for(window, &gram, border, usual, least, true, first));
    if (*first == border && cut->then.mode.length) {
        RETURN_IF_ERROR(look_for(window, &cut->then, border, usual, least, true, first));
        *first = *first == border ? border : look_back(window, &cut->first, *first);
    }
    while (*first == border && gram.mode.length > 3) {
        gram.mode.length /= 2; /* what it begins with */
        RETURN_IF_ERROR(look_for(window, &gram, border, usual, least, false, first));
    }
    return 0;
}
