#include "analysis/engine/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/dict.h"
#include "base/fnv.h"
#include "model/model.h"
#include "rhythm/search/detector.h"

#define BATCH 256u /* stays in the first cache */
#define PROGRESS_EVENTS 65536u

/* A kernel whose module was loaded anew gets a new id and keeps its name: both are one symbol. */
struct scan {
    struct mt_detector *detector;
    struct mt_dict first_of_name; /* hash of a name -> first id with it */
    struct mt_dict same;          /* id -> that id, where they differ */
    struct mt_symbol batch[BATCH];
    size_t held;
    struct mt_most *most;
    bool paused;        /* what is told then happened at other times */
    uint64_t to_device; /* bit of each driver function that copies from the host, of the first 64 */
    uint64_t end_ns;
};

static uint64_t hash_name(const struct mt_record *record)
{
    size_t words;
    const char *text = (const char *)mt_record_tail(record, &words);
    return mt_fnv(MT_FNV_START, text, strnlen(text, 8 * words));
}

static int note_kernel(struct scan *scan, const struct mt_record *record)
{
    const struct mt_ev_kernel *kernel = (const void *)record->word;
    uint64_t *first = mt_dict_add(&scan->first_of_name, hash_name(record));
    if (!first)
        return MT_ERR_MEMORY;
    if (*first == 0)
        *first = kernel->id;
    if (*first == kernel->id)
        return 0;
    uint64_t *same = mt_dict_add(&scan->same, kernel->id);
    if (!same)
        return MT_ERR_MEMORY;
    *same = *first;
    return 0;
}

static int flush(struct scan *scan)
{
    int code = mt_detector_feed(scan->detector, scan->batch, scan->held);
    scan->held = 0;
    return code;
}

/* What is no symbol: definitions, and where the recording stopped and went on. */
static int look_at_other(struct scan *scan, const struct mt_record *record, uint64_t number)
{
    if (record->kind == MT_kernel)
        return note_kernel(scan, record);
    scan->paused &= record->kind != MT_resumed;
    if (record->kind != MT_pause)
        return 0;
    scan->paused = true;
    return mt_detector_break(scan->detector, number);
}

/* What caching allocators have handed out on each device. */
static inline void follow_memory(struct mt_most *most, const unsigned kind,
                                 const struct mt_record *record, uint64_t number)
{
    if (kind == MT_block_free) {
        const struct mt_ev_block_free *event = (const void *)record->word;
        most[mt_model_device(event->device)].now -= (int64_t)event->size;
    } else if (kind == MT_block_alloc) {
        const struct mt_ev_block_alloc *event = (const void *)record->word;
        struct mt_most *it = &most[mt_model_device(event->device)];
        it->now += (int64_t)event->size;
        if (it->now > it->bytes) {
            it->bytes = it->now;
            it->event = number;
        }
    }
}

static inline __attribute__((always_inline)) int look_at(struct scan *scan, const unsigned kind,
                                                         const struct mt_record *record,
                                                         uint32_t thread, uint64_t number)
{
    struct mt_symbol *symbol = &scan->batch[scan->held];
    if (__builtin_expect(!mt_words_fit(kind, record->words), 0))
        return 0;
    if (!mt_symbol_fill(symbol, kind, record))
        return look_at_other(scan, record, number);
    if (__builtin_expect(scan->paused, 0))
        return 0;
    follow_memory(scan->most, kind, record, number);
    symbol->event = number;
    symbol->time_ns = record->time;
    symbol->thread = (uint16_t)thread;
    symbol->input = kind == MT_copy && symbol->what < 64 && scan->to_device >> symbol->what & 1;
    if (kind == MT_launch && scan->same.size) {
        const uint64_t *same = mt_dict_find(&scan->same, symbol->what);
        symbol->what = same ? (uint32_t)*same : symbol->what;
    }
    return ++scan->held == BATCH ? flush(scan) : 0;
}

static __attribute__((noinline)) int look_at_any(struct scan *scan, const struct mt_record *record,
                                                 uint32_t thread, uint64_t number)
{
    return record->kind < MT_KINDS ? look_at(scan, record->kind, record, thread, number) : 0;
}

/* The usual kinds in places of their own, where the compiler knows what they have. */
static int look_at_run(struct scan *scan, const struct mt_trace_run *run, uint64_t number)
{
    const uint32_t thread = run->thread;
    int code = 0;
    for (const struct mt_record *record = run->first; record < run->end && code == 0;
         record = mt_record_next(record), number++) {
        if (record->kind == MT_launch)
            code = look_at(scan, MT_launch, record, thread, number);
        else if (record->kind == MT_block_alloc)
            code = look_at(scan, MT_block_alloc, record, thread, number);
        else if (record->kind == MT_block_free)
            code = look_at(scan, MT_block_free, record, thread, number);
        else
            code = look_at_any(scan, record, thread, number);
        scan->end_ns = record->time;
    }
    return code;
}

static int read_all(struct scan *scan, struct mt_trace *trace, struct mt_rhythm *rhythm,
                    mt_progress *progress, void *context)
{
    struct mt_trace_run run;
    struct mt_trace_stats stats;
    uint64_t done = 0, told = 0;
    int events;
    for (uint64_t api = 0; api < 64; api++)
        scan->to_device |= (uint64_t)(strstr(mt_trace_api(trace, api), "HtoD") != NULL) << api;
    mt_trace_stats(trace, &stats);
    mt_trace_lean(trace, true); /* a symbol does not say where */
    RETURN_IF_ERROR(mt_trace_rewind(trace));
    for (; (events = mt_trace_next_run(trace, &run)) > 0; done += (uint64_t)events) {
        if (progress && done >= told) {
            RETURN_IF_ERROR(progress(context, mt_trace_position(trace) / 2, stats.events));
            told = done + PROGRESS_EVENTS;
        }
        RETURN_IF_ERROR(look_at_run(scan, &run, done));
    }
    RETURN_IF_ERROR(events);
    RETURN_IF_ERROR(flush(scan));
    RETURN_IF_ERROR(mt_detector_finish(scan->detector, scan->end_ns, done, rhythm));
    mt_trace_lean(trace, false);
    return mt_trace_rewind(trace);
}

int mt_scan_rhythm(struct mt_trace *trace, struct mt_rhythm *rhythm, struct mt_most *most,
                   mt_progress *progress, void *context)
{
    struct scan *scan = calloc(1, sizeof *scan);
    int code = MT_ERR_MEMORY;
    memset(rhythm, 0, sizeof *rhythm);
    if (!scan)
        return code;
    scan->most = most;
    scan->detector = mt_detector_new();
    if (scan->detector)
        code = read_all(scan, trace, rhythm, progress, context);
    mt_detector_free(scan->detector);
    mt_dict_release(&scan->first_of_name);
    mt_dict_release(&scan->same);
    free(scan);
    return code;
}
