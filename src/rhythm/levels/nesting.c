#include "rhythm/levels/nesting.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sort.h"
#include "rhythm/compare/track.h"

#define LEAST_COVERAGE 0.05 /* of a rhythm that is told */
#define SAMPLES 32u

struct shares {
    uint64_t *hash;
    uint32_t *segment;
    uint32_t samples;
    struct mt_slices slices;
    struct mt_reference reference;
};

static struct mt_stretch stretch(const struct mt_pulse *pulse, uint32_t i)
{
    return (struct mt_stretch){pulse->at[i], pulse->at[i + 1]};
}

/* Usual segments, evenly spread over the second half. */
static void take_samples(struct shares *shares, const struct mt_pulse *pulse)
{
    uint32_t segments = pulse->count - 1, from = segments / 2,
             step = 1 + (segments - from) / SAMPLES;
    for (uint32_t i = from; i < segments && shares->samples < SAMPLES; i += step)
        for (uint32_t k = i; k < i + step && k < segments; k++)
            if (mt_pulse_is_usual(pulse, k)) {
                shares->segment[shares->samples++] = k;
                break;
            }
}

static int make_reference(struct shares *shares, const struct mt_window *window,
                          const struct mt_pulse *pulse)
{
    uint64_t copy[SAMPLES];
    uint32_t times, chosen = 0;
    for (uint32_t i = 0; i < shares->samples; i++) {
        mt_slices_fill(&shares->slices, window, stretch(pulse, shares->segment[i]));
        shares->hash[i] = copy[i] = mt_slices_hash(window, &shares->slices);
    }
    uint64_t best = mt_most_frequent(copy, shares->samples, &times);
    while (shares->hash[chosen] != best)
        chosen++;
    mt_slices_fill(&shares->slices, window, stretch(pulse, shares->segment[chosen]));
    return mt_reference_init(&shares->reference, window, &shares->slices);
}

static int compare(struct shares *shares, const struct mt_window *window,
                   const struct mt_pulse *pulse, struct mt_rhythm_level *level)
{
    RETURN_IF_ERROR(make_reference(shares, window, pulse));
    for (uint32_t i = 0; i < shares->samples; i++) {
        struct mt_likeness likeness;
        mt_slices_fill(&shares->slices, window, stretch(pulse, shares->segment[i]));
        RETURN_IF_ERROR(
            mt_align(&shares->reference, window, &shares->slices, &likeness, NULL, NULL));
        double longer =
            likeness.length > shares->reference.length ? likeness.length : shares->reference.length;
        level->exact_share += likeness.exact / longer;
        level->class_share += likeness.class_ / longer;
        level->kind_share += likeness.kind / longer;
    }
    level->exact_share /= shares->samples;
    level->class_share /= shares->samples;
    level->kind_share /= shares->samples;
    return 0;
}

static int fill_shares(const struct mt_window *window, const struct mt_pulse *pulse,
                       struct mt_rhythm_level *level)
{
    uint64_t hash[SAMPLES];
    uint32_t segment[SAMPLES];
    struct shares shares = {.hash = hash, .segment = segment};
    int code = mt_slices_init(&shares.slices, window);
    if (code == 0)
        take_samples(&shares, pulse);
    if (code == 0 && shares.samples)
        code = compare(&shares, window, pulse, level);
    mt_reference_release(&shares.reference);
    mt_slices_release(&shares.slices);
    return code;
}

static uint64_t median_step(const uint64_t *values, const struct mt_pulse *pulse, uint64_t *steps)
{
    uint32_t n = pulse->count - 1;
    for (uint32_t i = 0; i < n; i++)
        steps[i] = values[pulse->at[i + 1]] - values[pulse->at[i]];
    mt_sort_u64(steps, n);
    return steps[n / 2];
}

static int fill_level(struct mt_nested *nested, const struct mt_window *window,
                      const struct mt_pulse *pulse)
{
    struct mt_rhythm_level *level = &nested->level;
    uint32_t last = pulse->at[pulse->count - 1];
    uint64_t *steps = malloc(pulse->count * sizeof *steps);
    if (!steps)
        return MT_ERR_MEMORY;
    level->period_events = median_step(window->event, pulse, steps);
    level->period_ns = median_step(window->time_ns, pulse, steps);
    free(steps);
    level->repetitions = pulse->count;
    level->start_ns = window->time_ns[pulse->at[0]];
    level->end_ns = window->time_ns[last];
    nested->counted = window->event[last] + 1;
    mt_anchor_take(window, pulse->mode, window->rank[last], &nested->anchor);
    return fill_shares(window, pulse, level);
}

/* A pulse of the same rhythm that a few odd occurrences kept from being taken for it. */
static bool is_double(const struct mt_pulses *pulses, uint32_t i, int chosen)
{
    const struct mt_pulse *one = &pulses->pulse[i], *other = &pulses->pulse[chosen];
    uint64_t more = one->count > other->count ? one->count : other->count;
    uint64_t longer = one->length > other->length ? one->length : other->length;
    return 10ull * (one->count + other->count) + 10 >= 19 * more &&
           10ull * (one->length + other->length) >= 18 * longer;
}

/* Which are levels: the chosen one, and of the others those that cover most. */
static void choose_levels(const struct mt_pulses *pulses, int chosen, bool *level)
{
    uint32_t levels = 0;
    for (uint32_t i = 0; i < pulses->pulses; i++) {
        bool told = pulses->pulse[i].coverage >= LEAST_COVERAGE;
        level[i] = (int)i == chosen || (told && (chosen < 0 || !is_double(pulses, i, chosen)));
        levels += level[i];
    }
    for (; levels > MT_LEVELS_MAX; levels--) {
        int least = -1;
        for (uint32_t i = 0; i < pulses->pulses; i++)
            if (level[i] && (int)i != chosen &&
                (least < 0 || pulses->pulse[i].coverage < pulses->pulse[least].coverage))
                least = (int)i;
        level[least] = false;
    }
}

int mt_nesting_fill(struct mt_nesting *nesting, const struct mt_window *window,
                    const struct mt_pulses *pulses, int chosen)
{
    bool level[MT_PULSES_MAX];
    memset(nesting, 0, sizeof *nesting);
    choose_levels(pulses, chosen, level);
    for (uint32_t i = 0; i < pulses->pulses; i++) {
        const struct mt_pulse *pulse = &pulses->pulse[i];
        if (!level[i])
            continue;
        struct mt_nested *nested = &nesting->nested[nesting->levels++];
        RETURN_IF_ERROR(fill_level(nested, window, pulse));
        nested->level.is_iteration = (int)i == chosen;
        nested->coverage = pulse->coverage;
    }
    return 0;
}

/* The iteration that begins last before an event or at it; NULL: there is none. `near`: one that
 * begins before it, mostly the one before, or 0. */
static const struct mt_iteration *last_before(const struct mt_track *track, uint64_t event,
                                              size_t near)
{
    size_t low = near, high = track->iterations, step = 1;
    for (; low + step < high && track->iteration[low + step].first_event <= event; step *= 2)
        low += step;
    high = low + step < high ? low + step : high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (track->iteration[middle].first_event <= event)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &track->iteration[low - 1] : NULL;
}

static void place(struct mt_nested *nested, const struct mt_track *track, uint64_t event)
{
    if (event < nested->placed)
        return;
    const struct mt_iteration *iteration = last_before(track, event, nested->near);
    nested->near = iteration ? (size_t)(iteration - track->iteration) : 0;
    nested->known++;
    nested->inside += iteration && event < iteration->first_event + iteration->events;
    nested->placed = event + 1;
}

static void beat(struct mt_nested *nested, const struct mt_window *window,
                 const struct mt_track *track, uint32_t position, uint32_t to)
{
    if (position < to && !track->beyond)
        place(nested, track, window->event[position]);
    if (window->event[position] < nested->counted)
        return;
    nested->level.repetitions++;
    nested->level.end_ns = window->time_ns[position];
    nested->counted = window->event[position] + 1;
}

int mt_nesting_count(struct mt_nesting *nesting, const struct mt_window *window,
                     const struct mt_track *track, uint32_t to)
{
    for (uint32_t i = 0; i < nesting->levels; i++) {
        struct mt_nested *nested = &nesting->nested[i];
        uint32_t *rank, ranks;
        int code = mt_anchor_find(window, &nested->anchor, &rank, &ranks);
        for (uint32_t k = 0; code == 0 && k < ranks; k++)
            beat(nested, window, track, window->order[rank[k]], to);
        free(rank);
        RETURN_IF_ERROR(code);
    }
    return 0;
}

void mt_nesting_beats(struct mt_nested *nested, const struct mt_window *window,
                      const struct mt_track *track, const uint32_t *position, uint32_t n,
                      uint32_t to)
{
    for (uint32_t i = 0; i < n; i++)
        beat(nested, window, track, position[i], to);
}
