/* Behind the last iteration the sequence goes on otherwise: training is over, and a process frees
 * what it has. So where the agreement with the period before ends an iteration does, however long
 * the pauses are. A trace that just stops tells nothing: it may have been cut. */
#include "rhythm/borders/ends.h"

#include <stdlib.h>

#include "base/bisect.h"

#define BEYOND 4u /* symbols more that iterations in the middle must agree */
#define MISSED 4u /* landmarks in a row that may not come: behind more, one does by chance */

/* A landmark, by how far it is behind the cut in the middle. */
struct step {
    const struct mt_landmark *landmark;
    uint32_t offset;
};

static int by_offset(const void *one, const void *other)
{
    const struct step *a = one, *b = other;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* The first place at or behind a position, or UINT32_MAX. */
static uint32_t first_from(const struct mt_landmark *landmark, uint32_t position)
{
    size_t first = MT_FIRST_WHERE(landmark->count, i, landmark->at[i] >= position);
    return first < landmark->count ? landmark->at[first] : UINT32_MAX;
}

/* Landmarks of the segment in the middle in their order, the cut first. */
static uint32_t take_steps(const struct mt_landmarks *landmarks, const struct mt_landmark *cut,
                           uint32_t middle, struct step *step)
{
    uint32_t n = 0, begin = cut->at[middle], end = cut->at[middle + 1];
    for (uint32_t i = 0; i < landmarks->landmarks; i++) {
        uint32_t at = first_from(&landmarks->landmark[i], begin);
        if (at < end)
            step[n++] = (struct step){&landmarks->landmark[i], at - begin};
    }
    qsort(step, n, sizeof *step, by_offset);
    return n;
}

static uint32_t slack(uint32_t distance, uint32_t length)
{
    return distance / 4 + length / 50 + 8;
}

/* The last segment of about the usual length ends at this one of the cuts. */
static uint32_t last_usual(const struct mt_landmark *cut, uint32_t length)
{
    uint32_t i = cut->count - 1;
    while (i > 1) {
        uint64_t here = cut->at[i] - cut->at[i - 1];
        if (4 * here <= 5ull * length + 3 && 4 * here + 3 >= 3ull * length)
            break;
        i--;
    }
    return i;
}

/* For how many symbols two places of one thread agree. */
static uint32_t agree(const struct mt_window *window, uint32_t one, uint32_t other, uint32_t most)
{
    uint32_t thread = mt_window_sym(window, one)->thread, n = 0;
    uint32_t a = window->rank[one], b = window->rank[other], to = window->thread_begin[thread + 1];
    while (n < most && a + n < to && b + n < to &&
           mt_window_ranked(window, a + n)->bare == mt_window_ranked(window, b + n)->bare)
        n++;
    return n;
}

/* Where the last run ends behind the landmark that it has last, if other iterations go on. */
static void set_end(const struct mt_window *window, uint32_t last, uint32_t usual, uint32_t other,
                    uint32_t width, struct mt_end *end)
{
    uint32_t n = agree(window, last, usual, width + BEYOND);
    if (n > width || agree(window, other, usual, n + BEYOND) < n + BEYOND)
        return;
    end->at = window->order[window->rank[usual] + n];
    end->found = end->at - usual <= width;
}

/* Follows the landmarks behind a place as far as they come about where they do in the middle, but
 * for a few; the last one's number, *last: where it stands. */
static uint32_t follow(const struct step *step, uint32_t steps, uint32_t length, uint32_t *last)
{
    uint32_t k = 0;
    for (uint32_t i = 1; i < steps && i - k <= MISSED + 1; i++) {
        uint32_t distance = step[i].offset - step[k].offset, wide = slack(distance, length);
        uint32_t near = distance > wide ? distance - wide : 0;
        uint32_t at = first_from(step[i].landmark, *last + near);
        if (at > *last + distance + wide)
            continue;
        *last = at;
        k = i;
    }
    return k;
}

void mt_end_find(const struct mt_window *window, const struct mt_landmarks *landmarks,
                 const struct mt_landmark *cut, uint32_t middle, struct mt_end *end)
{
    struct step step[MT_LANDMARKS_MAX];
    uint32_t begin = cut->at[middle], length = cut->at[middle + 1] - begin;
    uint32_t steps = take_steps(landmarks, cut, middle, step);
    uint32_t last = cut->at[last_usual(cut, length)];
    *end = (struct mt_end){.found = false};
    if (middle == 0 || steps == 0)
        return;
    uint32_t k = follow(step, steps, length, &last), usual = begin + step[k].offset;
    uint32_t width = (k + 1 < steps ? step[k + 1].offset : length) - step[k].offset;
    uint32_t other = first_from(step[k].landmark, cut->at[middle - 1]);
    bool goes_on = last + width + slack(width, length) < window->n;
    if (goes_on && other < begin)
        set_end(window, last, usual, other, width, end);
}
