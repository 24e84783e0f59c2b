/* A stretch of x[i] = x[i + p] up to the end, for the smallest p that has a long one. */
#include "rhythm/plain.h"

#include <stdlib.h>

#include "base/error.h"

#define TRIED 64u

static bool same(const struct mt_symbol *one, const struct mt_symbol *other)
{
    return one->kind == other->kind && one->what == other->what && one->size == other->size;
}

/* Where the stretch of repeating symbols that holds the last ones begins. */
static size_t stretch(const struct mt_symbols *symbols, size_t period)
{
    size_t i = symbols->symbols - period;
    while (i && same(&symbols->symbol[i - 1], &symbols->symbol[i - 1 + period]))
        i--;
    return i;
}

/* The smallest period with at least three repetitions that are most of the trace, to its end. */
static size_t find_period(const struct mt_symbols *symbols)
{
    size_t last = symbols->symbols - 1, tried = 0;
    for (size_t period = 1; 3 * period <= symbols->symbols && tried < TRIED; period++) {
        if (!same(&symbols->symbol[last], &symbols->symbol[last - period]))
            continue;
        tried++;
        size_t long_enough = symbols->symbols / 2 > 3 * period ? symbols->symbols / 2 : 3 * period;
        if (symbols->symbols - stretch(symbols, period) >= long_enough)
            return period;
    }
    return 0;
}

static uint64_t border_event(const struct mt_symbols *symbols, size_t i)
{
    return i < symbols->symbols ? symbols->symbol[i].event : symbols->events;
}

static uint64_t border_ns(const struct mt_symbols *symbols, size_t i)
{
    return i < symbols->symbols ? symbols->symbol[i].time_ns : symbols->end_ns;
}

int mt_plain_find(const struct mt_symbols *symbols, struct mt_rhythm *rhythm)
{
    size_t period = symbols->symbols < 6 ? 0 : find_period(symbols);
    if (!period)
        return 0;
    size_t start = stretch(symbols, period), n = (symbols->symbols - start) / period;
    rhythm->level = calloc(1, sizeof *rhythm->level);
    rhythm->iteration = calloc(n, sizeof *rhythm->iteration);
    if (!rhythm->level || !rhythm->iteration)
        return MT_ERR_MEMORY;
    for (size_t i = 0; i < n; i++, start += period) {
        uint64_t first = border_event(symbols, start);
        rhythm->iteration[i] = (struct mt_iteration){
            .start_ns = border_ns(symbols, start),
            .end_ns = border_ns(symbols, start + period),
            .first_event = first,
            .events = border_event(symbols, start + period) - first,
            .exact_share = 1,
            .class_share = 1,
            .kind_share = 1,
            .steady = true,
        };
    }
    rhythm->levels = 1;
    rhythm->iterations = n;
    rhythm->level[0] = (struct mt_rhythm_level){
        .period_events = rhythm->iteration[0].events,
        .period_ns = (rhythm->iteration[n - 1].end_ns - rhythm->iteration[0].start_ns) / n,
        .repetitions = n,
        .start_ns = rhythm->iteration[0].start_ns,
        .end_ns = rhythm->iteration[n - 1].end_ns,
        .exact_share = 1,
        .class_share = 1,
        .kind_share = 1,
        .is_iteration = true,
    };
    return 0;
}
