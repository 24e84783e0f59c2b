/* The pause before a place counts more if input is copied right after it, if live memory is at its
 * floor, and most where the last run of iterations ends (ends.c). What is given back right behind a
 * pause belongs to what was before. */
#include "rhythm/borders/pauses.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

#define STEP 16u       /* positions from one at which live memory is kept to the next */
#define VALLEY 32u     /* symbols on either side in which live memory must not be less */
#define JOIN 8u        /* symbols before among which another thread's are looked for */
#define AHEAD 6u       /* symbols among which the copy of input is looked for, but */
#define AHEAD_PART 3u  /* no more than this part of an iteration: else it follows everything */
#define AT_END 16      /* what the end of the last run weighs, at it and */
#define NEAR_END 4     /* near it: the first event behind it may agree by chance */
#define END_WIDTH 2u   /* symbols behind it that are near */
#define END_BEFORE 16u /* before it: what comes then may begin as iterations do */

static double log2_of(uint64_t n)
{
    int whole = 63 - __builtin_clzll(n | 1);
    return whole + (double)n / (double)(1ull << whole) - 1;
}

/* The inverse of it. */
double mt_pause_of_log(double log)
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

/* Live memory is nowhere less nearby, but for what leaks: what came before is freed, and nothing
 * new is taken yet. */
static bool is_valley(const struct mt_pauses *pauses, uint32_t position)
{
    uint32_t from = position > VALLEY ? position - VALLEY : 0, n = pauses->window->n;
    uint32_t to = n - position > VALLEY ? position + VALLEY : n;
    int64_t slack = (pauses->high - pauses->low) / 100, more = 0;
    for (uint32_t i = position; i > from && more >= -slack; i--)
        more -= mt_window_sym(pauses->window, i - 1)->grows;
    if (more < -slack)
        return false;
    more = 0;
    for (uint32_t i = position; i + 1 < to && more >= -slack; i++)
        more += mt_window_sym(pauses->window, i)->grows;
    return more >= -slack;
}

static int64_t live_at(const struct mt_pauses *pauses, uint32_t position)
{
    int64_t live = pauses->live[position / STEP];
    for (uint32_t i = position / STEP * STEP; i < position; i++)
        live += mt_window_sym(pauses->window, i)->grows;
    return live;
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
double mt_pause_end_weight(const struct mt_end *end, uint32_t position)
{
    if (!end->found || position > end->at + END_WIDTH || position + END_BEFORE < end->at)
        return 1;
    return position == end->at ? AT_END : NEAR_END;
}

double mt_pause_weight(const struct mt_pauses *pauses, uint32_t position)
{
    const struct mt_window *window = pauses->window;
    uint32_t rank = window->rank[position], thread = mt_window_sym(window, position)->thread;
    double factor = mt_pause_end_weight(&pauses->end, position), input = 1;
    for (uint32_t i = rank; i < rank + pauses->ahead && i < window->thread_begin[thread + 1]; i++)
        if (mt_window_sym(window, window->order[i])->input)
            input = 4;
    factor *= input;
    factor *= is_valley(pauses, position) ? 4 : 1;
    factor *= is_join(window, thread, position) ? 0.25 : 1;
    factor *= gives_back(window, position) ? 0.25 : 1;
    int64_t above = live_at(pauses, position) - pauses->low;
    return above * 10 <= pauses->high - pauses->low ? 4 * factor : factor;
}

/* Floor and peak are those of the second half: warm-up may begin with less memory, and behind the
 * last iteration a job frees what it has. */
static void follow_live(struct mt_pauses *pauses, uint32_t from, uint32_t to)
{
    int64_t live = 0;
    for (uint32_t i = 0; i < pauses->window->n; i++) {
        if (i % STEP == 0)
            pauses->live[i / STEP] = live;
        if (i >= from && i < to) {
            pauses->low = i == from || live < pauses->low ? live : pauses->low;
            pauses->high = i == from || live > pauses->high ? live : pauses->high;
        }
        live += mt_window_sym(pauses->window, i)->grows;
    }
}

/* The pause before what is given back counts for what comes next: with variables that get values of
 * the next iteration goes what the last one left in them. */
static void follow_pauses(struct mt_pauses *pauses)
{
    const struct mt_window *window = pauses->window;
    uint64_t longest = 0, last = window->n ? window->time_ns[0] : 0;
    for (uint32_t i = 0; i < window->n; i++) {
        bool back = gives_back(window, i);
        uint64_t ns = window->time_ns[i] - last;
        last = window->time_ns[i];
        longest = ns > longest ? ns : longest;
        pauses->pause[i] = (float)log2_of(1 + (back ? ns : longest));
        longest = back ? longest : 0;
    }
}

int mt_pauses_init(struct mt_pauses *pauses, const struct mt_window *window, uint32_t length,
                   uint32_t from, uint32_t to)
{
    uint32_t ahead = length / AHEAD_PART < AHEAD ? length / AHEAD_PART : AHEAD;
    *pauses = (struct mt_pauses){.window = window,
                                 .ahead = ahead ? ahead : 1,
                                 .live = malloc((window->n / STEP + 1) * sizeof *pauses->live),
                                 .pause = malloc((window->n + 1) * sizeof *pauses->pause)};
    if (!pauses->live || !pauses->pause)
        return MT_ERR_MEMORY;
    follow_pauses(pauses);
    follow_live(pauses, from, to);
    return 0;
}

void mt_pauses_release(struct mt_pauses *pauses)
{
    free(pauses->live);
    free(pauses->pause);
    pauses->live = NULL;
    pauses->pause = NULL;
}
