#include "analysis/behaviour/phases.h"

#include <stdlib.h>
#include <string.h>

#include "base/dict.h"
#include "base/error.h"

#define THREAD_SHARE                                                                               \
    10u /* a thread with less than 1/10 of the launches is no autograd engine's                    \
         */
#define THREADS 64u

/* ---- the optimizer ---- */

/* A stretch of the circle: `length` steps from `begin` on. */
struct stretch {
    double sum;
    uint32_t begin, length;
};

/* The stretch with the largest sum (Kadane), begun and ended by steps that speak for it. Twice
 * around the circle, never longer than it. */
static struct stretch best_stretch(const struct mt_spanlog *log)
{
    struct stretch best = {0, 0, 0};
    const uint32_t n = (uint32_t)log->steps;
    const struct mt_step *step = log->step, *const end = step + n;
    uint32_t begin = 0, length = 0;
    double sum = 0;
    for (uint32_t i = 0; i < 2 * n; i++, step = step + 1 < end ? step + 1 : log->step) {
        if (length >= n || sum <= 0) {
            sum = 0;
            begin = i;
            length = 0;
            if (step->score <= 0)
                continue;
        }
        sum += step->score;
        length++;
        if (sum > best.sum)
            best = (struct stretch){sum, begin, length};
    }
    best.begin %= n ? n : 1;
    return best;
}

static bool goes_on(const struct mt_spanlog *log, uint32_t from, uint32_t to)
{
    const struct mt_step *one = &log->step[from], *other = &log->step[to];
    return one->launch && other->launch && one->who == other->who && one->thread == other->thread;
}

/* A list of tensors that is too long for one launch takes several. The last one is short; where one
 * of its blocks has no partner, because it is larger than was asked for, it spoke against. */
static void complete_lists(const struct mt_spanlog *log, struct stretch *stretch)
{
    uint32_t n = (uint32_t)log->steps;
    while (stretch->length && stretch->length < n &&
           goes_on(log, (stretch->begin + stretch->length - 1) % n,
                   (stretch->begin + stretch->length) % n))
        stretch->length++;
    while (stretch->length && stretch->length < n &&
           goes_on(log, stretch->begin, (stretch->begin + n - 1) % n)) {
        stretch->begin = (stretch->begin + n - 1) % n;
        stretch->length++;
    }
}

/* An optimizer updates blocks with others of their size. */
static bool has_pairs(const struct mt_spanlog *log, const struct stretch *stretch)
{
    for (uint32_t i = 0; i < stretch->length; i++)
        if (log->step[(stretch->begin + i) % log->steps].pairs)
            return true;
    return false;
}

/* ---- the turning point, by threads ---- */

/* Launches of each thread outside the optimizer. */
static void count_threads(const struct mt_spanlog *log, const struct stretch *optimizer,
                          uint32_t count[THREADS])
{
    uint32_t n = (uint32_t)log->steps, at = (optimizer->begin + optimizer->length) % n;
    memset(count, 0, THREADS * sizeof *count);
    for (uint32_t i = 0; i < n - optimizer->length; i++, at = at + 1 < n ? at + 1 : 0) {
        const struct mt_step *step = &log->step[at];
        if (step->launch && step->thread < THREADS)
            count[step->thread]++;
    }
}

/* The thread that does the most for the optimizer, by bytes: at either end of the stretch another
 * one's launches may have been taken in. */
static uint32_t stepping_thread(const struct mt_spanlog *log, const struct stretch *optimizer)
{
    double sum[THREADS] = {0};
    uint32_t best = 0;
    for (uint32_t i = 0; i < optimizer->length; i++) {
        const struct mt_step *step = &log->step[(optimizer->begin + i) % log->steps];
        if (step->launch && step->thread < THREADS && step->score > 0)
            sum[step->thread] += step->score;
    }
    for (uint32_t thread = 1; thread < THREADS; thread++)
        best = sum[thread] > sum[best] ? thread : best;
    return best;
}

/* The thread that is not the optimizer's and has the most launches; THREADS if there is none. */
static uint32_t other_thread(const struct mt_spanlog *log, const struct stretch *optimizer)
{
    uint32_t count[THREADS], best = THREADS, all = 0;
    uint32_t own = stepping_thread(log, optimizer);
    count_threads(log, optimizer, count);
    for (uint32_t thread = 0; thread < THREADS; thread++) {
        all += count[thread];
        if (thread != own && count[thread] && (best == THREADS || count[thread] > count[best]))
            best = thread;
    }
    return best < THREADS && count[best] * THREAD_SHARE >= all ? best : THREADS;
}

/* The step so many behind the begin of the forward phase. */
static struct mt_step *step_from(const struct mt_phases *phases, const struct mt_spanlog *log,
                                 uint32_t distance)
{
    return &log->step[(phases->begin[MT_PHASE_forward] + distance) % phases->steps];
}

static uint32_t count_others(const struct mt_phases *phases, const struct mt_spanlog *log,
                             uint32_t thread, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    for (uint32_t i = from; i < to; i++) {
        const struct mt_step *step = step_from(phases, log, i);
        count += step->launch && step->thread != thread;
    }
    return count;
}

/* The forward passes of further micro-batches, between the launches `first` and `last` of a thread:
 * distances from the begin of the forward phase. */
static void find_micro_batches(struct mt_phases *phases, const struct mt_spanlog *log,
                               uint32_t thread, uint32_t first, uint32_t last)
{
    uint32_t least = count_others(phases, log, thread, 0, first) / 2 + 1, found = 0;
    for (uint32_t i = first, end; i < last && found < MT_MICRO_BATCHES_MAX; i = end) {
        const struct mt_step *step = step_from(phases, log, i);
        end = i + 1;
        if (step->launch && step->thread == thread)
            continue;
        while (end < last && !(step_from(phases, log, end)->launch &&
                               step_from(phases, log, end)->thread == thread))
            end++;
        if (count_others(phases, log, thread, i, end) < least)
            continue;
        found++;
        phases->step = log->step;
        for (uint8_t again = MT_AGAIN_early; i < end; i++) {
            if (step_from(phases, log, i)->lasting)
                again = MT_AGAIN_yes;
            step_from(phases, log, i)->again = again;
        }
    }
}

/* The backward phase is from a thread's first to its last launch; what its optimizer does before
 * the stretch that was found (scaling, clipping) belongs to the optimizer. */
static bool turn_by_thread(struct mt_phases *phases, const struct mt_spanlog *log,
                           const struct stretch *optimizer)
{
    uint32_t thread = other_thread(log, optimizer), n = phases->steps;
    uint32_t first = UINT32_MAX, last = 0, rest = n - optimizer->length;
    uint32_t at = phases->begin[MT_PHASE_forward];
    for (uint32_t i = 0; i < rest && thread < THREADS; i++, at = at + 1 < n ? at + 1 : 0) {
        const struct mt_step *step = &log->step[at];
        if (!step->launch || step->thread != thread)
            continue;
        first = first == UINT32_MAX ? i : first;
        last = i;
    }
    if (first == UINT32_MAX)
        return false;
    phases->begin[MT_PHASE_backward] = (phases->begin[MT_PHASE_forward] + first) % n;
    phases->begin[MT_PHASE_optimizer] = (phases->begin[MT_PHASE_forward] + last + 1) % n;
    find_micro_batches(phases, log, thread, first, last);
    return true;
}

/* ---- the turning point, by lives ---- */

/* First and last access of each life within the span: steps + 1; 0: none. */
struct reach {
    uint32_t first, last;
    bool stepped; /* the optimizer uses it, or it lasts: it says nothing of the turning point */
};

static void reach_out(struct reach *reach, const struct mt_phases *phases,
                      const struct mt_spanlog *log)
{
    for (size_t i = 0; i < log->touches; i++) {
        const struct mt_touch *touch = &log->touch[i];
        struct reach *it = &reach[touch->life];
        it->stepped |= touch->lasting || mt_phases_at(phases, touch->step) == MT_PHASE_optimizer;
        it->first = it->first ? it->first : touch->step + 1u;
        it->last = touch->step + 1u;
    }
}

/* The first step at or behind a time. */
static uint32_t step_at(const struct mt_spanlog *log, uint64_t time_ns)
{
    uint32_t low = 0, high = (uint32_t)log->steps - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (log->step[middle].time_ns < time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The next iteration is like this one: a life that was begun in the one before begins, once around
 * the circle, as long before its end. One that goes on behind the span is then known already, by
 * the one before it: `older` counts those by their sizes. False where it has no say. */
static bool close_circle(struct reach *reach, const struct mt_spanlog *log,
                         const struct mt_life *life, const struct mt_phases_span *span,
                         const struct mt_dict *older)
{
    if (life->first_span != span->number) {
        reach->first = step_at(log, life->first_ns + span->length_ns) + 1;
        return true;
    }
    uint64_t *count = life->dead ? NULL : mt_dict_find(older, life->size);
    if (!count || *count == 0)
        return true;
    --*count;
    return false;
}

static bool count_older(struct mt_dict *older, const struct reach *reach,
                        const struct mt_lives *lives, const struct mt_phases_span *span)
{
    for (uint32_t i = 1; i < lives->n; i++) {
        if (!reach[i].first || reach[i].stepped || lives->life[i].first_span == span->number)
            continue;
        uint64_t *count = mt_dict_add(older, lives->life[i].size);
        if (!count)
            return false;
        ++*count;
    }
    return true;
}

/* Changes of the sum along the circle, from the forward phase on. */
static void weigh(double *change, const struct mt_phases *phases, const struct reach *reach,
                  uint64_t size)
{
    uint32_t forward = phases->begin[MT_PHASE_forward];
    uint32_t first = mt_phases_distance(phases, forward, reach->first - 1);
    uint32_t last = mt_phases_distance(phases, forward, reach->last - 1);
    if (first >= last)
        return;
    double weight = (double)size * (last - first);
    change[first] += weight;
    change[last + 1] -= weight;
}

static uint32_t heaviest(const double *change, uint32_t steps)
{
    double sum = 0, most = 0;
    uint32_t turn = 0;
    for (uint32_t i = 0; i < steps; i++) {
        sum += change[i];
        if (sum >= most * (1 - 1e-12) && sum > 0) /* the last one: the innermost is used there */
            turn = i;
        most = sum > most ? sum : most;
    }
    return turn;
}

static int turn_by_lives(struct mt_phases *phases, const struct mt_spanlog *log,
                         const struct mt_lives *lives, const struct mt_phases_span *span)
{
    struct reach *reach = calloc(lives->n + 1, sizeof *reach);
    double *change = calloc(phases->steps + 2, sizeof *change);
    uint32_t turn = 0;
    struct mt_dict older = {0};
    bool ok = reach && change;
    phases->begin[MT_PHASE_backward] = phases->begin[MT_PHASE_optimizer];
    if (ok)
        reach_out(reach, phases, log);
    ok = ok && count_older(&older, reach, lives, span);
    for (uint32_t i = 1; ok && i < lives->n; i++) {
        if (!reach[i].first || reach[i].stepped)
            continue;
        if (close_circle(&reach[i], log, &lives->life[i], span, &older))
            weigh(change, phases, &reach[i], lives->life[i].size);
    }
    if (ok)
        turn = heaviest(change, phases->steps);
    mt_dict_release(&older);
    free(reach);
    free(change);
    phases->begin[MT_PHASE_backward] = (phases->begin[MT_PHASE_forward] + turn) % phases->steps;
    return ok ? 0 : MT_ERR_MEMORY;
}

struct mt_stretch mt_phases_stretch(const struct mt_phases *phases, uint32_t first)
{
    struct mt_stretch stretch = {first, first, mt_phases_at(phases, first), 0};
    if (phases->step) { /* more of them than phases begin */
        while (stretch.last < phases->steps && mt_phases_at(phases, stretch.last) == stretch.phase)
            stretch.last++;
        return stretch;
    }
    while (stretch.last < phases->steps && mt_phases_at(phases, stretch.last) == stretch.phase) {
        uint32_t next = phases->steps;
        for (int phase = 0; phases->known && phase < MT_PHASES; phase++)
            if (phases->begin[phase] > stretch.last && phases->begin[phase] < next)
                next = phases->begin[phase];
        stretch.last = next;
    }
    return stretch;
}

int mt_phases_find(struct mt_phases *phases, const struct mt_spanlog *log,
                   const struct mt_lives *lives, const struct mt_phases_span *span)
{
    *phases = (struct mt_phases){.steps = (uint32_t)log->steps, .by_steps = true};
    struct stretch optimizer = best_stretch(log);
    if (!optimizer.length || optimizer.length == phases->steps || !has_pairs(log, &optimizer))
        return 0;
    complete_lists(log, &optimizer);
    phases->known = true;
    phases->begin[MT_PHASE_optimizer] = optimizer.begin;
    phases->begin[MT_PHASE_forward] = (optimizer.begin + optimizer.length) % phases->steps;
    if (turn_by_thread(phases, log, &optimizer)) {
        phases->by_steps = !phases->step;
        return 0;
    }
    phases->by_steps = false;
    return turn_by_lives(phases, log, lives, span);
}
