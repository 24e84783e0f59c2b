/* The rule which rhythm is the iteration, from behaviour alone.
 *
 * Begin with the innermost pulse whose usual segments cover a fifth of the window. Go outwards to
 * one that beats less often where
 *   1. segments are clearly more alike as far apart: phases alternate (two networks of a GAN), or
 *   2. live memory does not come back to the same floor at this pulse's beats and does there:
 *      layers pile up activations, the first of several micro-batches leaves gradients behind, or
 *   3. what the outer one adds is a part of the same work: mostly launches of kernels that this
 *      pulse's segments do not have (an optimizer), or a superset of them (this pulse is the
 *      evaluation, the other one the training). What happens only in some iterations is none.
 * If memory comes back to no floor at the beats of the pulse arrived at, there is no iteration:
 * layers of a single one, say. What adds little that is new (an evaluation: the forward pass again,
 * with input of its own), or hardly launches (a checkpoint, a log line), lies between iterations.
 */
#include "rhythm/borders/choose.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define COVERS 0.2
#define SAMPLES 8u

/* Most occurrences of each bare symbol in a segment: of the inner pulse alone, and with what the
 * outer one adds. */
struct contents {
    uint32_t *alone, *with, *now;
    uint32_t *more; /* segments with the outer one that have more of it than any without */
    uint32_t *some; /* segments without it that have any */
    uint32_t alones, withs;
};

static void sample(const struct mt_window *window, struct contents *contents, uint32_t begin,
                   uint32_t end, bool with)
{
    uint32_t *most = with ? contents->with : contents->alone;
    for (uint32_t i = begin; i < end; i++)
        contents->now[mt_window_sym(window, i)->bare]++;
    for (uint32_t i = begin; i < end; i++) {
        uint32_t bare = mt_window_sym(window, i)->bare;
        most[bare] = contents->now[bare] > most[bare] ? contents->now[bare] : most[bare];
        contents->more[bare] += with && contents->now[bare] > contents->alone[bare];
        contents->some[bare] += !with && contents->now[bare];
        contents->now[bare] = 0;
    }
    *(with ? &contents->withs : &contents->alones) += 1;
}

/* Segments from the second half, when warm-up is over. */
static void sample_some(const struct mt_window *window, const struct mt_pulse *inner,
                        const struct mt_pulse *outer, struct contents *contents, bool wanted)
{
    uint32_t beat = 0, taken = 0;
    for (uint32_t i = 0; i + 1 < inner->count && taken < SAMPLES; i++) {
        while (beat < outer->count && outer->at[beat] < inner->at[i])
            beat++;
        bool with = beat < outer->count && outer->at[beat] < inner->at[i + 1];
        bool late = 2 * i >= inner->count || inner->count < 16;
        bool longer = 4ull * (inner->at[i + 1] - inner->at[i]) > 5ull * inner->length + 3;
        if (!late || with != wanted || (!with && longer))
            continue;
        sample(window, contents, inner->at[i], inner->at[i + 1], with);
        taken++;
    }
}

/* Nearly as many beats of the inner one in each segment of the outer one, but for those with an
 * evaluation. What happens only in some iterations, as the data want it, beats now after one of
 * them, now after several. */
static bool is_even(const struct mt_pulse *inner, const struct mt_pulse *outer)
{
    uint32_t segments = outer->count - 1, even = 0, n = 0;
    if (outer->coverage >= 0.6 * inner->coverage)
        return true;
    uint32_t *beats = calloc(segments + 1, 2 * sizeof *beats);
    if (!beats)
        return true;
    for (uint32_t i = 0; i < inner->count; i++) {
        while (n < outer->count && outer->at[n] <= inner->at[i])
            n++;
        if (n && n < outer->count)
            beats[n - 1]++;
    }
    memcpy(beats + segments, beats, segments * sizeof *beats);
    uint32_t usual = mt_median_u32(beats + segments, segments);
    for (uint32_t i = 0; i < segments; i++)
        even += 4 * beats[i] >= 3 * usual && 4 * beats[i] <= 5 * usual;
    free(beats);
    return 4 * even >= 3 * segments;
}

struct difference {
    uint32_t events, launches;          /* that the outer pulse adds */
    uint32_t kernels, new_kernels;      /* distinct ones that it adds; of them not in the inner */
    uint32_t inner_kernels, only_inner; /* distinct ones of the inner; of them not added to */
    uint32_t new_launches, more;        /* launches of new ones; all that there are more of */
    uint32_t inner_events, left_out;    /* left_out: kernels of the inner that are not there */
    bool input, inner_input;
};

static void differ(const struct mt_window *window, const struct contents *contents,
                   struct difference *d)
{
    uint8_t *done = (uint8_t *)contents->now; /* zeros, and not needed any more */
    for (uint32_t id = 0; id < window->table.syms; id++) {
        const struct mt_sym *sym = &window->table.sym[id];
        uint32_t alone = contents->alone[sym->bare], with = contents->with[sym->bare];
        if (done[sym->bare]++)
            continue;
        bool often = 4 * contents->more[sym->bare] >= 3 * contents->withs;
        bool added = often && with > alone + alone / 2;
        bool launch = sym->kind == MT_launch || sym->kind == MT_access;
        if (sym->kind == MT_block_alloc || sym->kind == MT_block_free)
            continue; /* whatever is done needs them */
        d->inner_events += alone;
        d->events += added ? with - alone : 0;
        d->launches += added && launch ? with - alone : 0;
        d->kernels += added && launch;
        d->new_kernels += added && launch && !alone;
        d->new_launches += added && launch && !alone ? with : 0;
        d->more += often && launch && with > alone ? with - alone : 0;
        d->inner_kernels += alone && launch;
        d->only_inner += alone && launch && !added;
        d->left_out += 4 * contents->some[sym->bare] >= 3 * contents->alones && launch && !with;
        d->input |= added && sym->input;
        d->inner_input |= alone && sym->input;
        done[sym->bare] = 1;
    }
}

/* A superset: the training, where the inner one is an evaluation. Else what is added must be mostly
 * new, and not what the inner one does once more, as an evaluation is. */
static bool is_part(const struct difference *d, bool even)
{
    if (d->launches * 5 < d->events || d->kernels == 0 || d->events * 100 < d->inner_events)
        return false;
    bool own_input = d->input && d->inner_input;
    bool contained = d->only_inner * 10 < d->inner_kernels * 4;
    if (d->left_out * 10 < d->inner_kernels * 4 && d->new_kernels * 10 >= d->inner_kernels * 6 &&
        2 * d->new_kernels >= 3 * d->left_out)
        return true;
    if (5 * d->kernels < 4 * d->left_out) /* what is left out would be more: the training */
        return false;
    return even && d->new_kernels * 10 >= d->kernels * 6 && 2 * d->new_launches >= d->more &&
           !(own_input && !contained);
}

/* Most of the inner one's beats, and little else beats with them. */
static bool is_thinned(const struct mt_pulse *inner, const struct mt_pulse *outer)
{
    return 2 * inner->count < 3 * outer->count && 2 * outer->members < inner->members;
}

static int adds_a_part(const struct mt_window *window, const struct mt_pulse *inner,
                       const struct mt_pulse *outer)
{
    size_t room = window->table.bares;
    struct contents contents = {
        .alone = calloc(room, sizeof(uint32_t)),
        .with = calloc(room, sizeof(uint32_t)),
        .now = calloc(room, sizeof(uint32_t)),
        .more = calloc(room, sizeof(uint32_t)),
        .some = calloc(room, sizeof(uint32_t)),
    };
    int part = MT_ERR_MEMORY;
    if (contents.alone && contents.with && contents.now && contents.more && contents.some) {
        struct difference difference = {0};
        sample_some(window, inner, outer, &contents, false);
        sample_some(window, inner, outer, &contents, true);
        differ(window, &contents, &difference);
        part = contents.alones && contents.withs &&
               is_part(&difference, is_even(inner, outer) && !is_thinned(inner, outer));
    }
    free(contents.alone);
    free(contents.with);
    free(contents.now);
    free(contents.more);
    free(contents.some);
    return part;
}

/* The same rhythm, told apart by a few odd occurrences. */
static bool is_double(const struct mt_pulse *one, const struct mt_pulse *other)
{
    return 4ull * one->count <= 5ull * other->count && 4ull * one->length <= 5ull * other->length &&
           4ull * other->length <= 5ull * one->length;
}

/* Segments of the inner one are clearly more alike if they are as far apart as the outer one beats.
 * Segments of the outer one are more alike in any case: over many, chance evens out. */
static int alternates(const struct mt_window *window, const struct mt_pulse *inner,
                      const struct mt_pulse *outer)
{
    uint32_t lag = (inner->count + outer->count / 2) / outer->count;
    if (outer->likeness < 0.7 || inner->likeness >= 0.85 * outer->likeness || lag < 2)
        return false;
    struct mt_measure *measure = mt_measure_new(window);
    if (!measure)
        return MT_ERR_MEMORY;
    double apart = mt_measure_apart(measure, inner, lag);
    mt_measure_free(measure);
    return inner->likeness < 0.85 * apart;
}

static int goes_outwards(const struct mt_window *window, const struct mt_pulse *inner,
                         const struct mt_pulse *outer)
{
    if (outer->coverage >= COVERS && is_double(inner, outer) && outer->members > inner->members)
        return true;
    if (outer->coverage >= 0.9 * inner->coverage && outer->members >= 3 * inner->members &&
        2 * inner->count <=
            3 * outer->count) /* odd occurrences, and hardly anything beats with it */
        return true;
    if (outer->coverage < COVERS || 10 * inner->count < 11 * outer->count ||
        inner->count <= outer->count + 1)
        return false;
    int alternating = alternates(window, inner, outer);
    if (alternating)
        return alternating;
    if (!is_thinned(inner, outer) && inner->floor_share < 0.85 &&
        outer->floor_share >= inner->floor_share + 0.1)
        return true;
    return outer->likeness >= 0.8 * inner->likeness ? adds_a_part(window, inner, outer) : 0;
}

int mt_choose_iteration(const struct mt_window *window, const struct mt_pulses *pulses)
{
    int chosen = -1;
    for (uint32_t i = 0; i < pulses->pulses; i++) {
        const struct mt_pulse *pulse = &pulses->pulse[i];
        if (chosen < 0) {
            chosen = pulse->coverage >= COVERS ? (int)i : -1;
            continue;
        }
        int outwards = goes_outwards(window, &pulses->pulse[chosen], pulse);
        if (outwards < 0)
            return outwards;
        chosen = outwards ? (int)i : chosen;
    }
    bool floating = chosen >= 0 && pulses->pulse[chosen].floor_share < 0.5;
    return floating ? -1 : chosen;
}
