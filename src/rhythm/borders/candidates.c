/* Grams that stand equally often in nearly all usual segments: a border may be at the first or at
 * the last of them. */
#include "rhythm/borders/candidates.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/grow.h"
#include "rhythm/pulses/grams.h"

#define TIMES_MAX 64u /* that a gram may stand in an iteration */

enum side { LAST, FIRST }; /* of the occurrences of a gram before the landmark */

struct standing {
    uint32_t times, segment, now, reached, over;
    uint32_t first;  /* position at which it stands first */
    uint32_t all[2]; /* segments, also those not usual, that have a border on this side */
    uint32_t place[2], fits[2];
    uint32_t earliest[2]; /* position + 1 before the first landmark of the window; 0: none */
    double pause[2], distance[2], squares[2]; /* sums: of logarithms, of symbols to the landmark */
};

struct finding {
    const struct mt_segments *segments;
    const struct mt_pauses *pauses;
    struct mt_candidates *candidates;
};

static void note(const struct finding *finding, struct standing *gram, enum side side,
                 uint32_t segment, uint32_t position)
{
    const uint32_t *at = finding->segments->landmark->at;
    double distance = at[segment + 1] - position;
    if (finding->segments->use[segment] == MT_SEGMENT_USUAL) {
        gram->pause[side] += finding->pauses->pause[position];
        gram->distance[side] += distance;
        gram->squares[side] += distance * distance;
    } else if (finding->segments->use[segment] == MT_SEGMENT_PUT_IN && gram->reached) {
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
static void walk_back(const struct finding *finding, const struct mt_grams *grams,
                      struct standing *standing, uint32_t segment)
{
    const uint32_t *at = finding->segments->landmark->at, *rank = finding->segments->window->rank;
    bool usual = finding->segments->use[segment] == MT_SEGMENT_USUAL;
    for (uint32_t p = at[segment + 1]; p > at[segment]; p--) {
        uint32_t id = mt_grams_at(grams, rank[p]);
        if (id == MT_GRAM_NONE)
            continue;
        struct standing *gram = &standing[id];
        if (!is_countable(gram))
            continue;
        gram->now = gram->segment == segment + 1 ? gram->now + 1 : 1;
        gram->segment = segment + 1;
        if (gram->now == 1) {
            gram->all[LAST]++;
            note(finding, gram, LAST, segment, p);
        }
        if (gram->now == gram->times) {
            gram->reached += usual;
            if (gram->times == 1)
                continue;
            gram->all[FIRST]++;
            note(finding, gram, FIRST, segment, p);
        } else if (gram->now == gram->times + 1) {
            gram->over += usual;
            gram->all[FIRST] -= gram->times > 1;
        }
    }
}

/* Up to the second landmark. */
static void look_at_begin(const struct finding *finding, const struct mt_grams *grams,
                          struct standing *standing)
{
    for (uint32_t id = 0; id < grams->grams; id++)
        standing[id].first = UINT32_MAX;
    for (uint32_t p = finding->segments->landmark->at[1] + 1; p-- > 0;) {
        uint32_t id = mt_grams_at(grams, finding->segments->window->rank[p]);
        if (id != MT_GRAM_NONE)
            standing[id].first = p;
    }
}

/* Where the border of the first iteration would be. */
static void look_at_first(const struct finding *finding, const struct mt_grams *grams,
                          struct standing *standing)
{
    for (uint32_t p = finding->segments->landmark->at[0] + 1; p-- > 0;) {
        uint32_t id = mt_grams_at(grams, finding->segments->window->rank[p]);
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
static void look_at_middle(const struct finding *finding, const struct mt_grams *grams,
                           struct standing *standing)
{
    const uint32_t *at = &finding->segments->landmark->at[finding->segments->middle];
    for (uint32_t p = at[0] + 1; p <= at[1]; p++) {
        uint32_t id = mt_grams_at(grams, finding->segments->window->rank[p]);
        if (id == MT_GRAM_NONE)
            continue;
        if (standing[id].times++ == 0)
            standing[id].place[FIRST] = p;
        standing[id].place[LAST] = p;
    }
}

static int keep(struct finding *finding, struct mt_gram_mode mode, const struct standing *gram,
                uint32_t total, enum side side)
{
    struct mt_candidates *all = finding->candidates;
    if (!MT_ROOM(all->candidate, all->candidates, all->room, 1024))
        return MT_ERR_MEMORY;
    all->candidate[all->candidates++] = (struct mt_candidate){
        .mode = mode,
        .place = gram->place[side],
        .times = gram->times,
        .nth = side == LAST ? 1 : gram->times,
        .all = gram->all[side],
        .total = total,
        .first = gram->first,
        .earliest = gram->earliest[side] - 1, /* none is latest of all */
        .score = mt_pause_of_log(gram->pause[side] / gram->reached) *
                 mt_pause_weight(finding->pauses, gram->place[side]),
        .distance = gram->distance[side] / gram->reached,
        .fits = 10 * gram->fits[side] >= 9 * finding->segments->put_in,
    };
    return 0;
}

static int keep_good(struct finding *finding, const struct mt_grams *grams,
                     const struct standing *standing)
{
    for (uint32_t id = 0; id < grams->grams; id++) {
        const struct standing *gram = &standing[id];
        bool good = is_countable(gram) && gram->reached > gram->over &&
                    10 * (gram->reached - gram->over) >= 9 * finding->segments->usual;
        for (uint32_t side = LAST; good && side <= FIRST && gram->times > side; side++)
            RETURN_IF_ERROR(keep(finding, grams->mode, gram, grams->total[id], (enum side)side));
    }
    return 0;
}

static int find_in_mode(struct finding *finding, struct mt_gram_mode mode)
{
    const struct mt_window *window = finding->segments->window;
    const uint32_t *at = &finding->segments->landmark->at[finding->segments->middle];
    struct mt_stretch stretch = {at[0] + 1, at[1] + 1};
    uint32_t thread = finding->segments->landmark->anchor.thread;
    uint32_t behind = window->rank[at[1]] + MT_GRAM_MAX; /* the landmark's own gram, too */
    if (behind < window->thread_begin[thread + 1])
        stretch.end = window->order[behind];
    struct mt_grams grams;
    RETURN_IF_ERROR(mt_grams_number(window, mode, stretch, &grams));
    struct standing *standing = calloc(grams.grams + 1, sizeof *standing);
    int code = standing ? 0 : MT_ERR_MEMORY;
    if (code == 0) {
        look_at_middle(finding, &grams, standing);
        look_at_begin(finding, &grams, standing);
        look_at_first(finding, &grams, standing);
        for (uint32_t i = 0; i < mt_segments_count(finding->segments); i++)
            if (finding->segments->use[i] != MT_SEGMENT_PUT_IN)
                walk_back(finding, &grams, standing, i);
        for (uint32_t i = 0; i < mt_segments_count(finding->segments); i++)
            if (finding->segments->use[i] == MT_SEGMENT_PUT_IN)
                walk_back(finding, &grams, standing, i);
        code = keep_good(finding, &grams, standing);
    }
    free(standing);
    mt_grams_release(&grams);
    return code;
}

int mt_candidates_find(struct mt_candidates *candidates, const struct mt_segments *segments,
                       const struct mt_pauses *pauses)
{
    struct finding finding = {segments, pauses, candidates};
    candidates->candidates = 0;
    for (uint32_t m = 0; m < MT_BORDER_MODES && segments->usual; m++)
        RETURN_IF_ERROR(find_in_mode(&finding, mt_border_modes[m]));
    return 0;
}

void mt_candidates_release(struct mt_candidates *candidates)
{
    free(candidates->candidate);
    *candidates = (struct mt_candidates){0};
}
