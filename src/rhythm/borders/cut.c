/* Borders by the cut that border.c chose: at the cut's anchor itself, or at the nth occurrence of
 * what iterations begin with before each anchor. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/borders/choose.h"

#define BACK 16u   /* symbols within which the first iteration's first one is looked for */
#define LACKED 10u /* part of an iteration that the first one may lack at its begin */
#define LACKED_MAX 32u
#define ALIKE 6u /* symbols behind that by which it is found */

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

/* Whether the symbols from one rank on are those from another one on. */
static bool is_same(const struct mt_window *window, uint32_t one, uint32_t other)
{
    for (uint32_t i = 0; i < ALIKE; i++)
        if (mt_window_ranked(window, one + i)->bare != mt_window_ranked(window, other + i)->bare)
            return false;
    return true;
}

/* Of the ranks from `begin` up to `end` the only one from which on symbols are those from `like`
 * on; `end`: there is none, or several. */
static uint32_t only_one(const struct mt_window *window, uint32_t begin, uint32_t end,
                         uint32_t like)
{
    uint32_t found = end;
    for (uint32_t r = begin; r < end; r++) {
        if (!is_same(window, r, like))
            continue;
        if (found != end)
            return end;
        found = r;
    }
    return found;
}

/* Back over what stands before two places alike, of the n symbols before the other. */
static uint32_t go_back(const struct mt_window *window, uint32_t rank, uint32_t other, uint32_t n,
                        uint32_t begin)
{
    for (uint32_t k = 1; k <= n && rank > begin; k++)
        if (mt_window_ranked(window, rank - 1)->bare == mt_window_ranked(window, other - k)->bare)
            rank--;
    return rank;
}

/* The first iteration lacks some of what others begin with, as there is no result yet to give back:
 * where it goes on as the next one does, by what stands once in both. Something has to come before
 * it: a trace that begins within an iteration lacks a begin, too. */
static uint32_t look_behind(const struct mt_window *window, uint32_t border, uint32_t usual)
{
    uint32_t thread = mt_window_sym(window, border)->thread, rank = window->rank[border];
    uint32_t end = window->thread_begin[thread + 1], most = usual / LACKED;
    uint32_t begin = window->thread_begin[thread] + most, from = begin;
    while (from < rank && window->order[from] + 2 * usual < border)
        from++;
    most = most < LACKED_MAX ? most : LACKED_MAX;
    for (uint32_t k = 1; k <= most && from < rank && rank + k + ALIKE <= end; k++) {
        uint32_t r = only_one(window, from, rank, rank + k);
        uint32_t to = rank + (rank - r) / 2; /* not yet in the iteration behind the next */
        if (r == rank || to + ALIKE > end || only_one(window, rank, to, rank + k) == to)
            continue;
        uint32_t first = window->order[go_back(window, r, rank + k, k, begin)];
        return border - first >= usual - usual / LACKED ? first : border;
    }
    return border;
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
    if (*first == border)
        *first = look_behind(window, border, usual);
    /* What it lacks, but for a little, stood before the trace begins: there is no room for it. */
    if (border + usual / 50 < usual)
        *first = border;
    return 0;
}
