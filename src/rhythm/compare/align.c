/* Alignment in linear time, made for sequences that are nearly the same.
 *
 * Walk along both. Where the bare symbols differ, look a few symbols ahead on both sides for the
 * nearest place from which three go together again. If there is none, go on to the next landmark:
 * a trigram that the reference has only once. Without one, take the two symbols as exchanged and
 * step on. An insertion of any length costs no more than its own length, and what comes after it is
 * found again. */
#include "rhythm/compare/align.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define NEAR 20u    /* symbols looked ahead on either side */
#define TOGETHER 3u /* that must go together from there */
#define MANY UINT32_MAX

/* One thread's part of both. */
struct walk {
    const struct mt_reference *reference;
    const struct mt_window *window;
    const uint32_t *a; /* the reference's symbols */
    uint32_t na, i;
    const uint32_t *b, *order; /* of the iteration: symbols and positions */
    uint32_t nb, j;
    uint32_t thread;
    struct mt_likeness *likeness;
    mt_differs *differs;
    void *context;
};

static uint32_t bare_of(const struct mt_window *window, uint32_t sym)
{
    return window->table.sym[sym].bare;
}

static uint32_t sym_b(const struct walk *walk, uint32_t j)
{
    return walk->b[j];
}

static bool together(const struct walk *walk, uint32_t i, uint32_t j)
{
    for (uint32_t k = 0; k < TOGETHER; k++) {
        bool end = i + k >= walk->na && j + k >= walk->nb;
        if (end)
            return k > 0;
        if (i + k >= walk->na || j + k >= walk->nb ||
            bare_of(walk->window, walk->a[i + k]) != bare_of(walk->window, sym_b(walk, j + k)))
            return false;
    }
    return true;
}

static bool sizes_near(uint64_t a, uint64_t b)
{
    uint64_t more = a > b ? a : b, fewer = a > b ? b : a;
    return fewer && more / 2 <= fewer;
}

static int tell(const struct walk *walk, const uint32_t *a, const uint32_t *b)
{
    const struct mt_sym *sym = walk->window->table.sym;
    if (!walk->differs)
        return 0;
    return walk->differs(walk->context, walk->thread, walk->i, a ? &sym[*a] : NULL,
                         b ? &sym[*b] : NULL);
}

static int match(struct walk *walk)
{
    uint32_t a = walk->a[walk->i], b = sym_b(walk, walk->j), after = walk->order[walk->j] + 1;
    const struct mt_sym *sym = walk->window->table.sym;
    struct mt_likeness *likeness = walk->likeness;
    likeness->kind++;
    likeness->exact += a == b;
    likeness->class_ += a == b || sizes_near(sym[a].size, sym[b].size);
    likeness->last = after > likeness->last ? after : likeness->last;
    int code = a == b ? 0 : tell(walk, &a, &b);
    walk->i++;
    walk->j++;
    return code;
}

static int skip(struct walk *walk, uint32_t da, uint32_t db)
{
    for (; da && db; da--, db--) {
        uint32_t b = sym_b(walk, walk->j);
        RETURN_IF_ERROR(tell(walk, &walk->a[walk->i], &b));
        walk->i++;
        walk->j++;
    }
    for (; da; da--, walk->i++)
        RETURN_IF_ERROR(tell(walk, &walk->a[walk->i], NULL));
    for (; db; db--, walk->j++) {
        uint32_t b = sym_b(walk, walk->j);
        RETURN_IF_ERROR(tell(walk, NULL, &b));
    }
    return 0;
}

static bool find_near(const struct walk *walk, uint32_t *da, uint32_t *db)
{
    for (uint32_t sum = 1; sum < 2 * NEAR; sum++) {
        for (uint32_t a = sum < NEAR ? 0 : sum - NEAR; a <= sum && a <= NEAR; a++) {
            if (walk->i + a > walk->na || walk->j + sum - a > walk->nb ||
                !together(walk, walk->i + a, walk->j + sum - a))
                continue;
            *da = a;
            *db = sum - a;
            return true;
        }
    }
    return false;
}

static uint64_t trigram(const struct mt_window *window, uint32_t one, uint32_t two, uint32_t three)
{
    return mt_sym_mix(mt_sym_mix(bare_of(window, one), bare_of(window, two)),
                      bare_of(window, three));
}

/* The nearest one: a trigram that the reference has once may come by in another place. */
static bool find_landmark(const struct walk *walk, uint32_t *da, uint32_t *db)
{
    const struct mt_reference *reference = walk->reference;
    uint32_t base = (uint32_t)(walk->a - reference->sym), nearest = UINT32_MAX;
    for (uint32_t j = walk->j; j + 2 < walk->nb && j - walk->j < nearest; j++) {
        uint64_t hash =
            trigram(walk->window, sym_b(walk, j), sym_b(walk, j + 1), sym_b(walk, j + 2));
        uint32_t at = reference->landmark[hash & (reference->landmarks - 1)];
        if (at == 0 || at == MANY || at - 1 < base + walk->i || at - 1 + 2 >= base + walk->na ||
            !together(walk, at - 1 - base, j))
            continue;
        uint32_t a = at - 1 - base - walk->i, b = j - walk->j;
        if (a + b >= nearest)
            continue;
        nearest = a + b;
        *da = a;
        *db = b;
    }
    return nearest != UINT32_MAX;
}

/* No landmark ahead: to the end of the shorter side, step by step. */
static int align_thread(struct walk *walk)
{
    bool landmarks = true;
    while (walk->i < walk->na && walk->j < walk->nb) {
        uint32_t da = 1, db = 1;
        if (bare_of(walk->window, walk->a[walk->i]) ==
            bare_of(walk->window, sym_b(walk, walk->j))) {
            RETURN_IF_ERROR(match(walk));
            continue;
        }
        if (!find_near(walk, &da, &db) && landmarks && !find_landmark(walk, &da, &db))
            landmarks = false;
        RETURN_IF_ERROR(skip(walk, da, db));
    }
    return skip(walk, walk->na - walk->i, walk->nb - walk->j);
}

static bool is_equal(const struct walk *walk)
{
    return walk->na == walk->nb && memcmp(walk->a, walk->b, walk->na * sizeof *walk->a) == 0;
}

static int align_or_take(struct walk *walk)
{
    struct mt_likeness *likeness = walk->likeness;
    likeness->length += walk->nb;
    if (!is_equal(walk))
        return align_thread(walk);
    likeness->exact += walk->na;
    likeness->class_ += walk->na;
    likeness->kind += walk->na;
    uint32_t last = walk->nb ? walk->order[walk->nb - 1] + 1 : 0;
    likeness->last = last > likeness->last ? last : likeness->last;
    return 0;
}

int mt_align(const struct mt_reference *reference, const struct mt_window *window,
             const struct mt_slices *slices, struct mt_likeness *likeness, mt_differs *differs,
             void *context)
{
    uint32_t threads = window->threads > reference->threads ? window->threads : reference->threads;
    *likeness = (struct mt_likeness){0};
    for (uint32_t t = 0; t < threads; t++) {
        bool in_a = t < reference->threads, in_b = t < window->threads;
        struct walk walk = {
            .reference = reference,
            .window = window,
            .a = reference->sym + (in_a ? reference->begin[t] : 0),
            .na = in_a ? reference->begin[t + 1] - reference->begin[t] : 0,
            .b = window->ranked + (in_b ? slices->begin[t] : 0),
            .order = window->order + (in_b ? slices->begin[t] : 0),
            .nb = in_b ? slices->end[t] - slices->begin[t] : 0,
            .thread = t,
            .likeness = likeness,
            .differs = differs,
            .context = context,
        };
        RETURN_IF_ERROR(align_or_take(&walk));
    }
    return 0;
}

/* ---- references ---- */

static void set_landmarks(struct mt_reference *reference, const struct mt_window *window)
{
    for (uint32_t i = 0; i + 2 < reference->length; i++) {
        const uint32_t *sym = &reference->sym[i];
        uint64_t hash = trigram(window, sym[0], sym[1], sym[2]);
        uint32_t *landmark = &reference->landmark[hash & (reference->landmarks - 1)];
        *landmark = *landmark ? MANY : i + 1;
    }
}

int mt_reference_init(struct mt_reference *reference, const struct mt_window *window,
                      const struct mt_slices *slices)
{
    uint32_t length = 0, room = 64;
    for (uint32_t t = 0; t < window->threads; t++)
        length += slices->end[t] - slices->begin[t];
    while (room < 4 * length)
        room *= 2;
    *reference = (struct mt_reference){
        .sym = malloc((length + 1) * sizeof(uint32_t)),
        .begin = malloc((window->threads + 1) * sizeof(uint32_t)),
        .landmark = calloc(room, sizeof(uint32_t)),
        .threads = window->threads,
        .length = length,
        .landmarks = room,
        .hash = mt_slices_hash(window, slices),
    };
    if (!reference->sym || !reference->begin || !reference->landmark) {
        mt_reference_release(reference);
        return MT_ERR_MEMORY;
    }
    uint32_t n = 0;
    for (uint32_t t = 0; t < window->threads; t++) {
        reference->begin[t] = n;
        for (uint32_t r = slices->begin[t]; r < slices->end[t]; r++)
            reference->sym[n++] = window->ranked[r];
    }
    reference->begin[window->threads] = n;
    set_landmarks(reference, window);
    return 0;
}

void mt_reference_release(struct mt_reference *reference)
{
    free(reference->sym);
    free(reference->begin);
    free(reference->landmark);
    memset(reference, 0, sizeof *reference);
}
