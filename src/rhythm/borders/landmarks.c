/* Of the grams of a usual segment, those that stand exactly once in nearly every other usual one,
 * and about as often in the whole window as the pulse beats. A part of the segment gives one of
 * them for each thread, so that they lie everywhere in it. */
#include "rhythm/borders/landmarks.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/grow.h"
#include "rhythm/pulses/grams.h"

#define PARTS 32u  /* of a segment */
#define THREADS 3u /* told apart in each part; of more the strongest has it */
#define ONCE 0.95  /* share of the usual segments */

const struct mt_gram_mode mt_border_modes[] = {{1, false}, {1, true}, {4, true}, {16, true}};

struct tally {
    uint32_t segment, now, ones, all; /* all: ones of segments that are not usual, too */
};

struct choice {
    struct mt_gram_mode mode;
    uint32_t rank;
    int64_t worth; /* 0: nothing is chosen */
};

struct finding {
    const struct mt_window *window;
    const struct mt_pulse *pulse;
    uint32_t middle, usual; /* the segment looked at, and how many are counted */
    bool *counted;          /* by segment */
    struct choice choice[PARTS * THREADS];
};

/* Behind warm-up, and nothing put in. */
static bool counts(const struct mt_pulse *pulse, uint32_t segment)
{
    bool late = pulse->count < 9 || 3 * segment >= pulse->count;
    return late && mt_pulse_is_usual(pulse, segment);
}

static bool choose_middle(struct finding *finding)
{
    uint32_t segments = finding->pulse->count - 1, half = segments / 2;
    bool found = false;
    for (uint32_t i = 0; i < segments; i++) {
        finding->counted[i] = counts(finding->pulse, i);
        if (!finding->counted[i])
            continue;
        finding->usual++;
        if (!found || i <= half)
            finding->middle = i;
        found = true;
    }
    return found;
}

static void close_tally(const struct finding *finding, struct tally *tally)
{
    tally->all += tally->now == 1;
    tally->ones += tally->now == 1 && finding->counted[tally->segment];
    tally->now = 0;
}

static void count_segment(const struct finding *finding, const struct mt_grams *grams,
                          struct tally *tally, uint32_t segment)
{
    const uint32_t *rank = finding->window->rank, *at = &finding->pulse->at[segment];
    for (uint32_t p = at[0]; p < at[1]; p++) {
        uint32_t id = mt_grams_at(grams, rank[p]);
        if (id == MT_GRAM_NONE)
            continue;
        if (tally[id].segment != segment)
            close_tally(finding, &tally[id]);
        tally[id].segment = segment;
        tally[id].now++;
    }
}

static void count(const struct finding *finding, const struct mt_grams *grams, struct tally *tally)
{
    const struct mt_pulse *pulse = finding->pulse;
    for (uint32_t segment = 0; segment + 1 < pulse->count; segment++)
        count_segment(finding, grams, tally, segment);
    for (uint32_t id = 0; id < grams->grams; id++)
        close_tally(finding, &tally[id]);
}

/* Of each part and thread the one that most segments have, warm-up included; of equals the first.
 */
static void choose(struct finding *finding, const struct mt_grams *grams, const struct tally *tally)
{
    const struct mt_window *window = finding->window;
    const struct mt_pulse *pulse = finding->pulse;
    uint32_t begin = pulse->at[finding->middle], end = pulse->at[finding->middle + 1];
    for (uint32_t p = begin; p < end; p++) {
        uint32_t rank = window->rank[p], id = mt_grams_at(grams, rank);
        if (id == MT_GRAM_NONE)
            continue;
        const struct tally *of = &tally[id];
        uint32_t part = (uint32_t)((uint64_t)(p - begin) * PARTS / (end - begin));
        uint32_t thread = mt_window_sym(window, p)->thread % THREADS;
        struct choice *choice = &finding->choice[part * THREADS + thread];
        int64_t worth = (int64_t)of->all - llabs((int64_t)grams->total[id] - pulse->count);
        bool once = of->ones >= ONCE * finding->usual && worth > choice->worth;
        if (once && grams->total[id] <= pulse->count + 2 + pulse->count / 50)
            *choice = (struct choice){grams->mode, rank, worth};
    }
}

static int look_at(struct finding *finding, struct mt_gram_mode mode)
{
    const uint32_t *at = finding->pulse->at;
    struct mt_grams grams;
    RETURN_IF_ERROR(
        mt_grams_number(finding->window, mode,
                        (struct mt_stretch){at[finding->middle], at[finding->middle + 1]}, &grams));
    struct tally *tally = calloc(grams.grams + 1, sizeof *tally);
    if (tally) {
        count(finding, &grams, tally);
        choose(finding, &grams, tally);
    }
    free(tally);
    mt_grams_release(&grams);
    return tally ? 0 : MT_ERR_MEMORY;
}

static void add(const struct mt_window *window, struct mt_landmarks *landmarks,
                const struct choice *choice)
{
    struct mt_landmark *landmark = &landmarks->landmark[landmarks->landmarks++];
    landmark->place = window->order[choice->rank];
    landmark->worth = choice->worth;
    mt_anchor_take(window, choice->mode, choice->rank + choice->mode.length - 1, &landmark->anchor);
}

static bool is_in_mode(const struct mt_landmark *landmark, struct mt_gram_mode mode)
{
    return landmark->anchor.mode.length == mode.length && landmark->anchor.mode.bare == mode.bare;
}

static int push(struct mt_landmark *landmark, uint32_t *room, uint32_t position)
{
    if (!MT_ROOM(landmark->at, landmark->count, *room, 256))
        return MT_ERR_MEMORY;
    landmark->at[landmark->count++] = position;
    return 0;
}

/* Where the landmarks of one mode stand, all in one pass; `owner`: of each gram, a landmark + 1.
 * Ranks ascend thread by thread, and a gram is of one thread. */
static int stand(const struct mt_window *window, struct mt_landmarks *landmarks,
                 const struct mt_numbering *all, uint8_t *owner)
{
    uint32_t room[MT_LANDMARKS_MAX] = {0};
    for (uint32_t r = 0; r < window->n; r++) {
        uint8_t place = all->id[r] == MT_GRAM_NONE ? 0 : owner[all->id[r]];
        if (place)
            RETURN_IF_ERROR(push(&landmarks->landmark[place - 1], &room[place - 1],
                                 window->order[r + 1 - all->length]));
    }
    return 0;
}

/* The same for one that has its gram in common with another. */
static int stand_alone(const struct mt_window *window, struct mt_landmark *landmark)
{
    RETURN_IF_ERROR(mt_anchor_find(window, &landmark->anchor, &landmark->at, &landmark->count));
    for (uint32_t i = 0; i < landmark->count; i++)
        landmark->at[i] = window->order[landmark->at[i] + 1 - landmark->anchor.mode.length];
    return 0;
}

static int stand_in_mode(const struct mt_window *window, struct mt_landmarks *landmarks,
                         struct mt_gram_mode mode)
{
    const struct mt_numbering *all = mt_grams_all(window, mode);
    uint8_t *owner = all ? calloc(all->grams + 1, 1) : NULL;
    int code = owner ? 0 : MT_ERR_MEMORY;
    for (uint32_t i = 0; i < landmarks->landmarks && code == 0; i++) {
        struct mt_landmark *landmark = &landmarks->landmark[i];
        if (!is_in_mode(landmark, mode))
            continue;
        uint8_t *mine = &owner[all->id[window->rank[landmark->place] + mode.length - 1]];
        if (*mine)
            code = stand_alone(window, landmark);
        else
            *mine = (uint8_t)(i + 1);
    }
    if (code == 0)
        code = stand(window, landmarks, all, owner);
    free(owner);
    return code;
}

static int by_place(const void *one, const void *other)
{
    const struct mt_landmark *a = one, *b = other;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* Fills choice, where there is any. */
static int look(struct finding *finding)
{
    finding->counted = calloc(finding->pulse->count, sizeof *finding->counted);
    int code = finding->counted ? 0 : MT_ERR_MEMORY;
    bool found = code == 0 && choose_middle(finding);
    for (uint32_t m = 0; m < MT_BORDER_MODES && found && code == 0; m++)
        code = look_at(finding, mt_border_modes[m]);
    free(finding->counted);
    return code;
}

int mt_landmarks_find(const struct mt_window *window, const struct mt_pulse *pulse,
                      struct mt_landmarks *landmarks)
{
    struct finding finding = {.window = window, .pulse = pulse};
    struct choice seed = {pulse->mode, pulse->member[0].rank + 1 - pulse->mode.length, 0};
    memset(landmarks, 0, sizeof *landmarks);
    RETURN_IF_ERROR(look(&finding));
    for (uint32_t i = 0; i < PARTS * THREADS; i++)
        if (finding.choice[i].worth)
            add(window, landmarks, &finding.choice[i]);
    if (landmarks->landmarks == 0) { /* the seed is one by its making */
        add(window, landmarks, &seed);
        return stand_in_mode(window, landmarks, pulse->mode);
    }
    for (uint32_t m = 0; m < MT_BORDER_MODES; m++)
        RETURN_IF_ERROR(stand_in_mode(window, landmarks, mt_border_modes[m]));
    qsort(landmarks->landmark, landmarks->landmarks, sizeof landmarks->landmark[0], by_place);
    return 0;
}

void mt_landmarks_release(struct mt_landmarks *landmarks)
{
    for (uint32_t i = 0; i < landmarks->landmarks; i++)
        free(landmarks->landmark[i].at);
    landmarks->landmarks = 0;
}

/* ---- the seam ---- */

/* What is put in between a landmark and the next, in symbols, over the whole window; *times: how
 * often behind its first third, when warm-up is over. From somewhere on up to the end is not now
 * and then: a loop goes on with other kernels. `room`: for twice as many lengths as `from` has
 * places. */
static uint64_t put_in(const struct mt_landmark *from, const struct mt_landmark *to, uint32_t whole,
                       uint32_t *room, uint32_t *times)
{
    uint32_t n = 0, j = 0, run = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        while (j < to->count && to->at[j] <= from->at[i])
            j++;
        if (j < to->count)
            room[n++] = to->at[j] - from->at[i];
    }
    *times = 0;
    if (n == 0)
        return 0;
    memcpy(room + n, room, n * sizeof *room);
    uint32_t usual = mt_median_u32(room + n, n); /* of the copy, which is sorted then */
    for (uint32_t i = 0; i < n; i++) {
        bool longer = mt_is_longer(room[i], usual, whole);
        sum += longer ? room[i] - usual : 0;
        *times += longer && 3 * i >= n;
        run = longer && 3 * i >= n ? run + 1 : 0;
    }
    *times = run == *times ? 0 : *times;
    return sum;
}

int mt_landmarks_seam(const struct mt_landmarks *landmarks, uint32_t length, int *seam)
{
    uint64_t most = 0, all = 0;
    uint32_t count = 0, times = 0, n = landmarks->landmarks;
    for (uint32_t k = 0; k < n; k++)
        count = landmarks->landmark[k].count > count ? landmarks->landmark[k].count : count;
    uint32_t *room = malloc((2ull * count + 1) * sizeof *room);
    if (!room)
        return MT_ERR_MEMORY;
    *seam = -1;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t next = (k + 1) % n;
        uint64_t sum =
            put_in(&landmarks->landmark[k], &landmarks->landmark[next], length, room, &times);
        all += times >= 2 ? sum : 0;
        if (sum > most && times >= 2) {
            most = sum;
            *seam = (int)next;
        }
    }
    free(room);
    if (2 * most < all)
        *seam = -1;
    return 0;
}
