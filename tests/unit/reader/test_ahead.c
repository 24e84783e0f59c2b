/* Reading ahead delivers what reading without does, run by run, whatever the trace is like, and
 * holds a bounded number of batches. */
#include "reader/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "memfile.h"
#include "tracewriter.h"
#include "training.h"
#include "unit.h"

#define EVENTS 6000

static char path[40];

/* ---- linked with -Wl,--wrap for these two ---- */

static bool no_threads;
static uint32_t threads;
static _Atomic uint32_t batches;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*work)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*work)(void *), void *argument);
struct mt_batch *__real_mt_batch_new(void);
struct mt_batch *__wrap_mt_batch_new(void);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*work)(void *), void *argument)
{
    threads++;
    return no_threads ? EAGAIN : __real_pthread_create(thread, attributes, work, argument);
}

struct mt_batch *__wrap_mt_batch_new(void)
{
    atomic_fetch_add(&batches, 1);
    return __real_mt_batch_new();
}

/* ---- traces ---- */

static struct mt_tracewriter *start(struct mt_tracefile_options options)
{
    strcpy(path, "/tmp/memtrace-test-XXXXXX");
    close(mkstemp(path));
    return mt_tracewriter_new(path, &options);
}

/* Two threads that take long turns. */
static void write_training(uint32_t iterations)
{
    struct mt_training_options options = {.iterations = iterations, .noise = 5, .seed = 3};
    struct mt_training_facts facts;
    struct mt_tracewriter *writer = start((struct mt_tracefile_options){.time_shift = 5});
    mt_training_write(writer, &options, &facts);
    mt_tracewriter_free(writer);
}

/* Threads that take short turns, with definitions and losses among their events. */
static void write_spread(uint32_t events, uint32_t chunk_events)
{
    struct mt_tracewriter *writer =
        start((struct mt_tracefile_options){.chunk_events = chunk_events});
    uint64_t random = 7;
    for (uint64_t i = 1; i < events; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t thread = (uint32_t)(random >> 60) % 5 + (uint32_t)(4 * i / events) * 5;
        if (i % 997 == 0)
            mt_tracewriter_kernel(writer, thread, 10 * i, i / 997, "kernel", MT_PARAMS_UNKNOWN,
                                  NULL);
        else if (i % 101 == 0)
            MT_TRACEWRITER_ADD(writer, thread, 10 * i, lost, .events = i);
        else
            MT_TRACEWRITER_ADD(writer, thread, 10 * i, block_free, .address = i << 9, .size = i);
    }
    mt_tracewriter_free(writer);
}

static void flip(size_t at)
{
    FILE *file = fopen(path, "r+b");
    ck_assert_int_eq(fseek(file, (long)at, SEEK_SET), 0);
    int byte = fgetc(file);
    fseek(file, (long)at, SEEK_SET);
    fputc(byte ^ 0x10, file);
    fclose(file);
}

static size_t size_of_file(void)
{
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    fclose(file);
    return size;
}

/* ---- comparing ---- */

struct pair {
    struct mt_trace *ahead, *plain;
};

static struct pair open_pair(void)
{
    struct pair pair;
    ck_assert_int_eq(mt_trace_open(&pair.ahead, path, NULL), 0);
    ck_assert_int_eq(mt_trace_open(&pair.plain, path, NULL), 0);
    mt_trace_ahead(pair.ahead, true);
    ck_assert_int_eq(mt_trace_rewind(pair.ahead), 0);
    return pair;
}

static void close_pair(struct pair pair)
{
    mt_trace_free(pair.ahead);
    mt_trace_free(pair.plain);
}

static void compare_stats(struct pair pair)
{
    struct mt_trace_stats ahead, plain;
    mt_trace_stats(pair.ahead, &ahead);
    mt_trace_stats(pair.plain, &plain);
    ck_assert_uint_eq(mt_trace_position(pair.ahead), mt_trace_position(pair.plain));
    ck_assert_uint_eq(ahead.events, plain.events);
    ck_assert_uint_eq(ahead.events_lost, plain.events_lost);
    ck_assert_uint_eq(ahead.events_damaged, plain.events_damaged);
    ck_assert_uint_eq(ahead.chunks_damaged, plain.chunks_damaged);
    ck_assert_uint_eq(ahead.bytes_skipped, plain.bytes_skipped);
    ck_assert_uint_eq(ahead.first_damage, plain.first_damage);
}

static void compare_runs(const struct mt_trace_run *ahead, const struct mt_trace_run *plain)
{
    size_t size = (size_t)((const char *)ahead->end - (const char *)ahead->first);
    ck_assert_uint_eq(size, (size_t)((const char *)plain->end - (const char *)plain->first));
    ck_assert_int_eq(memcmp(ahead->first, plain->first, size), 0);
    ck_assert_uint_eq(ahead->thread, plain->thread);
}

/* Up to `most` events; how many there were. */
static uint64_t compare(struct pair pair, uint64_t most)
{
    struct mt_trace_run ahead, plain;
    uint64_t events = 0;
    int n = 1;
    while (events < most && n > 0) {
        n = mt_trace_next_run(pair.plain, &plain);
        ck_assert_int_eq(mt_trace_next_run(pair.ahead, &ahead), n);
        compare_stats(pair);
        for (uint64_t id = 0; id < 4; id++)
            ck_assert_int_eq(mt_trace_kernel(pair.ahead, id) == NULL,
                             mt_trace_kernel(pair.plain, id) == NULL);
        if (n > 0)
            compare_runs(&ahead, &plain);
        events += (uint64_t)n;
    }
    return events;
}

static void rewind_pair(struct pair pair)
{
    mt_trace_rewind(pair.ahead);
    mt_trace_rewind(pair.plain);
    compare_stats(pair);
}

/* ---- tests ---- */

START_TEST(a_training_job)
{
    write_training(5);
    struct pair pair = open_pair();
    uint64_t events = compare(pair, UINT64_MAX);
    ck_assert_uint_gt(events, 15000);
    ck_assert_int_eq(mt_trace_next(pair.ahead, NULL) == NULL, 1); /* as often as it is asked for */
    rewind_pair(pair);
    ck_assert_uint_eq(compare(pair, UINT64_MAX), events);
    ck_assert_uint_eq(threads, 2);
    close_pair(pair);
    unlink(path);
}
END_TEST

START_TEST(many_threads)
{
    static const uint32_t lengths[] = {10, 100, 10000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        write_spread(EVENTS, lengths[i]);
        struct pair pair = open_pair();
        ck_assert_uint_eq(compare(pair, UINT64_MAX), EVENTS - 1);
        close_pair(pair);
        unlink(path);
    }
}
END_TEST

/* One event at a time, and by runs in between. */
START_TEST(either_way_of_asking)
{
    write_spread(EVENTS, 100);
    struct pair pair = open_pair();
    const struct mt_record *record, *other;
    do {
        uint32_t thread = 0, other_thread = 0;
        record = mt_trace_next(pair.ahead, &thread);
        other = mt_trace_next(pair.plain, &other_thread);
        ck_assert_int_eq(record == NULL, other == NULL);
        ck_assert_uint_eq(thread, other_thread);
        ck_assert(!record || record->time == other->time);
        compare(pair, 1);
    } while (record);
    close_pair(pair);
    unlink(path);
}
END_TEST

START_TEST(windows_and_lean)
{
    static const uint64_t windows[][2] = {{0, 10},         {5000, 5001},    {9990, 30010},
                                          {0, UINT64_MAX}, {49990, 100000}, {9, 3}};
    write_spread(EVENTS, 100);
    struct pair pair = open_pair();
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        mt_trace_window(pair.ahead, windows[i][0], windows[i][1]);
        mt_trace_window(pair.plain, windows[i][0], windows[i][1]);
        mt_trace_lean(pair.ahead, i % 2);
        mt_trace_lean(pair.plain, i % 2);
        rewind_pair(pair);
        compare(pair, UINT64_MAX);
    }
    close_pair(pair);
    unlink(path);
}
END_TEST

/* Turned back and given up at any place, and turned off. */
START_TEST(left_in_the_middle)
{
    write_training(3);
    for (uint64_t most = 1; most < 20000; most = 5 * most) {
        struct pair pair = open_pair();
        compare(pair, most);
        rewind_pair(pair);
        compare(pair, 2 * most);
        mt_trace_ahead(pair.ahead, most % 2);
        rewind_pair(pair);
        compare(pair, most);
        close_pair(pair);
    }
    struct pair pair = open_pair(); /* not even begun */
    close_pair(pair);
    unlink(path);
}
END_TEST

/* Damage is told at the same place, and no earlier. */
START_TEST(damaged)
{
    write_spread(EVENTS, 100);
    size_t size = size_of_file();
    for (size_t at = 100; at < size; at += size / 15) {
        flip(at);
        struct pair pair = open_pair();
        compare(pair, UINT64_MAX);
        rewind_pair(pair);
        compare(pair, UINT64_MAX);
        close_pair(pair);
        flip(at);
    }
    for (size_t cut = size; cut > 100; cut -= size / 5) {
        ck_assert_int_eq(truncate(path, (off_t)cut), 0);
        struct pair pair = open_pair();
        compare(pair, UINT64_MAX);
        close_pair(pair);
    }
    unlink(path);
}
END_TEST

/* No run comes behind it that would tell. */
START_TEST(damaged_at_the_end)
{
    struct mt_tracewriter *writer =
        start((struct mt_tracefile_options){.chunk_events = 100, .cut = true});
    for (uint64_t i = 0; i < 1000; i++)
        MT_TRACEWRITER_ADD(writer, 0, 10 * i, block_free, .address = i << 9, .size = i);
    mt_tracewriter_free(writer);
    flip(size_of_file() - 3);
    struct pair pair = open_pair();
    struct mt_trace_stats stats;
    ck_assert_uint_eq(compare(pair, UINT64_MAX), 900);
    mt_trace_stats(pair.ahead, &stats);
    ck_assert_uint_eq(stats.events_damaged, 100);
    close_pair(pair);
    unlink(path);
}
END_TEST

START_TEST(without_threads)
{
    write_training(2);
    no_threads = true;
    threads = 0;
    struct pair pair = open_pair();
    ck_assert_uint_gt(compare(pair, UINT64_MAX), 5000);
    ck_assert_uint_eq(threads, 1); /* it was tried */
    close_pair(pair);
    no_threads = false;
    unlink(path);
}
END_TEST

/* Who does not go on is waited for. */
START_TEST(memory_is_bounded)
{
    struct mt_trace_run run;
    write_training(16);
    struct pair pair = open_pair();
    batches = 0;
    ck_assert_int_gt(mt_trace_next_run(pair.ahead, &run), 0);
    usleep(300000);
    uint32_t held = batches;
    ck_assert_uint_gt(held, 16);
    ck_assert_uint_lt(held, 150);
    while (mt_trace_next_run(pair.ahead, &run) > 0)
        ;
    ck_assert_uint_lt(batches, 150);
    close_pair(pair);
    unlink(path);
}
END_TEST

UNIT_MAIN("ahead", a_training_job, many_threads, either_way_of_asking, windows_and_lean,
          left_in_the_middle, damaged, damaged_at_the_end, without_threads, memory_is_bounded)
