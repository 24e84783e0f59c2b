/* Where the traced threads write: one single-producer ring a thread, in a mapping shared with the
 * ring file (format/ringfile.h), so that what was written outlives the process.
 *
 * A record is written in three steps: mt_ring_reserve gives room, the caller fills the words,
 * mt_ring_commit publishes. Between them the caller may not call anything that could record. The
 * hot path is one comparison: `limit` is the position at which anything unusual must be looked at
 * (the ring is full or wraps, the drain thread must be woken, there is no ring yet).
 *
 * Beside its ring a thread shows which free it is in the midst of: between the time of a free and
 * its record lies the driver's work, in which the address may be handed out again (shim/window).
 *
 * The thread's own position is kept in thread-local memory of the initial-exec model: a preloaded
 * library is there before any thread, and no other model is free of locks and allocation. */
#ifndef MT_RING_H
#define MT_RING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/hot.h"
#include "event/event.h"
#include "format/ringfile.h"

#define MT_CACHE_LINE 64

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the words of a record's header");

/* The free under way in a thread, for the consumer. Written by the thread alone, whole before
 * `since` is set: a consumer that finds `since` the same behind the rest as before it has it. */
struct mt_freeing {
    _Alignas(MT_CACHE_LINE) uint64_t since; /* ticks, as its record will have them; 0: none */
    uint64_t address, stream, api;          /* address 0: it will have no record */
};

/* In `api`: the call ends more than one address, or ends and begins memory; its record tells. */
#define MT_FREEING_MORE (UINT64_C(1) << 32)

struct mt_writer {                         /* what every record needs fills one line */
    _Alignas(MT_CACHE_LINE) uint8_t *data; /* of the ring, NULL before the first event */
    uint64_t head;                   /* bytes ever written; shared->head is its published copy */
    uint64_t limit;                  /* head + size beyond this: mt_ring_slow */
    uint64_t mask;                   /* capacity - 1 */
    struct mt_ringfile_ring *shared; /* the ring's page in the file */
    struct mt_freeing *freeing;      /* beside the ring, NULL before the first event */
    uint32_t busy;                   /* inside reserve..commit: a signal handler must not write */
    uint32_t dropping;               /* the ring was full for longer than allowed */
    struct mt_ring *ring;
};

extern __thread struct mt_writer mt_writer __attribute__((tls_model("initial-exec")));

/* How far behind the thread pointer it lies; 0 before this library's constructor. */
extern int32_t mt_writer_offset;

/* The calling thread's, without the linker's table of such distances, which lies in another page
 * than what else is hot. */
static inline struct mt_writer *mt_writer_here(void)
{
#if defined(__x86_64__)
    int32_t offset = mt_writer_offset;
    char *thread;
    if (__builtin_expect(offset != 0, 1)) {
        __asm__("mov %%fs:0, %0" : "=r"(thread));
        return (void *)(thread + offset);
    }
#endif
    return &mt_writer;
}

/* What every hook looks at first. The page it lies in is wiped in a forked child, however it
 * forked, so that a child never writes into its parent's rings. */
enum mt_recording {
    MT_IDLE = 0, /* not begun, or a forked child */
    MT_RECORDING = 1,
    MT_OFF = 2,    /* for good */
    MT_LATE = 3,   /* after the exit handlers: each event is written at once */
    MT_PAUSED = 5, /* what memory there is, but not what uses it (shim/window) */
};
extern _Atomic uint32_t *mt_recording;

static inline bool mt_is_recording(void)
{
    return __builtin_expect(atomic_load_explicit(mt_recording, memory_order_relaxed),
                            MT_RECORDING) == MT_RECORDING;
}

static inline bool mt_is_paused(void)
{
    return atomic_load_explicit(mt_recording, memory_order_relaxed) == MT_PAUSED;
}

/* For events that must not start a recording (failures, frees, blocks): may they be recorded? They
 * may also while recording is paused: what lives is known when it goes on. */
static inline bool mt_may_record(void)
{
    return atomic_load_explicit(mt_recording, memory_order_relaxed) & 1;
}

/* The unusual cases of mt_ring_reserve; false: the event is dropped and counted. `busy` is what it
 * was before: not 0 where a signal handler records while its thread is in the middle of a record,
 * or jumped out of one. Keeps errno. */
MT_SELDOM bool mt_ring_slow(size_t size, uint32_t busy, uint64_t ticks);

/* Where the thread's stack is, which tells a record that is under way from one that was jumped out
 * of; an odd value stands for neither. */
static inline uint32_t mt_stack_place(void)
{
    return (uint32_t)(uintptr_t)__builtin_frame_address(0);
}

/* The same into `busy`, as cheap as any other value. */
static inline void mt_ring_busy(struct mt_writer *writer)
{
#if defined(__x86_64__)
    __asm__ volatile("movl %%esp, %0" : "=m"(writer->busy));
#else
    writer->busy = mt_stack_place();
#endif
}

/* Whether a thread that was busy at one place of its stack, and is `now` at another, can be there
 * only because a signal handler has jumped out of what it did: as far out or farther, on the same
 * stack. */
bool mt_was_left(uint32_t busy, uint32_t now);

/* Room for a record of `words` words; NULL: dropped (and counted). */
static inline uint64_t *mt_ring_reserve_in(struct mt_writer *writer, enum mt_kind kind,
                                           uint32_t words, uint64_t ticks)
{
    size_t size = sizeof(struct mt_record) + words * sizeof(uint64_t);
    uint32_t busy = writer->busy;
    /* Before the look at head and limit: a handler that records after it would leave them stale. */
    mt_ring_busy(writer);
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(writer->head + size > writer->limit || busy, 0) &&
        !mt_ring_slow(size, busy, ticks))
        return NULL;
    struct mt_record *record = (void *)(writer->data + (writer->head & writer->mask));
    /* Kind, no flags and words as one: compilers fetch two of them from a line of constants. */
    uint64_t what = (uint64_t)words << 32 | (uint16_t)kind;
    record->time = ticks;
    memcpy((char *)record + sizeof record->time, &what, sizeof what);
    return record->word;
}

static inline uint64_t *mt_ring_reserve(enum mt_kind kind, uint32_t words, uint64_t ticks)
{
    return mt_ring_reserve_in(mt_writer_here(), kind, words, ticks);
}

/* Publish the record last reserved. Release: who sees the new head sees the record. */
static inline void mt_ring_commit_in(struct mt_writer *writer, uint32_t words)
{
    uint64_t head = writer->head + sizeof(struct mt_record) + words * sizeof(uint64_t);
    writer->head = head;
    __atomic_store_n(&writer->shared->head, head, __ATOMIC_RELEASE);
    /* Where the next record will lie was last touched a whole ring ago, and read by another
     * processor since. At the ring's end this asks for a line behind it, which does no harm. */
    const uint8_t *next = writer->data + (head & writer->mask);
    mt_prefetch_to_write(next);
    mt_prefetch_to_write(next + MT_CACHE_LINE);
    atomic_signal_fence(memory_order_seq_cst);
    writer->busy = 0;
}

static inline void mt_ring_commit(uint32_t words)
{
    mt_ring_commit_in(mt_writer_here(), words);
}

/* The same with fewer words than were reserved. */
static inline void mt_ring_commit_less_in(struct mt_writer *writer, uint32_t words)
{
    ((struct mt_record *)(void *)(writer->data + (writer->head & writer->mask)))->words = words;
    mt_ring_commit_in(writer, words);
}

/* Beside its ring a thread shows that it reads a table which another thread may replace, and then
 * unmap when nobody reads it. In this order: it begins, it looks where the table is. For a thread
 * with a ring that may record; one within another, as of a signal handler, is counted. */
static inline void mt_ring_reads_begin(struct mt_ringfile_ring *shared)
{
#if defined(__x86_64__) /* in one instruction, between two of which a signal may come */
    __asm__ volatile("incq %0" : "+m"(shared->reads) : : "memory");
#else
    __atomic_store_n(&shared->reads, shared->reads + 1, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* Release: who sees that it is over has its reads behind it. */
static inline void mt_ring_reads_end(struct mt_ringfile_ring *shared)
{
#if defined(__x86_64__)
    __asm__ volatile("decq %0" : "+m"(shared->reads) : : "memory");
#else
    __atomic_store_n(&shared->reads, shared->reads - 1, __ATOMIC_RELEASE);
#endif
}

/* The thread gets its ring, if it may record and has none. Keeps errno. */
MT_SELDOM void mt_ring_ready(void);

/* From before the real free, which may make the address another thread's, until its record is
 * published. One within another, as of a signal handler, hides that one. */
static inline void mt_freeing_begins(uint64_t api, uint64_t when, uint64_t address, uint64_t stream)
{
    struct mt_freeing *freeing = mt_writer_here()->freeing;
    if (__builtin_expect(!freeing, 0))
        return;
    __atomic_store_n(&freeing->since, 0, __ATOMIC_RELAXED); /* of a call that was jumped out of */
    atomic_thread_fence(memory_order_release);
    __atomic_store_n(&freeing->address, address, __ATOMIC_RELAXED);
    __atomic_store_n(&freeing->stream, stream, __ATOMIC_RELAXED);
    __atomic_store_n(&freeing->api, api, __ATOMIC_RELAXED);
    __atomic_store_n(&freeing->since, when, __ATOMIC_RELEASE);
}

/* Release: who sees that it is over sees its record. */
static inline void mt_freeing_ends(void)
{
    struct mt_freeing *freeing = mt_writer_here()->freeing;
    if (__builtin_expect(freeing != NULL, 1))
        __atomic_store_n(&freeing->since, 0, __ATOMIC_RELEASE);
}

/* A whole record from fields; for events that are not hot. `bytes` (may be NULL) becomes the tail.
 * False: dropped. */
bool mt_ring_put(enum mt_kind kind, uint64_t ticks, const uint64_t *fields, const void *bytes,
                 size_t size);

/* Between these the thread is not cancelled: it would take the recorder's locks with it. */
static inline int mt_cancel_off(void)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void mt_cancel_as(int before)
{
    pthread_setcancelstate(before, NULL);
}

/* ---- the consumer's side (drain thread) and the life cycle ---- */

struct mt_ring {
    struct mt_ringfile_ring *shared; /* NULL: not there */
    uint8_t *data;
    uint64_t in_file; /* bytes that are in the file, the rest is in plain memory */
    uint64_t seen;    /* the head that the last mt_rings_prepare saw */
    uint64_t ready;   /* bytes of the ring that it has touched, or found touched */
    uint64_t backed;  /* bytes that are on the disk or in memory: beyond them nobody writes */
    struct mt_freeing freeing;
};

/* Make the ring file PATH (0600, must not exist, no link followed) for rings of `capacity` bytes.
 * Where it cannot be made or grown rings lie in plain memory: only a kill then loses them. */
void mt_rings_open(const char *path, const struct mt_ringfile_header *header);

/* Forget all rings (in a forked child); remove = also unlink the file (at a clean end). */
void mt_rings_close(bool remove);

/* A number for a thread that has no ring. */
uint32_t mt_rings_number(void);

/* The i-th ring, NULL past the last. */
const struct mt_ring *mt_rings_get(uint32_t i);
uint32_t mt_rings_capacity(void);

/* Touch the pages that will be written next, as many as twice what was written since the last call,
 * so that it is not the job's threads who wait for them. */
void mt_rings_prepare(void);

/* The free that the thread of the i-th ring is in the midst of. False: none, or it is over; then
 * its record can be seen. */
bool mt_ring_freeing(uint32_t i, struct mt_freeing *freeing);

/* Records that wait in it and lie in plain memory: whoever ends now loses them. */
uint64_t mt_ring_in_memory(const struct mt_ring *ring);

/* Whether its thread is seen reading. */
static inline bool mt_ring_reads(const struct mt_ring *ring)
{
    return __atomic_load_n(&ring->shared->state, __ATOMIC_ACQUIRE) == MT_RING_LIVE &&
           __atomic_load_n(&ring->shared->reads, __ATOMIC_ACQUIRE) != 0;
}

/* Ask the consumer for a look at the rings. Any thread, any lock held; a system call at most once
 * for each mt_rings_wait. */
void mt_rings_call(void);

/* Wait until called, `ns` at most. */
void mt_rings_wait(long ns);

/* Whether the thread of a live ring has ended without telling. */
bool mt_ring_is_orphan(const struct mt_ringfile_ring *ring);

/* Count events that were never in a ring (no ring could be had, signal handler). */
extern _Atomic uint64_t mt_events_dropped;

/* Losses that events of kind `lost` in the rings tell of. */
extern _Atomic uint64_t mt_losses_told;

#endif
