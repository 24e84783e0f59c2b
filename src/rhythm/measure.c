/* How alike the segments between the beats of a pulse are.
 *
 * Two segments are alike as far as they share trigrams: three bare symbols in a row in one thread,
 * counted as a multiset. So order matters within a thread, but neither how threads interleave nor
 * where something was put in. Of random events the sets of symbols are alike, those of trigrams are
 * not. */
#include <stdlib.h>

#include "base/error.h"
#include "rhythm/pulse.h"

struct tally {
    uint32_t segment, now, before;
};

struct measure {
    const struct mt_window *window;
    struct tally *tally; /* by trigram */
    uint32_t *likeness;  /* of each segment to the one before, in 1/10000 */
    uint32_t *length;
    int64_t *live; /* bytes, at each beat */
    int64_t low, high;
};

/* Trigrams of segment `s` (from 1) that the one before has too. */
static uint32_t common(struct measure *measure, uint32_t s, uint32_t begin, uint32_t end)
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

static void follow_live(struct measure *measure, const struct mt_pulse *pulse)
{
    const struct mt_window *window = measure->window;
    int64_t live = 0;
    for (uint32_t i = 0, beat = 0; i < window->n && beat < pulse->count; i++) {
        if (i == pulse->at[beat])
            measure->live[beat++] = live;
        live += mt_window_sym(window, i)->grows;
        if (beat) {
            measure->low = beat == 1 || live < measure->low ? live : measure->low;
            measure->high = beat == 1 || live > measure->high ? live : measure->high;
        }
    }
}

static double floor_share(const struct measure *measure, const struct mt_pulse *pulse)
{
    int64_t slack = (measure->high - measure->low) / 50;
    uint32_t same = 0;
    for (uint32_t i = 1; i < pulse->count; i++)
        same += llabs(measure->live[i] - measure->live[i - 1]) <= slack;
    return (double)same / (pulse->count - 1);
}

static void fill(struct measure *measure, struct mt_pulse *pulse)
{
    uint32_t segments = pulse->count - 1;
    uint64_t usual = 0;
    for (uint32_t i = 0; i < segments; i++) {
        uint32_t length = pulse->at[i + 1] - pulse->at[i];
        uint32_t before = i ? pulse->at[i] - pulse->at[i - 1] : length;
        uint32_t longer = length > before ? length : before;
        measure->length[i] = length;
        uint32_t same = common(measure, i + 1, pulse->at[i], pulse->at[i + 1]);
        if (i)
            measure->likeness[i - 1] = (uint32_t)(10000ull * same / longer);
    }
    pulse->length = mt_median_u32(measure->length, segments);
    pulse->likeness = mt_median_u32(measure->likeness, segments - 1) / 10000.0;
    for (uint32_t i = 0; i < segments; i++)
        usual += mt_pulse_is_usual(pulse, i) ? pulse->at[i + 1] - pulse->at[i] : 0;
    pulse->coverage = (double)usual / measure->window->n;
    follow_live(measure, pulse);
    pulse->floor_share = floor_share(measure, pulse);
}

int mt_pulse_measure(const struct mt_window *window, struct mt_pulse *pulse)
{
    struct measure measure = {
        .window = window,
        .tally = calloc(MT_TRIGRAMS, sizeof *measure.tally),
        .likeness = malloc(pulse->count * sizeof *measure.likeness),
        .length = malloc(pulse->count * sizeof *measure.length),
        .live = malloc(pulse->count * sizeof *measure.live),
    };
    bool able = measure.tally && measure.likeness && measure.length && measure.live;
    if (able)
        fill(&measure, pulse);
    free(measure.tally);
    free(measure.likeness);
    free(measure.length);
    free(measure.live);
    return able ? 0 : MT_ERR_MEMORY;
}
