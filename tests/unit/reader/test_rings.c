/* A ring file beside a trace, as a killed process leaves it. */
#include "reader/rings.h"

#include <string.h>

#include "memfile.h"
#include "memtrace/trace.h"
#include "tracewriter.h"
#include "unit.h"

#define CAPACITY 4096
#define ID 1234

static struct {
    char trace[40], path[48];
    _Alignas(64) char file[MT_RINGFILE_PAGE + 2 * (MT_RINGFILE_PAGE + CAPACITY)];
} job;

static struct mt_ringfile_header *header(void)
{
    return (void *)job.file;
}

static struct mt_ringfile_ring *ring(unsigned i)
{
    return (void *)(job.file + MT_RINGFILE_PAGE + i * (MT_RINGFILE_PAGE + CAPACITY));
}

/* A trace whose thread 0 has one event at 10 ns, and two empty rings for threads 0 and 1. */
static void start(void)
{
    strcpy(job.trace, "/tmp/memtrace-test-XXXXXX");
    close(mkstemp(job.trace));
    struct mt_tracefile_options options = {.cut = true, .trace_id = ID};
    struct mt_tracewriter *writer = mt_tracewriter_new(job.trace, &options);
    MT_TRACEWRITER_ADD(writer, 0, 10, create, .handle = 1);
    mt_tracewriter_free(writer);
    memset(job.file, 0, sizeof job.file);
    *header() = (struct mt_ringfile_header){.magic = MT_RINGFILE_MAGIC,
                                            .trace_id = ID,
                                            .pair = {{0, 0}, {1000, 1000}},
                                            .capacity = CAPACITY,
                                            .rings = 2};
    for (unsigned i = 0; i < 2; i++)
        *ring(i) = (struct mt_ringfile_ring){.thread = i, .state = MT_RING_LIVE};
}

#define WORDS (sizeof(struct mt_ev_create) / sizeof(uint64_t))
#define RECORD (sizeof(struct mt_record) + sizeof(struct mt_ev_create))

/* As the recorder's thread does: fill what is left of the ring where the record does not fit. */
static void put(unsigned i, uint64_t ticks, uint64_t handle)
{
    struct mt_ringfile_ring *to = ring(i);
    char *data = (char *)to + MT_RINGFILE_PAGE;
    struct mt_record record = {.time = ticks, .kind = MT_create, .words = WORDS};
    uint64_t word[WORDS] = {handle, 4096};
    size_t size = sizeof record + sizeof word, left = CAPACITY - to->head % CAPACITY;
    if (left < size) {
        struct mt_record fill = {.words = (uint32_t)((left - sizeof fill) / 8)};
        if (left >= sizeof fill)
            memcpy(data + to->head % CAPACITY, &fill, sizeof fill);
        to->head += left;
    }
    memcpy(data + to->head % CAPACITY, &record, sizeof record);
    memcpy(data + to->head % CAPACITY + sizeof record, word, sizeof word);
    to->head += size;
}

static struct mt_trace *open_job(void)
{
    struct mt_trace *trace;
    snprintf(job.path, sizeof job.path, "%s.ring", job.trace);
    FILE *out = fopen(job.path, "wb");
    ck_assert_uint_eq(fwrite(job.file, sizeof job.file, 1, out), 1);
    fclose(out);
    ck_assert_int_eq(mt_trace_open(&trace, job.trace, NULL), 0);
    return trace;
}

/* The handles of all events, in order. */
static void expect(struct mt_trace *trace, const char *handles)
{
    const struct mt_record *record;
    char found[8192] = "", *to = found;
    uint64_t last = 0;
    while ((record = mt_trace_next(trace, NULL))) {
        ck_assert_uint_ge(record->time, last);
        last = record->time;
        to += sprintf(to, "%d ", (int)record->word[0]);
    }
    ck_assert_str_eq(found, handles);
    mt_trace_free(trace);
    unlink(job.trace);
    unlink(job.path);
}

START_TEST(follows_the_chunks)
{
    struct mt_trace_stats stats;
    start();
    ring(0)->head = ring(0)->tail = RECORD;
    put(0, 20, 2);
    put(1, 15, 3);
    put(0, 25, 4);
    ring(1)->state = MT_RING_CLOSED;
    ring(0)->lost = 6;
    struct mt_trace *trace = open_job();
    mt_trace_stats(trace, &stats);
    ck_assert_uint_eq(stats.events, 4);
    ck_assert_uint_eq(stats.events_salvaged, 3);
    ck_assert_uint_eq(stats.events_lost, 6);
    ck_assert_uint_eq(stats.threads, 2);
    ck_assert_uint_eq(stats.last_ns, 25);
    ck_assert(!stats.complete);
    expect(trace, "1 3 2 4 ");
}
END_TEST

/* The chunk covers the first record; the ring may or may not have been told. */
START_TEST(no_event_twice)
{
    start();
    put(0, 10, 1);
    put(0, 20, 2);
    ring(0)->tail = _i ? RECORD : 0;
    expect(open_job(), "1 2 ");
}
END_TEST

START_TEST(around_the_end_of_the_ring)
{
    char want[8192] = "1 ", *to = want + 2;
    start();
    ring(0)->head = ring(0)->tail = 7 * CAPACITY + 8 * (uint64_t)_i;
    for (int i = 0; i < 70; i++) {
        put(0, 100 + (uint64_t)i, 1000 + (uint64_t)i);
        to += sprintf(to, "%d ", 1000 + i);
    }
    ck_assert_uint_le(ring(0)->head - ring(0)->tail, CAPACITY);
    expect(open_job(), want);
}
END_TEST

START_TEST(of_another_trace)
{
    start();
    put(0, 20, 2);
    header()->trace_id++;
    expect(open_job(), "1 ");
}
END_TEST

START_TEST(unused_rings)
{
    start();
    put(0, 20, 2);
    ring(0)->state = MT_RING_UNUSED;
    expect(open_job(), "1 ");
}
END_TEST

START_TEST(stops_where_it_makes_no_sense)
{
    struct mt_trace_stats stats;
    start();
    for (uint64_t i = 0; i < 5; i++)
        put(0, 20 + i, 2 + i);
    struct mt_record *third = (void *)((char *)ring(0) + MT_RINGFILE_PAGE + 3 * RECORD);
    third->words = _i ? 1 : UINT32_MAX;
    ring(0)->tail = RECORD;
    struct mt_trace *trace = open_job();
    mt_trace_stats(trace, &stats);
    ck_assert_uint_eq(stats.events_salvaged, 2);
    ck_assert_uint_gt(stats.chunks_damaged, 0);
    expect(trace, "1 3 4 ");
}
END_TEST

/* Any byte of the header and of a ring's page, and any cut: no harm. */
START_TEST(bent_anywhere)
{
    start();
    for (uint64_t i = 0; i < 20; i++)
        put(0, 20 + i, 2 + i);
    for (size_t i = 0; i < MT_RINGFILE_PAGE + 136; i += i == 64 ? MT_RINGFILE_PAGE - 64 : 1) {
        job.file[i] = (char)(job.file[i] + 1 + (int)i % 128);
        struct mt_trace *trace = open_job();
        const struct mt_record *record;
        unsigned events = 0;
        while ((record = mt_trace_next(trace, NULL)))
            ck_assert(mt_record_is_valid(record) && events++ < 1000);
        mt_trace_free(trace);
        ck_assert_int_eq(truncate(job.path, (off_t)i * 3), 0);
        ck_assert_int_eq(mt_trace_open(&trace, job.trace, NULL), 0);
        while ((record = mt_trace_next(trace, NULL)))
            ck_assert(mt_record_is_valid(record));
        mt_trace_free(trace);
        job.file[i] = (char)(job.file[i] - 1 - (int)i % 128);
    }
    unlink(job.trace);
    unlink(job.path);
}
END_TEST

int main(void)
{
    const TTest *const once[] = {follows_the_chunks, of_another_trace, unused_rings, bent_anywhere,
                                 NULL};
    Suite *suite = unit_suite("rings", once);
    TCase *tcase = tcase_create("with variants");
    tcase_add_loop_test(tcase, no_event_twice, 0, 2);
    tcase_add_loop_test(tcase, around_the_end_of_the_ring, 0, 8);
    tcase_add_loop_test(tcase, stops_where_it_makes_no_sense, 0, 2);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
