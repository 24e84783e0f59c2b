/* How alike the segments between the beats of a pulse are.
 *
 * Two segments are alike as far as they share trigrams: three bare symbols in a row in one thread,
 * counted as a multiset. So order matters within a thread, but neither how threads interleave nor
 * where something was put in. The quarter that is most alike counts, as every third segment may go
 * on with an evaluation. Of random events the sets of symbols are alike, those of trigrams are not.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sort.h"
#include "rhythm/pulses/pulse.h"

struct tally {
    uint32_t segment, now, before;
};

struct mt_measure {
    const struct mt_window *window;
    struct tally *tally; /* by trigram */
    uint32_t segments;   /* that were tallied; numbers go on from pulse to pulse */
    uint32_t *likeness;  /* of each segment to the one before, in 1/10000 */
    uint32_t *length;
    int64_t *live; /* bytes, the least of each segment */
    int64_t *room;
    int64_t low, high;
};

/* Trigrams of segment `s` that the one before has too. */
static uint32_t common(struct mt_measure *measure, uint32_t s, uint32_t begin, uint32_t end)
{
    uint32_t found = 0;
    for (uint32_t i = begin; i < end; i++) {
        struct tally *tally = &measure->tally[measure->window->trigram[i]];
        if (tally->segment != s) {
            tally->before = tally->segment + 1 == s ? tally->now : 0;
            tally->now = 0;
            tally->segment = s;
        }
        found += tally->now++ < tally->before;
    }
    return found;
}

/* The least live memory of each segment, and the range of it all. */
static void follow_live(struct mt_measure *measure, const struct mt_pulse *pulse)
{
    const struct mt_window *window = measure->window;
    uint32_t last = pulse->at[pulse->count - 1], beat = 0;
    int64_t live = 0;
    for (uint32_t i = 0; i < last; i++) {
        bool begins = i == pulse->at[beat];
        beat += begins;
        if (beat) {
            int64_t *floor = &measure->live[beat - 1];
            *floor = begins || live < *floor ? live : *floor;
            measure->low = i == pulse->at[0] || live < measure->low ? live : measure->low;
            measure->high = i == pulse->at[0] || live > measure->high ? live : measure->high;
        }
        live += mt_window_sym(window, i)->grows;
    }
}

static int64_t median(const int64_t *value, uint32_t n, int64_t *room)
{
    memcpy(room, value, n * sizeof *room);
    mt_sort_i64(room, n);
    return room[n / 2];
}

/* Segments whose floor is the usual one, within a tenth of the range; a leak lifts the floor
 * evenly, which is taken off. */
static double floor_share(const struct mt_measure *measure, const struct mt_pulse *pulse,
                          int64_t *room)
{
    uint32_t n = pulse->count - 1, half = n / 2, same = 0;
    int64_t slack = (measure->high - measure->low) / 10;
    double slope = 0;
    if (n >= 8)
        slope = (double)(median(measure->live + half, n - half, room) -
                         median(measure->live, half, room)) /
                half;
    for (uint32_t i = 0; i < n; i++)
        measure->live[i] -= (int64_t)(slope * i);
    int64_t usual = median(measure->live, n, room);
    for (uint32_t i = 0; i < n; i++)
        same += llabs(measure->live[i] - usual) <= slack;
    return (double)same / n;
}

void mt_measure_likeness(struct mt_measure *measure, struct mt_pulse *pulse)
{
    uint32_t segments = pulse->count - 1, first = measure->segments + 2;
    uint64_t usual = 0;
    measure->segments = first + segments;
    for (uint32_t i = 0; i < segments; i++) {
        uint32_t length = pulse->at[i + 1] - pulse->at[i];
        uint32_t before = i ? pulse->at[i] - pulse->at[i - 1] : length;
        uint32_t longer = length > before ? length : before;
        measure->length[i] = length;
        uint32_t same = common(measure, first + i, pulse->at[i], pulse->at[i + 1]);
        if (i)
            measure->likeness[i - 1] = (uint32_t)(10000ull * same / longer);
    }
    pulse->length = mt_median_u32(measure->length, segments);
    pulse->shortness = 1.0 - (double)measure->length[segments / 10] / pulse->length;
    mt_median_u32(measure->likeness, segments - 1); /* sorts them */
    pulse->likeness = measure->likeness[(segments - 1) * 3 / 4] / 10000.0;
    for (uint32_t i = 0; i < segments; i++)
        usual += mt_pulse_is_usual(pulse, i) ? pulse->at[i + 1] - pulse->at[i] : 0;
    pulse->coverage = (double)usual / measure->window->n;
}

/* Segments one lag apart follow each other here: 0, lag, 2 lag .. then 1, 1 + lag .. */
double mt_measure_apart(struct mt_measure *measure, const struct mt_pulse *pulse, uint32_t lag)
{
    uint32_t segments = pulse->count - 1, number = measure->segments + 2, n = 0;
    for (uint32_t first = 0; first < lag; first++, number++) {
        for (uint32_t i = first; i < segments; i += lag, number++) {
            uint32_t length = pulse->at[i + 1] - pulse->at[i];
            uint32_t before = i >= lag ? pulse->at[i - lag + 1] - pulse->at[i - lag] : length;
            uint32_t longer = length > before ? length : before;
            uint32_t same = common(measure, number, pulse->at[i], pulse->at[i + 1]);
            if (i >= lag)
                measure->likeness[n++] = (uint32_t)(10000ull * same / longer);
        }
    }
    measure->segments = number;
    if (n == 0)
        return 0;
    mt_median_u32(measure->likeness, n); /* sorts them */
    return measure->likeness[n * 3 / 4] / 10000.0;
}

void mt_measure_floor(struct mt_measure *measure, struct mt_pulse *pulse)
{
    follow_live(measure, pulse);
    pulse->floor_share = floor_share(measure, pulse, measure->room);
}

struct mt_measure *mt_measure_new(const struct mt_window *window)
{
    struct mt_measure *measure = calloc(1, sizeof *measure);
    uint32_t room = window->n + 1; /* beats, at most */
    if (!measure)
        return NULL;
    measure->window = window;
    measure->tally = calloc(MT_TRIGRAMS, sizeof *measure->tally);
    measure->likeness = malloc(room * sizeof *measure->likeness);
    measure->length = malloc(room * sizeof *measure->length);
    measure->live = malloc(room * sizeof *measure->live);
    measure->room = malloc(room * sizeof *measure->room);
    if (measure->tally && measure->likeness && measure->length && measure->live && measure->room)
        return measure;
    mt_measure_free(measure);
    return NULL;
}

void mt_measure_free(struct mt_measure *measure)
{
    if (!measure)
        return;
    free(measure->tally);
    free(measure->likeness);
    free(measure->length);
    free(measure->live);
    free(measure->room);
    free(measure);
}
