/* A hash table that is read without locks and written under one. Entries are never changed or freed
 * once they are in it. When it is full, which takes a job that names every step, a new text is told
 * at each use and not kept: the trace pays for it, not the process. */
#include "shim/record/texts.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "shim/guest/glibc.h"
#include "shim/guest/guard.h"
#include "shim/record/life.h"

#define SLOTS (1u << 16)
#define KEPT (SLOTS / 4 * 3)
#define ARENA_BYTES (8u << 20)

struct entry {
    uint64_t hash;
    struct mt_text_id name;
    uint32_t epoch, size;
    char text[];
};

/* Pages of zeros that are touched as they fill. */
static _Atomic(struct entry *) slots[SLOTS];
static _Alignas(16) char arena[ARENA_BYTES];

static struct {
    pthread_mutex_t lock;
    size_t arena_used;
    uint32_t kept;
    uint64_t ids; /* grow through all recordings of a process */
} texts = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Eight bytes at a time: names are short, and their hash is all that a push costs beside the ring.
 */
static uint64_t hash(const char *text, size_t size)
{
    uint64_t sum = size * UINT64_C(0x9e3779b97f4a7c15), word;
    for (; size >= 8; text += 8, size -= 8) {
        memcpy(&word, text, 8);
        sum = (sum ^ word) * UINT64_C(0xff51afd7ed558ccd);
        sum ^= sum >> 32;
    }
    word = 0;
    memcpy(&word, text, size);
    sum = (sum ^ word) * UINT64_C(0xff51afd7ed558ccd);
    return sum ^ sum >> 32;
}

/* The entry of a text, or the free slot for it; NULL where every slot is taken. */
static _Atomic(struct entry *) *find(uint64_t sum, const char *text, size_t size)
{
    for (uint32_t i = (uint32_t)sum, n = 0; n < SLOTS; i++, n++) {
        _Atomic(struct entry *) *slot = &slots[i % SLOTS];
        const struct entry *entry = atomic_load_explicit(slot, memory_order_acquire);
        if (!entry ||
            (entry->hash == sum && entry->size == size && memcmp(entry->text, text, size) == 0))
            return slot;
    }
    return NULL;
}

static struct entry *make(uint64_t sum, const char *text, size_t size)
{
    size_t bytes = (sizeof(struct entry) + size + 15) & ~(size_t)15;
    if (texts.kept >= KEPT || ARENA_BYTES - texts.arena_used < bytes)
        return NULL;
    struct entry *entry = (void *)(arena + texts.arena_used);
    texts.arena_used += bytes;
    texts.kept++;
    entry->hash = sum;
    entry->size = (uint32_t)size;
    memcpy(entry->text, text, size);
    return entry;
}

static struct mt_text_id tell(const char *text, size_t size)
{
    struct mt_text_id name = {texts.ids + 1, mt_clock_ticks()};
    if (!mt_may_record() || !mt_ring_put(MT_string, name.told, &name.id, text, size))
        return (struct mt_text_id){0, 0};
    texts.ids++;
    return name;
}

static bool is_known(const struct entry *entry)
{
    return entry && entry->epoch == atomic_load_explicit(&mt_life_epoch, memory_order_relaxed);
}

/* Entered only once it is told. An entry of an earlier recording is replaced. */
static struct mt_text_id add(uint64_t sum, const char *text, size_t size)
{
    _Atomic(struct entry *) *slot = find(sum, text, size);
    const struct entry *there = slot ? atomic_load(slot) : NULL;
    if (is_known(there)) /* another thread was faster */
        return there->name;
    struct mt_text_id name = tell(text, size);
    struct entry *entry = slot && name.id ? make(sum, text, size) : NULL;
    if (entry) {
        entry->name = name;
        entry->epoch = atomic_load(&mt_life_epoch);
        atomic_store_explicit(slot, entry, memory_order_release);
    }
    return name;
}

/* A signal handler must not wait for the lock that its own thread holds. */
static __thread bool adding __attribute__((tls_model("initial-exec")));

static struct mt_text_id add_locked(uint64_t sum, const char *text, size_t size)
{
    struct mt_text_id name = {0, 0};
    int saved = errno;
    if (adding) {
        atomic_fetch_add(&mt_events_dropped, 1);
        return name;
    }
    struct mt_guard guard = mt_lock(&texts.lock);
    adding = true;
    name = add(sum, text, size);
    adding = false;
    mt_unlock(&texts.lock, &guard);
    errno = saved;
    return name;
}

struct mt_text_id mt_text_id(const char *text, size_t size)
{
    size = size < MT_TEXT_MAX ? size : MT_TEXT_MAX;
    uint64_t sum = hash(text, size);
    _Atomic(struct entry *) *slot = find(sum, text, size);
    const struct entry *entry = slot ? atomic_load_explicit(slot, memory_order_acquire) : NULL;
    return __builtin_expect(is_known(entry), 1) ? entry->name : add_locked(sum, text, size);
}

/* A lock that another thread held at the time of a fork stays locked in the child. */
static void child_of_fork(void)
{
    pthread_mutex_init(&texts.lock, NULL);
}

__attribute__((constructor)) static void load(void)
{
    mt_in_forked_child(child_of_fork);
}
