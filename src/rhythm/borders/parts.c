/* Between two beats of the outer pulse lie several segments of the inner one, and in one of them is
 * what the outer one adds: where it beats, or elsewhere, as it may be told by what the first
 * micro-batch makes, while the optimizer runs behind the last. That one is compared with the
 * others, and only where the outer one beats: after a recompilation other kernels do the same, and
 * would be taken for what it adds.
 *
 * Layers of inference run no kernels that the rest of an iteration does not run, too. There it
 * shows by the input: it is copied for all of them, and they come in equal groups. */
#include "rhythm/borders/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define SAMPLES 8u
#define GROUP_MAX 64u /* segments of the inner pulse between two beats, if they are told apart */

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

/* How the inner one's segments lie between the outer one's beats. */
struct groups {
    uint32_t *phase; /* of each inner segment: how many after the one with the outer one's beat */
    uint32_t *beats; /* of the inner one in each segment of the outer one */
    uint32_t usual;  /* median of these */
    uint32_t wanted; /* phase of the segments with what the outer one adds */
    uint32_t first, last; /* inner segments with the first and last of the outer one's beats */
};

static void count_phases(struct groups *groups, const struct mt_pulse *inner,
                         const struct mt_pulse *outer)
{
    uint32_t beat = 0, phase = UINT32_MAX;
    for (uint32_t i = 0; i + 1 < inner->count; i++) {
        bool with = false;
        for (; beat < outer->count && outer->at[beat] < inner->at[i + 1]; beat++)
            with |= outer->at[beat] >= inner->at[i];
        phase = with ? 0 : phase + (phase != UINT32_MAX);
        groups->phase[i] = phase;
        groups->first = with && groups->last == UINT32_MAX ? i : groups->first;
        groups->last = with ? i : groups->last;
    }
}

static void count_beats(struct groups *groups, const struct mt_pulse *inner,
                        const struct mt_pulse *outer)
{
    uint32_t segments = outer->count - 1, n = 0, *copy = groups->beats + segments;
    for (uint32_t i = 0; i < inner->count; i++) {
        while (n < outer->count && outer->at[n] <= inner->at[i])
            n++;
        if (n && n < outer->count)
            groups->beats[n - 1]++;
    }
    memcpy(copy, groups->beats, segments * sizeof *copy);
    groups->usual = mt_median_u32(copy, segments);
}

/* Where the outer one beats: elsewhere other kernels may do the same, as after a recompilation. */
static bool is_within(const struct groups *groups, uint32_t i)
{
    return i + groups->usual > groups->first && i < groups->last + groups->usual;
}

/* Behind warm-up. */
static bool is_late(const struct groups *groups, uint32_t i)
{
    uint64_t first = groups->first, last = groups->last;
    return is_within(groups, i) && (2 * (uint64_t)i >= first + last || last - first < 15);
}

/* Which of the segments is the longest, in the mean; evaluations make some longer by far. */
static void find_wanted(struct groups *groups, const struct mt_pulse *inner)
{
    uint64_t sum[GROUP_MAX] = {0}, most = 4ull * inner->length;
    uint32_t times[GROUP_MAX] = {0}, best = 0, phases = groups->usual;
    if (phases > GROUP_MAX)
        return;
    for (uint32_t i = 0; i + 1 < inner->count; i++) {
        uint32_t phase = groups->phase[i], length = inner->at[i + 1] - inner->at[i];
        if (phase >= phases || !is_late(groups, i))
            continue;
        sum[phase] += length < most ? length : most;
        times[phase]++;
    }
    for (uint32_t p = 1; p < phases && times[0]; p++)
        if (times[p] && sum[p] * times[best] > sum[best] * times[p])
            best = p;
    bool clearly = times[0] && 10 * sum[best] * times[0] > 11 * sum[0] * times[best];
    groups->wanted = clearly ? best : 0;
}

static int find_groups(struct groups *groups, const struct mt_pulse *inner,
                       const struct mt_pulse *outer)
{
    *groups = (struct groups){.phase = malloc(inner->count * sizeof *groups->phase),
                              .beats = calloc(outer->count, 2 * sizeof *groups->beats),
                              .last = UINT32_MAX};
    if (!groups->phase || !groups->beats)
        return MT_ERR_MEMORY;
    count_phases(groups, inner, outer);
    count_beats(groups, inner, outer);
    find_wanted(groups, inner);
    return 0;
}

static void release_groups(struct groups *groups)
{
    free(groups->phase);
    free(groups->beats);
}

enum where { LATE, WITHIN, ANYWHERE };

static bool is_there(const struct groups *groups, uint32_t i, enum where where)
{
    return where == ANYWHERE || (where == LATE ? is_late(groups, i) : is_within(groups, i));
}

static void sample_some(const struct mt_window *window, const struct mt_pulse *inner,
                        const struct groups *groups, struct contents *contents, bool wanted,
                        enum where where)
{
    for (uint32_t i = 0, taken = 0; i + 1 < inner->count && taken < SAMPLES; i++) {
        bool with = groups->phase[i] == groups->wanted;
        bool longer = 4ull * (inner->at[i + 1] - inner->at[i]) > 5ull * inner->length + 3;
        if (!is_there(groups, i, where) || with != wanted || (!with && longer))
            continue;
        sample(window, contents, inner->at[i], inner->at[i + 1], with);
        taken++;
    }
}

/* Without what the outer one adds, from where it beats, if it is elsewhere only, as an evaluation
 * behind all training is, that. Whether it is where the outer one beats. */
static bool sample_alone(const struct mt_window *window, const struct mt_pulse *inner,
                         const struct groups *groups, struct contents *contents)
{
    for (enum where where = LATE; where <= ANYWHERE; where++) {
        sample_some(window, inner, groups, contents, false, where);
        if (contents->alones)
            return where != ANYWHERE;
    }
    return false;
}

/* Segments of the outer one with as many beats of the inner one as usual, give or take a share. */
static double share_of_usual(const struct groups *groups, const struct mt_pulse *outer,
                             double slack)
{
    uint32_t segments = outer->count - 1, even = 0;
    for (uint32_t i = 0; i < segments; i++)
        even += fabs((double)groups->beats[i] - groups->usual) <= slack * groups->usual;
    return (double)even / segments;
}

/* Nearly as many beats of the inner one in each segment of the outer one, but for those with an
 * evaluation. What happens only in some iterations, as the data want it, beats now after one of
 * them, now after several. */
static bool is_even(const struct mt_pulse *inner, const struct mt_pulse *outer,
                    const struct groups *groups)
{
    bool covers = groups->usual && 2 * outer->coverage >= inner->coverage;
    return covers || share_of_usual(groups, outer, 0.25) >= 0.75;
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
        if (done[sym->bare])
            continue;
        done[sym->bare] = 1;
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
    }
}

/* Mostly other work, by kernels or, clearly, by launches: what the inner one does is done more
 * often in what is longer. Where no input is copied an evaluation cannot be told by its own. */
static bool is_new(const struct difference *d)
{
    bool input = d->input || d->inner_input;
    bool mostly = d->new_kernels * 10 >= d->kernels * 6 && 2 * d->new_launches >= d->more;
    return (mostly && (input || 3 * d->new_launches >= 2 * d->more)) ||
           10 * d->new_launches >= 7 * d->more;
}

/* A superset: the training, where the inner one is an evaluation. Else what is added must be mostly
 * new, and not what the inner one does once more, as an evaluation is; with input of its own that
 * has about as many kernels. */
static bool is_part(const struct difference *d, bool even)
{
    if (d->launches * 5 < d->events || d->kernels == 0 || d->events * 100 < d->inner_events)
        return false;
    bool own_input = d->input && d->inner_input && 2 * d->new_kernels <= 3 * d->inner_kernels;
    bool contained = d->only_inner * 10 < d->inner_kernels * 4;
    if (d->left_out * 10 < d->inner_kernels * 4 && d->new_kernels * 10 >= d->inner_kernels * 6 &&
        2 * d->new_kernels >= 3 * d->left_out && 2 * d->new_launches >= d->inner_events)
        return true;
    if (5 * d->kernels < 4 * d->left_out) /* what is left out would be more: the training */
        return false;
    return even && is_new(d) && !(own_input && !contained);
}

/* Symbols from the first beat to the last. */
static double reach(const struct mt_pulse *pulse)
{
    return pulse->at[pulse->count - 1] - pulse->at[0];
}

/* Equal groups, of which each has input copied, and not the segments in them. */
static bool share_input(const struct mt_pulse *inner, const struct mt_pulse *outer,
                        const struct groups *groups, const struct difference *d)
{
    double part =
        reach(outer) / reach(inner); /* behind its last beat the outer one covers nothing */
    return d->input && !d->inner_input && outer->coverage >= 0.95 * part * inner->coverage &&
           outer->likeness >= 0.95 * inner->likeness && share_of_usual(groups, outer, 0) >= 0.9;
}

static bool judge(const struct mt_window *window, const struct mt_pulse *inner,
                  const struct mt_pulse *outer, const struct groups *groups,
                  struct contents *contents)
{
    struct difference difference = {0};
    bool beside = sample_alone(window, inner, groups, contents);
    sample_some(window, inner, groups, contents, true, LATE);
    differ(window, contents, &difference);
    if (!contents->alones || !contents->withs)
        return false;
    bool clearly = 10 * difference.new_launches >= 9 * difference.more;
    bool large = 2 * difference.launches >= difference.inner_events;
    bool even = beside && is_even(inner, outer, groups) &&
                (!mt_is_thinned(inner, outer) || (clearly && large));
    /* Twice as far apart by chance: of three beats that says little. */
    even &= outer->count > 3 || 10 * difference.events >= difference.inner_events;
    /* Where the inner one mostly beats once, too, some of its segments are another thing. */
    even &= groups->usual > 1 || large ||
            (clearly && 10 * difference.launches >= difference.inner_events);
    return is_part(&difference, even) || share_input(inner, outer, groups, &difference);
}

int mt_adds_a_part(const struct mt_window *window, const struct mt_pulse *inner,
                   const struct mt_pulse *outer)
{
    size_t room = window->table.bares;
    struct groups groups;
    struct contents contents = {
        .alone = calloc(room, sizeof(uint32_t)),
        .with = calloc(room, sizeof(uint32_t)),
        .now = calloc(room, sizeof(uint32_t)),
        .more = calloc(room, sizeof(uint32_t)),
        .some = calloc(room, sizeof(uint32_t)),
    };
    int part = find_groups(&groups, inner, outer);
    bool able = contents.alone && contents.with && contents.now && contents.more && contents.some;
    part = able ? part : MT_ERR_MEMORY;
    if (part == 0)
        part = judge(window, inner, outer, &groups, &contents);
    release_groups(&groups);
    free(contents.alone);
    free(contents.with);
    free(contents.now);
    free(contents.more);
    free(contents.some);
    return part;
}
