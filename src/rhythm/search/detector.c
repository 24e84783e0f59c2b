/* Symbols are gathered in a window. When it is full, or the trace at its end, it is searched:
 * pulse.c says which grams beat together, choose.c which pulse is the iteration, cut.c where one
 * begins; track.c compares the iterations with each other. What follows the last border stays in
 * the window, and more is read. Where an iteration was found the next windows are only cut at the
 * same anchor; they are searched anew where that is not seen any more, as after a recompilation.
 * While iterations are all the same follow.c knows what comes of a window before it is full.
 *
 * A window in which nothing is found grows, up to a bound; then its older half is let go.
 *
 * Threads of a pool share work by chance, so what repeats is the order of time, not that of any
 * thread. So where nothing is found, the window is searched once more as if all were one thread; it
 * has to be plain then. tails.c looks at the end of a trace in which nothing was found. */
#include "rhythm/search/detection.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/levels/telling.h"

#define WINDOW_MAX (1u << 23)
#define LONG 4u            /* usual iterations without a border: another loop may run there */
#define FIRST_ONES 64u     /* iterations that tell how much lengths differ */
#define REGIMES_MAX 8u     /* loops that follow each other in one window */
#define ITERATIONS_MIN 3u  /* fewer are no rhythm */
#define GOES_ON 0.5        /* of what follows, that iterations about as long cover */
#define PLAIN_COVERAGE 0.5 /* of a window that is merged */

struct mt_detector *mt_detector_new(void)
{
    struct mt_detector *detector = calloc(1, sizeof *detector);
    if (detector)
        detector->limit = MT_WINDOW_FIRST;
    return detector;
}

void mt_detector_free(struct mt_detector *detector)
{
    if (!detector)
        return;
    mt_window_release(&detector->window);
    mt_track_release(&detector->track);
    mt_follow_release(&detector->follow);
    free(detector);
}

void mt_rhythm_release(struct mt_rhythm *rhythm)
{
    free(rhythm->level);
    free(rhythm->iteration);
    free(rhythm->instability);
    memset(rhythm, 0, sizeof *rhythm);
}

/* The shortest of some segments, or four fifths of the usual one: what is still one. */
static uint32_t least_length(const uint32_t *border, uint32_t borders, uint32_t usual)
{
    uint32_t least = (uint32_t)(4ull * usual / 5);
    for (uint32_t i = 0; i + 1 < borders && i < FIRST_ONES; i++)
        least = border[i + 1] - border[i] < least ? border[i + 1] - border[i] : least;
    return least;
}

/* The first iteration may lack what the others are cut by. */
static int add_first(const struct mt_detector *detector, uint32_t **border, uint32_t *borders)
{
    uint32_t first, *more = realloc(*border, (*borders + 1) * sizeof *more);
    int code = more ? 0 : MT_ERR_MEMORY;
    if (code == 0) {
        *border = more;
        code = mt_cut_first(&detector->window, &detector->cut, more[0], detector->usual,
                            least_length(more, *borders, detector->usual), &first);
    }
    if (code < 0) {
        free(*border);
        return code;
    }
    if (first < more[0]) {
        memmove(more + 1, more, *borders * sizeof *more);
        more[0] = first;
        (*borders)++;
    }
    return 0;
}

/* What was found before has another loop beside it only if that is about as long: the job goes on
 * with other kernels. A test at the end, say, is no training. */
static bool is_alike(uint32_t usual, uint32_t other)
{
    return usual == 0 || (10ull * other >= 6ull * usual && 6ull * other <= 10ull * usual);
}

/* Marks kernels in `seen`, by bare symbol; what is marked then. */
static uint8_t mark_kernel(const struct mt_window *window, uint32_t id, uint8_t bit, uint8_t *seen)
{
    const struct mt_sym *sym = &window->table.sym[id];
    if (sym->kind != MT_launch && sym->kind != MT_access)
        return 0;
    return seen[sym->bare] |= bit;
}

/* Little but kernels of the iterations that were found, or launches of these in what is shorter,
 * and not all of these: evaluations at the end. A negative result is an error. */
static int is_lesser(const struct mt_detector *detector, const struct mt_pulse *pulse)
{
    const struct mt_window *window = &detector->window;
    const struct mt_reference *reference = &detector->track.reference[0];
    uint32_t middle = pulse->count / 2 - 1, ours = 0, theirs = 0, both = 0;
    uint32_t launches = 0, known = 0;
    if (!detector->track.references)
        return false;
    uint8_t *seen = calloc(window->table.bares, 1);
    if (!seen)
        return MT_ERR_MEMORY;
    for (uint32_t i = 0; i < reference->length; i++)
        mark_kernel(window, reference->sym[i], 1, seen);
    for (uint32_t i = pulse->at[middle]; i < pulse->at[middle + 1]; i++) {
        uint8_t marks = mark_kernel(window, window->sym[i], 2, seen);
        launches += marks != 0;
        known += marks == 3;
    }
    for (uint32_t bare = 0; bare < window->table.bares; bare++) {
        ours += seen[bare] & 1;
        theirs += (seen[bare] & 2) != 0;
        both += seen[bare] == 3;
    }
    free(seen);
    bool shorter = 10ull * pulse->length <= 8ull * detector->usual;
    bool part = 10 * both >= 6 * theirs || (shorter && 10 * known >= 6 * launches);
    return part && 10 * both <= 8 * ours;
}

/* Whether a loop is one that goes on with the job. */
static int is_wanted(const struct mt_detector *detector, const struct mt_pulse *pulse)
{
    if (!is_alike(detector->usual, pulse->length))
        return false;
    int lesser = is_lesser(detector, pulse);
    return lesser < 0 ? lesser : !lesser;
}

/* The pulse to take: the one chosen, or, behind a loop that was found, where micro-batches were
 * chosen, say, the one that covers most of those that are about as long. -1: none, or an error. */
static int wanted_pulse(const struct mt_detector *detector, const struct mt_pulses *pulses,
                        int chosen)
{
    if (detector->usual && !is_alike(detector->usual, pulses->pulse[chosen].length)) {
        double most = GOES_ON;
        chosen = -1;
        for (uint32_t i = 0; i < pulses->pulses; i++) {
            const struct mt_pulse *pulse = &pulses->pulse[i];
            if (pulse->coverage <= most || !is_alike(detector->usual, pulse->length))
                continue;
            most = pulse->coverage;
            chosen = (int)i;
        }
    }
    int wanted = chosen >= 0 ? is_wanted(detector, &pulses->pulse[chosen]) : 0;
    return wanted > 0 ? chosen : wanted < 0 ? wanted : -1;
}

/* `least`: of the window, that the iterations' usual segments cover. */
static int search_for(struct mt_detector *detector, double least, bool *found)
{
    struct mt_pulses pulses;
    struct mt_nesting nesting;
    *found = false;
    RETURN_IF_ERROR(mt_window_hash(&detector->window));
    int code = mt_pulses_find(&detector->window, &pulses);
    int chosen = code == 0 ? mt_choose_iteration(&detector->window, &pulses) : code;
    if (chosen < 0 && chosen != -1)
        code = chosen;
    int wanted = code == 0 && chosen >= 0 && pulses.pulse[chosen].coverage >= least
                     ? wanted_pulse(detector, &pulses, chosen)
                     : -1;
    code = wanted < -1 ? wanted : code;
    if (wanted >= 0) {
        chosen = wanted;
        struct mt_cut before = detector->cut;
        code = mt_choose_cut(&detector->window, &pulses.pulse[chosen], &before, &detector->cut);
        detector->usual = pulses.pulse[chosen].length;
        *found = true;
    }
    if (code == 0 && detector->nesting.levels == 0)
        code = mt_nesting_fill(&nesting, &detector->window, &pulses, chosen);
    if (code == 0 && detector->nesting.levels == 0)
        detector->nesting = nesting;
    mt_pulses_release(&pulses);
    return code;
}

/* The same as if all were one thread; if it finds iterations, that is so from here on. */
static int search_merged(struct mt_detector *detector)
{
    struct mt_detector *merged = mt_detector_new();
    int code = merged ? 0 : MT_ERR_MEMORY;
    if (code == 0)
        code = mt_window_take(&merged->window, &detector->window, 0, true);
    if (code == 0)
        code = mt_window_sort(&merged->window);
    if (code == 0)
        code = search_for(merged, PLAIN_COVERAGE, &merged->found);
    if (code == 0 && merged->found) {
        struct mt_window apart = detector->window;
        detector->window = merged->window;
        merged->window = apart;
        detector->cut = merged->cut;
        detector->usual = merged->usual;
        detector->nesting = merged->nesting;
        detector->found = detector->merged = true;
    }
    mt_detector_free(merged);
    return code;
}

static int search(struct mt_detector *detector, bool *found)
{
    bool first = detector->track.references == 0;
    detector->follow.planned = false;
    RETURN_IF_ERROR(search_for(detector, 0, found));
    if (*found || !first || detector->window.threads < 2 || detector->window.n > MT_WINDOW_FIRST)
        return 0;
    return search_merged(detector);
}

/* Positions before `end` as if the trace ended there: what is found comes first. */
static int look_at_head(struct mt_detector *detector, uint32_t end)
{
    struct mt_cut cut = detector->cut;
    uint32_t n = detector->window.n, usual = detector->usual, *border = NULL, borders = 0;
    bool found = false;
    detector->window.n = end;
    int code = mt_window_sort(&detector->window);
    if (code == 0)
        code = search_for(detector, 0, &found);
    if (code == 0 && found)
        code = mt_cut_find(&detector->window, &detector->cut, &border, &borders);
    if (code == 0 && found)
        code = mt_track_add(&detector->track, &detector->window, border, borders, true);
    free(border);
    detector->cut = cut;
    detector->usual = usual;
    detector->window.n = n;
    return code < 0 ? code : mt_window_sort(&detector->window);
}

/* Borders of a window that was just searched, the first ones if nothing was found before it. */
static int find_borders(struct mt_detector *detector, uint32_t **border, uint32_t *borders)
{
    bool first = detector->track.references == 0;
    RETURN_IF_ERROR(mt_cut_find(&detector->window, &detector->cut, border, borders));
    if (first && *borders)
        RETURN_IF_ERROR(add_first(detector, border, borders));
    if (!first || !*borders || (*border)[0] <= LONG * (uint64_t)detector->usual)
        return 0;
    int code = look_at_head(detector, (*border)[0]);
    if (code < 0)
        free(*border);
    return code;
}

/* Iterations up to the last border, which stays in the window; at the end of the trace all.
 * *more: another loop may begin behind them. */
static int cut_window(struct mt_detector *detector, bool end, bool *more)
{
    struct mt_window *window = &detector->window;
    uint32_t *border, borders, n = window->n;
    RETURN_IF_ERROR(find_borders(detector, &border, &borders));
    uint32_t last = borders ? border[borders - 1] : 0;
    bool open = end && n - last > LONG * (uint64_t)detector->usual;
    int code = 0;
    *more = open && borders;
    if (borders && end) {
        window->n = open ? last + 2 * detector->usual : n;
        window->behind = n - window->n;
        code = mt_track_add(&detector->track, window, border, borders, true);
    } else if (code == 0 && borders > 1) {
        window->n = last; /* where the last but one ends */
        window->behind = n - last;
        code = mt_track_add(&detector->track, window, border, borders - 1, false);
    }
    window->n = n;
    window->behind = 0;
    if (code == 0)
        code = mt_nesting_count(&detector->nesting, window, &detector->track, end ? n : last);
    if (code == 0 && *more)
        mt_window_drop(window, last + 1);
    else if (code == 0 && !end && borders > 1)
        mt_window_drop(window, last);
    free(border);
    return code;
}

static int look_at_window(struct mt_detector *detector, bool end)
{
    struct mt_window *window = &detector->window;
    bool more = true;
    for (uint32_t regime = 0; more && regime < REGIMES_MAX && window->n; regime++) {
        more = false;
        RETURN_IF_ERROR(mt_window_sort(window));
        if (!detector->found)
            RETURN_IF_ERROR(search(detector, &detector->found));
        if (detector->found)
            RETURN_IF_ERROR(cut_window(detector, end, &more));
        if (more)
            detector->found = false;
    }
    return 0;
}

/* A full window in which no iteration ended makes room. */
static int make_room(struct mt_detector *detector)
{
    if (detector->window.n < detector->limit)
        return 0;
    if (detector->found) { /* its anchor is not seen any more */
        detector->found = false;
        RETURN_IF_ERROR(look_at_window(detector, false));
        detector->found &= detector->window.n < detector->limit; /* else it would be so for ever */
        return 0;
    }
    if (detector->limit < WINDOW_MAX)
        detector->limit *= 2;
    else
        mt_window_drop(&detector->window, detector->window.n / 2);
    return 0;
}

/* Iterations that repeat the reference are known from here on, if the window begins at one. */
static int begin_following(struct mt_detector *detector, bool at_border)
{
    detector->follow.merged = detector->merged;
    if (!at_border || !detector->found)
        return 0;
    return mt_follow_begin(&detector->follow, &detector->window, &detector->track, &detector->cut,
                           &detector->nesting);
}

static int look_at_full_window(struct mt_detector *detector)
{
    struct mt_follow *follow = &detector->follow;
    struct mt_window *window = &detector->window;
    if (mt_follow_is_whole(follow)) {
        RETURN_IF_ERROR(mt_follow_finish(follow, window, &detector->track, &detector->nesting));
        return begin_following(detector, true);
    }
    follow->on = false;
    RETURN_IF_ERROR(look_at_window(detector, false));
    bool at_border = window->n < detector->limit;
    while (window->n >= detector->limit)
        RETURN_IF_ERROR(make_room(detector));
    return begin_following(detector, at_border);
}

/* As far as the symbols are those of the reference. */
static int follow(struct mt_detector *detector, const struct mt_symbol **symbol, size_t *n)
{
    size_t taken;
    RETURN_IF_ERROR(mt_follow_add(&detector->follow, &detector->window, *symbol, *n, &taken));
    *symbol += taken;
    *n -= taken;
    detector->follow.on &= *n == 0;
    return 0;
}

static int add(struct mt_detector *detector, const struct mt_symbol *symbol, size_t n)
{
    if (detector->follow.on)
        RETURN_IF_ERROR(follow(detector, &symbol, &n));
    if (!detector->merged)
        return mt_window_add(&detector->window, symbol, n);
    for (size_t i = 0; i < n; i++) {
        struct mt_symbol one = symbol[i];
        one.thread = 0;
        RETURN_IF_ERROR(mt_window_add(&detector->window, &one, 1));
    }
    return 0;
}

int mt_detector_feed(struct mt_detector *detector, const struct mt_symbol *symbol, size_t n)
{
    detector->symbols += n;
    while (n) {
        if (detector->window.n == detector->limit)
            RETURN_IF_ERROR(look_at_full_window(detector));
        size_t room = detector->limit - detector->window.n, more = n < room ? n : room;
        RETURN_IF_ERROR(add(detector, symbol, more));
        symbol += more;
        n -= more;
    }
    return 0;
}

int mt_detector_break(struct mt_detector *detector, uint64_t event)
{
    detector->follow.on = false;
    return mt_track_break(&detector->track, event);
}

/* ---- the end ---- */

static bool computes(const struct mt_sym *sym)
{
    return sym->kind == MT_launch || sym->kind == MT_graph_launch || sym->kind == MT_access ||
           sym->kind == MT_collective || sym->kind == MT_collective_group;
}

/* Times that memory is taken, less those that it is given back. */
static int takes(const struct mt_sym *sym)
{
    bool more = sym->kind == MT_alloc || sym->kind == MT_block_alloc || sym->kind == MT_map;
    bool less = sym->kind == MT_free || sym->kind == MT_block_free || sym->kind == MT_unmap;
    return more - less;
}

/* Nothing is computed, though the job does compute, and memory is kept: weights are loaded, or a
 * library takes its buffers. */
static bool is_setup(const struct mt_detector *detector, const struct mt_reference *reference)
{
    const struct mt_symtab *table = &detector->window.table;
    int64_t kept = 0;
    bool any = false;
    for (uint32_t i = 0; i < reference->length; i++) {
        const struct mt_sym *sym = &table->sym[reference->sym[i]];
        if (computes(sym))
            return false;
        kept += takes(sym);
    }
    for (uint32_t id = 0; kept > 0 && id < table->syms; id++)
        any |= computes(&table->sym[id]);
    return any;
}

/* What was found must be most of what was cut, cover a good part of the trace, and repeat. */
static bool holds(const struct mt_detector *detector, const struct mt_rhythm *rhythm)
{
    const struct mt_track *track = &detector->track;
    uint64_t found = rhythm->iterations + track->beyond;
    double exact = 0, kind = 0, n = (double)rhythm->iterations;
    /* A reference is like itself: there must be more than that. */
    bool repeat = track->references == 1 || found > 2 * track->references;
    if (found < ITERATIONS_MIN || track->fragments > found || !repeat)
        return false;
    if (is_setup(detector, &track->reference[0]))
        return false;
    for (size_t i = 0; i < rhythm->iterations; i++) {
        exact += rhythm->iteration[i].exact_share / n;
        kind += rhythm->iteration[i].kind_share / n;
    }
    double self = track->references < n ? track->references : 0;
    kind = (kind * n - self) / (n - self);
    exact = (exact * n - self) / (n - self);
    bool alike = kind >= 0.45 && (exact >= 0.1 || kind >= 0.9);
    return alike && 10 * track->symbols >= 3 * detector->symbols;
}

int mt_detection_conclude(struct mt_detector *detector, struct mt_rhythm *rhythm)
{
    struct mt_track *track = &detector->track;
    RETURN_IF_ERROR(look_at_window(detector, true));
    RETURN_IF_ERROR(mt_track_judge(track));
    rhythm->iteration = track->iteration;
    rhythm->iterations = track->iterations;
    track->iteration = NULL;
    track->iterations = track->room = 0;
    if (!holds(detector, rhythm))
        rhythm->iterations = 0;
    return 0;
}

int mt_detection_tell(struct mt_detector *detector, struct mt_rhythm *rhythm)
{
    if (rhythm->iterations)
        mt_changes_tell(&detector->track.changes, rhythm);
    return mt_rhythm_tell(&detector->nesting, &detector->track, rhythm);
}

int mt_detector_finish(struct mt_detector *detector, uint64_t end_ns, uint64_t events,
                       struct mt_rhythm *rhythm)
{
    struct mt_rhythm other;
    (void)end_ns;
    (void)events;
    memset(rhythm, 0, sizeof *rhythm);
    RETURN_IF_ERROR(mt_detection_conclude(detector, rhythm));
    RETURN_IF_ERROR(mt_tails_look(detector, rhythm, &other));
    if (!other.iterations)
        return mt_detection_tell(detector, rhythm);
    mt_rhythm_release(rhythm);
    *rhythm = other;
    return 0;
}
