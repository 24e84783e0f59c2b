/* Finding pulses, in time linear in the window:
 *
 * 1. Count every gram. Grams of one thread with the same count and about the same mean distance
 *    form a class; the distance keeps out what is counted as often by chance.
 * 2. One pass: each member of a class remembers which member came next (by majority, as Boyer and
 *    Moore vote). Where the members take turns, as what happens once per iteration does, every
 *    successor is the remembered one. Members that spoil that are taken out, and a class of
 *    several rounds is parted, once. How probable that is by chance follows from the counts:
 *    m grams of n occurrences each can be shuffled in (mn)! / n!^m ways, of which m take turns.
 * 3. A class of a single gram beats if its distances hardly vary.
 * 4. The strongest classes are measured; those whose segments are not alike are dropped, and those
 *    that beat as often as a stronger one, and in turns with it, are the same pulse.
 *
 * Grams are tried as symbols with and without sizes first, then as 4 and as 16 in a row: an
 * optimizer may launch all its kernels many times, but begins only once. */
#include "rhythm/pulses/pulse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/pulses/grams.h"

#define NONE UINT32_MAX
#define CHANCE (-14.0)  /* logarithm of what is too improbable for chance */
#define TURNS 0.8       /* share of successors that are the remembered ones */
#define OWN_MEMBERS 12u /* kept of a class; what is left is for those that beat with it */
#define TAKEN_OVER 4u   /* of each of these */
#define ALIKE 0.45
#define ALIKE_ALONE 0.8 /* if no other gram beats with it */
#define TRIED 96u       /* classes looked at in each mode, and */
#define MEASURED 24u    /* those of them that are measured */

static const struct mt_gram_mode modes[] = {
    {1, false}, {1, true}, {4, true}, {16, true}, {4, false}};
#define MODES (sizeof modes / sizeof *modes)
#define ALWAYS 4u   /* of the modes; the rest where these yield nothing */
#define COVERED 0.5 /* of the window by a pulse: enough was found */

struct gram {
    uint32_t count, class_, next, votes, first, last;
};

struct class_ {
    uint32_t count, members, previous, misses, seed;
    double gaps, squares; /* of the seed's distances */
};

struct search {
    const struct mt_window *window;
    struct mt_gram_mode mode;
    const uint32_t *id; /* gram by rank, NONE at a thread's begin */
    const struct mt_spread *spread;
    struct gram *gram;
    uint32_t grams;
    struct class_ *class_;
    uint32_t classes;
    uint8_t *place; /* of each gram's class among those that are tried, UINT8_MAX: it is not */
    struct mt_measure *measure;
};

/* ---- classes ---- */

/* Of the mean distance, four for each power of two. */
static uint64_t distance_class(const struct mt_spread *spread)
{
    if (spread->count < 2)
        return 0;
    return (uint64_t)(4 * log2((spread->last - spread->first) / (spread->count - 1.0)) + 0.5);
}

static int make_classes(struct search *search)
{
    struct mt_symkeys keys = {0};
    search->classes = 0;
    for (uint32_t i = 0; i < search->grams; i++) {
        struct gram *gram = &search->gram[i];
        const struct mt_spread *spread = &search->spread[i];
        uint32_t thread =
            spread->count ? mt_window_ranked(search->window, spread->first)->thread : 0;
        gram->count = spread->count;
        uint64_t hash = mt_sym_mix(mt_sym_mix(gram->count, thread), distance_class(spread));
        gram->class_ = gram->next = gram->last = NONE;
        if (gram->count < 3)
            continue;
        gram->class_ = mt_symkeys_add(&keys, hash, search->classes);
        if (gram->class_ == NONE)
            break;
        if (gram->class_ == search->classes)
            search->class_[search->classes++] =
                (struct class_){.count = gram->count, .previous = NONE, .seed = i};
        search->class_[gram->class_].members++;
    }
    bool able = keys.used == search->classes;
    mt_symkeys_release(&keys);
    return able ? 0 : MT_ERR_MEMORY;
}

static void take_turn(struct search *search, struct class_ *class_, uint32_t id)
{
    if (class_->previous != NONE) {
        struct gram *before = &search->gram[class_->previous];
        if (before->next == id) {
            before->votes++;
        } else if (before->votes == 0) {
            class_->misses += before->next != NONE;
            before->next = id;
            before->votes = 1;
        } else {
            class_->misses++;
            before->votes--;
        }
    }
    class_->previous = id;
}

static void note_distance(const struct search *search, struct class_ *class_, uint32_t r)
{
    uint32_t last = search->gram[class_->seed].last;
    if (last != NONE) {
        double gap = r - last;
        class_->gaps += gap;
        class_->squares += gap * gap;
    }
}

/* Several members take turns; of a single one the distances are noted. */
static void take_turns(struct search *search)
{
    for (uint32_t r = 0; r < search->window->n; r++) {
        uint32_t id = search->id[r];
        if (id == NONE || search->gram[id].class_ == NONE)
            continue;
        struct class_ *class_ = &search->class_[search->gram[id].class_];
        if (class_->members > 1)
            take_turn(search, class_, id);
        else
            note_distance(search, class_, r);
        search->gram[id].last = r;
    }
}

/* The root of a gram's part of its class; `first` is its parent from here on. */
static uint32_t root_of(struct search *search, uint32_t i)
{
    struct gram *gram = search->gram;
    while (gram[i].first != i)
        i = gram[i].first = gram[gram[i].first].first;
    return i;
}

static bool is_member(const struct search *search, const struct gram *gram)
{
    return gram->class_ != NONE && search->class_[gram->class_].members > 1;
}

/* Members whose successor changes leave their class, but for those that are successors themselves:
 * what a round ends with may be followed by anything else that is counted as often. */
static void take_out_spoilers(struct search *search)
{
    struct gram *gram = search->gram;
    for (uint32_t i = 0; i < search->grams; i++) {
        gram[i].first = i;
        gram[i].last = NONE; /* else: it is a successor */
        if (is_member(search, &gram[i]) && 2 * (gram[i].votes + 1) < gram[i].count)
            gram[i].next = NONE;
    }
    for (uint32_t i = 0; i < search->grams; i++)
        if (is_member(search, &gram[i]) && gram[i].next != NONE)
            gram[gram[i].next].last = i;
    for (uint32_t i = 0; i < search->grams; i++)
        if (is_member(search, &gram[i]) && gram[i].next == NONE && gram[i].last == NONE)
            gram[i].class_ = NONE;
}

/* What follows each other is a class: of iterations and evaluations that are as many by chance,
 * each has its own round. */
static void part_classes(struct search *search)
{
    struct gram *gram = search->gram;
    for (uint32_t i = 0; i < search->grams; i++) {
        uint32_t next = gram[i].class_ == NONE ? NONE : gram[i].next;
        if (next != NONE && gram[next].class_ == gram[i].class_)
            gram[root_of(search, i)].first = root_of(search, next);
        gram[i].last = NONE;
    }
    search->classes = 0;
    for (uint32_t i = 0; i < search->grams; i++) {
        if (gram[i].class_ == NONE)
            continue;
        uint32_t *class_ = &gram[root_of(search, i)].last;
        if (*class_ == NONE) {
            *class_ = search->classes++;
            search->class_[*class_] =
                (struct class_){.count = gram[i].count, .previous = NONE, .seed = i};
        }
        gram[i].class_ = *class_;
        search->class_[*class_].members++;
    }
    for (uint32_t i = 0; i < search->grams; i++) {
        gram[i].next = gram[i].last = NONE;
        gram[i].votes = 0;
    }
}

static bool beats(const struct class_ *class_)
{
    double m = class_->members, n = class_->count;
    if (class_->members > 1) {
        double chance = m * lgamma(n + 1) + log(m) - lgamma(m * n + 1);
        double turns = m * n - 1;
        return turns - class_->misses >= TURNS * turns && chance < CHANCE;
    }
    double mean = class_->gaps / (n - 1), variance = class_->squares / (n - 1) - mean * mean;
    return class_->count >= 8 && variance <= 0.0225 * mean * mean;
}

/* ---- pulses ---- */

static int stronger(const void *one, const void *other)
{
    const struct class_ *a = one, *b = other;
    if (a->members != b->members)
        return a->members > b->members ? -1 : 1;
    return a->count > b->count ? -1 : a->count < b->count;
}

/* Grams that overlap are one. */
static uint32_t members_of(const struct search *search, const struct class_ *class_)
{
    return (class_->members + search->mode.length - 1) / search->mode.length;
}

/* What is gathered of the classes that are tried. */
struct collected {
    uint32_t seed, step, seen;
    struct mt_pulse pulse;
};

static int begin_collecting(struct search *search, uint32_t tried, struct collected *collected)
{
    for (uint32_t i = 0; i < tried; i++) {
        const struct class_ *class_ = &search->class_[i];
        collected[i] = (struct collected){
            .seed = class_->seed,
            .step = 1 + class_->members / OWN_MEMBERS,
            .pulse = {.mode = search->mode, .members = members_of(search, class_), .kept = 1},
        };
        collected[i].pulse.at = malloc(class_->count * sizeof(uint32_t));
        if (!collected[i].pulse.at)
            return MT_ERR_MEMORY;
    }
    return 0;
}

static int find_places(struct search *search, const struct collected *collected, uint32_t tried)
{
    uint8_t *of_class = malloc(search->classes + 1);
    if (!of_class)
        return MT_ERR_MEMORY;
    memset(of_class, UINT8_MAX, search->classes + 1);
    for (uint32_t i = 0; i < tried; i++)
        of_class[search->gram[collected[i].seed].class_] = (uint8_t)i;
    for (uint32_t i = 0; i < search->grams; i++) {
        uint32_t class_ = search->gram[i].class_;
        search->place[i] = class_ == NONE ? UINT8_MAX : of_class[class_];
    }
    free(of_class);
    return 0;
}

/* The seeds' positions, which ascend as their thread's ranks do, and one occurrence of some
 * members, from the middle of the window: of all classes that are tried, in one pass. */
static void collect(struct search *search, struct collected *collected)
{
    for (uint32_t r = 0; r < search->window->n; r++) {
        uint32_t id = search->id[r];
        uint8_t place = id == NONE ? UINT8_MAX : search->place[id];
        if (place == UINT8_MAX)
            continue;
        struct collected *one = &collected[place];
        struct mt_pulse *pulse = &one->pulse;
        if (id == one->seed) {
            pulse->at[pulse->count++] = search->window->order[r];
            pulse->member[0] = (struct mt_member){r, search->mode};
        } else if (search->gram[id].last != NONE) {
            search->gram[id].last = NONE;
            if (one->seen++ % one->step == 0 && pulse->kept < OWN_MEMBERS)
                pulse->member[pulse->kept++] = (struct mt_member){r, search->mode};
        }
    }
}

/* Whether two pulses beat as often and in turns. */
static bool is_same(const struct mt_pulse *one, const struct mt_pulse *other)
{
    uint32_t more = one->count > other->count ? one->count : other->count;
    uint32_t fewer = one->count + other->count - more, turns = 0;
    if ((more - fewer) * 50ull > more && more - fewer > 1)
        return false;
    for (uint32_t i = 0, j = 0; i + 1 < one->count; i++) {
        uint32_t within = 0;
        while (j < other->count && other->at[j] < one->at[i])
            j++;
        for (uint32_t k = j; k < other->count && other->at[k] < one->at[i + 1] && within < 2; k++)
            within++;
        turns += within == 1;
    }
    return turns >= 0.9 * (one->count - 1);
}

static void take_over(struct mt_pulse *pulse, const struct mt_pulse *same)
{
    for (uint32_t i = 0; i < same->kept && i < TAKEN_OVER && pulse->kept < MT_MEMBERS_MAX; i++)
        pulse->member[pulse->kept++] = same->member[i];
}

/* Segments must be alike; where they are not very much so, their lengths must be, but for those
 * that are longer because something is put in. Distances between chance events are mostly short. */
static bool is_regular(const struct mt_pulse *pulse)
{
    double least = pulse->members > 1 ? ALIKE : ALIKE_ALONE;
    bool even = pulse->likeness >= 0.85 || pulse->shortness <= 0.5;
    return pulse->likeness >= least && even && pulse->coverage >= 0.02;
}

/* Takes what `pulse` owns. */
static void add(struct search *search, struct mt_pulses *pulses, struct mt_pulse *pulse)
{
    bool wanted = pulse->count >= 3;
    for (uint32_t i = 0; i < pulses->pulses && wanted; i++) {
        wanted = !is_same(&pulses->pulse[i], pulse);
        if (!wanted)
            take_over(&pulses->pulse[i], pulse);
    }
    wanted &= pulses->pulses < MT_PULSES_MAX;
    if (wanted)
        mt_measure_likeness(search->measure, pulse);
    if (!wanted || !is_regular(pulse)) {
        free(pulse->at);
        return;
    }
    mt_measure_floor(search->measure, pulse);
    pulses->pulse[pulses->pulses++] = *pulse;
}

static double best_coverage(const struct mt_pulses *pulses)
{
    double best = 0;
    for (uint32_t i = 0; i < pulses->pulses; i++)
        best = fmax(best, pulses->pulse[i].coverage);
    return best;
}

/* Of grams of several symbols a single place more is some of what others beat. */
static bool is_of_use(const struct search *search, const struct mt_pulses *pulses,
                      const struct mt_pulse *pulse)
{
    return search->mode.length == 1 || pulse->members >= 2 || best_coverage(pulses) < COVERED;
}

/* A block that comes and goes by chance is a pair of two that take turns, too, and there may be
 * very many: but their distances are scattered. Room for as many as it beats. */
static bool is_scattered(const struct mt_pulse *pulse, uint32_t *distance)
{
    uint32_t n = pulse->count - 1, near = 0;
    if (pulse->members > 2 || pulse->count < 3)
        return false;
    for (uint32_t i = 0; i < n; i++)
        distance[i] = pulse->at[i + 1] - pulse->at[i];
    uint64_t usual = mt_median_u32(distance, n);
    for (uint32_t i = 0; i < n; i++)
        near += 10 * (uint64_t)distance[i] >= 6 * usual && 2 * (uint64_t)distance[i] <= 3 * usual;
    return 2 * near < n;
}

/* The strongest of the classes that beat. */
static int try_classes(struct search *search, uint32_t classes, struct mt_pulses *pulses)
{
    struct collected *collected = calloc(TRIED, sizeof *collected);
    uint32_t tried = classes < TRIED ? classes : TRIED, measured = 0, room = 1;
    int code = collected ? begin_collecting(search, tried, collected) : MT_ERR_MEMORY;
    for (uint32_t i = 0; i < tried; i++)
        room = search->class_[i].count > room ? search->class_[i].count : room;
    uint32_t *distance = malloc(room * sizeof *distance);
    code = distance ? code : MT_ERR_MEMORY;
    if (code == 0)
        code = find_places(search, collected, tried);
    if (code == 0)
        collect(search, collected);
    for (uint32_t i = 0; collected && i < tried; i++) {
        struct mt_pulse *pulse = &collected[i].pulse;
        if (code == 0 && measured < MEASURED && is_of_use(search, pulses, pulse) &&
            !is_scattered(pulse, distance)) {
            add(search, pulses, pulse);
            measured++;
        } else {
            free(pulse->at);
        }
    }
    free(distance);
    free(collected);
    return code;
}

static int find_in_mode(struct search *search, struct mt_pulses *pulses)
{
    const struct mt_numbering *numbering = mt_grams_all(search->window, search->mode);
    if (!numbering)
        return MT_ERR_MEMORY;
    search->id = numbering->id;
    search->spread = numbering->spread;
    search->grams = numbering->grams;
    search->gram = calloc(search->grams + 1, sizeof *search->gram);
    search->class_ = calloc(search->grams + 1, sizeof *search->class_);
    search->place = malloc(search->grams + 1);
    if (!search->gram || !search->class_ || !search->place)
        return MT_ERR_MEMORY;
    RETURN_IF_ERROR(make_classes(search));
    take_turns(search);
    take_out_spoilers(search);
    part_classes(search);
    take_turns(search);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < search->classes; i++)
        if (beats(&search->class_[i]))
            search->class_[kept++] = search->class_[i];
    qsort(search->class_, kept, sizeof *search->class_, stronger);
    return try_classes(search, kept, pulses);
}

static int more_often(const void *one, const void *other)
{
    const struct mt_pulse *a = one, *b = other;
    return a->count > b->count ? -1 : a->count < b->count;
}

int mt_pulses_find(const struct mt_window *window, struct mt_pulses *pulses)
{
    struct mt_measure *measure = mt_measure_new(window);
    int code = measure ? 0 : MT_ERR_MEMORY;
    memset(pulses, 0, sizeof *pulses);
    for (uint32_t m = 0; m < MODES && code == 0 && (m < ALWAYS || best_coverage(pulses) < COVERED);
         m++) {
        struct search search = {.window = window, .mode = modes[m], .measure = measure};
        code = find_in_mode(&search, pulses);
        free(search.gram);
        free(search.class_);
        free(search.place);
    }
    mt_measure_free(measure);
    qsort(pulses->pulse, pulses->pulses, sizeof *pulses->pulse, more_often);
    return code;
}

void mt_pulses_release(struct mt_pulses *pulses)
{
    for (uint32_t i = 0; i < pulses->pulses; i++)
        free(pulses->pulse[i].at);
    pulses->pulses = 0;
}
