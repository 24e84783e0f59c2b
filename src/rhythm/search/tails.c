/* A job may be over soon after its kernels were tried out or compiled for long: its iterations are
 * few of its events. So where nothing is found in all, its last half is searched, the last quarter,
 * and so on. What is found there must be plain, too, and work: a process that ends frees one block
 * after the other. Trials themselves may look like iterations, but copy no input; so what follows
 * them is looked at in the same way for such as do. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/search/detection.h"

#define TAIL_MIN 16u /* symbols of a part in which a rhythm is looked for */
#define TAIL_ITERATIONS 8u
#define PLAIN 0.9 /* share of kinds */

/* Something is launched or copied; `input`: to the device. */
static bool is_work(const struct mt_detector *detector, uint32_t k, bool input)
{
    const struct mt_reference *reference = &detector->track.reference[k];
    for (uint32_t i = 0; i < reference->length; i++) {
        const struct mt_sym *sym = &detector->window.table.sym[reference->sym[i]];
        bool work = sym->kind == MT_launch || sym->kind == MT_graph_launch ||
                    sym->kind == MT_access || sym->kind == MT_copy;
        if (input ? sym->input : work)
            return true;
    }
    return false;
}

static bool is_plain(const struct mt_rhythm *rhythm)
{
    double kind = 0;
    for (size_t i = 0; i < rhythm->iterations; i++)
        kind += rhythm->iteration[i].kind_share;
    return rhythm->iterations >= TAIL_ITERATIONS && kind >= PLAIN * (double)rhythm->iterations;
}

/* Whatever the size, the thread. */
static uint64_t what_it_is(const struct mt_detector *detector, uint32_t id)
{
    const struct mt_sym *sym = &detector->window.table.sym[id];
    return mt_sym_mix(sym->kind, sym->what);
}

/* What an iteration holds stands mostly among the last n symbols: it is a loop of its own, and not
 * what chance repeats. A negative result is an error. */
static int is_own(const struct mt_detector *detector, uint32_t n, const struct mt_detector *tail)
{
    const struct mt_window *window = &detector->window;
    const struct mt_reference *reference = &tail->track.reference[0];
    uint32_t(*count)[2] = calloc(reference->length + 1, sizeof *count), kinds = 0, own = 0;
    struct mt_symkeys keys = {0};
    bool able = count;
    for (uint32_t i = 0; i < reference->length && able; i++) {
        uint32_t id = mt_symkeys_add(&keys, what_it_is(tail, reference->sym[i]), kinds);
        kinds += id == kinds;
        able = id != MT_SYM_NONE;
    }
    for (uint32_t i = 0; i < window->n && able; i++) {
        uint32_t id = mt_symkeys_find(&keys, what_it_is(detector, window->sym[i]));
        if (id != MT_SYM_NONE)
            count[id][i >= window->n - n]++;
    }
    for (uint32_t i = 0; i < reference->length && able; i++) {
        uint32_t id = mt_symkeys_find(&keys, what_it_is(tail, reference->sym[i]));
        own += count[id][1] > count[id][0];
    }
    mt_symkeys_release(&keys);
    free(count);
    return able ? 2 * own >= reference->length : MT_ERR_MEMORY;
}

/* The last n symbols as a trace of their own; `input`: iterations have to copy some. */
static int look_at_tail(const struct mt_detector *detector, uint32_t n, bool input,
                        struct mt_rhythm *rhythm)
{
    const struct mt_window *window = &detector->window;
    struct mt_detector *tail = mt_detector_new();
    int code = tail ? mt_window_take(&tail->window, window, window->n - n, false) : MT_ERR_MEMORY;
    for (size_t i = 0; i < detector->track.gaps && code == 0; i++)
        code = mt_track_break(&tail->track, detector->track.gap[i]);
    if (code == 0) {
        tail->symbols = n;
        code = mt_detection_conclude(tail, rhythm);
    }
    bool good = code == 0 && rhythm->iterations && is_plain(rhythm) && is_work(tail, 0, input);
    int own = good ? is_own(detector, n, tail) : 0;
    if (own > 0)
        code = mt_detection_tell(tail, rhythm);
    else
        mt_rhythm_release(rhythm);
    code = own < 0 ? own : code;
    mt_detector_free(tail);
    return code;
}

/* The last `most` symbols, or half, a quarter .. of them. */
static int look_at_tails(const struct mt_detector *detector, uint32_t most, bool input,
                         struct mt_rhythm *rhythm)
{
    memset(rhythm, 0, sizeof *rhythm);
    for (uint32_t n = most; n >= TAIL_MIN && !rhythm->iterations; n /= 2)
        RETURN_IF_ERROR(look_at_tail(detector, n, input, rhythm));
    return 0;
}

/* Iterations up to the last one without input, if nearly all of them are without; else 0. */
static size_t count_trials(const struct mt_detector *detector, const struct mt_rhythm *rhythm)
{
    bool input[MT_REFERENCES_MAX];
    size_t without = 0, trials = 0;
    for (uint32_t k = 0; k < detector->track.references; k++)
        input[k] = is_work(detector, k, true);
    for (size_t i = 0; i < rhythm->iterations; i++) {
        bool copies = input[rhythm->iteration[i].reference];
        without += !copies;
        trials = copies ? trials : i + 1;
    }
    return 4 * without >= 3 * trials ? trials : 0;
}

/* Symbols at hand behind the last trial. */
static uint32_t what_follows(const struct mt_detector *detector, const struct mt_rhythm *rhythm)
{
    const struct mt_window *window = &detector->window;
    size_t trials = count_trials(detector, rhythm);
    uint32_t n = 0;
    while (trials && n < window->n &&
           window->event[window->n - 1 - n] > rhythm->iteration[trials - 1].first_event)
        n++;
    return n;
}

int mt_tails_look(const struct mt_detector *detector, const struct mt_rhythm *rhythm,
                  struct mt_rhythm *better)
{
    bool found = rhythm->iterations;
    uint32_t n = found ? what_follows(detector, rhythm) : detector->window.n / 2;
    return look_at_tails(detector, n < MT_WINDOW_FIRST ? n : MT_WINDOW_FIRST, found, better);
}
