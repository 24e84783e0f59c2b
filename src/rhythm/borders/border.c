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
#include "base/grow.h"
#include "rhythm/borders/begins.h"
#include "rhythm/borders/choose.h"
#include "rhythm/borders/ends.h"
#include "rhythm/pulses/grams.h"
#include "rhythm/borders/segments.h"

#define TIMES_MAX 64u /* that a gram may stand in an iteration */
#define SEAM_WIDTH                                                                                 \
    16u                /* symbols behind the end of what is put in among which the pause decides   \
                        */
#define VALLEY 32u     /* symbols on either side in which live memory must not be less */
#define JOIN 8u        /* symbols before among which another thread's are looked for */
#define AHEAD 6u       /* symbols among which the copy of input is looked for */
#define ABOUT 0.8      /* of the best score: as good */
#define AT_END 16      /* what the end of the last run weighs, at it and */
#define NEAR_END 4     /* near it: the first event behind it may agree by chance */
#define END_WIDTH 2u   /* symbols behind it that are near */
#define END_BEFORE 16u /* before it: what comes then may begin as iterations do */
#define AT_BEGIN 16    /* where the first run may begin */

static const struct mt_gram_mode modes[] = {{1, false}, {1, true}, {4, true}, {16, true}};
#define MODES (sizeof modes / sizeof *modes)

enum side { LAST, FIRST }; /* of the occurrences of a gram before the landmark */

struct standing {
    uint32_t times, segment, now, reached, over, total;
    uint32_t first;  /* position at which it stands first */
    uint32_t all[2]; /* segments, also those not usual, that have a border on this side */
    uint32_t place[2], fits[2];
    uint32_t earliest[2]; /* position + 1 before the first landmark of the window; 0: none */
    double pause[2], distance[2], squares[2]; /* sums: of logarithms, of symbols to the landmark */
};

struct candidate {
    struct mt_gram_mode mode;
    uint32_t place, times, nth, all, total, first, earliest;
    double score, distance;
    bool fits; /* as far before the landmark where something is put in */
};

struct bordering {
    struct mt_segments segments;
    int64_t *live; /* by position */
    float *pause;  /* before it, as a logarithm */
    int64_t low, high;
    struct mt_end end; /* of the last run */
    struct candidate *candidate;
    uint32_t candidates, candidate_room;
};

/* ---- candidates ---- */

static double log2_of(uint64_t n)
{
    int whole = 63 - __builtin_clzll(n | 1);
    return whole + (double)n / (double)(1ull << whole) - 1;
}

/* The inverse of it. */
static double exp2_of(double log)
{
    double whole = floor(log);
    return ldexp(1 + log - whole, (int)whole);
}

/* Memory is given back. */
static bool gives_back(const struct mt_window *window, uint32_t position)
{
    uint16_t kind = mt_window_sym(window, position)->kind;
    return kind == MT_block_free || kind == MT_free;
}

static void note(const struct bordering *bordering, struct standing *gram, enum side side,
                 uint32_t segment, uint32_t position)
{
    const uint32_t *at = bordering->segments.landmark->at;
    double distance = at[segment + 1] - position;
    if (bordering->segments.use[segment] == MT_SEGMENT_USUAL) {
        gram->pause[side] += bordering->pause[position];
        gram->distance[side] += distance;
        gram->squares[side] += distance * distance;
    } else if (bordering->segments.use[segment] == MT_SEGMENT_PUT_IN && gram->reached) {
        double mean = gram->distance[side] / gram->reached;
        double variance = fmax(gram->squares[side] / gram->reached - mean * mean, 0);
        gram->fits[side] += fabs(distance - mean) <= 2 + 3 * sqrt(variance);
    }
}

/* Whether a gram may become a candidate. */
static bool is_countable(const struct standing *gram)
{
    return gram->times && gram->times <= TIMES_MAX;
}

/* One segment, backwards from its landmark. What stands in it once has one side only, the last. */
static void walk_back(const struct bordering *bordering, const struct mt_grams *grams,
                      struct standing *standing, uint32_t segment)
{
    const uint32_t *at = bordering->segments.landmark->at, *rank = bordering->segments.window->rank;
    bool usual = bordering->segments.use[segment] == MT_SEGMENT_USUAL;
    for (uint32_t p = at[segment + 1]; p > at[segment]; p--) {
        uint32_t id = grams->id[rank[p]];
        if (id == MT_GRAM_NONE)
            continue;
        struct standing *gram = &standing[id];
        if (!is_countable(gram))
            continue;
        gram->now = gram->segment == segment + 1 ? gram->now + 1 : 1;
        gram->segment = segment + 1;
        if (gram->now == 1) {
            gram->all[LAST]++;
            note(bordering, gram, LAST, segment, p);
        }
        if (gram->now == gram->times) {
            gram->reached += usual;
            if (gram->times == 1)
                continue;
            gram->all[FIRST]++;
            note(bordering, gram, FIRST, segment, p);
        } else if (gram->now == gram->times + 1) {
            gram->over += usual;
            gram->all[FIRST] -= gram->times > 1;
        }
    }
}

static void count_all(const struct mt_window *window, const struct mt_grams *grams,
                      struct standing *standing)
{
    for (uint32_t r = 0; r < window->n; r++)
        if (grams->id[r] != MT_GRAM_NONE)
            standing[grams->id[r]].total++;
}

/* Up to the second landmark. */
static void look_at_begin(const struct bordering *bordering, const struct mt_grams *grams,
                          struct standing *standing)
{
    for (uint32_t id = 0; id < grams->grams; id++)
        standing[id].first = UINT32_MAX;
    for (uint32_t p = bordering->segments.landmark->at[1] + 1; p-- > 0;) {
        uint32_t id = grams->id[bordering->segments.window->rank[p]];
        if (id != MT_GRAM_NONE)
            standing[id].first = p;
    }
}

/* Where the border of the first iteration would be. */
static void look_at_first(const struct bordering *bordering, const struct mt_grams *grams,
                          struct standing *standing)
{
    for (uint32_t p = bordering->segments.landmark->at[0] + 1; p-- > 0;) {
        uint32_t id = grams->id[bordering->segments.window->rank[p]];
        if (id == MT_GRAM_NONE)
            continue;
        struct standing *gram = &standing[id];
        gram->now++;
        if (gram->now == 1)
            gram->earliest[LAST] = p + 1;
        if (gram->now == gram->times)
            gram->earliest[FIRST] = p + 1;
    }
}

/* How often each gram stands in the segment in the middle, and where. */
static void look_at_middle(const struct bordering *bordering, const struct mt_grams *grams,
                           struct standing *standing)
{
    const uint32_t *at = &bordering->segments.landmark->at[bordering->segments.middle];
    for (uint32_t p = at[0] + 1; p <= at[1]; p++) {
        uint32_t id = grams->id[bordering->segments.window->rank[p]];
        if (id == MT_GRAM_NONE)
            continue;
        if (standing[id].times++ == 0)
            standing[id].place[FIRST] = p;
        standing[id].place[LAST] = p;
    }
}

/* Live memory is nowhere less nearby, but for what leaks: what came before is freed, and nothing
 * new is taken yet. */
static bool is_valley(const struct bordering *bordering, uint32_t position)
{
    uint32_t from = position > VALLEY ? position - VALLEY : 0, n = bordering->segments.window->n;
    uint32_t to = n - position > VALLEY ? position + VALLEY : n;
    int64_t least = bordering->live[position] - (bordering->high - bordering->low) / 100;
    for (uint32_t i = from; i < to; i++)
        if (bordering->live[i] < least)
            return false;
    return true;
}

/* Another thread was at work a moment ago: the pause is for its end, as for that of the backward
 * pass. */
static bool is_join(const struct mt_window *window, uint32_t thread, uint32_t position)
{
    for (uint32_t i = position > JOIN ? position - JOIN : 0; i < position; i++)
        if (mt_window_sym(window, i)->thread != thread)
            return true;
    return false;
}

/* Behind the last iteration the sequence goes on otherwise: where it does, iterations end. */
static double end_weight(const struct mt_end *end, uint32_t position)
{
    if (!end->found || position > end->at + END_WIDTH || position + END_BEFORE < end->at)
        return 1;
    return position == end->at ? AT_END : NEAR_END;
}

static double weight(const struct bordering *bordering, uint32_t position)
{
    const struct mt_window *window = bordering->segments.window;
    uint32_t rank = window->rank[position], thread = mt_window_sym(window, position)->thread;
    double factor = end_weight(&bordering->end, position), input = 1;
    for (uint32_t i = rank; i < rank + AHEAD && i < window->thread_begin[thread + 1]; i++)
        if (mt_window_sym(window, window->order[i])->input)
            input = 4;
    factor *= input;
    factor *= is_valley(bordering, position) ? 4 : 1;
    factor *= is_join(window, thread, position) ? 0.25 : 1;
    factor *= gives_back(window, position) ? 0.25 : 1;
    int64_t above = bordering->live[position] - bordering->low;
    return above * 10 <= bordering->high - bordering->low ? 4 * factor : factor;
}

static int keep(struct bordering *bordering, struct mt_gram_mode mode, const struct standing *gram,
                enum side side)
{
    if (!MT_ROOM(bordering->candidate, bordering->candidates, bordering->candidate_room, 1024))
        return MT_ERR_MEMORY;
    bordering->candidate[bordering->candidates++] = (struct candidate){
        .mode = mode,
        .place = gram->place[side],
        .times = gram->times,
        .nth = side == LAST ? 1 : gram->times,
        .all = gram->all[side],
        .total = gram->total,
        .first = gram->first,
        .earliest = gram->earliest[side] - 1, /* none is latest of all */
        .score = exp2_of(gram->pause[side] / gram->reached) * weight(bordering, gram->place[side]),
        .distance = gram->distance[side] / gram->reached,
        .fits = 10 * gram->fits[side] >= 9 * bordering->segments.put_in,
    };
    return 0;
}

static int keep_good(struct bordering *bordering, const struct mt_grams *grams,
                     const struct standing *standing)
{
    for (uint32_t id = 0; id < grams->grams; id++) {
        const struct standing *gram = &standing[id];
        bool good = is_countable(gram) && gram->reached > gram->over &&
                    10 * (gram->reached - gram->over) >= 9 * bordering->segments.usual;
        for (uint32_t side = LAST; good && side <= FIRST && gram->times > side; side++)
            RETURN_IF_ERROR(keep(bordering, grams->mode, gram, (enum side)side));
    }
    return 0;
}

static int find_in_mode(struct bordering *bordering, struct mt_gram_mode mode)
{
    const struct mt_window *window = bordering->segments.window;
    const uint32_t *at = &bordering->segments.landmark->at[bordering->segments.middle];
    struct mt_stretch stretch = {at[0] + 1, at[1] + 1};
    uint32_t thread = bordering->segments.landmark->anchor.thread;
    uint32_t behind = window->rank[at[1]] + MT_GRAM_MAX; /* the landmark's own gram, too */
    if (behind < window->thread_begin[thread + 1])
        stretch.end = window->order[behind];
    struct mt_grams grams;
    RETURN_IF_ERROR(mt_grams_number(window, mode, stretch, &grams));
    struct standing *standing = calloc(grams.grams + 1, sizeof *standing);
    int code = standing ? 0 : MT_ERR_MEMORY;
    if (code == 0) {
        count_all(window, &grams, standing);
        look_at_middle(bordering, &grams, standing);
        look_at_begin(bordering, &grams, standing);
        look_at_first(bordering, &grams, standing);
        for (uint32_t i = 0; i < mt_segments_count(&bordering->segments); i++)
            if (bordering->segments.use[i] != MT_SEGMENT_PUT_IN)
                walk_back(bordering, &grams, standing, i);
        for (uint32_t i = 0; i < mt_segments_count(&bordering->segments); i++)
            if (bordering->segments.use[i] == MT_SEGMENT_PUT_IN)
                walk_back(bordering, &grams, standing, i);
        code = keep_good(bordering, &grams, standing);
    }
    free(standing);
    mt_grams_release(&grams);
    return code;
}

/* ---- the choice ---- */

static bool is_unique(const struct bordering *bordering, const struct candidate *candidate)
{
    uint32_t count = bordering->segments.landmark->count;
    return candidate->times == 1 && candidate->total <= count + 2 + count / 50;
}

/* Of two for the same place, the one that also stands so in segments that are not usual; then the
 * one that stands less often, but for once more before all segments, in the first iteration. */
static bool is_better(const struct candidate *one, const struct candidate *other)
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
    const struct candidate *a = one, *b = other;
    return a->distance < b->distance ? -1 : a->distance > b->distance;
}

/* How far before the landmark the seam is: nearer than it candidates fit, farther ones do not, but
 * for a few. */
static double find_seam(struct bordering *bordering)
{
    double farthest = 0;
    int64_t fitting = 0, most = 0;
    qsort(bordering->candidate, bordering->candidates, sizeof *bordering->candidate, by_distance);
    for (uint32_t i = 0; i < bordering->candidates; i++) {
        fitting += bordering->candidate[i].fits ? 1 : -1;
        if (fitting > most) {
            most = fitting;
            farthest = bordering->candidate[i].distance;
        }
    }
    return farthest;
}

/* Those about where the first iteration begins weigh more. What evaluations have, too, may tell. */
static int weigh_begins(struct bordering *bordering)
{
    const struct mt_segments *segments = &bordering->segments;
    uint32_t from = segments->landmark->at[segments->middle], n = 0;
    uint32_t length = segments->landmark->at[segments->middle + 1] - from;
    struct mt_seen *seen = malloc((bordering->candidates + 1ull) * sizeof *seen);
    struct mt_begin begin;
    if (!seen)
        return MT_ERR_MEMORY;
    for (uint32_t i = 0; i < bordering->candidates; i++) {
        const struct candidate *candidate = &bordering->candidate[i];
        if (candidate->times == 1 && candidate->total <= 2 * segments->landmark->count)
            seen[n++] = (struct mt_seen){(candidate->place - from) % length, candidate->first};
    }
    mt_begin_find(seen, n, length, &begin);
    for (uint32_t i = 0; i < bordering->candidates; i++) {
        struct candidate *candidate = &bordering->candidate[i];
        if (mt_begin_may_be(&begin, (candidate->place - from) % length, length))
            candidate->score *= AT_BEGIN;
    }
    free(seen);
    return 0;
}

/* Where pauses hardly tell, the end does, or what comes first: iterations begin with what the first
 * one begins with. Of several behind each other that it lacks the first. */
static bool is_earlier(const struct bordering *bordering, const struct candidate *one,
                       const struct candidate *other)
{
    double here = end_weight(&bordering->end, one->place);
    double there = end_weight(&bordering->end, other->place);
    if (here != there)
        return here > there;
    if (one->earliest != other->earliest)
        return one->earliest < other->earliest;
    return one->place < other->place && other->place - one->place <= SEAM_WIDTH;
}

static const struct candidate *choose(struct bordering *bordering, bool seam)
{
    double to = seam ? find_seam(bordering) : INFINITY, from = seam ? to - SEAM_WIDTH : 0;
    const struct candidate *best = NULL, *better;
    double top = 0;
    for (uint32_t i = 0; i < bordering->candidates; i++) {
        struct candidate *candidate = &bordering->candidate[i];
        bool near =
            !seam || (candidate->fits && candidate->distance <= to && candidate->distance >= from);
        if (!near)
            candidate->score = -1;
        else if (!best || candidate->score > top)
            best = candidate;
        top = fmax(top, candidate->score);
    }
    for (uint32_t i = 0; i < bordering->candidates && best; i++) {
        const struct candidate *other = &bordering->candidate[i];
        if (other->score >= ABOUT * top && is_earlier(bordering, other, best))
            best = other;
    }
    better = best;
    for (uint32_t i = 0; i < bordering->candidates && best; i++) {
        const struct candidate *other = &bordering->candidate[i];
        if (other->place == best->place && other->score >= 0 && is_better(other, better))
            better = other;
    }
    return better;
}

static void take(const struct bordering *bordering, const struct candidate *chosen,
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

/* Floor and peak are those of the second half: warm-up may begin with less memory, and behind the
 * last iteration a job frees what it has. */
static void follow_live(struct bordering *bordering, uint32_t from, uint32_t to)
{
    int64_t live = 0;
    for (uint32_t i = 0; i < bordering->segments.window->n; i++) {
        bordering->live[i] = live;
        if (i >= from && i < to) {
            bordering->low = i == from || live < bordering->low ? live : bordering->low;
            bordering->high = i == from || live > bordering->high ? live : bordering->high;
        }
        live += mt_window_sym(bordering->segments.window, i)->grows;
    }
}

/* The pause before what is given back counts for what comes next: with variables that get values of
 * the next iteration goes what the last one left in them. */
static void follow_pauses(struct bordering *bordering)
{
    const struct mt_window *window = bordering->segments.window;
    uint64_t longest = 0, last = window->n ? window->time_ns[0] : 0;
    for (uint32_t i = 0; i < window->n; i++) {
        bool back = gives_back(window, i);
        uint64_t ns = window->time_ns[i] - last;
        last = window->time_ns[i];
        longest = ns > longest ? ns : longest;
        bordering->pause[i] = (float)log2_of(1 + (back ? ns : longest));
        longest = back ? longest : 0;
    }
}

static int find_candidates(struct bordering *bordering)
{
    bordering->candidates = 0;
    for (uint32_t m = 0; m < MODES && bordering->segments.usual; m++)
        RETURN_IF_ERROR(find_in_mode(bordering, modes[m]));
    return 0;
}

/* Behind the landmark that what is put in comes before. What is put in may end with the same as
 * iterations do, and hide where that is: a landmark so near to the seam tells too little. */
static int choose_behind(struct bordering *bordering, int seam, const struct candidate **chosen)
{
    struct mt_segments *segments = &bordering->segments;
    RETURN_IF_ERROR(find_candidates(bordering));
    if (find_seam(bordering) < SEAM_WIDTH && 2 * SEAM_WIDTH < segments->length) {
        if (!mt_segments_cut_behind(segments, seam, SEAM_WIDTH))
            mt_segments_cut_behind(segments, seam, 0);
        RETURN_IF_ERROR(find_candidates(bordering));
    }
    *chosen = choose(bordering, true);
    return 0;
}

static int choose_border(struct bordering *bordering, int seam, struct mt_cut *cut)
{
    struct mt_segments *segments = &bordering->segments;
    const struct candidate *chosen = NULL;
    bool behind = mt_segments_cut_behind(segments, seam, 0);
    if (!behind && segments->usual)
        mt_end_find(segments->window, segments->landmarks, segments->landmark, segments->middle,
                    &bordering->end);
    if (behind)
        RETURN_IF_ERROR(choose_behind(bordering, seam, &chosen));
    if (!chosen && behind)
        mt_segments_cut_anywhere(segments);
    if (!chosen) {
        RETURN_IF_ERROR(find_candidates(bordering));
        if (segments->usual)
            RETURN_IF_ERROR(weigh_begins(bordering));
        chosen = choose(bordering, false);
    }
    take(bordering, chosen, cut);
    return 0;
}

int mt_choose_cut(const struct mt_window *window, const struct mt_pulse *pulse, struct mt_cut *cut)
{
    struct mt_landmarks landmarks;
    int seam, code = mt_landmarks_find(window, pulse, &landmarks);
    if (code == 0)
        code = mt_landmarks_seam(&landmarks, pulse->length, &seam);
    struct bordering bordering = {.live = malloc((window->n + 1) * sizeof *bordering.live),
                                  .pause = malloc((window->n + 1) * sizeof *bordering.pause)};
    if (code == 0)
        code = mt_segments_init(&bordering.segments, window, &landmarks, pulse->length);
    code = code == 0 && !(bordering.live && bordering.pause) ? MT_ERR_MEMORY : code;
    if (code == 0) {
        follow_pauses(&bordering);
        follow_live(&bordering, pulse->at[pulse->count / 2], pulse->at[pulse->count - 1]);
        code = choose_border(&bordering, seam, cut);
    }
    free(bordering.live);
    free(bordering.pause);
    mt_segments_release(&bordering.segments);
    free(bordering.candidate);
    mt_landmarks_release(&landmarks);
    return code;
}
