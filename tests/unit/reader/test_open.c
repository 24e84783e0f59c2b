/* A small trace, cut at every byte and bent in every byte: what is read is right, and what is
 * missing is told. */
#include <string.h>

#include "base/crc32.h"
#include "base/error.h"
#include "memfile.h"
#include "memtrace/trace.h"
#include "tracewriter.h"
#include "unit.h"

#define THREADS 3
#define EVENTS 90
#define CHUNK_EVENTS 10

struct event {
    uint64_t time;
    uint64_t word[8];
    uint32_t kind, words, thread;
};

struct whole {
    unsigned char *bytes;
    size_t size;
    struct event event[EVENTS];
    uint32_t events;
};

static struct event event_of(const struct mt_record *record, uint32_t thread)
{
    struct event event = {record->time, {0}, record->kind, record->words, thread};
    memcpy(event.word, record->word, 8 * (record->words < 8 ? record->words : 8));
    return event;
}

static void write_trace(const char *path, bool cut)
{
    struct mt_tracefile_options options = {.chunk_events = CHUNK_EVENTS,
                                             .cut = cut,
                                             .trace_id = 99,
                                             .pid = 42,
                                             .start_realtime_ns = 7};
    struct mt_tracewriter *writer = mt_tracewriter_new(path, &options);
    mt_tracewriter_meta(writer, "api.0", "cuMemAlloc_v2");
    mt_tracewriter_meta(writer, "host", "somewhere");
    mt_tracewriter_flush(writer);
    for (uint32_t i = 0; i < EVENTS - 1; i++) {
        uint64_t word[3] = {MT_WORD(0x7f0000000000 + i % 7 * 512, 0),
                            MT_WORD(0x7f0000000000 + i % 5 * 512, 8), 0};
        if (i == 0)
            mt_tracewriter_kernel(writer, 0, 0, 1, "kernel", MT_PARAMS_UNKNOWN, NULL);
        if (i % 3 == 0)
            mt_tracewriter_launch(writer, i % THREADS, 100 * i, 1, 0x55, word, 1 + i % 2);
        else
            MT_TRACEWRITER_ADD(writer, i % THREADS, 100 * i, block_alloc, .size = 512 * i,
                               .address = 0x7f0000000000 + i * 512, .allocated = 1000 * i);
    }
    mt_tracewriter_free(writer);
}

static struct whole load(bool cut)
{
    char path[] = "/tmp/memtrace-test-XXXXXX";
    struct whole whole = {0};
    struct mt_trace *trace;
    const struct mt_record *record;
    uint32_t thread;
    close(mkstemp(path));
    write_trace(path, cut);
    whole.bytes = slurp(path, &whole.size);
    ck_assert_int_eq(mt_trace_open(&trace, path, NULL), 0);
    while ((record = mt_trace_next(trace, &thread)))
        whole.event[whole.events++] = event_of(record, thread);
    ck_assert_uint_eq(whole.events, EVENTS);
    mt_trace_free(trace);
    unlink(path);
    return whole;
}

/* Every event read is one of the whole trace's, in its order; how many there are. */
static uint32_t read_part(const struct whole *whole, struct mt_trace *trace)
{
    const struct mt_record *record;
    uint32_t thread, events = 0, at = 0;
    while ((record = mt_trace_next(trace, &thread))) {
        struct event event = event_of(record, thread);
        while (at < whole->events && memcmp(&event, &whole->event[at], sizeof event) != 0)
            at++;
        ck_assert_msg(at < whole->events, "an event that was never written, or out of order");
        at++;
        events++;
    }
    return events;
}

/* Read bytes as a trace; whether it could be opened. What is missing must have been told. */
static bool check(const struct whole *whole, const void *bytes, size_t size, size_t place)
{
    char name[MEMFILE_NAME];
    int fd = memfile(name, bytes, size);
    struct mt_trace *trace;
    struct mt_error error = {0};
    struct mt_trace_stats stats;
    if (mt_trace_open(&trace, name, &error) < 0) {
        ck_assert_ptr_null(trace);
        ck_assert_ptr_nonnull(strstr(error.message, name));
        ck_assert_int_lt(error.code, 0);
        close(fd);
        return false;
    }
    uint32_t events = read_part(whole, trace);
    mt_trace_stats(trace, &stats);
    bool told =
        stats.events_damaged || stats.bytes_skipped || stats.chunks_damaged || !stats.complete;
    const char *host = mt_trace_meta(trace, "host");
    if (!told)
        ck_assert_msg(events == whole->events && host && strcmp(host, "somewhere") == 0,
                      "byte %zu: %u of %u events and no word about it", place, events,
                      whole->events);
    if (stats.bytes_skipped || stats.chunks_damaged)
        ck_assert_uint_lt(stats.first_damage, whole->size);
    mt_trace_free(trace);
    close(fd);
    return true;
}

START_TEST(cut_anywhere)
{
    struct whole whole = load(_i);
    for (size_t size = 0; size < whole.size; size++)
        ck_assert_int_eq(check(&whole, whole.bytes, size, size), size >= 64);
    free(whole.bytes);
}
END_TEST

START_TEST(bent_anywhere)
{
    struct whole whole = load(_i);
    for (size_t i = 0; i < whole.size; i++) {
        unsigned char byte = whole.bytes[i];
        whole.bytes[i] = (unsigned char)(byte ^ (1u << i % 8 | 1u << i % 3));
        check(&whole, whole.bytes, whole.size, i);
        whole.bytes[i] = byte;
    }
    free(whole.bytes);
}
END_TEST

START_TEST(bytes_missing_or_added_anywhere)
{
    struct whole whole = load(_i);
    unsigned char *bytes = malloc(whole.size + 64);
    for (size_t i = 64; i < whole.size; i += 7) {
        size_t gap = 1 + i % 50;
        memcpy(bytes, whole.bytes, i);
        if (i + gap < whole.size) {
            memcpy(bytes + i, whole.bytes + i + gap, whole.size - i - gap);
            check(&whole, bytes, whole.size - gap, i);
        }
        memset(bytes + i, 0x4d, gap);
        memcpy(bytes + i + gap, whole.bytes + i, whole.size - i);
        check(&whole, bytes, whole.size + gap, i);
    }
    free(bytes);
    free(whole.bytes);
}
END_TEST

/* Where the n-th chunk begins. */
static size_t chunk_at(const struct whole *whole, int n)
{
    struct mt_chunk_header header;
    size_t at = sizeof(struct mt_file_header);
    for (; n; n--, at += sizeof header + header.stored_size)
        memcpy(&header, whole->bytes + at, sizeof header);
    return at;
}

/* Damage of one chunk costs that chunk and no more. */
START_TEST(only_the_damaged_chunk_is_lost)
{
    struct whole whole = load(_i);
    struct mt_trace *trace;
    struct mt_trace_stats stats;
    char name[MEMFILE_NAME];
    size_t at = chunk_at(&whole, 5);
    whole.bytes[at + sizeof(struct mt_chunk_header) + 20] ^= 1;
    int fd = memfile(name, whole.bytes, whole.size);
    ck_assert_int_eq(mt_trace_open(&trace, name, NULL), 0);
    uint32_t events = read_part(&whole, trace);
    mt_trace_stats(trace, &stats);
    ck_assert_uint_ge(events, EVENTS - CHUNK_EVENTS);
    ck_assert_uint_lt(events, EVENTS);
    ck_assert_uint_eq(stats.first_damage, at);
    ck_assert_uint_eq(stats.chunks_damaged, 1);
    ck_assert_uint_eq(stats.events_damaged, EVENTS - events);
    mt_trace_free(trace);
    close(fd);
    free(whole.bytes);
}
END_TEST

START_TEST(cut_trace_is_not_complete)
{
    struct whole whole = load(true);
    struct mt_trace *trace;
    struct mt_trace_stats stats;
    char name[MEMFILE_NAME];
    int fd = memfile(name, whole.bytes, whole.size);
    ck_assert_int_eq(mt_trace_open(&trace, name, NULL), 0);
    mt_trace_stats(trace, &stats);
    ck_assert(!stats.complete);
    ck_assert_uint_eq(stats.events, EVENTS);
    ck_assert_uint_eq(stats.bytes_skipped, 0);
    ck_assert_uint_eq(stats.threads, THREADS);
    ck_assert_uint_eq(stats.pid, 42);
    ck_assert_uint_eq(stats.start_realtime_ns, 7);
    ck_assert_uint_eq(stats.file_bytes, whole.size);
    mt_trace_free(trace);
    close(fd);
    free(whole.bytes);
}
END_TEST

static int code_of(const void *bytes, size_t size, struct mt_error *error)
{
    char name[MEMFILE_NAME];
    struct mt_trace *trace;
    int fd = memfile(name, bytes, size);
    int code = mt_trace_open(&trace, name, error);
    mt_trace_free(trace);
    close(fd);
    return code;
}

START_TEST(refused_with_a_reason)
{
    struct whole whole = load(false);
    struct mt_error error;
    struct mt_file_header *header = (void *)whole.bytes;
    ck_assert_int_eq(code_of("hello, world\n", 13, &error), MT_ERR_NOT_TRACE);
    ck_assert_int_eq(code_of("", 0, &error), MT_ERR_NOT_TRACE);
    ck_assert_int_eq(code_of(whole.bytes, 30, &error), MT_ERR_DAMAGED);
    header->version_major = 3;
    header->crc = mt_crc32(header, offsetof(struct mt_file_header, crc));
    ck_assert_int_eq(code_of(whole.bytes, whole.size, &error), MT_ERR_VERSION);
    ck_assert_ptr_nonnull(strstr(error.message, "version 3.0"));
    struct mt_trace *trace;
    ck_assert_int_eq(mt_trace_open(&trace, "/nowhere/x.mtrace", &error), MT_ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(error.message, "/nowhere/x.mtrace"));
    ck_assert_ptr_null(trace);
    free(whole.bytes);
}
END_TEST

int main(void)
{
    const TTest *const once[] = {cut_trace_is_not_complete, refused_with_a_reason, NULL};
    const TTest *const both[] = {cut_anywhere, bent_anywhere, bytes_missing_or_added_anywhere,
                                 only_the_damaged_chunk_is_lost, NULL};
    Suite *suite = unit_suite("open", once);
    TCase *tcase = tcase_create("with an index and without");
    tcase_set_timeout(tcase, 120);
    for (const TTest *const *test = both; *test; test++)
        tcase_add_loop_test(tcase, *test, 0, 2);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
