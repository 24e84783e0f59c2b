#include "living.h"

#include <check.h>
#include <string.h>

static struct living *find(struct replay *r, uint64_t address, enum level level)
{
    for (unsigned i = 0; i < r->lives; i++)
        if (r->live[i].address == address && r->live[i].level == level)
            return &r->live[i];
    return NULL;
}

static bool is_taken(const struct replay *r, uint64_t address, uint64_t size, enum level level)
{
    for (unsigned i = 0; i < r->lives; i++)
        if (r->live[i].level == level && address < r->live[i].address + r->live[i].size &&
            r->live[i].address < address + size)
            return true;
    return false;
}

static void born(struct replay *r, uint64_t address, uint64_t size, enum level level, uint64_t now)
{
    r->doubles += is_taken(r, address, size, level);
    ck_assert_uint_lt(r->lives, LIVE_MAX);
    r->live[r->lives++] = (struct living){address, size, r->kept ? r->kept_ns : now, level};
}

static void ended(struct replay *r, uint64_t address, enum level level)
{
    struct living *living = find(r, address, level);
    r->unknown += living == NULL;
    if (living)
        *living = r->live[--r->lives];
}

/* ---- what lives, beside what the program says ---- */

static const struct mt_record *next_wanted(struct replay *r)
{
    const struct ledger *ledger = r->run->ledger;
    const struct mt_record *record = ledger_record(ledger, 0, r->want);
    if (r->want >= ledger->part[0].done)
        return NULL;
    r->want += (uint32_t)mt_record_size(record);
    return record;
}

unsigned blocks_of(const struct replay *r)
{
    unsigned n = 0;
    for (unsigned i = 0; i < r->lives; i++)
        n += r->live[i].level == BLOCK;
    return n;
}

/* Part 0 of the ledger is the main thread's: nobody else puts entries. */
void compare_living(struct replay *r, uint64_t window)
{
    const struct mt_record *want;
    unsigned n = 0;
    while ((want = next_wanted(r)) && want->kind != MT_resumed) {
        for (int level = r->both ? DRIVER : BLOCK; level <= BLOCK; level++) {
            const struct living *living = find(r, want->word[0], (enum level)level);
            if (!living)
                ck_abort_msg("window %llu: %#llx lives and is not in the trace (%d)",
                             (unsigned long long)window, (unsigned long long)want->word[0], level);
            ck_assert_uint_eq(living->size, want->word[1]);
        }
        n++;
    }
    if (!want && r->run->status != 0)
        return; /* killed before it said so */
    ck_assert(want != NULL);
    ck_assert_uint_eq(want->word[0], window);
    ck_assert_uint_eq(blocks_of(r), n);
    if (r->both)
        ck_assert_uint_eq(r->lives, 2 * n);
}

/* ---- the replay ---- */

#define AS(name) ((const struct mt_ev_##name *)(const void *)record->word)

static void replay_window(struct replay *r, const struct mt_record *record)
{
    switch (record->kind) {
    case MT_pause:
        ck_assert(!r->paused);
        r->paused = true;
        r->told = false;
        r->pauses++;
        break;
    case MT_resume:
        ck_assert(r->paused);
        r->told = true;
        break;
    case MT_kept:
        ck_assert_uint_le(AS(kept)->before, record->time);
        r->kept_ns = record->time - AS(kept)->before;
        break;
    default:
        ck_assert(r->paused && r->told);
        r->paused = false;
        ck_assert_uint_eq(AS(resumed)->window, ++r->windows);
        r->resumed_ns[r->windows % WINDOWS_MAX] = record->time;
        if (r->compare)
            compare_living(r, r->windows);
        break;
    }
}

static void replay_memory(struct replay *r, const struct mt_record *record)
{
    switch (record->kind) {
    case MT_alloc:
        born(r, AS(alloc)->address, AS(alloc)->size, DRIVER, record->time);
        break;
    case MT_free:
        ended(r, AS(free)->address, DRIVER);
        break;
    case MT_block_alloc:
        born(r, AS(block_alloc)->address, AS(block_alloc)->size, BLOCK, record->time);
        break;
    case MT_block_free:
        ended(r, AS(block_free)->address, BLOCK);
        break;
    case MT_reserve:
        born(r, AS(reserve)->address, AS(reserve)->size, RANGE, record->time);
        break;
    case MT_unreserve:
        ended(r, AS(unreserve)->address, RANGE);
        r->inside += is_taken(r, AS(unreserve)->address, AS(unreserve)->size, BLOCK);
        break;
    case MT_launch:
        if (AS(launch)->flags & MT_LAUNCH_NODE)
            break;
        ck_assert(!r->paused || r->told);
        r->launches++;
        r->launches_in[r->windows % WINDOWS_MAX]++;
        break;
    case MT_graph_launch:
        r->graph_launches++;
        break;
    default:
        break;
    }
}

/* Told as it is in a pause, too. */
static bool is_range(const struct mt_record *record)
{
    return record->kind == MT_reserve || record->kind == MT_unreserve;
}

static void replay_trace(struct replay *r, const struct run *run, bool compare)
{
    const struct mt_record *record;
    uint32_t thread;
    memset(r, 0, sizeof *r);
    r->run = run;
    r->compare = compare;
    r->both = !strstr(run->trace[0], "c10");
    r->trace = open_trace(run->trace[0]);
    while ((record = mt_trace_next(r->trace, &thread))) {
        bool window = record->kind >= MT_pause && record->kind <= MT_resumed;
        if (window) {
            r->teller = thread;
            replay_window(r, record);
        } else if (!r->paused || r->told || thread == r->teller || is_range(record)) {
            replay_memory(r, record);
        } else {
            r->left += record->kind == MT_alloc || record->kind == MT_free;
        }
        r->kept = record->kind == MT_kept;
    }
    struct mt_trace_stats stats;
    mt_trace_stats(r->trace, &stats);
    ck_assert_uint_eq(stats.events_lost, 0);
    mt_trace_free(r->trace);
}

struct replay *replay(const struct run *run, bool compare)
{
    static struct replay r;
    replay_trace(&r, run, compare);
    return &r;
}
