/* The first reference is the most frequent iteration, or, where no two are the same, the one of a
 * few that the others are most like. Iterations that are not like any reference get one of their
 * own if three or more of a window are left over and clearly more like each other: after a
 * recompilation the loop goes on with other kernels. */
#include "rhythm/compare/track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bisect.h"
#include "base/error.h"
#include "base/grow.h"
#include "base/sort.h"

#define ITERATIONS_MAX (1u << 21) /* that are kept */
#define LIKE 0.7                  /* share of kinds that makes an iteration like a reference */
#define SHUFFLED 0.75             /* share of what is there in any order that makes one, too */
#define FOUND 0.5 /* share of its reference that a segment needs to be an iteration */
#define LEFT_OVER_MIN 3u
#define LATE_MIN 8u /* segments of which the second half are behind warm-up */
#define CANDIDATES 7u
#define SAMPLES 24u  /* segments by which it is judged, or twice as many */
#define CLEARLY 0.15 /* of the share of kinds: more like it */

/* Work on the segments of one window. */
struct job {
    struct mt_track *track;
    const struct mt_window *window;
    const uint32_t *border;
    uint32_t segments;
    struct mt_slices slices;
    struct mt_likeness *likeness; /* by segment, to the best reference */
    double *share;                /* of kinds, of it */
    uint8_t *best;
    uint32_t *memo;
    uint64_t *hash;
};

static struct mt_stretch segment(const struct job *job, uint32_t i)
{
    return (struct mt_stretch){job->border[i], job->border[i + 1]};
}

uint64_t mt_most_frequent(uint64_t *hash, uint32_t n, uint32_t *times)
{
    uint64_t best = 0;
    *times = 0;
    mt_sort_u64(hash, n);
    for (uint32_t i = 0, begin = 0; i < n; i++) {
        begin = i && hash[i] == hash[i - 1] ? begin : i;
        if (i - begin + 1 > *times) {
            *times = i - begin + 1;
            best = hash[i];
        }
    }
    return best;
}

static double kind_share(const struct mt_likeness *likeness, const struct mt_reference *reference)
{
    uint32_t longer = likeness->length > reference->length ? likeness->length : reference->length;
    return longer ? (double)likeness->kind / longer : 0;
}

/* Whether a segment waits for a reference: all do at first. */
static bool is_left_over(const struct job *job, uint32_t i)
{
    return job->best[i] == UINT8_MAX;
}

/* Of some segments that wait, evenly spread, the one that the others are most like; the last
 * segment may be cut, the first ones may be warm-up. */
static int most_like_the_others(struct job *job, uint32_t *chosen)
{
    uint32_t candidate[CANDIDATES], n = 0, waiting = 0, seen = 0;
    double best = -1;
    for (uint32_t i = 0; i < job->segments; i++)
        waiting += is_left_over(job, i);
    for (uint32_t i = 0; i < job->segments && n < CANDIDATES; i++) {
        if (!is_left_over(job, i))
            continue;
        bool last = i + 1 == job->segments && waiting > 1;
        if (!last && seen++ >= (n + 1) * waiting / (CANDIDATES + 1))
            candidate[n++] = i;
    }
    *chosen = n ? candidate[0] : 0;
    for (uint32_t k = 0; k < n && n > 1; k++) {
        struct mt_reference trial;
        double sum = 0;
        mt_slices_fill(&job->slices, job->window, segment(job, candidate[k]));
        RETURN_IF_ERROR(mt_reference_init(&trial, job->window, &job->slices));
        int code = 0;
        for (uint32_t m = 0; m < n && code == 0; m++) {
            struct mt_likeness likeness;
            mt_slices_fill(&job->slices, job->window, segment(job, candidate[m]));
            code = mt_align(&trial, job->window, &job->slices, &likeness, NULL, NULL);
            sum += code == 0 ? kind_share(&likeness, &trial) : 0;
        }
        mt_reference_release(&trial);
        RETURN_IF_ERROR(code);
        *chosen = sum > best ? candidate[k] : *chosen;
        best = sum > best ? sum : best;
    }
    return 0;
}

/* The segment to make a reference of. */
static int choose_reference(struct job *job, uint32_t *chosen)
{
    uint64_t *copy = malloc((job->segments + 1) * sizeof *copy);
    uint32_t n = 0, times = 0;
    if (!copy)
        return MT_ERR_MEMORY;
    for (uint32_t i = 0; i < job->segments; i++) {
        mt_slices_fill(&job->slices, job->window, segment(job, i));
        job->hash[i] = mt_slices_hash(job->window, &job->slices);
        if (is_left_over(job, i))
            copy[n++] = job->hash[i];
    }
    uint64_t best = n ? mt_most_frequent(copy, n, &times) : 0;
    free(copy);
    if (times < 2)
        return most_like_the_others(job, chosen);
    for (uint32_t i = 0; i < job->segments; i++)
        if (is_left_over(job, i) && job->hash[i] == best)
            *chosen = i;
    return 0;
}

static int add_reference(struct job *job)
{
    struct mt_track *track = job->track;
    uint32_t chosen = 0;
    RETURN_IF_ERROR(choose_reference(job, &chosen));
    mt_slices_fill(&job->slices, job->window, segment(job, chosen));
    RETURN_IF_ERROR(
        mt_reference_init(&track->reference[track->references], job->window, &job->slices));
    track->references++;
    return 0;
}

/* Symbols behind the last one that belongs to the iteration lie between two of them. */
static uint32_t end_of(const struct job *job, uint32_t i)
{
    const struct mt_likeness *likeness = &job->likeness[i];
    const struct mt_reference *reference = &job->track->reference[job->best[i]];
    uint32_t end = job->border[i + 1];
    if (!likeness->last)
        return end;
    uint32_t behind = end - likeness->last;
    return behind >= 8 && behind >= reference->length / 20 ? likeness->last : end;
}

static int compare_with(struct job *job, uint32_t i, uint32_t reference,
                        struct mt_likeness *likeness)
{
    const struct mt_reference *other = &job->track->reference[reference];
    RETURN_IF_ERROR(mt_align(other, job->window, &job->slices, likeness, NULL, NULL));
    if (likeness->last) { /* what follows the last match is no part of it */
        uint32_t behind = job->border[i + 1] - likeness->last;
        likeness->length -= behind >= 8 && behind >= other->length / 20 ? behind : 0;
    }
    return 0;
}

static int compare_anew(struct job *job, uint32_t i)
{
    struct mt_track *track = job->track;
    double best = -1;
    mt_slices_fill(&job->slices, job->window, segment(job, i));
    for (uint32_t k = 0; k < track->references; k++) {
        uint32_t reference = (track->last + k) % track->references;
        struct mt_likeness likeness;
        RETURN_IF_ERROR(compare_with(job, i, reference, &likeness));
        double share = kind_share(&likeness, &track->reference[reference]);
        if (share > best) {
            best = share;
            job->likeness[i] = likeness;
            job->best[i] = (uint8_t)reference;
        }
        if (best >= LIKE)
            break;
    }
    job->share[i] = best;
    return 0;
}

static struct mt_memo *memo_of(const struct job *job, uint32_t i)
{
    return job->memo[i] == MT_MEMO_NONE ? NULL : &job->track->memos.memo[job->memo[i]];
}

static void remember(const struct job *job, uint32_t i)
{
    struct mt_memo *memo = memo_of(job, i);
    if (!memo)
        return;
    *memo = (struct mt_memo){
        .likeness = job->likeness[i], .share = job->share[i], .best = job->best[i]};
    if (memo->likeness.last)
        memo->likeness.last -= job->border[i];
}

static void recall(struct job *job, uint32_t i)
{
    const struct mt_memo *memo = memo_of(job, i);
    job->likeness[i] = memo->likeness;
    if (memo->likeness.last)
        job->likeness[i].last += job->border[i];
    job->share[i] = memo->share;
    job->best[i] = memo->best;
}

/* Whether a segment is like a reference; the best one is found. A negative result is an error. */
static int compare(struct job *job, uint32_t i)
{
    struct mt_track *track = job->track;
    uint64_t state = (uint64_t)track->references << 8 | track->last;
    bool known;
    job->memo[i] = mt_memos_look(&track->memos, job->window, segment(job, i), state, &known);
    if (known) {
        recall(job, i);
    } else {
        RETURN_IF_ERROR(compare_anew(job, i));
        remember(job, i);
    }
    track->last = job->best[i];
    return job->share[i] >= LIKE;
}

/* Whether segments that are left over are clearly more like the last reference than like any before
 * it. A negative result is an error. */
static int is_of_use(struct job *job, uint32_t left_over)
{
    const struct mt_reference *reference = &job->track->reference[job->track->references - 1];
    uint32_t step = 1 + left_over / SAMPLES, seen = 0, looked = 0, better = 0;
    for (uint32_t i = 0; i < job->segments; i++) {
        struct mt_likeness likeness;
        if (!is_left_over(job, i) || seen++ % step)
            continue;
        mt_slices_fill(&job->slices, job->window, segment(job, i));
        RETURN_IF_ERROR(compare_with(job, i, job->track->references - 1, &likeness));
        double share = kind_share(&likeness, reference);
        looked++;
        better += share >= LIKE || share >= job->share[i] + CLEARLY;
    }
    return better >= LEFT_OVER_MIN && 3 * better >= looked;
}

/* A reference for what is left over. false: there is none that is of use. */
static int add_another(struct job *job, uint32_t left_over)
{
    struct mt_track *track = job->track;
    RETURN_IF_ERROR(add_reference(job));
    struct mt_reference *added = &track->reference[track->references - 1];
    if (track->references == 1)
        return true;
    bool splinter = added->length * 100ull < track->reference[0].length;
    int of_use = splinter ? 0 : is_of_use(job, left_over);
    if (of_use > 0)
        return true;
    mt_reference_release(added);
    track->references--;
    return of_use;
}

/* Every segment to its reference, new ones made where they are missing. */
static int compare_all(struct job *job)
{
    struct mt_track *track = job->track;
    for (;;) {
        uint32_t left_over = 0, first = UINT32_MAX;
        for (uint32_t i = 0; i < job->segments; i++) {
            if (job->best[i] != UINT8_MAX && track->references)
                continue;
            int like = track->references ? compare(job, i) : 0;
            RETURN_IF_ERROR(like);
            if (like)
                continue;
            left_over++;
            first = first == UINT32_MAX ? i : first;
            job->best[i] = UINT8_MAX;
        }
        bool more = left_over >= LEFT_OVER_MIN || track->references == 0;
        if (!left_over || !more || track->references == MT_REFERENCES_MAX)
            break;
        int added = add_another(job, left_over);
        RETURN_IF_ERROR(added);
        if (!added)
            break;
    }
    for (uint32_t i = 0; i < job->segments; i++)
        if (job->best[i] == UINT8_MAX)
            RETURN_IF_ERROR(compare(job, i));
    return 0;
}

static struct mt_iteration *new_iteration(struct mt_track *track)
{
    if (!MT_ROOM(track->iteration, track->iterations, track->room, 64))
        return NULL;
    return &track->iteration[track->iterations++];
}

int mt_track_break(struct mt_track *track, uint64_t event)
{
    if (!MT_ROOM(track->gap, track->gaps, track->gaps_room, 16))
        return MT_ERR_MEMORY;
    track->gap[track->gaps++] = event;
    return 0;
}

/* Whether something is missing in a segment. */
static bool is_broken(const struct job *job, uint32_t i)
{
    const struct mt_track *track = job->track;
    const struct mt_window *window = job->window;
    uint32_t end = end_of(job, i);
    uint64_t first = window->event[job->border[i]];
    uint64_t last = end < window->n ? window->event[end] : window->event[window->n - 1];
    size_t gap = MT_FIRST_WHERE(track->gaps, at, track->gap[at] >= first);
    return gap < track->gaps && track->gap[gap] < last;
}

static int note_changes(struct job *job, uint32_t i, struct mt_stretch stretch)
{
    struct mt_changes *changes = &job->track->changes;
    struct mt_memo *memo = memo_of(job, i);
    struct mt_likeness again;
    if (memo && memo->noted) {
        mt_changes_repeat(changes, memo->note, memo->notes);
        return 0;
    }
    mt_changes_begin(changes, job->best[i]);
    mt_slices_fill(&job->slices, job->window, stretch);
    RETURN_IF_ERROR(mt_align(&job->track->reference[job->best[i]], job->window, &job->slices,
                             &again, mt_changes_note, changes));
    if (memo && changes->notes <= MT_CHANGES_NOTES) {
        memcpy(memo->note, changes->note, sizeof memo->note);
        memo->notes = changes->notes;
        memo->noted = true;
    }
    return 0;
}

/* Positions begin .. end - 1 are an iteration. */
static int append(struct mt_track *track, const struct mt_window *window, struct mt_stretch stretch,
                  const struct mt_likeness *likeness, uint32_t best)
{
    uint32_t begin = stretch.begin, end = stretch.end, length = track->reference[best].length;
    uint32_t n = window->n + window->behind;
    double longer = likeness->length > length ? likeness->length : length;
    track->symbols += likeness->length;
    if (track->iterations == ITERATIONS_MAX) {
        track->beyond++;
        return 0;
    }
    struct mt_iteration *iteration = new_iteration(track);
    if (!iteration)
        return MT_ERR_MEMORY;
    bool inside = end < n;
    *iteration = (struct mt_iteration){
        .start_ns = window->time_ns[begin],
        .end_ns = inside ? window->time_ns[end] : window->time_ns[n - 1],
        .first_event = window->event[begin],
        .events = (inside ? window->event[end] : window->event[n - 1] + 1) - window->event[begin],
        .exact_share = likeness->exact / longer,
        .class_share = likeness->class_ / longer,
        .kind_share = likeness->kind / longer,
        .reference = best,
    };
    return 0;
}

static int put(struct job *job, uint32_t i)
{
    struct mt_track *track = job->track;
    const struct mt_likeness *likeness = &job->likeness[i];
    uint32_t length = track->reference[job->best[i]].length;
    struct mt_stretch stretch = {job->border[i], end_of(job, i)};
    bool counted = track->iterations < ITERATIONS_MAX;
    RETURN_IF_ERROR(append(track, job->window, stretch, likeness, job->best[i]));
    if (!counted || (likeness->exact == length && likeness->length == length))
        return 0;
    return note_changes(job, i, stretch);
}

int mt_track_repeat(struct mt_track *track, const struct mt_window *window, const uint32_t *border,
                    uint32_t borders)
{
    uint32_t length = track->reference[track->last].length;
    struct mt_likeness same = {.exact = length, .class_ = length, .kind = length, .length = length};
    for (uint32_t i = 0; i + 1 < borders; i++)
        RETURN_IF_ERROR(append(track, window, (struct mt_stretch){border[i], border[i + 1]}, &same,
                               track->last));
    return 0;
}

/* How much of its reference is in a segment. */
static double found_share(const struct job *job, uint32_t i)
{
    double length = job->track->reference[job->best[i]].length;
    return length > 0 ? job->likeness[i].kind / length : 0;
}

/* Share of what a segment and its reference have in common whatever the order, of the longer one.
 * A negative result is an error. */
static double shuffled_share(const struct job *job, uint32_t i)
{
    const struct mt_symtab *table = &job->window->table;
    const struct mt_reference *reference = &job->track->reference[job->best[i]];
    uint32_t begin = job->border[i], end = end_of(job, i), length = end - begin, common = 0;
    uint32_t *count = calloc(table->bares + 1, sizeof *count);
    if (!count)
        return MT_ERR_MEMORY;
    for (uint32_t k = 0; k < reference->length; k++)
        count[table->sym[reference->sym[k]].bare]++;
    for (uint32_t p = begin; p < end; p++) {
        uint32_t *left = &count[mt_window_sym(job->window, p)->bare];
        common += *left > 0;
        *left -= *left > 0;
    }
    free(count);
    return (double)common / (length > reference->length ? length : reference->length);
}

/* What the iterations before one have of their references, less than which hardly any has: a tenth
 * less than the mean, or twice the standard deviation where they differ. Neither fragments nor
 * warm-up tell how much they do. */
static double usual_share(const struct job *job, uint32_t before)
{
    double sum = 0, squares = 0, n = 0;
    for (uint32_t k = before < LATE_MIN ? 0 : before / 2; k < before; k++) {
        double share = found_share(job, k);
        if (share < FOUND)
            continue;
        sum += share;
        squares += share * share;
        n++;
    }
    if (n == 0)
        return FOUND;
    double mean = sum / n, variance = fmax(squares / n - mean * mean, 0);
    return mean - fmax(0.1 * mean, 2 * sqrt(variance));
}

/* A segment is an iteration if much of its reference is there, in another order if the data want
 * that; the last one, which may be cut, if nearly as much is as in the others. A negative result is
 * an error. */
static int is_iteration(const struct job *job, uint32_t i, bool open)
{
    if (open && i > 0 && i + 1 == job->segments)
        return found_share(job, i) >= usual_share(job, i);
    double share = found_share(job, i) >= FOUND ? 1 : shuffled_share(job, i);
    return share < 0 ? (int)share : share >= SHUFFLED;
}

static int add_all(struct job *job, bool open)
{
    memset(job->best, UINT8_MAX, job->segments);
    RETURN_IF_ERROR(compare_all(job));
    for (uint32_t i = 0; i < job->segments; i++) {
        if (is_broken(job, i)) /* neither an iteration nor a sign that there are none */
            continue;
        int iteration = is_iteration(job, i, open);
        RETURN_IF_ERROR(iteration);
        if (iteration)
            RETURN_IF_ERROR(put(job, i));
        else
            job->track->fragments++;
    }
    return 0;
}

int mt_track_add(struct mt_track *track, const struct mt_window *window, const uint32_t *border,
                 uint32_t borders, bool open)
{
    struct job job = {.track = track,
                      .window = window,
                      .segments = borders,
                      .likeness = calloc(borders + 1, sizeof *job.likeness),
                      .share = calloc(borders + 1, sizeof *job.share),
                      .best = malloc(borders + 1),
                      .memo = malloc((borders + 1) * sizeof *job.memo),
                      .hash = malloc((borders + 1) * sizeof *job.hash)};
    uint32_t *all = malloc((borders + 1) * sizeof *all);
    int code = mt_slices_init(&job.slices, window);
    if (!all || !job.likeness || !job.share || !job.best || !job.memo || !job.hash)
        code = MT_ERR_MEMORY;
    if (code == 0) {
        memcpy(all, border, borders * sizeof *all);
        all[borders] = window->n;
        job.border = all;
        code = borders ? add_all(&job, open) : 0;
    }
    free(all);
    mt_slices_release(&job.slices);
    free(job.likeness);
    free(job.share);
    free(job.best);
    free(job.memo);
    free(job.hash);
    return code;
}

/* ---- steady ---- */

/* What most iterations of the second half reach: their tenth percentile, less as much as that lies
 * below their median, or a hundredth. */
static double usual_least(double *value, size_t n)
{
    mt_sort_double(value, n);
    double tenth = value[n / 10], spread = value[n / 2] - tenth;
    return tenth - (spread > 0.01 ? spread : 0.01);
}

int mt_track_judge(struct mt_track *track)
{
    size_t n = track->iterations, half = n / 2;
    double *exact = malloc((n + 1) * sizeof *exact), *kind = malloc((n + 1) * sizeof *kind);
    if (!exact || !kind || n == 0) {
        free(exact);
        free(kind);
        return n ? MT_ERR_MEMORY : 0;
    }
    for (size_t i = half; i < n; i++) {
        exact[i - half] = track->iteration[i].exact_share;
        kind[i - half] = track->iteration[i].kind_share;
    }
    double least_exact = usual_least(exact, n - half), least_kind = usual_least(kind, n - half);
    size_t run = 0;
    for (size_t i = 0; i < n; i++) {
        struct mt_iteration *iteration = &track->iteration[i];
        iteration->steady =
            iteration->exact_share >= least_exact && iteration->kind_share >= least_kind;
    }
    size_t i = 0;
    for (; i < n && run < 3; i++) /* warm-up ends where three are steady in a row */
        run = track->iteration[i].steady ? run + 1 : 0;
    for (size_t k = 0; run == 3 && k + 3 < i; k++)
        track->iteration[k].steady = false;
    free(exact);
    free(kind);
    return 0;
}

void mt_track_release(struct mt_track *track)
{
    for (uint32_t i = 0; i < track->references; i++)
        mt_reference_release(&track->reference[i]);
    free(track->iteration);
    free(track->gap);
    mt_changes_release(&track->changes);
    mt_memos_release(&track->memos);
    memset(track, 0, sizeof *track);
}
