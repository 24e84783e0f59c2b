#include "compare.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "shim/cuda/resolve.h"

#define THREADS 512
#define TEXT 700

static const char *const apis[] = {
#define HOOK(family, when, symbol, ...) #symbol,
#include "shim/cuda/hooks.def"
};

struct mt_trace *open_trace(const char *path)
{
    struct mt_trace *trace;
    struct mt_error error = {0};
    if (mt_trace_open(&trace, path, &error) < 0)
        ck_abort_msg("%s: %s", path, error.message);
    return trace;
}

const char *event_text(const struct mt_record *record)
{
    static char room[4][TEXT];
    static unsigned turn;
    char *text = room[turn++ % 4];
    const struct mt_event_info *info = record ? mt_event_info(record->kind) : NULL;
    if (!info)
        return record ? "(unknown)" : "(end)";
    int used = snprintf(text, TEXT, "%s", info->name);
    for (unsigned i = 0; i < info->fields && used < TEXT; i++)
        if (info->field[i].type == MT_API && record->word[i] < MT_APIS)
            used += snprintf(text + used, (size_t)(TEXT - used), " api=%s", apis[record->word[i]]);
        else
            used += snprintf(text + used, (size_t)(TEXT - used), " %s=%#llx", info->field[i].name,
                             (unsigned long long)record->word[i]);
    for (unsigned i = info->fields; i < record->words && used < TEXT; i++)
        used += snprintf(text + used, (size_t)(TEXT - used), " %#llx",
                         (unsigned long long)record->word[i]);
    return text;
}

/* Check's ck_assert writes to a pipe even where all is well; what runs often does without. */

/* ---- what the ledger says next of a thread ---- */

struct cursor {
    const struct ledger *ledger;
    unsigned part;
    uint32_t done, at;
    uint64_t more; /* events of the trace behind the ledger's end */
};

static const struct mt_record *peek(const struct cursor *cursor)
{
    return cursor->at < cursor->done ? ledger_record(cursor->ledger, cursor->part, cursor->at)
                                     : NULL;
}

/* Kernel entries are looked up when a launch names them. */
static const struct mt_record *next_done(struct cursor *cursor, uint64_t kinds)
{
    const struct mt_record *record;
    do {
        record = peek(cursor);
        cursor->at += record ? (uint32_t)mt_record_size(record) : 0;
    } while (record && (record->kind == MT_kernel || !(kinds & KIND_BIT(record->kind))));
    return record;
}

struct comparison {
    struct mt_trace *trace;
    const struct ledger *ledger;
    pid_t pid;
    enum compare_how how;
    uint64_t kinds;        /* to be compared */
    uint32_t tid[THREADS]; /* by thread number of the trace */
    struct cursor cursor[LEDGER_THREADS];
    struct seen seen;
};

static struct cursor *cursor_of(struct comparison *c, uint32_t tid)
{
    for (unsigned i = 0; i < LEDGER_THREADS && tid; i++)
        if (c->ledger->part[i].pid == (uint32_t)c->pid && c->ledger->part[i].tid == tid)
            return &c->cursor[i];
    return NULL;
}

/* Name and layout by the ledger's own number. */
static const struct mt_record *ledger_kernel(const struct comparison *c, uint64_t id)
{
    for (unsigned i = 0; i < LEDGER_THREADS; i++) {
        struct cursor cursor = {c->ledger, i, c->cursor[i].done, 0, 0};
        if (c->ledger->part[i].pid != (uint32_t)c->pid)
            continue;
        for (const struct mt_record *r; (r = peek(&cursor)); cursor.at += mt_record_size(r))
            if (r->kind == MT_kernel && r->word[0] == id)
                return r;
    }
    ck_abort_msg("the ledger has no kernel %llu", (unsigned long long)id);
}

static void compare_kernel(struct comparison *c, const struct mt_record *got,
                           const struct mt_record *want)
{
    const struct mt_trace_kernel *kernel = mt_trace_kernel(c->trace, got->word[0]);
    const struct mt_record *done = ledger_kernel(c, want->word[0]);
    const char *name = (const char *)&done->word[3];
    if (!kernel)
        ck_abort_msg("%s: no kernel event before it, it was %s", event_text(got), name);
    if (strcmp(kernel->name, name) != 0)
        ck_abort_msg("%s: kernel %s, launched was %s", event_text(got), kernel->name, name);
    if (kernel->params != done->word[2])
        ck_abort_msg("%s: %u parameters, not %llu", name, kernel->params,
                     (unsigned long long)done->word[2]);
    if (kernel->params != MT_PARAMS_UNKNOWN && kernel->params &&
        memcmp(kernel->layout, name + strlen(name) + 1, 4 * kernel->params) != 0)
        ck_abort_msg("%s: another layout", name);
}

/* Of who called the ledger does not tell. */
static bool is_caller(const struct mt_event_info *info, unsigned i)
{
    return i < info->fields && (strcmp(info->field[i].name, "stack") == 0 ||
                                strcmp(info->field[i].name, "library") == 0);
}

/* A kernel is compared by what it means. */
static bool same_words(const struct mt_record *got, const struct mt_record *want)
{
    const struct mt_event_info *info = mt_event_info(got->kind);
    for (unsigned i = got->kind == MT_launch; i < got->words; i++)
        if (got->word[i] != want->word[i] && !is_caller(info, i))
            return false;
    return true;
}

static void compare_one(struct comparison *c, const struct mt_record *got,
                        const struct mt_record *want)
{
    bool same =
        want && got->kind == want->kind && got->words == want->words && same_words(got, want);
    if (!same)
        ck_abort_msg("event %llu in the trace: %s; done was: %s",
                     (unsigned long long)c->seen.events, event_text(got), event_text(want));
    if (got->kind == MT_launch)
        compare_kernel(c, got, want);
}

static bool is_about_recording(struct comparison *c, const struct mt_record *got, uint32_t thread)
{
    switch (got->kind) {
    case MT_thread:
        c->tid[thread] = (uint32_t)got->word[0];
        c->seen.threads++;
        return true;
    case MT_variant:
        c->seen.variants++;
        return true;
    case MT_usage: /* by the recorder's own thread */
        return true;
    case MT_kernel:
        c->seen.kernels++;
        return true;
    default:
        return got->kind == MT_lost || mt_kind_defines(got->kind);
    }
}

static void take(struct comparison *c, const struct mt_record *got, uint32_t thread)
{
    if (!mt_record_is_valid(got) || thread >= THREADS)
        ck_abort_msg("%s: of thread %u", event_text(got), thread);
    if (is_about_recording(c, got, thread) || !(c->kinds & KIND_BIT(got->kind)))
        return;
    struct cursor *cursor = cursor_of(c, c->tid[thread]);
    if (!cursor && c->how == COMPARE_PREFIX)
        return; /* killed before its first call had returned */
    if (!cursor)
        ck_abort_msg("%s: by thread %u (%u), which did nothing", event_text(got), thread,
                     c->tid[thread]);
    const struct mt_record *want = next_done(cursor, c->kinds);
    if (want || c->how == COMPARE_EXACT)
        compare_one(c, got, want);
    else
        cursor->more++;
    c->seen.events++;
}

static void check_ends(struct comparison *c, unsigned more)
{
    for (unsigned i = 0; i < LEDGER_THREADS; i++) {
        if (c->ledger->part[i].pid != (uint32_t)c->pid)
            continue;
        const struct mt_record *left = next_done(&c->cursor[i], c->kinds);
        if (left)
            ck_abort_msg("missing after %llu events: %s of thread %u, at byte %u of %u",
                         (unsigned long long)c->seen.events, event_text(left),
                         c->ledger->part[i].tid, c->cursor[i].at, c->cursor[i].done);
        ck_assert_uint_le(c->cursor[i].more, more);
    }
}

static struct seen compare(const char *path, const struct ledger *ledger, pid_t pid,
                           enum compare_how how, unsigned more, uint64_t kinds)
{
    struct mt_trace_stats stats;
    const struct mt_record *record;
    uint32_t thread;
    struct comparison *c = calloc(1, sizeof *c);
    c->trace = open_trace(path);
    mt_trace_stats(c->trace, &stats);
    c->ledger = ledger;
    c->how = how;
    c->kinds = kinds;
    c->pid = pid ? pid : (pid_t)stats.pid;
    ck_assert_int_eq(c->pid, (pid_t)stats.pid);
    for (unsigned i = 0; i < LEDGER_THREADS; i++)
        c->cursor[i] = (struct cursor){
            ledger, i, __atomic_load_n(&ledger->part[i].done, __ATOMIC_ACQUIRE), 0, 0};
    while ((record = mt_trace_next(c->trace, &thread)))
        take(c, record, thread);
    check_ends(c, more);
    mt_trace_stats(c->trace, &stats);
    ck_assert_uint_eq(stats.events_damaged, 0);
    struct seen seen = c->seen;
    seen.lost = stats.events_lost;
    seen.complete = stats.complete;
    seen.salvaged = stats.events_salvaged > 0;
    mt_trace_free(c->trace);
    free(c);
    return seen;
}

struct seen compare_trace(const char *path, const struct ledger *ledger, pid_t pid,
                          enum compare_how how, unsigned more)
{
    return compare(path, ledger, pid, how, more, ~UINT64_C(0));
}

struct seen compare_kinds(const struct run *run, uint64_t kinds)
{
    ck_assert_uint_eq(run->traces, 1);
    return compare(run->trace[0], run->ledger, 0, COMPARE_EXACT, 0, kinds);
}

struct seen compare_run(const struct run *run)
{
    ck_assert_uint_eq(run->traces, 1);
    struct seen seen = compare_trace(run->trace[0], run->ledger, 0, COMPARE_EXACT, 0);
    ck_assert_uint_eq(seen.lost, 0);
    ck_assert(seen.complete);
    return seen;
}

uint64_t count_events(const char *path, enum mt_kind kind)
{
    struct mt_trace *trace = open_trace(path);
    const struct mt_record *record;
    uint64_t n = 0;
    while ((record = mt_trace_next(trace, NULL)))
        n += record->kind == kind;
    mt_trace_free(trace);
    return n;
}
