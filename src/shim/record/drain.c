/* The drain thread.
 *
 * A round looks at every ring and turns into a chunk what is at least half full, closed by the end
 * of its thread, or, at the end, anything. A ring's tail moves only after its chunk is in the file:
 * until then the ring file holds the events, whatever happens to the process. Where writing fails
 * (a full disk) nothing is consumed; the rings fill, their threads drop and count, and it is tried
 * again.
 *
 * All memory is mapped once; the thread calls neither malloc nor stdio, since the process around it
 * may be anywhere in either. All signals are blocked in it: the job's handlers must not run here.
 */
#include "shim/record/drain.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/crc32.h"
#include "format/encode.h"
#include "shim/guest/glibc.h"
#include "shim/guest/shimlog.h"
#include "shim/process/config.h"
#include "shim/process/facts.h"
#include "shim/record/losses.h"
#include "shim/record/nvml.h"
#include "shim/record/ring.h"

#define CHUNK_EVENTS MT_CHUNK_EVENTS_MAX
#define FACTS_BYTES (1u << 20)
#define INDEX_BYTES MT_CHUNK_RAW_MAX /* mapped without reserve: touched as it fills */
#define ROUND_NS 200000000
#define RETRY_NS 1000000000u /* after a failed write */
#define PATIENCE_S 5         /* longest wait at the process's end */

static struct {
    pthread_mutex_t lock; /* one round at a time; guards all below */
    pthread_t thread;
    bool has_thread;
    _Atomic bool stop;
    struct mt_mfile *file;
    uint64_t offset; /* where the next chunk goes */
    uint64_t retry_ns;
    bool failing, said;
    struct mt_encoder *encoder;
    struct mt_clock_pair pair[2];
    struct mt_index_entry *index;
    size_t chunks;
    struct mt_facts facts;
    uint64_t told;    /* losses that the meta data tell of */
    uint64_t lost;    /* losses that were counted last, whether they could be told or not */
    uint64_t told_at; /* their chunk, 0: there is none */
    uint32_t reason;  /* checksum of what was said of them */
    uint64_t taken[MT_RINGFILE_RINGS_MAX];
    struct {
        bool numbered, open;
        uint32_t thread, events;
        uint64_t position;
    } own; /* what the recorder itself tells; its chunk may be open */
    unsigned time_shift;
} drain = {.lock = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP};

static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* ---- writing ---- */

static int write_failed(int error)
{
    drain.failing = true;
    drain.retry_ns = mt_clock_monotonic_ns() + RETRY_NS;
    mt_losses_writing(-error);
    if (!drain.said)
        mt_shim_say("cannot write %s: %s; events stay in the rings and are dropped and counted "
                    "when these are full",
                    drain.file->path, strerrordesc_np(-error));
    drain.said = true;
    return error;
}

/* The file has one chunk more. */
static void end_with(const struct mt_chunk_header *header)
{
    if ((drain.chunks + 1) * sizeof *drain.index <= INDEX_BYTES)
        drain.index[drain.chunks++] = (struct mt_index_entry){drain.offset, *header};
    drain.offset += sizeof *header + header->stored_size;
}

/* Header and frame at the end of the file. A chunk that was written in part is overwritten by the
 * next try: the offset moves only at success. */
static int write_chunk(struct mt_chunk_header *header, const void *frame)
{
    mt_chunk_seal(header);
    int error =
        mt_mfile_write(drain.file, frame, header->stored_size, drain.offset + sizeof *header);
    if (error == 0)
        error = mt_mfile_write(drain.file, header, sizeof *header, drain.offset);
    if (error < 0)
        return write_failed(error);
    drain.failing = false;
    if (header->type == MT_CHUNK_EVENTS) /* a full disk may have room for other ones */
        mt_losses_writing(0);
    if (header->type != MT_CHUNK_INDEX)
        end_with(header);
    return 0;
}

static int write_plain(enum mt_chunk_type type, const void *bytes, size_t size)
{
    struct mt_chunk_header header;
    const void *frame;
    if (size == 0)
        return 0;
    if (mt_encoder_plain(drain.encoder, type, bytes, size, &header, &frame) < 0)
        return -EINVAL;
    return write_chunk(&header, frame);
}

static int write_facts(void)
{
    int error = write_plain(MT_CHUNK_META, drain.facts.text, drain.facts.size);
    drain.facts.size = 0;
    return error;
}

/* The index overwrites an older one: drain.offset is where the last event chunk ends. */
static int write_index(void)
{
    struct mt_trailer trailer = {.magic = MT_TRAILER_MAGIC};
    struct mt_chunk_header header;
    const void *frame;
    uint64_t end = drain.offset;
    /* More chunks than fit into a frame: without an index a reader looks for them itself. */
    if (mt_encoder_plain(drain.encoder, MT_CHUNK_INDEX, drain.index,
                         drain.chunks * sizeof *drain.index, &header, &frame) == 0) {
        int error = write_chunk(&header, frame);
        if (error < 0)
            return error;
        trailer.index_offset = drain.offset;
        end += sizeof header + header.stored_size;
    }
    trailer.crc = mt_crc32(&trailer, offsetof(struct mt_trailer, crc));
    int error = mt_mfile_write(drain.file, &trailer, sizeof trailer, end);
    if (error == 0 && ftruncate(drain.file->fd, (off_t)(end + sizeof trailer)) < 0)
        error = -errno;
    return error < 0 ? write_failed(error) : 0;
}

/* ---- reading the rings ---- */

static int end_chunk(struct mt_ringfile_ring *shared, uint64_t position, uint32_t events)
{
    struct mt_chunk_header header;
    const void *frame;
    int error = 0;
    if (events > 0) /* else there was only padding */
        error = mt_encoder_end(drain.encoder, position, &header, &frame) < 0
                    ? write_failed(-EINVAL)
                    : write_chunk(&header, frame);
    if (error == 0)
        __atomic_store_n(&shared->tail, position, __ATOMIC_RELEASE);
    return error;
}

uint64_t mt_drain_next(const struct mt_record *record, uint64_t position)
{
    uint64_t capacity = mt_rings_capacity(), rest = capacity - (position & (capacity - 1));
    return position + (rest < sizeof *record ? rest : mt_record_size(record));
}

/* Everything up to `head` as one or more chunks. */
static int drain_ring(const struct mt_ring *ring, uint64_t head)
{
    struct mt_ringfile_ring *shared = ring->shared;
    uint64_t position = shared->tail, mask = mt_rings_capacity() - 1;
    uint32_t events = 0;
    mt_encoder_begin(drain.encoder, shared->thread, position);
    while (position < head) {
        const struct mt_record *record = (const void *)(ring->data + (position & mask));
        bool rest = mask + 1 - (position & mask) < sizeof *record || record->kind == MT_NONE;
        if (rest ||
            mt_encoder_add(drain.encoder, record, mt_clock_since(drain.pair, record->time))) {
            events += !rest;
            position = mt_drain_next(record, position);
            continue;
        }
        int error = end_chunk(shared, position, events);
        if (error < 0)
            return error;
        mt_encoder_begin(drain.encoder, shared->thread, position);
        events = 0;
    }
    return end_chunk(shared, position, events);
}

/* The ring of an ended thread is read to its end: another thread may have it. */
static void give_back(struct mt_ringfile_ring *shared)
{
    uint64_t lost = __atomic_exchange_n(&shared->lost, 0, __ATOMIC_RELAXED);
    atomic_fetch_add(&mt_events_dropped, lost);
    __atomic_store_n(&shared->state, MT_RING_UNUSED, __ATOMIC_RELEASE);
}

/* At half; earlier where a small ring may be too full for a record though it is not half full. */
static bool is_worth_it(uint64_t waiting)
{
    const uint64_t largest = sizeof(struct mt_record) + 8 * (uint64_t)MT_RECORD_WORDS_MAX;
    return waiting >= mt_rings_capacity() / 2 || waiting + largest > mt_rings_capacity();
}

static int look_at(const struct mt_ring *ring, uint32_t i, bool all)
{
    struct mt_ringfile_ring *shared = ring->shared;
    uint32_t state = __atomic_load_n(&shared->state, __ATOMIC_ACQUIRE);
    uint64_t head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
    uint64_t limit = mt_netting_limit(i, head), waiting = limit - shared->tail;
    int error = 0;
    if (state == MT_RING_UNUSED)
        return 0;
    if (state == MT_RING_LIVE && mt_ring_is_orphan(shared))
        __atomic_store_n(&shared->state, MT_RING_CLOSED, __ATOMIC_RELEASE);
    if (waiting > 0 && (all || state == MT_RING_CLOSED || is_worth_it(waiting)))
        error = drain_ring(ring, limit);
    if (error == 0 && state == MT_RING_CLOSED && shared->tail == head)
        give_back(shared);
    return error;
}

static int round_of_rings(bool all)
{
    const struct mt_ring *ring;
    if (drain.failing && !all && mt_clock_monotonic_ns() < drain.retry_ns)
        return -EAGAIN;
    for (uint32_t i = 0; (ring = mt_rings_get(i)); i++) {
        int error = look_at(ring, i, all);
        if (error < 0)
            return error;
    }
    return 0;
}

int mt_drain_ring_to(uint32_t i, uint64_t position)
{
    const struct mt_ring *ring = mt_rings_get(i);
    return position == ring->shared->tail ? 0 : drain_ring(ring, position);
}

uint64_t mt_drain_ns(uint64_t ticks)
{
    return mt_clock_since(drain.pair, ticks);
}

unsigned mt_drain_time_shift(void)
{
    return drain.time_shift;
}

uint64_t mt_drain_quantum(uint64_t ticks)
{
    return mt_drain_ns(ticks) >> drain.time_shift;
}

/* The line through both pairs only rises, so its other way round is found by halving. */
uint64_t mt_drain_ticks_of(uint64_t quantum)
{
    uint64_t low = drain.pair[0].ticks, high = low + (UINT64_C(1) << 57);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (mt_drain_quantum(middle) < quantum)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- the recorder's own events ---- */

static void own_begin(void)
{
    if (!drain.own.numbered)
        drain.own.thread = mt_rings_number();
    drain.own.numbered = drain.own.open = true;
    drain.own.events = 0;
    mt_encoder_begin(drain.encoder, drain.own.thread, drain.own.position);
}

int mt_drain_own_end(void)
{
    struct mt_chunk_header header;
    const void *frame;
    if (!drain.own.open || drain.own.events == 0)
        return 0;
    drain.own.open = false;
    drain.own.position += drain.own.events; /* they lie in no ring: any number that grows will do */
    return mt_encoder_end(drain.encoder, drain.own.position, &header, &frame) < 0
               ? write_failed(-EINVAL)
               : write_chunk(&header, frame);
}

void mt_drain_own_drop(void)
{
    drain.own.open = false;
}

int mt_drain_own_put(enum mt_kind kind, const uint64_t *fields, uint64_t ns)
{
    struct {
        struct mt_record record;
        uint64_t word[MT_FIELDS_MAX];
    } room = {.record = {.kind = (uint16_t)kind, .words = mt_event_info(kind)->fields}};
    memcpy(room.record.word, fields, room.record.words * sizeof *fields);
    if (!drain.own.open)
        own_begin();
    if (!mt_encoder_add(drain.encoder, &room.record, ns)) {
        int error = mt_drain_own_end();
        if (error < 0)
            return error;
        own_begin();
        mt_encoder_add(drain.encoder, &room.record, ns);
    }
    drain.own.events++;
    return 0;
}

/* ---- the thread ---- */

static void *run(void *nothing)
{
    (void)nothing;
    prctl(PR_SET_NAME, "memtrace");
    pthread_mutex_lock(&drain.lock);
    mt_facts_devices(&drain.facts);
    mt_facts_modules(&drain.facts);
    write_facts();
    pthread_mutex_unlock(&drain.lock);
    mt_nvml_sample(mt_config.NVML_MS);
    while (!atomic_load(&drain.stop)) {
        mt_rings_wait(mt_window_sleep(ROUND_NS));
        mt_nvml_sample(mt_config.NVML_MS);
        pthread_mutex_lock(&drain.lock);
        mt_rings_prepare();
        mt_window_tick();
        mt_netting_step();
        if (mt_signal_tend(&drain.facts))
            write_facts();
        round_of_rings(false);
        mt_stacks_tend();
        mt_kernels_tend();
        pthread_mutex_unlock(&drain.lock);
    }
    mt_nvml_last();
    return NULL;
}

static int start_thread(void)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 20); /* NVML is loaded in it */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&drain.thread, &attributes, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    drain.has_thread = error == 0;
    return -error;
}

/* What the encoder has, the largest piece, goes where nothing is recorded: RLIMIT_AS counts it. */
static struct {
    void *at;
    size_t size;
} room;

static void give_memory_back(void)
{
    if (room.at)
        munmap(room.at, room.size);
    if (drain.index)
        munmap(drain.index, INDEX_BYTES);
    if (drain.facts.text)
        munmap(drain.facts.text, FACTS_BYTES);
    room.at = drain.index = NULL;
    drain.facts.text = NULL;
    drain.encoder = NULL;
}

static bool get_memory(int level, unsigned time_shift)
{
    size_t bytes = mt_rings_capacity() > FACTS_BYTES ? mt_rings_capacity() : FACTS_BYTES;
    if (room.at) /* a forked child's parent's; the encoder begins with zeros */
        munmap(room.at, room.size);
    room.size = mt_encoder_size(CHUNK_EVENTS, bytes);
    room.at = reserve(room.size);
    drain.index = drain.index ? drain.index : reserve(INDEX_BYTES);
    drain.facts.text = drain.facts.text ? drain.facts.text : reserve(FACTS_BYTES);
    drain.facts.capacity = FACTS_BYTES;
    if (!room.at || !drain.index || !drain.facts.text)
        return false;
    drain.encoder = mt_encoder_init(room.at, CHUNK_EVENTS, bytes, level, time_shift);
    return drain.encoder != NULL;
}

int mt_drain_start(struct mt_mfile *file, const struct mt_file_header *header,
                   const struct mt_clock_pair pair[2], int level)
{
    drain.file = file;
    drain.offset = sizeof *header;
    drain.time_shift = header->time_shift;
    memcpy(drain.pair, pair, sizeof drain.pair);
    int error = get_memory(level, header->time_shift)
                    ? mt_mfile_write(file, header, sizeof *header, 0)
                    : -ENOMEM;
    if (error == 0) {
        mt_facts_process(&drain.facts);
        drain.said = true; /* the caller says it */
        error = write_facts();
        drain.said = false;
    }
    if (error == 0)
        error = start_thread();
    if (error < 0)
        give_memory_back();
    return error;
}

static int write_reason(void)
{
    char reason[MT_LOSSES_BYTES];
    mt_losses_tell(reason, sizeof reason);
    uint32_t sum = mt_crc32(reason, strlen(reason));
    if (sum == drain.reason)
        return 0;
    mt_facts_add(&drain.facts, "lost_reason", "%s", reason);
    int error = write_facts();
    drain.reason = error < 0 ? drain.reason : sum;
    return error;
}

/* Behind all the first time, then over that, wherever it lies: a full disk has no other place. */
static int write_untold(uint64_t all)
{
    struct mt_losses_chunk chunk;
    uint64_t at = drain.told_at ? drain.told_at : drain.offset;
    mt_losses_make(&chunk, all);
    mt_chunk_seal(&chunk.header);
    int error = mt_mfile_write(drain.file, &chunk, sizeof chunk.header + sizeof chunk.frame, at);
    if (error < 0)
        return write_failed(error);
    if (!drain.told_at)
        end_with(&chunk.header);
    drain.told_at = at;
    return 0;
}

/* Losses that no `lost` event tells. Taken from the rings first and given back if that cannot be
 * written: a reader counts what stands in a ring's page as well. */
static void tell_losses(void)
{
    const struct mt_ring *ring;
    uint64_t sum = 0;
    for (uint32_t i = 0; (ring = mt_rings_get(i)); i++) {
        drain.taken[i] = __atomic_exchange_n(&ring->shared->lost, 0, __ATOMIC_RELAXED);
        sum += drain.taken[i];
    }
    uint64_t all = atomic_fetch_add(&mt_events_dropped, sum) + sum;
    drain.lost = all;
    if (all == drain.told)
        return;
    if (write_untold(all) == 0) {
        drain.told = all;
        write_reason();
        return;
    }
    atomic_fetch_sub(&mt_events_dropped, sum);
    for (uint32_t i = 0; (ring = mt_rings_get(i)); i++)
        __atomic_fetch_add(&ring->shared->lost, drain.taken[i], __ATOMIC_RELAXED);
}

static void give_up_ring(const struct mt_ring *ring)
{
    uint64_t lost = mt_ring_in_memory(ring);
    atomic_fetch_add(&mt_events_dropped, lost);
    if (lost)
        mt_losses_add(MT_LOSS_FULL);
}

/* What a failed write left behind the last chunk makes room for the number of what is lost, and so
 * does a ring file without rings. */
void mt_drain_give_up(void)
{
    const struct mt_ring *ring;
    if (!mt_rings_get(0) || !mt_rings_get(0)->in_file)
        mt_rings_close(true);
    if (pthread_mutex_trylock(&drain.lock) != 0)
        return;
    for (uint32_t i = 0; (ring = mt_rings_get(i)); i++)
        if (ring->in_file < mt_rings_capacity() && ring->shared->state != MT_RING_UNUSED)
            give_up_ring(ring);
    int fd = mt_mfile_check(drain.file);
    if (fd >= 0 && ftruncate(fd, (off_t)drain.offset) == 0)
        tell_losses();
    write_index();
    pthread_mutex_unlock(&drain.lock);
}

static bool write_all(void)
{
    mt_netting_last();
    tell_losses();
    bool done = round_of_rings(true) == 0;
    return write_index() == 0 && done;
}

bool mt_drain_stop(void)
{
    atomic_store(&drain.stop, true);
    mt_rings_call();
    if (drain.has_thread) {
        /* Never hang at exit: a thread that cannot come to its end is left behind. */
        struct timespec end;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += PATIENCE_S;
        drain.has_thread = pthread_timedjoin_np(drain.thread, NULL, &end) != 0;
    }
    if (drain.has_thread || pthread_mutex_trylock(&drain.lock) != 0)
        return false;
    mt_facts_modules(&drain.facts);
    mt_facts_stacks(&drain.facts);
    uint64_t told = atomic_load(&mt_losses_told);
    if (told) { /* who does not read all events knows it, too */
        mt_facts_add(&drain.facts, "lost.told", "%llu", (unsigned long long)told);
        write_reason();
    }
    write_facts();
    pthread_mutex_unlock(&drain.lock);
    return true;
}

/* Whoever ends the process or comes after that waits for its turn, lest the process end in the
 * middle of another's. A signal handler in the thread whose turn it is gets EDEADLK. */
static bool take_turn(void)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    return pthread_mutex_timedlock(&drain.lock, &end) == 0;
}

bool mt_drain_all(void)
{
    if (!take_turn())
        return false;
    bool done = write_all();
    pthread_mutex_unlock(&drain.lock);
    return done;
}

void mt_drain_say_losses(bool launched)
{
    char reason[MT_LOSSES_BYTES];
    uint64_t lost = drain.lost + atomic_load(&mt_losses_told);
    mt_losses_tell(reason, sizeof reason);
    if (launched && drain.told == drain.lost)
        return;
    if (lost && !mt_losses_are_few())
        mt_shim_say("%s: %llu events were lost: %s", drain.file->path, (unsigned long long)lost,
                    reason);
}

void mt_drain_forget(void)
{
    mt_losses_forget();
    mt_nvml_forget();
    mt_netting_forget();
    memset(&drain.own, 0, sizeof drain.own);
    drain.lock = (pthread_mutex_t)PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    drain.has_thread = drain.failing = drain.said = false;
    atomic_store(&drain.stop, false);
    atomic_store(&mt_events_dropped, 0);
    atomic_store(&mt_losses_told, 0);
    drain.chunks = 0;
    drain.facts.size = 0;
    drain.told = drain.told_at = drain.lost = 0;
    drain.reason = 0;
}
