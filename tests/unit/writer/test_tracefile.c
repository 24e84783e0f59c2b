#include "writer/tracefile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "memtrace/trace.h"

struct place {
    FILE *out;
    struct mt_error error;
    size_t room; /* bytes until writing fails */
};

static int put(void *context, const void *bytes, size_t size)
{
    struct place *place = context;
    if (size > place->room || fwrite(bytes, size, 1, place->out) != 1)
        return mt_fail(&place->error, MT_ERR_SYSTEM, "the disk is full");
    place->room -= size;
    return 0;
}

static void write_threads(const char *path, uint32_t threads, uint32_t events)
{
    struct place place = {.out = fopen(path, "wb"), .room = SIZE_MAX};
    struct mt_tracefile *file = mt_tracefile_new(put, &place, NULL, &place.error);
    ck_assert_ptr_nonnull(file);
    for (uint32_t i = 0; i < events; i++)
        ck_assert_int_eq(MT_TRACEFILE_ADD(file, i % threads, 100 * i, block_alloc,
                                          .address = 0x1000 + i, .size = 1),
                         0);
    ck_assert_int_eq(mt_tracefile_finish(file), 0);
    mt_tracefile_free(file);
    fclose(place.out);
}

/* More threads than chunks may be open, in turns: each event must come back, in the order of time.
 */
START_TEST(any_number_of_threads)
{
    const char *path = "tracefile-threads.mtrace";
    static const uint32_t counts[] = {1, 2, 64, 65, 200};
    uint32_t threads = counts[_i], thread, seen = 0;
    struct mt_trace *trace;
    struct mt_error error;
    const struct mt_record *record;
    write_threads(path, threads, 500);
    ck_assert_int_eq(mt_trace_open(&trace, path, &error), 0);
    for (; (record = mt_trace_next(trace, &thread)); seen++) {
        ck_assert_uint_eq(record->time, 100 * seen);
        ck_assert_uint_eq(record->word[0], 0x1000 + seen);
        ck_assert_uint_eq(thread, seen % threads);
    }
    ck_assert_uint_eq(seen, 500);
    mt_trace_free(trace);
    unlink(path);
}
END_TEST

START_TEST(first_error_sticks)
{
    struct place place = {.out = tmpfile(), .room = 64 + (size_t)_i};
    struct mt_tracefile *file = mt_tracefile_new(put, &place, NULL, &place.error);
    ck_assert_ptr_nonnull(file);
    MT_TRACEFILE_ADD(file, 0, 1, block_alloc, .address = 1, .size = 1);
    ck_assert_int_eq(mt_tracefile_finish(file), MT_ERR_SYSTEM);
    place.room = SIZE_MAX;
    ck_assert_int_eq(MT_TRACEFILE_ADD(file, 0, 2, block_alloc, .address = 1, .size = 1),
                     MT_ERR_SYSTEM);
    ck_assert_int_eq(mt_tracefile_finish(file), MT_ERR_SYSTEM);
    ck_assert_str_eq(place.error.message, "the disk is full");
    mt_tracefile_free(file);
    fclose(place.out);
}
END_TEST

START_TEST(refuses_what_a_trace_cannot_hold)
{
    static uint64_t word[MT_RECORD_WORDS_MAX + 1];
    struct place place = {.out = tmpfile(), .room = SIZE_MAX};
    struct mt_tracefile *file = mt_tracefile_new(put, &place, NULL, &place.error);
    ck_assert_ptr_nonnull(file);
    if (_i)
        ck_assert_int_eq(MT_TRACEFILE_ADD(file, MT_THREADS_MAX, 1, lost, .events = 1),
                         MT_ERR_LIMIT);
    else
        ck_assert_int_eq(mt_tracefile_words(file, 0, 1, MT_launch, word, MT_RECORD_WORDS_MAX + 1),
                         MT_ERR_LIMIT);
    mt_tracefile_free(file);
    fclose(place.out);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {NULL};
    Suite *suite = unit_suite("tracefile", tests);
    TCase *loops = tcase_create("loops");
    tcase_set_timeout(loops, 60);
    tcase_add_loop_test(loops, any_number_of_threads, 0, 5);
    tcase_add_loop_test(loops, first_error_sticks, 0, 130);
    tcase_add_loop_test(loops, refuses_what_a_trace_cannot_hold, 0, 2);
    suite_add_tcase(suite, loops);
    return unit_run(suite);
}
