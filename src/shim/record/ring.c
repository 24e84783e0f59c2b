/* Rings: the producer's slow path and the ring file.
 *
 * A ring is a page that producer and consumer share and `capacity` bytes of records. The producer
 * owns head, the consumer tail; both only grow. A ring belongs to one thread at a time; after its
 * thread has ended and the consumer has read it to the end it is given to the next new thread, with
 * positions going on from where they were.
 *
 * The file is grown by fallocate, never by ftruncate alone: a store into a hole of a full disk
 * would kill the job with SIGBUS. Where the file system does not know that call, zeros are written
 * and brought to the disk; where it wants room for what is written anew, too (copy on write), no
 * ring lies in the file. A ring begins with a piece of it that is on the disk, twice as much
 * whenever that is written to its end: of many threads most have little to tell. Where the file
 * cannot grow the ring, or the rest of it, lies in anonymous memory. */
#include "shim/record/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shim/guest/guard.h"
#include "shim/guest/inplace.h"
#include "shim/guest/mfile.h"
#include "shim/process/config.h"
#include "shim/record/losses.h"

__thread struct mt_writer mt_writer __attribute__((tls_model("initial-exec")));
int32_t mt_writer_offset MT_HOT_DATA;
_Atomic uint64_t mt_events_dropped;
_Atomic uint64_t mt_losses_told;

static struct {
    pthread_mutex_t lock; /* guards all below but the rings' contents */
    struct mt_mfile file;
    struct mt_ringfile_header *header; /* mapped, or of this process only */
    struct mt_ring ring[MT_RINGFILE_RINGS_MAX];
    _Atomic uint32_t rings;
    uint32_t in_file; /* of those the first so many are in the file */
    uint32_t threads; /* numbers given out */
    uint32_t capacity;
    pthread_key_t exit_key;
    bool has_key;
} rings = {.lock = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, .file = {.fd = -1}};

static _Atomic uint32_t called; /* futex: 1 asks for a look */
static _Atomic bool none_left;  /* no ring could be had; it is tried again once a round */

void mt_rings_call(void)
{
    if (atomic_exchange(&called, 1) == 0)
        syscall(SYS_futex, &called, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void mt_rings_wait(long ns)
{
    struct timespec most = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    syscall(SYS_futex, &called, FUTEX_WAIT_PRIVATE, 0, &most, NULL, 0);
    atomic_store(&called, 0);
}

const struct mt_ring *mt_rings_get(uint32_t i)
{
    return i < atomic_load_explicit(&rings.rings, memory_order_acquire) ? &rings.ring[i] : NULL;
}

bool mt_ring_freeing(uint32_t i, struct mt_freeing *freeing)
{
    const struct mt_freeing *now = &rings.ring[i].freeing;
    freeing->since = __atomic_load_n(&now->since, __ATOMIC_ACQUIRE);
    freeing->address = __atomic_load_n(&now->address, __ATOMIC_RELAXED);
    freeing->stream = __atomic_load_n(&now->stream, __ATOMIC_RELAXED);
    freeing->api = __atomic_load_n(&now->api, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_acquire);
    return freeing->since && __atomic_load_n(&now->since, __ATOMIC_RELAXED) == freeing->since;
}

uint32_t mt_rings_number(void)
{
    pthread_mutex_lock(&rings.lock);
    uint32_t number = rings.threads++;
    pthread_mutex_unlock(&rings.lock);
    return number;
}

uint32_t mt_rings_capacity(void)
{
    return rings.capacity;
}

#define FIRST_PIECE (256u << 10) /* of a ring, on the disk */
#define STACK_FRAMES (1u << 20)  /* that somebody jumps over at most */
#define TRIES 16                 /* where signals break fallocate off, and all is to be done anew */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* since Linux 5.14; refused before */
#endif

static uint64_t backed(const struct mt_ring *ring)
{
    return __atomic_load_n(&ring->backed, __ATOMIC_RELAXED);
}

static void back_locked(struct mt_ring *ring, uint64_t size);

/* The lock may be held by a thread whose signal handler ends the process: not waited for. */
static void back_ahead(struct mt_ring *ring, uint64_t size)
{
    if (size > backed(ring) && pthread_mutex_trylock(&rings.lock) == 0) {
        back_locked(ring, size);
        pthread_mutex_unlock(&rings.lock);
    }
}

/* Only on the first way around: then all pages are there. */
static void prepare(struct mt_ring *ring)
{
    uint64_t head = __atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE);
    uint64_t want = head + 2 * (head - ring->seen), capacity = rings.capacity;
    uint64_t from = ring->ready > head ? ring->ready : head & ~(uint64_t)(MT_RINGFILE_PAGE - 1);
    ring->seen = head;
    want = want < capacity ? want & ~(uint64_t)(MT_RINGFILE_PAGE - 1) : capacity;
    back_ahead(ring, want);
    want = want < backed(ring) ? want : backed(ring);
    if (want <= from)
        return;
    int saved = errno;
    bool touched = madvise(ring->data + from, want - from, MADV_POPULATE_WRITE) == 0;
    ring->ready = touched ? want : capacity;
    errno = saved;
}

void mt_rings_prepare(void)
{
    uint32_t n = atomic_load_explicit(&rings.rings, memory_order_acquire);
    atomic_store_explicit(&none_left, false, memory_order_relaxed);
    for (uint32_t i = 0; i < n; i++)
        if (rings.ring[i].ready < rings.capacity)
            prepare(&rings.ring[i]);
}

bool mt_ring_is_orphan(const struct mt_ringfile_ring *ring)
{
    return syscall(SYS_tgkill, getpid(), (pid_t)ring->os_tid, 0) < 0 && errno == ESRCH;
}

/* Beyond RLIMIT_FSIZE the kernel would send SIGXFSZ to the job's thread. */
static bool is_allowed(uint64_t end)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
           limit.rlim_cur >= end;
}

/* What was written may lie in memory only, and find no room later. */
static int write_zeros(int fd, uint64_t offset, uint64_t size)
{
    static const uint8_t zeros[16 << 10];
    int error = 0;
    for (uint64_t done = 0; done < size && error == 0; done += sizeof zeros) {
        uint64_t rest = size - done < sizeof zeros ? size - done : sizeof zeros;
        error = mt_mfile_write(&rings.file, zeros, rest, offset + done);
    }
    return error < 0 ? error : fdatasync(fd) < 0 ? -errno : 0;
}

/* Room in the file behind `offset`, where nothing was, on the disk and not only in its length. The
 * C library's posix_fallocate would write a byte of each page, and not wait for the disk. */
static int grow(uint64_t offset, uint64_t size)
{
    int fd = mt_mfile_check(&rings.file), failed, tries = 0;
    if (fd < 0)
        return fd;
    if (!is_allowed(offset + size))
        return -EFBIG;
    do
        failed = fallocate(fd, 0, (off_t)offset, (off_t)size) < 0 ? errno : 0;
    while (failed == EINTR && ++tries < TRIES);
    return failed == EOPNOTSUPP || failed == ENOSYS ? write_zeros(fd, offset, size) : -failed;
}

/* What follows the page of the i-th ring of the file. */
static uint64_t data_offset(uint64_t i)
{
    return MT_RINGFILE_PAGE * 2 + i * (MT_RINGFILE_PAGE + (uint64_t)rings.capacity);
}

/* Where the file cannot grow, memory takes the place of what was not used yet. */
static bool back_by_memory(struct mt_ring *ring, uint64_t from)
{
    ring->in_file = from;
    return mmap(ring->data + from, rings.capacity - from, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static void back_locked(struct mt_ring *ring, uint64_t size)
{
    uint64_t now = backed(ring), page = MT_RINGFILE_PAGE;
    uint64_t to = 2 * now > size ? 2 * now : (size + page - 1) & ~(page - 1);
    if (size <= now)
        return;
    to = to < rings.capacity ? to : rings.capacity;
    if (grow(data_offset((uint64_t)(ring - rings.ring)) + now, to - now) < 0)
        to = back_by_memory(ring, now) ? rings.capacity : now;
    __atomic_store_n(&ring->backed, to, __ATOMIC_RELAXED);
}

/* See that the first `size` bytes can be written. */
static bool back(struct mt_ring *ring, uint64_t size)
{
    if (size <= backed(ring))
        return true;
    struct mt_guard guard = mt_lock(&rings.lock);
    back_locked(ring, size);
    mt_unlock(&rings.lock, &guard);
    return size <= backed(ring);
}

static void *map(int fd, size_t size, uint64_t offset)
{
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, (off_t)offset);
    return memory == MAP_FAILED ? NULL : memory;
}

void mt_rings_open(const char *path, const struct mt_ringfile_header *header)
{
    rings.capacity = header->capacity;
    rings.header = NULL;
    if (mt_mfile_create(&rings.file, path, false) == 0 && mt_stays_in_place(rings.file.fd) &&
        grow(0, MT_RINGFILE_PAGE) == 0)
        rings.header = map(rings.file.fd, MT_RINGFILE_PAGE, 0);
    if (rings.header) {
        memcpy(rings.header, header, sizeof *header);
    } else if (rings.file.fd >= 0) { /* after a kill it would promise more than there is */
        mt_mfile_remove(&rings.file);
        mt_mfile_close(&rings.file);
    }
}

/* Map one more ring: in the file as long as all before it are, else in memory. */
static bool add_ring(struct mt_ring *ring)
{
    size_t size = MT_RINGFILE_PAGE + (size_t)rings.capacity;
    size_t first = rings.capacity < FIRST_PIECE ? rings.capacity : FIRST_PIECE;
    uint64_t offset = data_offset(rings.in_file) - MT_RINGFILE_PAGE;
    void *memory = NULL;
    if (rings.header && rings.in_file == rings.rings && is_allowed(offset + size) &&
        grow(offset, MT_RINGFILE_PAGE + first) == 0 &&
        ftruncate(rings.file.fd, (off_t)(offset + size)) == 0)
        memory = map(rings.file.fd, size, offset);
    ring->in_file = memory ? rings.capacity : 0;
    ring->backed = memory ? first : rings.capacity;
    if (memory)
        __atomic_store_n(&rings.header->rings, ++rings.in_file, __ATOMIC_RELEASE);
    else
        memory = map(-1, size, 0);
    if (!memory)
        return false;
    ring->shared = memory;
    ring->data = (uint8_t *)memory + MT_RINGFILE_PAGE;
    ring->seen = ring->ready = 0;
    return true;
}

/* A ring nobody uses, or a new one. Called under the lock. */
static struct mt_ring *find_ring(void)
{
    uint32_t n = rings.rings;
    for (uint32_t i = 0; i < n; i++)
        if (__atomic_load_n(&rings.ring[i].shared->state, __ATOMIC_ACQUIRE) == MT_RING_UNUSED)
            return &rings.ring[i];
    if (n == MT_RINGFILE_RINGS_MAX || !add_ring(&rings.ring[n]))
        return NULL;
    atomic_store_explicit(&rings.rings, n + 1, memory_order_release);
    return &rings.ring[n];
}

/* Destructor of the thread's key: runs again if later destructors record, as it is set anew then.
 * Where threads come and go, the ring is to be there for the next one. */
static void thread_exits(void *shared)
{
    struct mt_ringfile_ring *ring = shared;
    if (mt_writer.shared != ring)
        return; /* the parent's, in a forked child */
    mt_freeing_ends();
    memset(&mt_writer, 0, sizeof mt_writer);
    __atomic_store_n(&ring->state, MT_RING_CLOSED, __ATOMIC_RELEASE);
    mt_rings_call();
}

static void set_limit(struct mt_writer *writer)
{
    uint64_t tail = __atomic_load_n(&writer->shared->tail, __ATOMIC_ACQUIRE);
    uint64_t full = tail + writer->mask + 1, wrap = (writer->head | writer->mask) + 1;
    uint64_t wake = tail + (writer->mask + 1) / 2;
    uint64_t limit = full < wrap ? full : wrap;
    uint64_t end = (writer->head & ~writer->mask) + backed(writer->ring);
    limit = limit < end ? limit : end;
    writer->limit = writer->head < wake && wake < limit ? wake : limit;
}

/* Busy as before: with where the stack is. */
static void write_into(struct mt_ring *ring)
{
    mt_writer = (struct mt_writer){.data = ring->data,
                                   .head = ring->shared->head,
                                   .mask = rings.capacity - 1,
                                   .shared = ring->shared,
                                   .busy = mt_writer.busy,
                                   .freeing = &ring->freeing,
                                   .ring = ring};
    mt_freeing_ends(); /* a thread that had the ring before may have ended in the midst of one */
    set_limit(&mt_writer);
    if (rings.has_key)
        pthread_setspecific(rings.exit_key, ring->shared);
}

static bool attach(void)
{
    if (atomic_load_explicit(&none_left, memory_order_relaxed))
        return false;
    struct mt_guard guard = mt_guard_begin();
    pthread_mutex_lock(&rings.lock);
    if (!rings.has_key)
        rings.has_key = pthread_key_create(&rings.exit_key, thread_exits) == 0;
    struct mt_ring *ring = find_ring();
    if (ring) {
        ring->shared->thread = rings.threads++;
        ring->shared->os_tid = (uint64_t)syscall(SYS_gettid);
        ring->shared->reads = 0;
        __atomic_store_n(&ring->shared->state, MT_RING_LIVE, __ATOMIC_RELEASE);
    }
    atomic_store_explicit(&none_left, !ring, memory_order_relaxed);
    pthread_mutex_unlock(&rings.lock);
    if (ring)
        write_into(ring);
    mt_guard_end(&guard);
    return ring;
}

/* Fill the rest of the ring with a record of no kind where the next one would not fit; the consumer
 * passes over a rest that is too short even for a header. */
static void pad(struct mt_writer *writer, size_t rest)
{
    struct mt_record *record = (void *)(writer->data + (writer->head & writer->mask));
    if (rest >= sizeof *record) {
        memset(record, 0, sizeof *record);
        record->words = (uint32_t)((rest - sizeof *record) / sizeof(uint64_t));
    }
    writer->head += rest;
    __atomic_store_n(&writer->shared->head, writer->head, __ATOMIC_RELEASE);
}

static bool has_room(struct mt_writer *writer, size_t size)
{
    uint64_t tail = __atomic_load_n(&writer->shared->tail, __ATOMIC_ACQUIRE);
    return writer->head + size <= tail + writer->mask + 1;
}

/* Wait for room, once in a while up to the limit; while dropping not at all. */
static bool wait_for_room(struct mt_writer *writer, size_t size)
{
    uint64_t end = mt_clock_monotonic_ns() + (uint64_t)mt_config.WAIT_US * 1000;
    while (!has_room(writer, size)) {
        mt_rings_call();
        if (writer->dropping || mt_clock_monotonic_ns() >= end)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
    return true;
}

static bool make_room(struct mt_writer *writer, size_t size);

static void fill(struct mt_record *record, enum mt_kind kind, uint64_t ticks,
                 const uint64_t *fields, const void *bytes, size_t size)
{
    uint32_t n = mt_event_info(kind)->fields, tail = (uint32_t)((size + 7) / 8);
    *record = (struct mt_record){.time = ticks, .kind = (uint16_t)kind, .words = n + tail};
    memcpy(record->word, fields, n * sizeof *fields);
    if (tail) {
        record->word[n + tail - 1] = 0;
        memcpy(&record->word[n], bytes, size);
    }
}

/* A record about the recording itself, from within another's reservation: busy stays set. */
static bool put_inside(enum mt_kind kind, uint64_t ticks, uint64_t field, const void *bytes,
                       size_t size)
{
    struct mt_writer *writer = &mt_writer;
    size_t whole = sizeof(struct mt_record) + (1 + (size + 7) / 8) * sizeof(uint64_t);
    if (writer->head + whole > writer->limit && !make_room(writer, whole))
        return false;
    struct mt_record *record = (void *)(writer->data + (writer->head & writer->mask));
    fill(record, kind, ticks, &field, bytes, size);
    writer->head += whole;
    __atomic_store_n(&writer->shared->head, writer->head, __ATOMIC_RELEASE);
    return true;
}

/* At the time of the first event: it must not seem to come before this one, in another window. */
static void say_thread(uint64_t ticks)
{
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    put_inside(MT_thread, ticks, (uint64_t)syscall(SYS_gettid), name, strnlen(name, sizeof name));
}

/* After a loss recording goes on only with a quarter of the ring free, and the loss is told first.
 */
static bool resume(struct mt_writer *writer)
{
    if (!has_room(writer, (writer->mask + 1) / 4)) {
        mt_rings_call();
        return false;
    }
    writer->dropping = 0;
    uint64_t lost = __atomic_exchange_n(&writer->shared->lost, 0, __ATOMIC_RELAXED);
    if (put_inside(MT_lost, mt_clock_ticks(), lost, NULL, 0))
        atomic_fetch_add(&mt_losses_told, lost);
    else
        __atomic_fetch_add(&writer->shared->lost, lost, __ATOMIC_RELAXED);
    return true;
}

static bool wait_unless_free(struct mt_writer *writer, size_t size)
{
    return has_room(writer, size) || wait_for_room(writer, size);
}

/* Make the next `size` bytes lie in one piece and free. The rest of the ring is filled as soon as
 * there is room for that alone: rest and record together may be more than a small ring holds. */
static bool make_room(struct mt_writer *writer, size_t size)
{
    if (writer->dropping && !resume(writer))
        return false;
    size_t rest = (size_t)(writer->mask + 1 - (writer->head & writer->mask));
    if (rest < size) {
        if (!wait_unless_free(writer, rest) || !back(writer->ring, writer->mask + 1))
            return false;
        pad(writer, rest);
    }
    if (!wait_unless_free(writer, size) ||
        !back(writer->ring, (writer->head & writer->mask) + size))
        return false;
    if (!has_room(writer, (writer->mask + 1) / 2 + 1)) /* at least half full */
        mt_rings_call();
    set_limit(writer);
    if (writer->head + size > writer->limit) /* the wake-up mark lies inside this record */
        writer->limit = writer->head + size;
    return true;
}

static bool drop(void)
{
    atomic_fetch_add_explicit(&mt_events_dropped, 1, memory_order_relaxed);
    return false;
}

/* With busy set, so that no signal handler's record comes in between. */
static bool slow(size_t size, uint64_t ticks)
{
    struct mt_writer *writer = &mt_writer;
    if (!mt_may_record())
        return drop();
    if (!writer->data) {
        if (!attach()) {
            mt_losses_add(MT_LOSS_NO_RING);
            return drop();
        }
        say_thread(ticks);
    }
    if (make_room(writer, size))
        return true;
    writer->dropping = 1;
    mt_losses_add(MT_LOSS_FULL);
    __atomic_fetch_add(&writer->shared->lost, 1, __ATOMIC_RELAXED);
    return false;
}

bool mt_was_left(uint32_t busy, uint32_t now)
{
    stack_t other;
    return !(busy & 1) && now - busy < STACK_FRAMES && sigaltstack(NULL, &other) == 0 &&
           !(other.ss_flags & SS_ONSTACK);
}

bool mt_ring_slow(size_t size, uint32_t busy, uint64_t ticks)
{
    int saved = errno, cancel = mt_cancel_off();
    bool nested = busy && !mt_was_left(busy, mt_writer.busy);
    if (nested)
        mt_losses_add(MT_LOSS_INSIDE);
    bool room = nested ? drop() : slow(size, ticks);
    if (!room)
        mt_writer.busy = nested ? busy : 0;
    mt_cancel_as(cancel);
    errno = saved;
    return room;
}

void mt_ring_ready(void)
{
    if (mt_writer.data || mt_writer.busy || !mt_may_record())
        return;
    int saved = errno, cancel = mt_cancel_off();
    mt_ring_busy(&mt_writer);
    if (attach())
        say_thread(mt_clock_ticks());
    mt_writer.busy = 0;
    mt_cancel_as(cancel);
    errno = saved;
}

bool mt_ring_put(enum mt_kind kind, uint64_t ticks, const uint64_t *fields, const void *bytes,
                 size_t size)
{
    const struct mt_event_info *info = mt_event_info(kind);
    uint32_t tail = (uint32_t)((size + 7) / 8);
    if (info->fields + tail > MT_RECORD_WORDS_MAX)
        return false;
    uint64_t *word = mt_ring_reserve(kind, info->fields + tail, ticks);
    if (!word)
        return false;
    fill((struct mt_record *)(void *)(word - sizeof(struct mt_record) / sizeof *word), kind, ticks,
         fields, bytes, size);
    mt_ring_commit(info->fields + tail);
    return true;
}

uint64_t mt_ring_in_memory(const struct mt_ring *ring)
{
    uint64_t head = __atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE), n = 0;
    uint64_t mask = mt_rings_capacity() - 1;
    for (uint64_t position = ring->shared->tail; position < head;) {
        const struct mt_record *record = (const void *)(ring->data + (position & mask));
        uint64_t rest = mask + 1 - (position & mask);
        bool whole = rest >= sizeof *record;
        n += whole && record->kind != MT_NONE && (position & mask) >= ring->in_file;
        position += whole ? mt_record_size(record) : rest;
    }
    return n;
}

void mt_rings_close(bool remove)
{
    uint32_t n = rings.rings;
    if (remove) {
        /* A signal handler that ends the process while its thread gets a ring: the file stays. */
        if (pthread_mutex_lock(&rings.lock) != 0)
            return;
        mt_mfile_remove(&rings.file);
        if (rings.in_file == 0) /* else a late event may need more of it */
            mt_mfile_close(&rings.file);
        if (rings.header)
            munmap(rings.header, MT_RINGFILE_PAGE);
        rings.header = NULL;
        pthread_mutex_unlock(&rings.lock);
        return; /* the rings' mappings stay: a thread may be writing */
    }
    /* In a forked child: the mappings are the parent's rings, and shared. */
    for (uint32_t i = 0; i < n; i++)
        munmap(rings.ring[i].shared, MT_RINGFILE_PAGE + (size_t)rings.capacity);
    if (rings.header)
        munmap(rings.header, MT_RINGFILE_PAGE);
    mt_mfile_close(&rings.file);
    mt_writer = (struct mt_writer){.busy = mt_writer.busy};
    rings.lock = (pthread_mutex_t)PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    rings.header = NULL;
    rings.rings = rings.in_file = rings.threads = 0;
}

__attribute__((constructor)) static void load(void)
{
#if defined(__x86_64__)
    char *thread;
    __asm__("mov %%fs:0, %0" : "=r"(thread));
    mt_writer_offset = (int32_t)((char *)&mt_writer - thread);
#endif
}
