#include "truth.h"

#include <math.h>
#include <stdlib.h>

static void *need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static uint32_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = (a * 0x9e3779b97f4a7c15u) ^ (b + 0xbf58476d1ce4e5b9u);
    z = (z ^ z >> 30) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static void grow(struct truth *truth)
{
    truth->room = truth->room ? 2 * truth->room : 1 << 16;
    truth->place = need(realloc(truth->place, truth->room * sizeof *truth->place));
    if (truth->room <= TRUTH_SYMBOLS)
        truth->symbol = need(realloc(truth->symbol, truth->room * sizeof *truth->symbol));
}

void truth_add(struct truth *truth, const struct mt_symbol *symbol, uint32_t iteration,
               uint32_t place)
{
    if (truth->events == truth->room)
        grow(truth);
    uint32_t kind =
        mix((uint64_t)symbol->thread << 48 | (uint64_t)symbol->kind << 32 | symbol->what, 1);
    if (truth->events < TRUTH_SYMBOLS)
        truth->symbol[truth->events] =
            (struct truth_symbol){.kind = kind, .exact = mix(kind, symbol->size)};
    truth->place[truth->events++] = (struct truth_place){iteration, place};
}

/* ---- stability ---- */

static int compare_u64(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

/* What stands where in an iteration, sorted. */
static uint64_t *keys(const struct truth *truth, const struct mt_iteration *iteration, bool exact)
{
    uint64_t *key = need(malloc((iteration->events + 1) * sizeof *key));
    for (uint64_t i = 0; i < iteration->events; i++) {
        const struct truth_symbol *symbol = &truth->symbol[iteration->first_event + i];
        key[i] = (uint64_t)truth->place[iteration->first_event + i].place << 32 |
                 (exact ? symbol->exact : symbol->kind);
    }
    qsort(key, iteration->events, sizeof *key, compare_u64);
    return key;
}

static double share(const uint64_t *one, uint64_t ones, const uint64_t *other, uint64_t others)
{
    uint64_t same = 0;
    for (uint64_t i = 0, k = 0; i < ones && k < others;) {
        same += one[i] == other[k];
        uint64_t value = one[i] < other[k] ? one[i] : other[k];
        i += one[i] == value;
        k += other[k] == value;
    }
    return (double)same / (double)(ones > others ? ones : others);
}

/* The iteration that the others of that reference are compared with: it is all like itself. */
static const struct mt_iteration *reference_of(const struct mt_rhythm *rhythm, uint32_t number)
{
    const struct mt_iteration *best = NULL;
    for (size_t i = 0; i < rhythm->iterations; i++) {
        const struct mt_iteration *iteration = &rhythm->iteration[i];
        if (iteration->reference == number && (!best || iteration->exact_share > best->exact_share))
            best = iteration;
    }
    return best;
}

double truth_share(const struct truth *truth, const struct mt_rhythm *rhythm, bool exact)
{
    double sum = 0;
    const struct mt_iteration *like = NULL;
    uint64_t *reference = NULL;
    if (truth->events > TRUTH_SYMBOLS)
        return NAN;
    for (size_t i = 0; i < rhythm->iterations; i++) {
        const struct mt_iteration *iteration = &rhythm->iteration[i];
        if (!like || iteration->reference != like->reference) {
            like = reference_of(rhythm, iteration->reference);
            free(reference);
            reference = keys(truth, like, exact);
        }
        uint64_t *own = keys(truth, iteration, exact);
        sum += share(own, iteration->events, reference, like->events);
        free(own);
    }
    free(reference);
    return rhythm->iterations ? sum / (double)rhythm->iterations : 0;
}

/* ---- period ---- */

/* The length that is asked for counts first. */
static uint32_t most_alike(uint64_t *length, uint32_t n, uint64_t asked, uint32_t *asked_times)
{
    uint32_t most = 0, run = 0;
    qsort(length, n, sizeof *length, compare_u64);
    for (uint32_t i = 0; i < n; i++) {
        run = i && length[i] == length[i - 1] ? run + 1 : 1;
        most = run > most ? run : most;
        if (length[i] == asked)
            *asked_times = run;
    }
    return most;
}

bool truth_has_period(const struct truth *truth, const struct mt_rhythm *rhythm,
                      uint32_t iterations)
{
    uint64_t period = 0, *length = need(calloc(iterations + 1, sizeof *length));
    uint32_t times = 0;
    for (size_t i = 0; i < rhythm->levels; i++)
        if (rhythm->level[i].is_iteration)
            period = rhythm->level[i].period_events;
    for (uint64_t i = 0; i < truth->events; i++)
        if (truth->place[i].iteration < iterations)
            length[truth->place[i].iteration]++;
    bool has = period && most_alike(length, iterations, period, &times) == times;
    free(length);
    return has;
}

void truth_release(struct truth *truth)
{
    free(truth->place);
    free(truth->symbol);
}
