/* Where iterations begin. The pulse says that they repeat, not where one ends: any of its members
 * would do, and so would any symbol that always stands as far before one.
 *
 * If something is put in between iterations now and then (an evaluation), it shows between the same
 * two members: the cut then lies where the symbols before the second one are no longer always the
 * same. Otherwise it lies at the longest pause, where it counts more if input is copied right after
 * it or if live memory is at its floor. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/choose.h"

#define SAMPLES 64u
#define BACK_MAX 64        /* symbols before and behind a member that are tried for a pause */
#define SEAM_BACK_MAX 8192 /* and for the end of what is put in */
#define SEAM_WIDTH 16
#define VALLEY 32u /* symbols on either side in which live memory must not be less */
#define JOIN 8u    /* symbols before among which another thread's are looked for */
#define AHEAD 6u   /* symbols among which the copy of input is looked for */

struct member {
    uint32_t *rank; /* of its occurrences, in the order of time */
    uint32_t count;
    uint32_t place; /* position of one in the middle of the window */
    struct mt_member member;
};

struct cutting {
    const struct mt_window *window;
    const struct mt_pulse *pulse;
    struct member member[MT_MEMBERS_MAX];
    uint32_t members;
    int64_t *live; /* by position */
    int64_t low, high;
    uint32_t *length;
    uint32_t sample[SAMPLES];
    uint32_t samples;
};

static int by_place(const void *one, const void *other)
{
    const struct member *a = one, *b = other;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* A symbol and its bare form may both be members: one will do. */
static void drop_doubles(struct cutting *cutting)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cutting->members; i++) {
        if (kept && cutting->member[kept - 1].place == cutting->member[i].place)
            free(cutting->member[i].rank);
        else
            cutting->member[kept++] = cutting->member[i];
    }
    cutting->members = kept;
}

static int find_members(struct cutting *cutting)
{
    const struct mt_pulse *pulse = cutting->pulse;
    uint32_t middle = pulse->at[pulse->count / 2];
    for (uint32_t i = 0; i < pulse->kept; i++) {
        struct member *member = &cutting->member[cutting->members];
        struct mt_anchor anchor;
        mt_anchor_take(cutting->window, pulse->member[i].mode, pulse->member[i].rank, &anchor);
        cutting->members++;
        member->member = pulse->member[i];
        RETURN_IF_ERROR(mt_anchor_find(cutting->window, &anchor, &member->rank, &member->count));
        for (uint32_t k = 0; k < member->count; k++) {
            member->place = cutting->window->order[member->rank[k]];
            if (member->place >= middle)
                break;
        }
    }
    qsort(cutting->member, cutting->members, sizeof cutting->member[0], by_place);
    drop_doubles(cutting);
    return 0;
}

/* Floor and peak are those of the second half: warm-up may begin with less memory. */
static void follow_live(struct cutting *cutting)
{
    const struct mt_pulse *pulse = cutting->pulse;
    uint32_t from = pulse->at[pulse->count / 2];
    int64_t live = 0;
    for (uint32_t i = 0; i < cutting->window->n; i++) {
        cutting->live[i] = live;
        if (i >= from) {
            cutting->low = i == from || live < cutting->low ? live : cutting->low;
            cutting->high = i == from || live > cutting->high ? live : cutting->high;
        }
        live += mt_window_sym(cutting->window, i)->grows;
    }
}

/* What is put in between a member and the next, in symbols, over the whole window; *times: how
 * often behind its first third, when warm-up is over. */
static uint64_t put_in(struct cutting *cutting, uint32_t k, uint32_t *times)
{
    const struct member *from = &cutting->member[k];
    const struct member *to = &cutting->member[(k + 1) % cutting->members];
    const uint32_t *order = cutting->window->order;
    uint32_t n = 0, j = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        uint32_t begin = order[from->rank[i]];
        while (j < to->count && order[to->rank[j]] <= begin)
            j++;
        if (j < to->count)
            cutting->length[n++] = order[to->rank[j]] - begin;
    }
    *times = 0;
    if (n == 0)
        return 0;
    memcpy(cutting->length + n, cutting->length, n * sizeof *cutting->length);
    uint32_t usual = mt_median_u32(cutting->length + n, n); /* of the copy, which is sorted then */
    for (uint32_t i = 0; i < n; i++) {
        bool longer = cutting->length[i] > usual + usual / 4 + cutting->pulse->length / 50 + 8;
        sum += longer ? cutting->length[i] - usual : 0;
        *times += longer && 3 * i >= n;
    }
    return sum;
}

/* The member after the place where something is put in again and again; -1: there is none. */
static int find_seam(struct cutting *cutting)
{
    uint64_t most = 0, all = 0;
    uint32_t times = 0;
    int seam = -1;
    for (uint32_t k = 0; k < cutting->members; k++) {
        uint64_t sum = put_in(cutting, k, &times);
        all += times >= 2 ? sum : 0;
        if (sum > most && times >= 2) {
            most = sum;
            seam = (int)((k + 1) % cutting->members);
        }
    }
    return seam >= 0 && 2 * most >= all ? seam : -1;
}

static void take_samples(struct cutting *cutting, const struct member *member)
{
    uint32_t step = 1 + member->count / SAMPLES;
    cutting->samples = 0;
    for (uint32_t i = member->count > 8; i < member->count && cutting->samples < SAMPLES; i += step)
        cutting->sample[cutting->samples++] = member->rank[i];
}

/* Half of the samples from where something is put in, as far as there are as many. Counted in the
 * member's own thread: what is put in may be in another one, as an evaluation is that has no
 * backward pass. *taken: how many. */
static int take_seam_samples(struct cutting *cutting, const struct member *member, uint32_t *taken)
{
    uint32_t n = 0;
    *taken = 0;
    take_samples(cutting, member);
    for (uint32_t i = 1; i < member->count; i++)
        cutting->length[n++] = member->rank[i] - member->rank[i - 1];
    uint32_t usual = n ? mt_median_u32(cutting->length, n) : 0;
    for (uint32_t i = 1; i < member->count && *taken < SAMPLES / 2; i++) {
        uint64_t since = member->rank[i] - member->rank[i - 1];
        if (since * 20 > usual * 21ull) {
            uint32_t place = cutting->samples < SAMPLES ? cutting->samples++ : 2 * *taken;
            cutting->sample[place] = member->rank[i];
            ++*taken;
        }
    }
    return (int)usual;
}

/* The rank `back` before, or behind where it is negative; UINT32_MAX: outside of the thread. */
static uint32_t step_back(const struct mt_window *window, uint32_t thread, uint32_t rank,
                          int32_t back)
{
    int64_t there = (int64_t)rank - back;
    bool inside = there >= window->thread_begin[thread] && there < window->thread_begin[thread + 1];
    return inside ? (uint32_t)there : UINT32_MAX;
}

static uint32_t bare_at(const struct mt_window *window, uint32_t rank)
{
    return mt_window_sym(window, window->order[rank])->bare;
}

/* Whether nearly all samples have the same symbol `back` before them. */
static bool is_steady(const struct cutting *cutting, uint32_t thread, int32_t back,
                      uint32_t percent)
{
    const struct mt_window *window = cutting->window;
    uint32_t middle = step_back(window, thread, cutting->sample[cutting->samples / 2], back);
    uint32_t same = 0;
    for (uint32_t i = 0; i < cutting->samples && middle != UINT32_MAX; i++) {
        uint32_t rank = step_back(window, thread, cutting->sample[i], back);
        same += rank != UINT32_MAX && bare_at(window, rank) == bare_at(window, middle);
    }
    return 100 * same >= percent * cutting->samples && same;
}

static double pause_before(struct cutting *cutting, uint32_t thread, int32_t back)
{
    const struct mt_window *window = cutting->window;
    uint32_t gap[SAMPLES], n = 0;
    for (uint32_t i = 0; i < cutting->samples; i++) {
        uint32_t rank = step_back(window, thread, cutting->sample[i], back);
        uint32_t position = rank != UINT32_MAX ? window->order[rank] : 0;
        uint64_t ns = position ? window->time_ns[position] - window->time_ns[position - 1] : 0;
        gap[n++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
    }
    return 1.0 + mt_median_u32(gap, n);
}

/* Live memory is nowhere less nearby: what came before is freed, and nothing new is taken yet. */
static bool is_valley(const struct cutting *cutting, uint32_t position)
{
    uint32_t from = position > VALLEY ? position - VALLEY : 0, n = cutting->window->n;
    uint32_t to = n - position > VALLEY ? position + VALLEY : n;
    for (uint32_t i = from; i < to; i++)
        if (cutting->live[i] < cutting->live[position])
            return false;
    return true;
}

/* Another thread was at work a moment ago: the pause is for its end, as for that of the backward
 * pass. */
static bool is_join(const struct cutting *cutting, uint32_t thread, uint32_t position)
{
    for (uint32_t i = position > JOIN ? position - JOIN : 0; i < position; i++)
        if (mt_window_sym(cutting->window, i)->thread != thread)
            return true;
    return false;
}

static double weight(const struct cutting *cutting, uint32_t thread, int32_t back)
{
    const struct mt_window *window = cutting->window;
    uint32_t rank = step_back(window, thread, cutting->sample[cutting->samples / 2], back);
    double factor = 1;
    for (uint32_t i = rank; i < rank + AHEAD && i < window->thread_begin[thread + 1]; i++)
        if (mt_window_sym(window, window->order[i])->input)
            factor = 4;
    factor *= is_valley(cutting, window->order[rank]) ? 2 : 1;
    factor *= is_join(cutting, thread, window->order[rank]) ? 0.25 : 1;
    int64_t above = cutting->live[window->order[rank]] - cutting->low;
    return above * 10 <= cutting->high - cutting->low ? 4 * factor : factor;
}

static void cut_at(const struct cutting *cutting, const struct member *member, int32_t back,
                   struct mt_cut *cut)
{
    mt_anchor_take(cutting->window, member->member.mode, member->member.rank, &cut->anchor);
    cut->back = back;
}

static uint32_t thread_of(const struct cutting *cutting, const struct member *member)
{
    return mt_window_sym(cutting->window, cutting->window->order[member->member.rank])->thread;
}

static void cut_at_seam(struct cutting *cutting, uint32_t seam, struct mt_cut *cut)
{
    const struct member *member = &cutting->member[seam];
    uint32_t taken;
    int32_t back = 0, far = take_seam_samples(cutting, member, &taken) - 1;
    for (uint32_t k = 1; k < cutting->members && taken < 2; k++) {
        const struct member *other = &cutting->member[(seam + k) % cutting->members];
        far = take_seam_samples(cutting, other, &taken) - 1;
        member = taken >= 2 ? other : member;
    }
    if (taken < 2)
        far = take_seam_samples(cutting, member, &taken) - 1;
    uint32_t thread = thread_of(cutting, member);
    far = far < SEAM_BACK_MAX ? far : SEAM_BACK_MAX;
    while (back < far && is_steady(cutting, thread, back + 1, 95))
        back++;
    /* What is put in may end as iterations do: the pause tells which of the last symbols it is. */
    int32_t chosen = back, least = back > SEAM_WIDTH ? back - SEAM_WIDTH : 0;
    for (double best = 0; back >= least; back--) {
        double score = pause_before(cutting, thread, back) * weight(cutting, thread, back);
        chosen = score > best ? back : chosen;
        best = score > best ? score : best;
    }
    cut_at(cutting, member, chosen, cut);
}

static void cut_at_pause(struct cutting *cutting, struct mt_cut *cut)
{
    double best = -1;
    for (uint32_t m = 0; m < cutting->members; m++) {
        const struct member *member = &cutting->member[m];
        uint32_t thread = thread_of(cutting, member);
        take_samples(cutting, member);
        int32_t far =
            cutting->pulse->length > BACK_MAX ? BACK_MAX : (int32_t)cutting->pulse->length - 1;
        for (int32_t back = 0, step = 1; back >= -far; back += step) {
            if (!is_steady(cutting, thread, back, 90)) {
                if (step < 0)
                    break;
                step = back = -1; /* now behind it */
                if (!is_steady(cutting, thread, back, 90))
                    break;
            }
            double score = pause_before(cutting, thread, back) * weight(cutting, thread, back);
            if (score > best) {
                best = score;
                cut_at(cutting, member, back, cut);
            }
            if (back == far && step > 0)
                back = 0, step = -1;
        }
    }
}

int mt_cut_find(const struct mt_window *window, const struct mt_cut *cut, uint32_t **border,
                uint32_t *borders)
{
    uint32_t n = 0;
    int code = mt_anchor_find(window, &cut->anchor, border, borders);
    for (uint32_t i = 0; code == 0 && i < *borders; i++) {
        uint32_t rank = step_back(window, cut->anchor.thread, (*border)[i], cut->back);
        if (rank == UINT32_MAX && cut->back < 0)
            continue; /* it begins behind the end of the window */
        uint32_t begin = window->thread_begin[cut->anchor.thread];
        uint32_t position = window->order[rank == UINT32_MAX ? begin : rank];
        if (n == 0 || position > (*border)[n - 1])
            (*border)[n++] = position;
    }
    *borders = n;
    if (code < 0) {
        free(*border);
        *border = NULL;
    }
    return code;
}

/* Of the borders `old`, how many are among `new`. */
static uint32_t common(const uint32_t *old, uint32_t olds, const uint32_t *new, uint32_t news)
{
    uint32_t found = 0;
    for (uint32_t i = 0, k = 0; i < olds; i++) {
        while (k < news && new[k] < old[i])
            k++;
        found += k < news && new[k] == old[i];
    }
    return found;
}

/* What iterations begin with is a better anchor than what is a little before or behind it: the
 * first iteration has it too, and it comes at once. Taken if it is found at the same places, and at
 * hardly any others; else kept for the first iteration only. */
static int anchor_at_begin(const struct mt_window *window, uint32_t usual, struct mt_cut *cut)
{
    uint32_t *old, olds;
    RETURN_IF_ERROR(mt_cut_find(window, cut, &old, &olds));
    uint32_t thread = cut->anchor.thread;
    int code = 0;
    struct mt_cut best = *cut;
    uint32_t most = 0, odd = 2 + olds / 20;
    for (uint32_t length = MT_GRAM_MAX; code == 0 && length >= 2 && olds > 2; length /= 2) {
        uint32_t end = window->rank[old[olds / 2]] + length - 1, *new, news;
        if (length > usual)
            continue;
        struct mt_cut trial = {.back = (int32_t)length - 1};
        if (end >= window->thread_begin[thread + 1])
            continue;
        mt_anchor_take(window, (struct mt_gram_mode){length, true}, end, &trial.anchor);
        code = mt_cut_find(window, &trial, &new, &news);
        if (code < 0)
            break;
        uint32_t both = common(old, olds, new, news);
        free(new);
        if (both + odd < olds)
            continue;
        if (news <= olds + odd && both > most) {
            most = both;
            best = trial;
        } else if (news > olds + odd && !cut->begins) {
            cut->begin = trial.anchor;
            cut->begins = length;
        }
    }
    if (most) {
        cut->anchor = best.anchor;
        cut->back = best.back;
    }
    free(old);
    return code;
}

int mt_cut_first(const struct mt_window *window, const struct mt_cut *cut, uint32_t border,
                 uint32_t usual, uint32_t *first)
{
    const struct mt_cut begin = {.anchor = cut->begin, .back = (int32_t)cut->begins - 1};
    uint32_t *place, places;
    *first = border;
    if (!cut->begins)
        return 0;
    RETURN_IF_ERROR(mt_cut_find(window, &begin, &place, &places));
    for (uint32_t i = 0; i < places && place[i] < border; i++) {
        uint32_t length = border - place[i], best = border - *first;
        uint32_t off = length > usual ? length - usual : usual - length;
        uint32_t best_off = best > usual ? best - usual : usual - best;
        *first = off < best_off ? place[i] : *first;
    }
    free(place);
    return 0;
}

int mt_choose_cut(const struct mt_window *window, const struct mt_pulse *pulse, struct mt_cut *cut)
{
    struct cutting cutting = {.window = window, .pulse = pulse};
    cutting.live = malloc((window->n + 1) * sizeof *cutting.live);
    cutting.length = malloc((2ull * window->n + 1) * sizeof *cutting.length);
    int code = cutting.live && cutting.length ? find_members(&cutting) : MT_ERR_MEMORY;
    if (code == 0) {
        follow_live(&cutting);
        int seam = find_seam(&cutting);
        if (seam >= 0)
            cut_at_seam(&cutting, (uint32_t)seam, cut);
        else
            cut_at_pause(&cutting, cut);
        code = anchor_at_begin(window, pulse->length, cut);
    }
    for (uint32_t i = 0; i < cutting.members; i++)
        free(cutting.member[i].rank);
    free(cutting.live);
    free(cutting.length);
    return code;
}
