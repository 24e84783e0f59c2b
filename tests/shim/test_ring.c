/* Rings alone, with a consumer as simple as can be: what threads write arrives whole, in order and
 * once, or is counted. Also built with ThreadSanitizer. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "foreign.h"
#include "shim/process/config.h"
#include "shim/record/ring.h"
#include "unit/unit.h"

#define THREADS 4u
#define WAVES 3u

struct mt_config mt_config = {.RING_KIB = 64};
static _Atomic uint32_t recording = MT_RECORDING;
_Atomic uint32_t *mt_recording = &recording;

static unsigned records; /* of a thread */
static atomic_bool stop;
static pthread_t consumer;

/* What the consumer has seen of a thread, by its number. */
static struct {
    uint64_t next, lost, arrived;
} seen[THREADS * WAVES];

/* ---- consumer ---- */

/* Records of a launch: its number in `kernel`, and as many words as that says, each the number. */
static void check_launch(uint32_t thread, const struct mt_record *record)
{
    uint64_t number = record->word[0];
    if (number < seen[thread].next || record->words != 3 + number % 50)
        ck_abort_msg("thread %u: number %llu with %u words after %llu", thread,
                     (unsigned long long)number, record->words,
                     (unsigned long long)seen[thread].next);
    for (uint32_t i = 3; i < record->words; i++)
        if (record->word[i] != number)
            ck_abort_msg("thread %u: word %u of %llu is damaged", thread, i,
                         (unsigned long long)number);
    seen[thread].next = number + 1;
    seen[thread].arrived++;
}

static void check_record(uint32_t thread, const struct mt_record *record)
{
    if (record->kind == MT_launch)
        check_launch(thread, record);
    else if (record->kind == MT_lost)
        seen[thread].lost += record->word[0];
    else if (record->kind != MT_NONE && record->kind != MT_thread)
        ck_abort_msg("thread %u: a record of kind %u", thread, record->kind);
}

static void empty(const struct mt_ring *ring)
{
    struct mt_ringfile_ring *shared = ring->shared;
    uint32_t state = __atomic_load_n(&shared->state, __ATOMIC_ACQUIRE);
    uint64_t head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE), at = shared->tail;
    uint64_t mask = mt_rings_capacity() - 1;
    if (state == MT_RING_UNUSED)
        return;
    while (at < head) {
        const struct mt_record *record = (const void *)(ring->data + (at & mask));
        uint64_t rest = mask + 1 - (at & mask);
        if (rest >= sizeof *record)
            check_record(shared->thread, record);
        at += rest < sizeof *record ? rest : mt_record_size(record);
    }
    __atomic_store_n(&shared->tail, at, __ATOMIC_RELEASE);
    if (state == MT_RING_CLOSED) {
        seen[shared->thread].lost += __atomic_exchange_n(&shared->lost, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&shared->state, MT_RING_UNUSED, __ATOMIC_RELEASE);
    }
}

static void *consume(void *nothing)
{
    const struct mt_ring *ring;
    (void)nothing;
    for (bool last = false; !last;) {
        last = stop;
        for (uint32_t i = 0; (ring = mt_rings_get(i)); i++)
            empty(ring);
    }
    return NULL;
}

/* ---- producers ---- */

static void *produce(void *nothing)
{
    (void)nothing;
    for (unsigned i = 0; i < records; i++) {
        uint32_t words = 3 + i % 50;
        uint64_t *word = mt_ring_reserve(MT_launch, words, i);
        if (!word)
            continue;
        for (uint32_t j = 0; j < words; j++)
            word[j] = i;
        mt_ring_commit(words);
    }
    return NULL;
}

static void open_rings(uint32_t capacity)
{
    char path[] = "/tmp/mt-ring.XXXXXX";
    struct mt_ringfile_header header = {.capacity = capacity};
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    unlink(path);
    mt_rings_open(path, &header);
}

/* Returns how many records were lost. */
static uint64_t run(unsigned n, long wait_us)
{
    pthread_t threads[THREADS];
    uint64_t lost = 0;
    memset(seen, 0, sizeof seen);
    records = n;
    mt_config.WAIT_US = wait_us;
    stop = false;
    open_rings(64 << 10);
    pthread_create(&consumer, NULL, consume, NULL);
    for (unsigned wave = 0; wave < WAVES; wave++) {
        for (unsigned i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, produce, NULL);
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    stop = true;
    pthread_join(consumer, NULL);
    for (unsigned i = 0; i < THREADS * WAVES; i++)
        lost += seen[i].lost;
    ck_assert_uint_eq(mt_events_dropped, 0);
    mt_rings_close(true);
    mt_rings_close(false);
    return lost;
}

START_TEST(all_arrive)
{
    ck_assert_uint_eq(run(20000, 10000000), 0);
    for (unsigned i = 0; i < THREADS * WAVES; i++)
        ck_assert_uint_eq(seen[i].next, 20000);
}
END_TEST

START_TEST(what_does_not_arrive_is_counted)
{
    uint64_t lost = run(50000, 0);
    for (unsigned i = 0; i < THREADS * WAVES; i++)
        ck_assert_uint_eq(seen[i].arrived + seen[i].lost, 50000);
    printf("# %llu of %u were lost\n", (unsigned long long)lost, 50000 * THREADS * WAVES);
}
END_TEST

#ifdef __SANITIZE_THREAD__
#define FAULTS_MOST 100000 /* the sanitizer has pages of its own */
#else
#define FAULTS_MOST 8
#endif

/* Page faults of this thread while it writes `n` pages of records. */
static long faults_of(unsigned n)
{
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    for (unsigned i = 0; i < 16 * n; i++) {
        uint64_t *word = mt_ring_reserve(MT_launch, 30, i);
        ck_assert_ptr_nonnull(word);
        mt_ring_commit(30);
    }
    getrusage(RUSAGE_THREAD, &after);
    return after.ru_minflt - before.ru_minflt;
}

START_TEST(pages_are_touched_ahead)
{
    if (foreign_skip("pages_are_touched_ahead: faults of its own pages"))
        return;
    open_rings(4 << 20);
    ck_assert_int_ge(faults_of(64), 64);
    mt_rings_prepare();
    if (mt_rings_get(0)->ready < mt_rings_capacity()) {
        ck_assert_int_lt(faults_of(128), FAULTS_MOST);
        mt_rings_prepare();
        mt_rings_prepare(); /* nothing was written since */
        ck_assert_uint_lt(mt_rings_get(0)->ready, mt_rings_capacity());
    } else {
        printf("# this kernel does not touch pages ahead\n");
    }
    mt_rings_close(true);
    mt_rings_close(false);
}
END_TEST

UNIT_MAIN("ring", all_arrive, what_does_not_arrive_is_counted, pages_are_touched_ahead)
