/* Where iterations begin. The pulse says that they repeat, not where one ends: any symbol would do
 * that stands in every one.
 *
 * A landmark cuts the window into segments. Candidates are the grams that stand equally often in
 * nearly all usual segments: the border may be at the first or at the last of them. So it is found
 * wherever the gram itself also stands elsewhere, as what micro-batches and evaluations begin with.
 *
 * If something is put in between iterations now and then (an evaluation), it shows between the same
 * two landmarks, and the border is at its end: of the candidates that are as far before the second
 * landmark where something is put in as where nothing is, the farthest. Otherwise it lies at the
 * longest pause (their geometric mean, so that a single long one means little), where it counts
 * more if input is copied right after it or if live memory is at its floor, and most where the last
 * run of iterations ends (ends.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/borders/begins.h"
#include "rhythm/borders/candidates.h"
#include "rhythm/borders/choose.h"

#define SEAM_WIDTH 16u /* symbols behind what is put in: among them the pause decides */
#define ABOUT 0.8      /* of the best score: as good */
#define AT_BEGIN 16    /* where the first run may begin */
#define AS_BEFORE 16   /* what iterations of another loop of the job begin with */
#define BEFORE 64u     /* symbols by which a begin is told from what goes on */

struct bordering {
    struct mt_segments segments;
    struct mt_pauses pauses;
    struct mt_candidates all;
    const struct mt_cut *before; /* of another loop of the same job */
};

/* It stands nowhere else, but for a few places; of few iterations two more are an evaluation. */
static bool is_unique(const struct bordering *bordering, const struct mt_candidate *candidate)
{
    uint32_t count = bordering->segments.landmark->count;
    return candidate->times == 1 && candidate->total <= count + (count < 32 ? 1 : 2 + count / 50);
}

/* Of two for the same place, the one that also stands so in segments that are not usual; then the
 * one that stands less often, but for once more before all segments, in the first iteration. */
static bool is_better(const struct mt_candidate *one, const struct mt_candidate *other)
{
    if (one->all != other->all)
        return one->all > other->all;
    if (one->times != other->times)
        return one->times < other->times;
    uint32_t here = one->total - (one->earliest != UINT32_MAX);
    uint32_t there = other->total - (other->earliest != UINT32_MAX);
    return here < there || (here == there && one->total > other->total);
}

static int by_distance(const void *one, const void *other)
{
    const struct mt_candidate *a = one, *b = other;
    return a->distance < b->distance ? -1 : a->distance > b->distance;
}

/* How far before the landmark the seam is: nearer than it candidates fit, farther ones do not, but
 * for a few. */
static double find_seam(struct bordering *bordering)
{
    double farthest = 0;
    int64_t fitting = 0, most = 0;
    qsort(bordering->all.candidate, bordering->all.candidates, sizeof *bordering->all.candidate,
          by_distance);
    for (uint32_t i = 0; i < bordering->all.candidates; i++) {
        fitting += bordering->all.candidate[i].fits ? 1 : -1;
        if (fitting > most) {
            most = fitting;
            farthest = bordering->all.candidate[i].distance;
        }
    }
    return farthest;
}

/* A job goes on with other kernels, as after a recompilation, but its iterations begin as before.
 */
static bool begins_as_before(const struct bordering *bordering, uint32_t place)
{
    const struct mt_window *window = bordering->segments.window;
    const struct mt_anchor *first = &bordering->before->first;
    uint32_t rank = window->rank[place], n = 0, length = first->mode.length;
    if (length == 0 || rank < window->thread_begin[first->thread])
        return false;
    while (n < length && rank + n < window->thread_begin[first->thread + 1] &&
           mt_window_ranked(window, rank + n)->bare == first->id[n])
        n++;
    return n == length;
}

static void weigh_before(struct bordering *bordering)
{
    for (uint32_t i = 0; i < bordering->all.candidates; i++) {
        struct mt_candidate *candidate = &bordering->all.candidate[i];
        candidate->score *= begins_as_before(bordering, candidate->place) ? AS_BEFORE : 1;
    }
}

/* Whether the trace goes on before one position, a tenth of an iteration before it, as it does
 * before another: then no iteration begins there, but the trace does within one. */
static bool is_within(const struct mt_window *window, uint32_t one, uint32_t other, uint32_t length)
{
    uint32_t back = length / 10 + BEFORE, common = 0;
    bool taken[BEFORE] = {false};
    if (one < back || other < back || one >= window->n) /* UINT32_MAX: it is seen nowhere */
        return false;
    for (uint32_t i = 0; i < BEFORE; i++) {
        uint32_t bare = mt_window_sym(window, one - back + i)->bare, k = 0;
        while (k < BEFORE && (taken[k] || mt_window_sym(window, other - back + k)->bare != bare))
            k++;
        if (k < BEFORE)
            taken[k] = true;
        common += k < BEFORE;
    }
    return 4 * common >= 3 * BEFORE;
}

/* Those about where the first iteration begins weigh more. What evaluations have, too, may tell. */
static int weigh_begins(struct bordering *bordering)
{
    const struct mt_segments *segments = &bordering->segments;
    uint32_t from = segments->landmark->at[segments->middle], n = 0;
    uint32_t length = segments->landmark->at[segments->middle + 1] - from;
    struct mt_seen *seen = malloc((bordering->all.candidates + 1ull) * sizeof *seen);
    struct mt_begin begin;
    if (!seen)
        return MT_ERR_MEMORY;
    for (uint32_t i = 0; i < bordering->all.candidates; i++) {
        const struct mt_candidate *candidate = &bordering->all.candidate[i];
        if (candidate->times == 1 && candidate->total <= 2 * segments->landmark->count)
            seen[n++] = (struct mt_seen){(candidate->place - from) % length, candidate->first};
    }
    mt_begin_find(seen, n, length, &begin);
    if (begin.found)
        begin.found =
            !is_within(segments->window, begin.first.first, from + begin.first.place, length);
    for (uint32_t i = 0; i < bordering->all.candidates; i++) {
        struct mt_candidate *candidate = &bordering->all.candidate[i];
        if (mt_begin_may_be(&begin, (candidate->place - from) % length, length))
            candidate->score *= AT_BEGIN;
    }
    free(seen);
    return 0;
}

/* Where pauses hardly tell, the end does, or what comes first: iterations begin with what the first
 * one begins with. Of several behind each other that it lacks the first. */
static bool is_earlier(const struct bordering *bordering, const struct mt_candidate *one,
                       const struct mt_candidate *other)
{
    double here = mt_pause_end_weight(&bordering->pauses.end, one->place);
    double there = mt_pause_end_weight(&bordering->pauses.end, other->place);
    if (here != there)
        return here > there;
    if (one->earliest != other->earliest)
        return one->earliest < other->earliest;
    return one->place < other->place && other->place - one->place <= SEAM_WIDTH;
}

static const struct mt_candidate *choose(struct bordering *bordering, bool seam)
{
    double to = seam ? find_seam(bordering) : INFINITY, from = seam ? to - SEAM_WIDTH : 0;
    const struct mt_candidate *best = NULL, *better;
    double top = 0;
    for (uint32_t i = 0; i < bordering->all.candidates; i++) {
        struct mt_candidate *candidate = &bordering->all.candidate[i];
        bool near =
            !seam || (candidate->fits && candidate->distance <= to && candidate->distance >= from);
        if (!near)
            candidate->score = -1;
        else if (!best || candidate->score > top)
            best = candidate;
        top = fmax(top, candidate->score);
    }
    for (uint32_t i = 0; i < bordering->all.candidates && best; i++) {
        const struct mt_candidate *other = &bordering->all.candidate[i];
        if (other->score >= ABOUT * top && is_earlier(bordering, other, best))
            best = other;
    }
    better = best;
    for (uint32_t i = 0; i < bordering->all.candidates && best; i++) {
        const struct mt_candidate *other = &bordering->all.candidate[i];
        if (other->place == best->place && other->score >= 0 && is_better(other, better))
            better = other;
    }
    return better;
}

static void take(const struct bordering *bordering, const struct mt_candidate *chosen,
                 struct mt_cut *cut)
{
    const struct mt_window *window = bordering->segments.window;
    struct mt_anchor gram;
    memset(cut, 0, sizeof *cut);
    cut->anchor = bordering->segments.landmark->anchor;
    uint32_t rank = window->rank[chosen ? chosen->place : bordering->segments.landmark->place];
    if (chosen) {
        mt_anchor_take(window, chosen->mode, rank + chosen->mode.length - 1, &gram);
        if (is_unique(bordering, chosen)) {
            cut->anchor = gram;
        } else {
            cut->begin = gram;
            cut->nth = chosen->nth;
        }
    }
    uint32_t thread = mt_window_sym(window, window->order[rank])->thread;
    uint32_t length = bordering->segments.length < 4 ? bordering->segments.length : 4;
    uint32_t end = window->thread_begin[thread + 1];
    if (length > 1 && rank + length <= end)
        mt_anchor_take(window, (struct mt_gram_mode){length, true}, rank + length - 1, &cut->first);
    if (bordering->segments.length > length && length > 3 && rank + 1 + length <= end)
        mt_anchor_take(window, (struct mt_gram_mode){length, true}, rank + length, &cut->then);
}

/* Behind the landmark that what is put in comes before. What is put in may end with the same as
 * iterations do, and hide where that is: a landmark so near to the seam tells too little. */
static int choose_behind(struct bordering *bordering, int seam, const struct mt_candidate **chosen)
{
    struct mt_segments *segments = &bordering->segments;
    RETURN_IF_ERROR(mt_candidates_find(&bordering->all, &bordering->segments, &bordering->pauses));
    if (find_seam(bordering) < SEAM_WIDTH && 2 * SEAM_WIDTH < segments->length) {
        if (!mt_segments_cut_behind(segments, seam, SEAM_WIDTH))
            mt_segments_cut_behind(segments, seam, 0);
        RETURN_IF_ERROR(
            mt_candidates_find(&bordering->all, &bordering->segments, &bordering->pauses));
    }
    *chosen = choose(bordering, true);
    return 0;
}

/* Where pauses, both ends of the trace and another loop tell. */
static int choose_anywhere(struct bordering *bordering, const struct mt_candidate **chosen)
{
    RETURN_IF_ERROR(mt_candidates_find(&bordering->all, &bordering->segments, &bordering->pauses));
    if (bordering->segments.usual)
        RETURN_IF_ERROR(weigh_begins(bordering));
    weigh_before(bordering);
    *chosen = choose(bordering, false);
    return 0;
}

/* What begins as iterations of another loop of the job do. */
static int choose_as_before(struct bordering *bordering, const struct mt_candidate **chosen)
{
    *chosen = NULL;
    if (!bordering->before->first.mode.length)
        return 0;
    mt_segments_cut_anywhere(&bordering->segments);
    RETURN_IF_ERROR(choose_anywhere(bordering, chosen));
    if (*chosen && !begins_as_before(bordering, (*chosen)->place))
        *chosen = NULL;
    return 0;
}

static int choose_border(struct bordering *bordering, int seam, struct mt_cut *cut)
{
    struct mt_segments *segments = &bordering->segments;
    const struct mt_candidate *chosen = NULL;
    RETURN_IF_ERROR(choose_as_before(bordering, &chosen));
    bool behind = !chosen && mt_segments_cut_behind(segments, seam, 0);
    if (!chosen && !behind && segments->usual)
        mt_end_find(segments->window, segments->landmarks, segments->landmark, segments->middle,
                    &bordering->pauses.end);
    if (behind)
        RETURN_IF_ERROR(choose_behind(bordering, seam, &chosen));
    if (!chosen && behind)
        mt_segments_cut_anywhere(segments);
    if (!chosen)
        RETURN_IF_ERROR(choose_anywhere(bordering, &chosen));
    take(bordering, chosen, cut);
    return 0;
}

int mt_choose_cut(const struct mt_window *window, const struct mt_pulse *pulse,
                  const struct mt_cut *before, struct mt_cut *cut)
{
    struct mt_landmarks landmarks;
    int seam, code = mt_landmarks_find(window, pulse, &landmarks);
    if (code == 0)
        code = mt_landmarks_seam(&landmarks, pulse->length, &seam);
    struct bordering bordering = {.before = before};
    if (code == 0)
        code = mt_pauses_init(&bordering.pauses, window, pulse->length, pulse->at[pulse->count / 2],
                              pulse->at[pulse->count - 1]);
    if (code == 0)
        code = mt_segments_init(&bordering.segments, window, &landmarks, pulse->length);
    if (code == 0)
        code = choose_border(&bordering, seam, cut);
    mt_pauses_release(&bordering.pauses);
    mt_segments_release(&bordering.segments);
    mt_candidates_release(&bordering.all);
    mt_landmarks_release(&landmarks);
    return code;
}
