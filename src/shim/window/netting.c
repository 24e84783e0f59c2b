/* While recording is paused the hooks go on telling what becomes of memory, and nothing else. The
 * drain thread reads that from the rings, nets it out (delta.h) and blanks the records: so a pause
 * costs the trace only what is rare. When recording goes on, what has changed is told at once, with
 * the times at which it happened. All of it runs in the drain thread, or in who takes its place at
 * the end, within a round.
 *
 * Where a pause begins and ends in each ring.
 *
 * A pause begins at a moment T, which is past: the rings are written to the trace up to their first
 * record of after T, then `pause` is told. From there on each ring has a cursor, up to which
 * its records were looked at, all rings together in the order of time.
 *
 * It ends at a quantum of time in which nothing happened; one is found soon enough. What was
 * stamped before is netted out and told there; what was stamped later is written as it is. So
 * nothing is of the same time as what is told, and order needs no rule.
 *
 * Calls under way. A call that is under way at such a moment was stamped before and is written
 * after it, and nobody waits for it: the driver may take seconds for a free. Let F be the first
 * time behind the pause.
 *
 * - What was stamped before the pause goes into the trace with that time, whenever it comes: as the
 *   reader goes by times, it is in its place.
 * - What was stamped in the pause and comes after its end is the first of its thread, so the first
 *   records behind each cursor are looked at once more. A use is blanked. A birth counts as of F:
 *   before its call has returned nobody else can have the memory, and the end of what was there
 *   before is told.
 * - For in the midst of a free the driver may hand the memory to another thread, whole or in part,
 *   and a birth there must not be told before the end. So each thread shows which free it is in
 *   (struct mt_freeing), from before the driver's work on: whoever sees the birth then sees the
 *   free under way, or its record. Before anything is told, in turns, the rings are netted out and
 *   the frees under way looked at, until a turn finds no new record. A free under way is told of as
 *   if it had come; its record is blanked when it does. If it fails, that comes behind what was
 *   told, and readers take it back.
 *
 * Some events say something of all memory there is, or end more than they name (needs_all): what
 * happened before them is told before them, in the midst of the pause. Their calls are shown as
 * well, for in the midst of one the driver may hand out what it ends. What was told later than the
 * time of such a call which is still under way would stand behind it, so before anything is told,
 * what happened before each of these is. One that was not seen under way by then had not begun, but
 * for its stamp, and counts as of behind what was told.
 *
 * For other ends there is no such moment: an allocator tells us while it still has the block, so an
 * end that is not written yet belongs to a block that nobody else has; it counts as of F. */
#include <sched.h>
#include <string.h>

#include "shim/process/facts.h"
#include "shim/record/drain.h"
#include "shim/record/nvml.h"
#include "shim/record/ring.h"
#include "shim/window/delta.h"
#include "shim/window/when.h"

#define PAUSES_KEPT 1024u /* of those that are over */
#define GAP_TRIES 100000u /* then two things may have the same time */

/* A ring, as far as it was looked at. */
struct walk {
    uint64_t cursor, latest; /* the latest time so far, ticks: times do not fall */
    uint32_t window;         /* its records of before this window are settled */
    uint64_t told;           /* time of a call that was seen while it was under way */
    bool awaited;            /* its record may still come, or be there unseen */
    bool more;               /* it ends more than it names; else it is a free, which was told of */
    bool owed;               /* what happened before it is still to be told */
    uint64_t as_of;          /* when it counts, then */
};

/* In ticks, from the first that is within to the first behind. */
struct stretch {
    uint64_t from, to;
};

static struct {
    bool paused;
    uint32_t window;      /* number of the stretch of recording that was begun last */
    uint64_t paused_at;   /* ticks */
    uint64_t first_ticks; /* of the window */
    uint64_t own_ns;      /* time of what was told last */
    struct stretch past[PAUSES_KEPT];
    struct walk walk[MT_RINGFILE_RINGS_MAX];
} net;

static void tell(enum mt_kind kind, const uint64_t *fields, uint64_t ns)
{
    net.own_ns = ns > net.own_ns ? ns : net.own_ns;
    mt_drain_own_put(kind, fields, net.own_ns);
}

static uint64_t quantum_start(uint64_t quantum)
{
    return quantum << mt_drain_time_shift();
}

/* ---- going along the rings ---- */

static struct mt_record *record_at(const struct mt_ring *ring, uint64_t position)
{
    return (void *)(ring->data + (position & (mt_rings_capacity() - 1)));
}

/* The next record of a ring, behind what holds none; NULL: there is none yet. */
static struct mt_record *peek(uint32_t i)
{
    const struct mt_ring *ring = mt_rings_get(i);
    struct walk *walk = &net.walk[i];
    uint64_t head = __atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE);
    while (walk->cursor < head) {
        struct mt_record *record = record_at(ring, walk->cursor);
        uint64_t rest = mt_rings_capacity() - (walk->cursor & (mt_rings_capacity() - 1));
        if (rest >= sizeof *record && record->kind != MT_NONE)
            return record;
        walk->cursor = mt_drain_next(record, walk->cursor);
    }
    return NULL;
}

static uint64_t time_of(const struct walk *walk, const struct mt_record *record)
{
    return record->time > walk->latest ? record->time : walk->latest;
}

static void step_over(struct walk *walk, const struct mt_record *record)
{
    walk->latest = time_of(walk, record);
    walk->cursor = mt_drain_next(record, walk->cursor);
}

/* Nobody reads it any more; how long it is still counts. */
static void blank(struct mt_record *record)
{
    record->kind = MT_NONE;
}

/* ---- what becomes of a record in a pause ---- */

/* Nodes of graphs stand behind their graph and are kept like it. */
static bool is_node(const struct mt_record *record)
{
    return record->kind == MT_launch ? record->word[2] & MT_LAUNCH_NODE
                                     : record->word[0] == mt_api_of_nodes;
}

static bool uses_memory(unsigned kind)
{
    const uint64_t uses = 1ull << MT_launch | 1ull << MT_copy | 1ull << MT_copy_rect |
                          1ull << MT_set | 1ull << MT_access | 1ull << MT_collective |
                          1ull << MT_collective_group | 1ull << MT_prefetch | 1ull << MT_hint |
                          1ull << MT_range_push | 1ull << MT_range_pop | 1ull << MT_mark |
                          1ull << MT_range_start | 1ull << MT_range_end | 1ull << MT_usage;
    return kind < MT_KINDS && uses >> kind & 1;
}

/* Events that say something of all memory there is, or end more than they name, or begin and end
 * memory of graphs, which other ends may end as well. */
static bool needs_all(unsigned kind)
{
    return kind == MT_alloc_failed || kind == MT_block_oom || kind == MT_context_end ||
           kind == MT_unreserve || kind == MT_graph_launch;
}

/* The call was seen while it was under way. */
static bool was_seen(const struct walk *walk, const struct mt_record *record)
{
    return record->time == walk->told && record->time != 0;
}

/* Of a free, while it was under way. */
static bool was_told(const struct walk *walk, const struct mt_record *record)
{
    return record->kind == MT_free && !walk->more && was_seen(walk, record);
}

/* Told in a pause each at its time, and found there. */
static bool stays_in_pause(unsigned kind)
{
    return !mt_delta_takes(kind) && !needs_all(kind) && kind != MT_free_failed;
}

/* Of a call that ends more than it names. What others did meanwhile may rest on it. */
static bool has_place(const struct walk *walk, const struct mt_record *record)
{
    return needs_all(record->kind) && walk->more && was_seen(walk, record);
}

static int tell_change(enum mt_kind kind, const uint64_t *fields, uint64_t ticks)
{
    uint64_t happened = mt_drain_ns(ticks);
    uint64_t before = happened < net.own_ns ? net.own_ns - happened : 0;
    int error = mt_drain_own_put(MT_kept, &before, net.own_ns);
    return error < 0 ? error : mt_drain_own_put(kind, fields, net.own_ns);
}

/* What was stamped in a pause that is over: a use is gone, else it counts as of its end. Whatever
 * is told in a pause as it is stays where it is. */
static void move_out_of_past(const struct walk *walk, struct mt_record *record, uint64_t time)
{
    uint64_t to = 0;
    for (uint32_t i = 0; i < PAUSES_KEPT && !to; i++)
        if (time >= net.past[i].from && time < net.past[i].to)
            to = net.past[i].to;
    if (to && uses_memory(record->kind) && !is_node(record))
        blank(record);
    else if (to && has_place(walk, record))
        record->time = walk->as_of;
    else if (to && !stays_in_pause(record->kind))
        record->time = to;
}

/* A record of before a pause, or of one that is over. */
static void put_in_place(const struct walk *walk, struct mt_record *record, uint64_t time)
{
    if (was_told(walk, record)) {
        blank(record);
        return;
    }
    move_out_of_past(walk, record, time);
    /* Times do not fall in a chunk; but what came before may be in the last one. */
    if (record->time < time)
        record->time = time;
}

static void net_in(const struct mt_record *record)
{
    if (!mt_delta_put(record))
        atomic_fetch_add(&mt_events_dropped, 1);
}

static void tell_changes(uint64_t until);

/* In ticks, not before `time`: behind what was told. */
static uint64_t behind_told(uint64_t time)
{
    uint64_t quantum = net.own_ns >> mt_drain_time_shift();
    return mt_drain_quantum(time) > quantum ? time : mt_drain_ticks_of(quantum + 1);
}

static void tell_before(const struct walk *walk, struct mt_record *record, uint64_t time)
{
    bool placed = has_place(walk, record);
    tell_changes(time);
    record->time = placed ? walk->as_of : behind_told(time);
}

static void net_out(const struct walk *walk, struct mt_record *record, uint64_t time)
{
    if (time < net.paused_at) {
        put_in_place(walk, record, time);
    } else if (mt_delta_takes(record->kind) && !is_node(record)) {
        if (!was_told(walk, record))
            net_in(record);
        blank(record);
    } else if (uses_memory(record->kind) && !is_node(record)) {
        blank(record);
    } else if (record->kind == MT_free_failed && !walk->more && was_seen(walk, record)) {
        tell_change(MT_free_failed, record->word, record->time);
        mt_drain_own_end();
    } else if (needs_all(record->kind)) {
        tell_before(walk, record, time);
    }
}

/* The ring that goes on with the earliest record, if that is of before `until`; *others: the
 * earliest record of another. */
static uint32_t earliest(uint64_t until, uint64_t *others)
{
    uint64_t least = until;
    uint32_t found = UINT32_MAX;
    *others = until;
    for (uint32_t i = 0; mt_rings_get(i); i++) {
        const struct mt_record *record = peek(i);
        uint64_t time = record ? time_of(&net.walk[i], record) : UINT64_MAX;
        if (time < least) {
            *others = least;
            least = time;
            found = i;
        } else if (time < *others) {
            *others = time;
        }
    }
    return found;
}

/* What happened before `until`, ticks, as far as it is written. Whether anything was. */
static bool net_until(uint64_t until)
{
    uint64_t others;
    bool any = false;
    for (uint32_t i; (i = earliest(until, &others)) != UINT32_MAX; any = true) {
        struct mt_record *record;
        struct walk *walk = &net.walk[i];
        while ((record = peek(i)) && time_of(walk, record) <= others &&
               time_of(walk, record) < until) {
            uint64_t time = time_of(walk, record);
            step_over(walk, record);
            net_out(walk, record, time);
        }
    }
    return any;
}

/* The free as its record will be. */
static void net_in_free(const struct mt_freeing *freeing)
{
    struct {
        struct mt_record record;
        struct mt_ev_free event;
    } room = {
        .record = {.time = freeing->since, .kind = MT_free, .words = sizeof room.event / 8},
        .event = {.api = freeing->api, .address = freeing->address, .stream = freeing->stream}};
    net_in(&room.record);
}

static void see(struct walk *walk, const struct mt_freeing *freeing)
{
    walk->told = freeing->since;
    walk->awaited = true;
    walk->more = walk->owed = freeing->api & MT_FREEING_MORE;
    walk->as_of = behind_told(freeing->since);
    if (!walk->more)
        net_in_free(freeing);
}

/* True: the rings are to be looked at first. A thread that is in another call than the one seen
 * last has written that one's record, which is known by the time alone. */
static bool net_frees_before(uint64_t until)
{
    struct mt_freeing freeing;
    bool again = false;
    for (uint32_t i = 0; mt_rings_get(i); i++) {
        struct walk *walk = &net.walk[i];
        if (!mt_ring_freeing(i, &freeing) || !freeing.address || freeing.since == walk->told ||
            freeing.since < net.paused_at || freeing.since >= until)
            continue;
        if (walk->awaited) {
            walk->awaited = false;
            again = true;
            continue;
        }
        see(walk, &freeing);
    }
    return again;
}

/* All that was before `until`: whatever is still to come can count as of later. */
static void net_all_before(uint64_t until)
{
    bool again;
    net_until(until);
    do
        again = net_frees_before(until);
    while (net_until(until) || again);
}

/* What happened before `until`. Where it cannot be written it is told later. */
static void tell_until(uint64_t until)
{
    uint64_t quantum = until == UINT64_MAX ? 0 : mt_drain_quantum(until);
    uint64_t ns = until == UINT64_MAX ? mt_drain_ns(mt_clock_ticks())
                                      : quantum_start(quantum ? quantum - 1 : 0);
    net.own_ns = ns > net.own_ns ? ns : net.own_ns;
    if (mt_delta_each(tell_change, until) == 0 && mt_drain_own_end() == 0)
        mt_delta_told(until);
    mt_drain_own_drop();
}

static struct walk *first_owed(uint64_t until)
{
    struct walk *first = NULL;
    for (uint32_t i = 0; mt_rings_get(i); i++) {
        struct walk *walk = &net.walk[i];
        if (walk->owed && walk->as_of < until && (!first || walk->as_of < first->as_of))
            first = walk;
    }
    return first;
}

/* Before the calls under way that end more than they name. */
static void tell_what_is_owed(uint64_t until)
{
    for (struct walk *walk; (walk = first_owed(until));) {
        walk->owed = false;
        tell_until(walk->as_of);
    }
}

/* In the midst of a pause, before a record of the time `until`. */
static void tell_changes(uint64_t until)
{
    net_all_before(until);
    tell_what_is_owed(until);
    tell_until(until);
}

static bool is_anything_before(uint64_t ticks)
{
    uint64_t others;
    return earliest(ticks, &others) != UINT32_MAX;
}

/* A quantum that is past and in which nothing happened; all before it is netted out. */
static uint64_t find_gap(void)
{
    uint64_t quantum = (net.own_ns >> mt_drain_time_shift()) + 2;
    for (uint32_t tries = 0;; tries++) {
        uint64_t now = mt_drain_quantum(mt_clock_ticks());
        if (now <= quantum + 1) {
            sched_yield();
            continue;
        }
        quantum = tries % 8 ? quantum : now - 1;
        net_all_before(mt_drain_ticks_of(quantum));
        if (!is_anything_before(mt_drain_ticks_of(quantum + 1)) || tries >= GAP_TRIES)
            return quantum;
        quantum++;
    }
}

/* ---- calls that were under way when a pause ended ---- */

static bool is_settled(const struct walk *walk)
{
    return walk->window == net.window;
}

static void settle(uint32_t i)
{
    struct walk *walk = &net.walk[i];
    struct mt_record *record;
    while (!is_settled(walk) && (record = peek(i))) {
        uint64_t time = time_of(walk, record);
        if (time >= net.first_ticks && !mt_kind_defines(record->kind) && record->kind != MT_thread)
            walk->window = net.window;
        step_over(walk, record);
        put_in_place(walk, record, time);
    }
}

static void settle_all(void)
{
    for (uint32_t i = 0; mt_rings_get(i); i++)
        if (!is_settled(&net.walk[i]))
            settle(i);
}

/* ---- a pause begins ---- */

/* Nowhere beyond what is settled. */
static uint64_t position_of(uint32_t i, uint64_t until)
{
    struct mt_record *record;
    struct walk *walk = &net.walk[i];
    settle(i);
    uint64_t settled = is_settled(walk) ? UINT64_MAX : walk->cursor;
    walk->cursor = mt_rings_get(i)->shared->tail;
    walk->latest = 0;
    while (walk->cursor < settled && (record = peek(i)) && time_of(walk, record) < until)
        step_over(walk, record);
    return walk->cursor;
}

static void begin_pause(uint64_t at)
{
    uint64_t quantum = mt_drain_quantum(at) + 1, until, why = mt_window_why_stopped();
    while (mt_drain_quantum(mt_clock_ticks()) <= quantum)
        sched_yield();
    until = mt_drain_ticks_of(quantum);
    for (uint32_t i = 0; mt_rings_get(i); i++)
        if (mt_drain_ring_to(i, position_of(i, until)) < 0)
            return;
    tell(MT_pause, &why, quantum_start(quantum));
    if (mt_drain_own_end() < 0)
        return;
    net.paused = true;
    mt_delta_clear();
    net.paused_at = until;
}

/* ---- and ends ---- */

static bool write_kept(void)
{
    for (uint32_t i = 0; mt_rings_get(i); i++)
        if (mt_drain_ring_to(i, net.walk[i].cursor) < 0)
            return false;
    return true;
}

static void end_pause(void)
{
    uint64_t quantum = find_gap();
    tell_what_is_owed(mt_drain_ticks_of(quantum));
    struct mt_ev_resume resume = {.why = mt_window_why_goes_on(), .changes = mt_delta_count()};
    if (!write_kept())
        return;
    tell(MT_resume, (const uint64_t *)&resume, quantum_start(quantum));
    if (mt_delta_each(tell_change, UINT64_MAX) < 0 || mt_drain_own_end() < 0) {
        mt_drain_own_drop();
        return;
    }
    mt_delta_clear();
    net.paused = false;
    net.first_ticks = mt_drain_ticks_of(quantum + 1);
    net.past[net.window % PAUSES_KEPT] = (struct stretch){net.paused_at, net.first_ticks};
    net.window++;
    /* Before the others can know of it: what they do then must not seem earlier. */
    uint64_t now = mt_drain_ns(mt_clock_ticks());
    mt_window_go_on();
    tell(MT_resumed, &(uint64_t){net.window}, now);
    mt_drain_own_end();
    mt_nvml_soon();
}

/* A pause that was asked for after `head` was read begins behind it; one that was asked for before
 * may begin in front of it, and is to begin first. */
uint64_t mt_netting_limit(uint32_t i, uint64_t head)
{
    if (net.paused || !is_settled(&net.walk[i]))
        return net.walk[i].cursor;
    return mt_is_paused() ? mt_rings_get(i)->shared->tail : head;
}

/* ---- rounds ---- */

static bool to_go_on(void)
{
    return mt_window_is_wanted() && mt_window_paused_at();
}

void mt_netting_step(void)
{
    uint64_t at = mt_window_paused_at();
    if (!net.paused && at)
        begin_pause(at);
    else if (!net.paused)
        settle_all();
    if (!net.paused)
        return;
    net_until(mt_clock_ticks());
    if (to_go_on())
        end_pause();
}

void mt_netting_last(void)
{
    uint64_t at = mt_window_paused_at();
    if (!net.paused && at)
        begin_pause(at);
    if (!net.paused) {
        settle_all();
        return;
    }
    tell_changes(UINT64_MAX);
}

void mt_netting_forget(void)
{
    mt_delta_forget();
    memset(&net, 0, sizeof net);
}
