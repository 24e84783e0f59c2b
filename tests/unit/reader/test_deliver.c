/* Events of many threads in the order of time, windows, positions. */
#include <string.h>

#include "memfile.h"
#include "memtrace/trace.h"
#include "tracewriter.h"
#include "training.h"
#include "unit.h"

#define THREADS 20
#define EVENTS 20000

static char path[40];

static struct mt_tracewriter *start(struct mt_tracefile_options options)
{
    strcpy(path, "/tmp/memtrace-test-XXXXXX");
    close(mkstemp(path));
    return mt_tracewriter_new(path, &options);
}

static struct mt_trace *reopen(struct mt_tracewriter *writer)
{
    struct mt_trace *trace;
    mt_tracewriter_free(writer);
    ck_assert_int_eq(mt_trace_open(&trace, path, NULL), 0);
    unlink(path);
    return trace;
}

/* Events numbered in the order of time, spread over threads that are active by turns. */
static struct mt_trace *spread(uint32_t chunk_events)
{
    struct mt_tracewriter *writer =
        start((struct mt_tracefile_options){.chunk_events = chunk_events});
    uint64_t random = 7;
    mt_tracewriter_kernel(writer, 3, 0, 1, "first", MT_PARAMS_UNKNOWN, NULL);
    for (uint64_t i = 1; i < EVENTS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t thread = (uint32_t)(random >> 60) % 5 + (uint32_t)(i / 5000) * 5;
        MT_TRACEWRITER_ADD(writer, thread, 10 * i, lost, .events = i);
    }
    return reopen(writer);
}

START_TEST(in_the_order_of_time)
{
    struct mt_trace *trace = spread((uint32_t)_i);
    const struct mt_record *record;
    for (int round = 0; round < 2; round++) {
        uint64_t i = 1;
        record = mt_trace_next(trace, NULL);
        ck_assert_uint_eq(record->kind, MT_kernel);
        for (; (record = mt_trace_next(trace, NULL)); i++) {
            ck_assert_uint_eq(record->word[0], i);
            ck_assert_uint_eq(record->time, 10 * i);
            ck_assert_uint_eq(mt_trace_position(trace), i + 1);
        }
        ck_assert_uint_eq(i, EVENTS);
        ck_assert_ptr_null(mt_trace_next(trace, NULL));
        mt_trace_rewind(trace);
    }
    mt_trace_free(trace);
}
END_TEST

/* Batches that come before another thread's turn, and of which nothing is noted, are not looked at
 * on their way: in windows, between the turns of a second thread, and with a definition among them.
 */
START_TEST(whole_batches)
{
    static const uint64_t windows[][2] = {
        {0, UINT64_MAX}, {0, 60000}, {60000, UINT64_MAX}, {59990, 120010}, {199990, 200000}};
    struct mt_tracewriter *writer = start((struct mt_tracefile_options){.chunk_events = 5000});
    for (uint64_t i = 0; i < EVENTS; i++) {
        if (i == 15000)
            mt_tracewriter_kernel(writer, 0, 10 * i, 7, "late", MT_PARAMS_UNKNOWN, NULL);
        MT_TRACEWRITER_ADD(writer, i % 6000 == 5999, 10 * i, block_free, .size = i);
    }
    struct mt_trace *trace = reopen(writer);
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
        uint64_t since = windows[w][0], until = windows[w][1], i = since / 10, events = 0, told = 0;
        struct mt_trace_run run;
        mt_trace_window(trace, since, until);
        mt_trace_rewind(trace);
        for (int n; (n = mt_trace_next_run(trace, &run)) > 0; told += (uint64_t)n)
            for (const struct mt_record *at = run.first; at < run.end; at = mt_record_next(at)) {
                events++;
                if (at->kind == MT_kernel)
                    continue;
                ck_assert_uint_eq(at->time, 10 * i);
                ck_assert_uint_eq(run.thread, i % 6000 == 5999);
                i++;
            }
        ck_assert_uint_eq(i, until / 10 < EVENTS ? until / 10 : EVENTS);
        ck_assert_uint_eq(events, told);
        ck_assert_uint_eq(mt_trace_position(trace) >= told, 1);
    }
    ck_assert_str_eq(mt_trace_kernel(trace, 7)->name, "late");
    mt_trace_free(trace);
}
END_TEST

START_TEST(a_window_holds_its_events)
{
    static const uint64_t windows[][2] = {
        {0, 10}, {5000, 5001}, {49990, 150010}, {0, UINT64_MAX}, {199990, 300000}, {7, 8}, {9, 3}};
    struct mt_trace *trace = spread(100);
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
        uint64_t since = windows[w][0], until = windows[w][1], i = (since + 9) / 10;
        const struct mt_record *record;
        mt_trace_window(trace, since, until);
        mt_trace_rewind(trace);
        for (; (record = mt_trace_next(trace, NULL)); i++)
            ck_assert_uint_eq(record->time, 10 * i);
        uint64_t end = until >= 10 * EVENTS ? EVENTS : (until + 9) / 10;
        ck_assert_uint_eq(i, end > (since + 9) / 10 ? end : (since + 9) / 10);
        if (until == UINT64_MAX)
            ck_assert_uint_eq(mt_trace_position(trace), EVENTS);
    }
    mt_trace_free(trace);
}
END_TEST

/* Runs hold the same events as one at a time, whoever takes over from whom, and a run is one
 * thread's. */
START_TEST(runs_hold_the_same_events)
{
    struct mt_trace *trace = spread(100), *other = spread(100);
    struct mt_trace_run run;
    uint64_t events = 0;
    uint32_t thread;
    int n;
    mt_trace_window(trace, 50, 190000);
    mt_trace_window(other, 50, 190000);
    mt_trace_rewind(trace);
    mt_trace_rewind(other);
    while ((n = mt_trace_next_run(trace, &run)) > 0) {
        const struct mt_record *record = run.first;
        for (; n > 0; n--, events++, record = mt_record_next(record)) {
            ck_assert_uint_eq(record->time, mt_trace_next(other, &thread)->time);
            ck_assert_uint_eq(run.thread, thread);
        }
        ck_assert_ptr_eq(record, run.end);
        if (events % 3 == 0) {
            const struct mt_record *next = mt_trace_next(trace, &run.thread);
            ck_assert_uint_eq(next->time, mt_trace_next(other, &thread)->time);
            ck_assert_uint_eq(run.thread, thread);
            events++;
        }
        ck_assert_uint_eq(mt_trace_position(trace), mt_trace_position(other));
    }
    ck_assert_int_eq(n, 0);
    ck_assert_ptr_null(mt_trace_next(other, NULL));
    ck_assert_uint_eq(events, 19000 - 5);
    mt_trace_free(trace);
    mt_trace_free(other);
}
END_TEST

START_TEST(a_window_knows_the_kernels_before_it)
{
    struct mt_trace *trace = spread(100);
    ck_assert_ptr_null(mt_trace_kernel(trace, 1));
    mt_trace_window(trace, 150000, 150010);
    mt_trace_rewind(trace);
    ck_assert_ptr_nonnull(mt_trace_next(trace, NULL));
    ck_assert_str_eq(mt_trace_kernel(trace, 1)->name, "first");
    mt_trace_free(trace);
}
END_TEST

/* Whatever time is asked for, its stacks can be told. */
START_TEST(a_window_knows_the_stacks_before_it)
{
    struct mt_tracewriter *writer = start((struct mt_tracefile_options){.chunk_events = 3});
    mt_tracewriter_code(writer, 1, 5, 1, 10, "train.py", "step");
    mt_tracewriter_module(writer, 1, 5, 1, 0x1000, 0x100, "libjob.so", "c0ffee");
    MT_TRACEWRITER_ADD(writer, 1, 6, frame, .id = 1, .code = 1, .where = 12);
    MT_TRACEWRITER_ADD(writer, 1, 6, frame, .id = 2, .caller = 1, .module = 1, .where = 0x20);
    for (uint64_t i = 0; i < 20; i++)
        MT_TRACEWRITER_ADD(writer, 0, 10 * i, block_alloc, .address = 512 * i, .stack = 2);
    struct mt_trace *trace = reopen(writer);
    mt_trace_window(trace, 150, 160);
    mt_trace_rewind(trace);
    const struct mt_record *record = mt_trace_next(trace, NULL);
    const struct mt_ev_block_alloc *event = (const void *)record->word;
    const struct mt_trace_frame *frame = mt_trace_frame(trace, event->stack);
    ck_assert_str_eq(mt_trace_module(trace, frame->module)->build_id, "c0ffee");
    frame = mt_trace_frame(trace, frame->caller);
    ck_assert_uint_eq(frame->where, 12);
    ck_assert_str_eq(mt_trace_code(trace, frame->code)->name, "step");
    ck_assert_ptr_null(mt_trace_frame(trace, frame->caller));
    mt_trace_free(trace);
}
END_TEST

START_TEST(what_is_known)
{
    struct mt_tracewriter *writer = start((struct mt_tracefile_options){0});
    mt_tracewriter_meta(writer, "api.2", "cuMemFree_v2");
    mt_tracewriter_meta(writer, "lost.untold", "3");
    mt_tracewriter_lost(writer, 0, 4);
    MT_TRACEWRITER_ADD(writer, 0, 10, lost, .events = 5);
    struct mt_trace *trace = reopen(writer);
    struct mt_trace_stats stats;
    ck_assert_str_eq(mt_trace_api(trace, 2), "cuMemFree_v2");
    ck_assert_str_eq(mt_trace_api(trace, 1), "?");
    ck_assert_str_eq(mt_trace_api(trace, UINT64_MAX), "?");
    ck_assert_str_eq(mt_trace_meta_key(trace, 1), "lost.untold");
    ck_assert_ptr_null(mt_trace_meta_key(trace, 2));
    mt_trace_stats(trace, &stats);
    ck_assert_uint_eq(stats.events_lost, 7);
    mt_trace_next(trace, NULL);
    mt_trace_stats(trace, &stats);
    ck_assert_uint_eq(stats.events_lost, 12); /* one event tells of five more */
    mt_trace_free(trace);
}
END_TEST

/* Who reads no events is told of all that were lost; who reads them does not count twice. */
START_TEST(losses_are_known_at_once)
{
    struct mt_tracewriter *writer = start((struct mt_tracefile_options){0});
    mt_tracewriter_meta(writer, "lost.untold", "3");
    mt_tracewriter_meta(writer, "lost.told", "11");
    MT_TRACEWRITER_ADD(writer, 0, 10, lost, .events = 5);
    MT_TRACEWRITER_ADD(writer, 0, 20, lost, .events = 6);
    struct mt_trace *trace = reopen(writer);
    struct mt_trace_stats stats;
    do {
        mt_trace_stats(trace, &stats);
        ck_assert_uint_eq(stats.events_lost, 14);
    } while (mt_trace_next(trace, NULL));
    mt_trace_free(trace);
}
END_TEST

/* From chunk to chunk of a thread time may fall a little; it does not when read. */
START_TEST(seams_are_evened_out)
{
    struct mt_tracewriter *writer = start((struct mt_tracefile_options){.chunk_events = 2});
    static const uint64_t times[] = {100, 200, 190, 250, 240, 240, 300, 400};
    uint64_t last = 0;
    for (unsigned i = 0; i < 8; i++)
        MT_TRACEWRITER_ADD(writer, 0, times[i], lost, .events = i);
    struct mt_trace *trace = reopen(writer);
    const struct mt_record *record;
    for (uint64_t i = 0; i < 8; i++) {
        ck_assert_ptr_nonnull(record = mt_trace_next(trace, NULL));
        ck_assert_uint_eq(record->word[0], i);
        ck_assert_uint_ge(record->time, last);
        ck_assert_uint_ge(record->time, times[i]);
        last = record->time;
    }
    ck_assert_uint_eq(last, 400);
    mt_trace_free(trace);
}
END_TEST

/* A damaged chunk of later times before a chunk of earlier ones: no recorder writes that, but the
 * order holds. */
START_TEST(order_holds_behind_damage)
{
    struct mt_tracewriter *writer = start((struct mt_tracefile_options){.cut = true});
    MT_TRACEWRITER_ADD(writer, 1, 99, lost, .events = 1);
    mt_tracewriter_flush(writer);
    MT_TRACEWRITER_ADD(writer, 0, 100, lost, .events = 2);
    mt_tracewriter_flush(writer);
    uint64_t end = mt_tracewriter_size(writer);
    MT_TRACEWRITER_ADD(writer, 0, 0, lost, .events = 3);
    mt_tracewriter_free(writer);
    FILE *file = fopen(path, "r+b");
    fseek(file, (long)end - 3, SEEK_SET);
    fputc('x', file);
    fclose(file);
    struct mt_trace *trace;
    ck_assert_int_eq(mt_trace_open(&trace, path, NULL), 0);
    ck_assert_uint_eq(mt_trace_next(trace, NULL)->word[0], 1);
    const struct mt_record *record = mt_trace_next(trace, NULL);
    ck_assert_uint_eq(record->word[0], 3);
    ck_assert_uint_eq(record->time, 100);
    mt_trace_free(trace);
    unlink(path);
}
END_TEST

START_TEST(a_training_job)
{
    struct mt_training_options options = {.iterations = 12, .noise = 5, .seed = 3};
    struct mt_training_facts facts;
    struct mt_tracewriter *writer = start((struct mt_tracefile_options){.time_shift = 5});
    mt_training_write(writer, &options, &facts);
    struct mt_trace *trace = reopen(writer);
    const struct mt_record *record;
    struct mt_trace_stats stats;
    uint64_t events = 0, launches = 0, blocks = 0, last = 0;
    for (; (record = mt_trace_next(trace, NULL)); events++) {
        ck_assert_uint_ge(record->time, last);
        last = record->time;
        launches += record->kind == MT_launch;
        blocks += record->kind == MT_block_alloc;
    }
    mt_trace_stats(trace, &stats);
    ck_assert_uint_eq(events, facts.events);
    ck_assert_uint_eq(events, stats.events);
    ck_assert_uint_eq(launches, facts.launches);
    ck_assert_uint_eq(blocks, facts.blocks);
    ck_assert_uint_eq(last, stats.last_ns);
    ck_assert_uint_eq(stats.quantum_ns, 32);
    mt_trace_free(trace);
}
END_TEST

/* Fields that say where may be 0, the others are the same. */
static void compare_lean(const struct mt_record *lean, const struct mt_record *whole)
{
    const struct mt_event_info *info = mt_event_info(whole->kind);
    ck_assert_uint_eq(lean->kind, whole->kind);
    ck_assert_uint_eq(lean->time, whole->time);
    for (unsigned i = 0; i < info->fields; i++) {
        enum mt_field_type type = info->field[i].type;
        if (type == MT_COUNT || type == MT_API || type == MT_SIZE || lean->word[i])
            ck_assert_uint_eq(lean->word[i], whole->word[i]);
    }
    if (info->tail == MT_TAIL_WORDS)
        return;
    ck_assert_uint_eq(lean->words, whole->words);
    ck_assert_mem_eq(&lean->word[info->fields], &whole->word[info->fields],
                     8 * (whole->words - info->fields));
}

START_TEST(lean_events_are_the_same)
{
    struct mt_training_options options = {.iterations = 3, .noise = 5, .seed = 4};
    struct mt_training_facts facts;
    struct mt_tracewriter *writer = start((struct mt_tracefile_options){.chunk_events = 777});
    mt_training_write(writer, &options, &facts);
    mt_tracewriter_free(writer);
    struct mt_trace *lean, *whole;
    const struct mt_record *record, *other;
    struct mt_trace_stats stats;
    uint32_t thread, other_thread;
    uint64_t events = 0, words = 0;
    ck_assert_int_eq(mt_trace_open(&lean, path, NULL), 0);
    ck_assert_int_eq(mt_trace_open(&whole, path, NULL), 0);
    unlink(path);
    for (int round = 0; round < 2; round++) {
        mt_trace_lean(lean, round == 0);
        mt_trace_rewind(lean);
        mt_trace_rewind(whole);
        for (; (record = mt_trace_next(lean, &thread)); events++) {
            ck_assert_ptr_nonnull(other = mt_trace_next(whole, &other_thread));
            ck_assert_uint_eq(thread, other_thread);
            compare_lean(record, other);
            words += other->words - record->words;
        }
        ck_assert_ptr_null(mt_trace_next(whole, NULL));
        if (round == 0)
            ck_assert_uint_gt(words, facts.launches);
        words = 0;
        mt_trace_stats(lean, &stats);
        ck_assert_uint_eq(stats.chunks_damaged, 0);
    }
    ck_assert_uint_eq(events, 2 * facts.events);
    mt_trace_free(lean);
    mt_trace_free(whole);
}
END_TEST

int main(void)
{
    const TTest *const once[] = {whole_batches,
                                 a_window_holds_its_events,
                                 a_window_knows_the_kernels_before_it,
                                 a_window_knows_the_stacks_before_it,
                                 runs_hold_the_same_events,
                                 what_is_known,
                                 losses_are_known_at_once,
                                 seams_are_evened_out,
                                 order_holds_behind_damage,
                                 a_training_job,
                                 lean_events_are_the_same,
                                 NULL};
    Suite *suite = unit_suite("deliver", once);
    TCase *tcase = tcase_create("chunks of different lengths");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, in_the_order_of_time, 37, 39);
    tcase_add_loop_test(tcase, in_the_order_of_time, 1000, 1001);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
