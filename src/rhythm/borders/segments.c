#include "rhythm/borders/segments.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int mt_segments_init(struct mt_segments *segments, const struct mt_window *window,
                     const struct mt_landmarks *landmarks, uint32_t length)
{
    *segments = (struct mt_segments){.window = window, .landmarks = landmarks, .length = length};
    segments->room = malloc((2ull * window->n + 2) * sizeof *segments->room);
    segments->use = malloc(window->n + 1);
    return segments->room && segments->use ? 0 : MT_ERR_MEMORY;
}

void mt_segments_release(struct mt_segments *segments)
{
    free(segments->room);
    free(segments->use);
    segments->room = NULL;
    segments->use = NULL;
}

static uint32_t median_of(struct mt_segments *segments, uint32_t n)
{
    memcpy(segments->room + n, segments->room, n * sizeof *segments->room);
    return n ? mt_median_u32(segments->room + n, n) : 0;
}

/* Segments in which the way from the landmark before the seam is longer than usual. */
static void mark_put_in(struct mt_segments *segments, const struct mt_landmark *before)
{
    const uint32_t *at = segments->landmark->at;
    uint32_t n = mt_segments_count(segments), j = 0;
    for (uint32_t i = 0; i < n; i++) {
        while (j < before->count && before->at[j] < at[i + 1])
            j++;
        bool inside = j && before->at[j - 1] >= at[i];
        segments->room[i] = at[i + 1] - (inside ? before->at[j - 1] : at[i]);
    }
    uint32_t usual = median_of(segments, n);
    for (uint32_t i = 0; i < n; i++)
        if (mt_is_longer(segments->room[i], usual, segments->length))
            segments->use[i] = MT_SEGMENT_PUT_IN;
}

static void mark_usual(struct mt_segments *segments)
{
    const uint32_t *at = segments->landmark->at;
    uint32_t n = mt_segments_count(segments), kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (segments->use[i] == MT_SEGMENT_OTHER)
            segments->room[kept++] = at[i + 1] - at[i];
    uint64_t usual = median_of(segments, kept);
    segments->usual = segments->put_in = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t length = at[i + 1] - at[i];
        bool late = n < 8 || 3 * i >= n, near = 4 * length <= 5 * usual + 3;
        if (segments->use[i] == MT_SEGMENT_OTHER && late && near && 4 * length + 3 >= 3 * usual) {
            segments->use[i] = MT_SEGMENT_USUAL;
            if (!segments->usual++ || 2 * i <= n)
                segments->middle = i;
        }
        if (segments->use[i] == MT_SEGMENT_PUT_IN && !late)
            segments->use[i] = MT_SEGMENT_OTHER;
        segments->put_in += segments->use[i] == MT_SEGMENT_PUT_IN;
    }
}

static void cut_into_segments(struct mt_segments *segments, const struct mt_landmark *landmark,
                              const struct mt_landmark *before)
{
    segments->landmark = landmark;
    memset(segments->use, MT_SEGMENT_OTHER, landmark->count);
    if (before && before != landmark)
        mark_put_in(segments, before);
    mark_usual(segments);
}

/* Whether what is put in is in the landmark's own thread: an evaluation has no backward pass, which
 * another thread may run. */
static bool is_in_thread(struct mt_segments *segments)
{
    const struct mt_window *window = segments->window;
    const uint32_t *at = segments->landmark->at;
    uint32_t n = 0, longer = 0;
    for (uint32_t i = 0; i < mt_segments_count(segments); i++)
        if (segments->use[i] == MT_SEGMENT_USUAL)
            segments->room[n++] = window->rank[at[i + 1]] - window->rank[at[i]];
    uint64_t usual = median_of(segments, n);
    for (uint32_t i = 0; i < mt_segments_count(segments); i++)
        longer += segments->use[i] == MT_SEGMENT_PUT_IN &&
                  (window->rank[at[i + 1]] - window->rank[at[i]]) * 20ull > 21 * usual;
    return segments->put_in >= 2 && 2 * longer >= segments->put_in && segments->usual;
}

static uint32_t in_thread(const struct mt_window *window, const struct mt_landmark *landmark)
{
    uint32_t thread = landmark->anchor.thread;
    return window->thread_begin[thread + 1] - window->thread_begin[thread];
}

void mt_segments_cut_anywhere(struct mt_segments *segments)
{
    const struct mt_landmark *best = &segments->landmarks->landmark[0];
    for (uint32_t i = 1; i < segments->landmarks->landmarks; i++) {
        const struct mt_landmark *other = &segments->landmarks->landmark[i];
        uint32_t here = in_thread(segments->window, other);
        uint32_t there = in_thread(segments->window, best);
        if (here > there || (here == there && other->worth > best->worth))
            best = other;
    }
    cut_into_segments(segments, best, NULL);
}

/* Symbols from one landmark to another, of the same iteration or the next. */
static uint32_t way(const struct mt_segments *segments, const struct mt_landmark *from,
                    const struct mt_landmark *to)
{
    return to->place >= from->place ? to->place - from->place
                                    : to->place + segments->length - from->place;
}

bool mt_segments_cut_behind(struct mt_segments *segments, int seam, uint32_t least)
{
    const struct mt_landmarks *all = segments->landmarks;
    const struct mt_landmark *best = NULL, *before = NULL;
    uint32_t n = all->landmarks;
    if (seam >= 0)
        before = &all->landmark[((uint32_t)seam + n - 1) % n];
    for (uint32_t k = 0; before && k + 1 < n; k++) {
        const struct mt_landmark *landmark = &all->landmark[((uint32_t)seam + k) % n];
        bool near = least && way(segments, &all->landmark[seam], landmark) < least;
        if (near || (best && landmark->worth <= best->worth))
            continue;
        cut_into_segments(segments, landmark, before);
        best = is_in_thread(segments) ? landmark : best;
    }
    if (best)
        cut_into_segments(segments, best, before);
    else
        mt_segments_cut_anywhere(segments);
    return best;
}
