#include "analysis/swap/swapplan.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

bool mt_swapplan_init(struct mt_swapplan *plan, const struct mt_swaprule *rule, uint64_t start_ns,
                      uint64_t end_ns, bool circular)
{
    uint64_t length = end_ns > start_ns ? end_ns - start_ns : 1;
    *plan = (struct mt_swapplan){
        .rule = *rule, .start_ns = start_ns, .length_ns = length, .circular = circular};
    plan->slices = length < MT_SWAP_SLICES ? (size_t)length : MT_SWAP_SLICES;
    plan->most = calloc(plan->slices, sizeof *plan->most);
    return plan->most != NULL;
}

void mt_swapplan_release(struct mt_swapplan *plan)
{
    free(plan->most);
    free(plan->gap);
    memset(plan, 0, sizeof *plan);
}

/* ---- slices ---- */

/* Where a slice begins, since the start. */
static uint64_t slice_begin(const struct mt_swapplan *plan, size_t slice)
{
    return (uint64_t)((unsigned __int128)plan->length_ns * slice / plan->slices);
}

static size_t slice_of(const struct mt_swapplan *plan, uint64_t since_start)
{
    size_t slice = (size_t)((unsigned __int128)since_start * plan->slices / plan->length_ns);
    while (slice + 1 < plan->slices && slice_begin(plan, slice + 1) <= since_start)
        slice++;
    return slice < plan->slices ? slice : plan->slices - 1;
}

void mt_swapplan_allocated(struct mt_swapplan *plan, uint64_t from_ns, uint64_t to_ns,
                           uint64_t bytes)
{
    uint64_t end = plan->start_ns + plan->length_ns;
    from_ns = from_ns < plan->start_ns ? plan->start_ns : from_ns;
    to_ns = to_ns > end ? end : to_ns;
    if (from_ns >= end || to_ns < from_ns)
        return;
    size_t last =
        slice_of(plan, to_ns > from_ns ? to_ns - 1 - plan->start_ns : from_ns - plan->start_ns);
    for (size_t i = slice_of(plan, from_ns - plan->start_ns); i <= last; i++)
        plan->most[i] = plan->most[i] > bytes ? plan->most[i] : bytes;
}

/* Of the time since the start [from, to), which may go around the end, the slices that lie in it
 * entirely: `first` and how many, around the circle. */
static size_t slices_within(const struct mt_swapplan *plan, uint64_t from, uint64_t to,
                            size_t *first)
{
    size_t begin = slice_of(plan, from % plan->length_ns);
    size_t turns = from >= plan->length_ns ? plan->slices : 0;
    begin += turns + (slice_begin(plan, begin) < from % plan->length_ns);
    bool around = to > plan->length_ns;
    size_t end =
        to == plan->length_ns ? plan->slices : slice_of(plan, around ? to - plan->length_ns : to);
    end += around ? plan->slices : 0;
    *first = begin % plan->slices;
    return end > begin ? end - begin : 0;
}

static size_t fullest(const struct mt_swapplan *plan)
{
    size_t best = 0;
    for (size_t i = 1; i < plan->slices; i++)
        if (plan->most[i] > plan->most[best])
            best = i;
    return best;
}

/* ---- candidates ---- */

static double weight(const struct mt_swap_gap *gap)
{
    return (double)gap->size * (double)(gap->end_ns - gap->start_ns);
}

static int compare(const void *left, const void *right)
{
    const struct mt_swap_gap *a = left, *b = right;
    double heavy = weight(a), light = weight(b);
    if (heavy > light || heavy < light)
        return heavy > light ? -1 : 1;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return a->life < b->life ? -1 : a->life > b->life;
}

/* When twice as many are there as are kept, the better half stays. */
static void thin_out(struct mt_swapplan *plan)
{
    qsort(plan->gap, plan->gaps, sizeof *plan->gap, compare);
    if (plan->gaps <= MT_SWAP_CANDIDATES)
        return;
    plan->over += plan->gaps - MT_SWAP_CANDIDATES;
    plan->gaps = MT_SWAP_CANDIDATES;
}

bool mt_swapplan_gap(struct mt_swapplan *plan, const struct mt_swap_gap *gap)
{
    if (gap->size == 0 || gap->size > mt_swaprule_most(&plan->rule, gap->end_ns - gap->start_ns))
        return true;
    if (plan->gaps == 2 * MT_SWAP_CANDIDATES)
        thin_out(plan);
    if (!MT_ROOM(plan->gap, plan->gaps, plan->room, 256))
        return false;
    plan->gap[plan->gaps++] = *gap;
    return true;
}

/* ---- the link ---- */

/* Times at which the link is busy, since the start, in order; none goes around the end. */
struct link {
    struct busy {
        uint64_t begin, end;
    } * busy;
    size_t n, room;
};

static bool take(struct link *link, uint64_t begin, uint64_t end)
{
    if (!MT_ROOM(link->busy, link->n, link->room, 256))
        return false;
    size_t at = link->n++;
    for (; at && link->busy[at - 1].begin > begin; at--)
        link->busy[at] = link->busy[at - 1];
    link->busy[at] = (struct busy){begin, end};
    return true;
}

static void untake(struct link *link, uint64_t begin)
{
    size_t at = 0;
    while (link->busy[at].begin != begin)
        at++;
    memmove(&link->busy[at], &link->busy[at + 1], (--link->n - at) * sizeof *link->busy);
}

/* The earliest begin of `length` free ns within [from, to) of one turn; UINT64_MAX: there is none.
 */
static uint64_t earliest(const struct link *link, uint64_t from, uint64_t to, uint64_t length)
{
    uint64_t at = from;
    for (size_t i = 0; i < link->n; i++) {
        if (link->busy[i].end <= at)
            continue;
        if (link->busy[i].begin >= at + length)
            break;
        at = link->busy[i].end;
    }
    return at + length <= to ? at : UINT64_MAX;
}

static uint64_t latest(const struct link *link, uint64_t from, uint64_t to, uint64_t length)
{
    uint64_t end = to;
    for (size_t i = link->n; i-- > 0;) {
        if (link->busy[i].begin >= end)
            continue;
        if (link->busy[i].end + length <= end)
            break;
        end = link->busy[i].begin;
    }
    return end >= from + length && end >= length ? end - length : UINT64_MAX;
}

/* The same for a time that may go around the end of the circle; the result is not wrapped. */
static uint64_t place(const struct mt_swapplan *plan, const struct link *link, uint64_t from,
                      uint64_t to, uint64_t length, bool early)
{
    uint64_t turn = plan->length_ns, low = UINT64_MAX, high = UINT64_MAX;
    uint64_t (*find)(const struct link *, uint64_t, uint64_t, uint64_t) = early ? earliest : latest;
    if (from < turn)
        low = find(link, from, to < turn ? to : turn, length);
    if (to > turn)
        high = find(link, from > turn ? from - turn : 0, to - turn, length);
    high = high == UINT64_MAX ? high : high + turn;
    if (low == UINT64_MAX || high == UINT64_MAX)
        return low == UINT64_MAX ? high : low;
    return early ? low : high;
}

/* ---- the plan ---- */

/* Never below nothing, should the trace be wrong about a size. */
static void take_off(uint64_t *bytes, uint64_t size)
{
    *bytes -= *bytes < size ? *bytes : size;
}

enum outcome { DONE, NO_ROOM, ELSEWHERE, NO_MEMORY };

/* Put both transfers on the link so that the block is away during slice `peak`. ELSEWHERE: there is
 * room, but then it is there at that time. */
static enum outcome schedule(struct mt_swapplan *plan, struct link *link, struct mt_swap_gap *gap,
                             size_t peak)
{
    uint64_t from = gap->start_ns - plan->start_ns, to = gap->end_ns - plan->start_ns;
    uint64_t out = mt_swaprule_out_ns(&plan->rule, gap->size);
    uint64_t in = mt_swaprule_in_ns(&plan->rule, gap->size), turn = plan->length_ns;
    uint64_t begin = place(plan, link, from, to, out, true);
    if (begin == UINT64_MAX)
        return NO_ROOM;
    if (!take(link, begin % turn, begin % turn + out))
        return NO_MEMORY;
    uint64_t back = place(plan, link, begin + out, to, in, false);
    size_t first, n = back == UINT64_MAX ? 0 : slices_within(plan, begin + out, back, &first);
    if (n == 0 || (peak + plan->slices - first) % plan->slices >= n) {
        untake(link, begin % turn);
        return back == UINT64_MAX ? NO_ROOM : ELSEWHERE;
    }
    if (!take(link, back % turn, back % turn + in))
        return NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        take_off(&plan->most[(first + i) % plan->slices], gap->size);
    gap->planned = true;
    gap->out_ns = plan->start_ns + begin;
    gap->in_ns = plan->start_ns + back;
    plan->planned++;
    plan->planned_bytes += gap->size;
    plan->busy_ns += out + in;
    return DONE;
}

static void find_slices(const struct mt_swapplan *plan, struct mt_swap_gap *gap)
{
    uint64_t out = mt_swaprule_out_ns(&plan->rule, gap->size);
    uint64_t in = mt_swaprule_in_ns(&plan->rule, gap->size);
    uint64_t from = gap->start_ns - plan->start_ns + out, to = gap->end_ns - plan->start_ns;
    size_t first = 0, n = to > from + in ? slices_within(plan, from, to - in, &first) : 0;
    gap->first = (uint32_t)first;
    gap->slices = (uint32_t)n;
}

static bool covers(const struct mt_swapplan *plan, const struct mt_swap_gap *gap, size_t slice)
{
    size_t behind = slice >= gap->first ? slice - gap->first : slice + plan->slices - gap->first;
    return behind < gap->slices;
}

#define NEVER UINT32_MAX

/* The candidate that takes most off a slice, of those that may still. `barred`: for which round, or
 * NEVER again: what is on the link stays there, so what found no room once finds none later. */
static struct mt_swap_gap *largest(struct mt_swapplan *plan, size_t slice, const uint32_t *barred,
                                   uint32_t round)
{
    struct mt_swap_gap *best = NULL;
    for (size_t i = 0; i < plan->gaps; i++) {
        struct mt_swap_gap *gap = &plan->gap[i];
        if (!gap->planned && barred[i] != NEVER && barred[i] != round &&
            (!best || gap->size > best->size) && covers(plan, gap, slice))
            best = gap;
    }
    return best;
}

/* Take something off the fullest slice. NO_ROOM: nothing can be. */
static enum outcome lower(struct mt_swapplan *plan, struct link *link, uint32_t *barred,
                          uint32_t round)
{
    size_t peak = fullest(plan);
    struct mt_swap_gap *gap;
    while ((gap = largest(plan, peak, barred, round)) != NULL) {
        enum outcome outcome = schedule(plan, link, gap, peak);
        if (outcome == DONE || outcome == NO_MEMORY)
            return outcome;
        barred[gap - plan->gap] = outcome == NO_ROOM ? NEVER : round;
    }
    return NO_ROOM;
}

static void find_peak(struct mt_swapplan *plan)
{
    size_t peak = fullest(plan);
    plan->peak_bytes = plan->most[peak];
    plan->peak_ns = plan->start_ns + slice_begin(plan, peak);
    for (size_t i = 0; i < plan->gaps; i++) {
        find_slices(plan, &plan->gap[i]);
        plan->gap[i].covers = covers(plan, &plan->gap[i], peak) ? plan->gap[i].size : 0;
        plan->at_peak_bytes += plan->gap[i].covers;
    }
}

bool mt_swapplan_make(struct mt_swapplan *plan)
{
    struct link link = {0};
    enum outcome outcome = DONE;
    if (plan->gaps)
        thin_out(plan);
    find_peak(plan);
    uint32_t *barred = calloc(plan->gaps + 1, sizeof *barred);
    for (uint32_t round = 1; barred && outcome == DONE; round++)
        outcome = lower(plan, &link, barred, round);
    plan->result_bytes = plan->most[fullest(plan)];
    free(link.busy);
    free(barred);
    return outcome == NO_ROOM;
}
