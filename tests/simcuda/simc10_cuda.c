/* See simc10.h: a caching allocator with the rules of PyTorch's native one.
 *
 * Sizes are rounded up to 512 bytes. Requests up to 1 MiB come from segments of 2 MiB, others below
 * 10 MiB from segments of 20 MiB, larger ones from segments of their own, rounded up to 2 MiB. The
 * smallest cached block of the same stream and pool that is large enough is taken, the lowest among
 * equals, and split when enough is left over (512 bytes in the small pool, more than 1 MiB in the
 * large). Freed blocks merge with their neighbours. Out of memory, everything cached is given back,
 * and the request tried once more. */
#include "simc10.h"

#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "simc10_segment.h"
#include "simc10_report.h"

enum {
    ROUND = 512,
    SMALL_SIZE = 1 << 20,
    SMALL_BUFFER = 2 << 20,
    LARGE_BUFFER = 20 << 20,
    MIN_LARGE_ALLOC = 10 << 20,
    ROUND_LARGE = 2 << 20,
    MAX_DEVICES = 16
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct segment *segments;
static struct simc10_stats stats[MAX_DEVICES];
static enum simc10_signature signature;
static int expandable = -1; /* -1: as the environment says */

/* Blocks in use by address: open addressing; GONE keeps probe chains whole. */
static struct block **in_use;
static size_t in_use_room, in_use_filled;
#define GONE ((struct block *)1)

static struct block **slot_of(uint64_t address, bool to_insert)
{
    size_t at = (address * 0x9e3779b97f4a7c15u) >> 16;
    for (;; at++) {
        struct block **slot = &in_use[at & (in_use_room - 1)];
        if (*slot == NULL || (*slot == GONE && to_insert))
            return slot;
        if (*slot != GONE && (*slot)->address == address)
            return slot;
    }
}

static void remember(struct block *block)
{
    if (in_use_filled * 2 >= in_use_room) {
        struct block **old = in_use;
        size_t room = in_use_room;
        in_use_room = room ? room * 2 : 1024;
        in_use = calloc(in_use_room, sizeof(struct block *));
        if (!in_use)
            abort();
        in_use_filled = 0;
        for (size_t i = 0; i < room; i++)
            if (old[i] && old[i] != GONE) {
                *slot_of(old[i]->address, true) = old[i];
                in_use_filled++;
            }
        free(old);
    }
    struct block **slot = slot_of(block->address, true);
    in_use_filled += *slot == NULL;
    *slot = block;
}

static struct block *find_used(void *ptr, bool forget)
{
    struct block **slot = in_use_room ? slot_of((uintptr_t)ptr, false) : NULL;
    if (slot == NULL || *slot == NULL)
        abort(); /* as the real one throws: not a block of this allocator */
    struct block *block = *slot;
    if (forget)
        *slot = GONE;
    return block;
}

static void report(void *ptr, int64_t size, int device)
{
    const struct simc10_stats *s = &stats[device];
    struct simc10_device d = {1, (int8_t)device};
    if (signature == SIMC10_PTR_L_MM)
        report_pl_mm(ptr, size, s->allocated, s->reserved, d);
    else if (signature == SIMC10_PTR_L_LL)
        report_pl_ll(ptr, size, (int64_t)s->allocated, (int64_t)s->reserved, d);
    else if (signature == SIMC10_PTR_M_MM)
        report_pm_mm(ptr, (size_t)size, s->allocated, s->reserved, d);
    else
        report_pl(ptr, size, d);
}

static void report_oom(size_t size, int device)
{
    struct simc10_stats *s = &stats[device];
    struct simc10_device d = {1, (int8_t)device};
    s->ooms++;
    if (signature == SIMC10_PTR_L_LL)
        report_oom_l_ll((int64_t)size, (int64_t)s->allocated, (int64_t)s->reserved, d);
    else
        report_oom_l_mm((int64_t)size, s->allocated, s->reserved, d);
}

static void add_reserved(int device, int64_t bytes)
{
    struct simc10_stats *s = &stats[device];
    s->reserved += (unsigned long long)bytes;
    if (s->reserved > s->peak_reserved)
        s->peak_reserved = s->reserved;
}

static bool is_expandable(void)
{
    if (expandable < 0) {
        const char *text = getenv("SIMC10_EXPANDABLE");
        expandable = text && strcmp(text, "1") == 0;
    }
    return expandable;
}

static bool serves(const struct segment *s, int device, bool small, void *stream)
{
    return s->device == device && s->small == small && s->stream == stream;
}

static bool better(const struct block *a, const struct block *b)
{
    return b == NULL || a->size < b->size || (a->size == b->size && a->address < b->address);
}

static struct block *find_cached(int device, size_t size, bool small, void *stream)
{
    struct block *best = NULL;
    for (struct segment *s = segments; s; s = s->next)
        if (serves(s, device, small, stream))
            for (struct block *b = s->first; b; b = b->next)
                if (b->state == BLOCK_CACHED && !b->deferred && b->size >= size && better(b, best))
                    best = b;
    return best;
}

static struct block *add_segment(struct segment *s)
{
    if (s == NULL)
        return NULL;
    s->next = segments;
    segments = s;
    stats[s->device].segments++;
    if (!s->expandable)
        add_reserved(s->device, (int64_t)s->size);
    return s->first;
}

static size_t segment_size(size_t size)
{
    if (size <= SMALL_SIZE)
        return SMALL_BUFFER;
    if (size < MIN_LARGE_ALLOC)
        return LARGE_BUFFER;
    return (size + ROUND_LARGE - 1) / ROUND_LARGE * ROUND_LARGE;
}

static bool is_free(const struct block *b)
{
    return b && b->state != BLOCK_USED && !b->deferred;
}

/* From an unmapped block, or the cached one before it, on to the next block in use. */
static struct block *run_with(struct block *unmapped, size_t size)
{
    struct block *first = is_free(unmapped->prev) ? unmapped->prev : unmapped;
    size_t room = 0;
    for (struct block *b = first; is_free(b) && room < size; b = b->next)
        room += b->size;
    return room >= size ? first : NULL;
}

/* The lowest place in an expandable segment where the request fits once memory is mapped. */
static struct block *find_unmapped(int device, size_t size, bool small, void *stream)
{
    struct block *run = NULL;
    for (struct segment *s = segments; s && !run; s = s->next)
        if (s->expandable && serves(s, device, small, stream))
            for (struct block *b = s->first; b && !run; b = b->next)
                if (b->state == BLOCK_UNMAPPED)
                    run = run_with(b, size);
    return run;
}

static struct block *grow(int device, size_t size, bool small, void *stream)
{
    if (!is_expandable())
        return add_segment(segment_new(device, segment_size(size), small, stream));
    struct block *b = find_unmapped(device, size, small, stream);
    if (b == NULL)
        b = add_segment(segment_new_expandable(device, small, stream));
    size_t mapped = 0;
    b = b ? segment_map(b, size, &mapped) : NULL;
    add_reserved(device, (int64_t)mapped);
    return b;
}

static void drop_segment(struct segment **at)
{
    struct segment *s = *at;
    *at = s->next;
    stats[s->device].segments--;
    if (!s->expandable)
        add_reserved(s->device, -(int64_t)s->size);
    segment_free(s);
}

static void unmap_all(struct segment *s)
{
    struct block *b = s->first;
    while (b) {
        uint64_t end = b->address + b->size;
        if (b->state == BLOCK_CACHED && !b->deferred)
            add_reserved(s->device, -(int64_t)segment_unmap(b));
        for (b = s->first; b && b->address < end; b = b->next)
            ; /* b itself may be gone */
    }
}

static void release_cached(void)
{
    for (struct segment **at = &segments; *at;) {
        struct segment *s = *at;
        if (s->expandable)
            unmap_all(s);
        bool whole = s->first->next == NULL && !s->first->deferred;
        if (whole && s->first->state == (s->expandable ? BLOCK_UNMAPPED : BLOCK_CACHED))
            drop_segment(at);
        else
            at = &s->next;
    }
}

static void hand_out(struct block *b, size_t size)
{
    struct segment *s = b->segment;
    struct simc10_stats *st = &stats[s->device];
    size_t rest = b->size - size;
    if (s->small || s->expandable ? rest >= ROUND : rest > SMALL_SIZE)
        block_split(b, size);
    b->state = BLOCK_USED;
    remember(b);
    st->allocs++;
    st->allocated += b->size;
    if (st->allocated > st->peak_allocated)
        st->peak_allocated = st->allocated;
    report((void *)(uintptr_t)b->address, (int64_t)b->size, s->device);
}

static struct block *obtain(int device, size_t size, void *stream)
{
    bool small = size <= SMALL_SIZE;
    struct block *b = find_cached(device, size, small, stream);
    if (b == NULL)
        b = grow(device, size, small, stream);
    if (b == NULL) {
        release_cached();
        b = grow(device, size, small, stream);
    }
    return b;
}

void *simc10_alloc(size_t bytes, void *stream)
{
    int device = 0;
    if (bytes == 0 || cudaGetDevice(&device) != cudaSuccess)
        return NULL;
    size_t size = (bytes + ROUND - 1) / ROUND * ROUND;
    pthread_mutex_lock(&lock);
    struct block *b = obtain(device, size, stream);
    if (b)
        hand_out(b, size);
    else
        report_oom(size, device);
    void *ptr = b ? (void *)(uintptr_t)b->address : NULL;
    pthread_mutex_unlock(&lock);
    return ptr;
}

void simc10_free(void *ptr)
{
    if (ptr == NULL)
        return;
    pthread_mutex_lock(&lock);
    struct block *b = find_used(ptr, true);
    int device = b->segment->device;
    size_t size = b->size;
    stats[device].frees++;
    stats[device].allocated -= size;
    b->state = BLOCK_CACHED;
    block_merge(b);
    report(ptr, -(int64_t)size, device);
    pthread_mutex_unlock(&lock);
}

void simc10_record_stream(void *ptr)
{
    pthread_mutex_lock(&lock);
    find_used(ptr, false)->deferred = true;
    pthread_mutex_unlock(&lock);
}

void simc10_process_events(void)
{
    pthread_mutex_lock(&lock);
    for (struct segment *s = segments; s; s = s->next)
        for (struct block *b = s->first; b; b = b->next)
            if (b->deferred && b->state == BLOCK_CACHED) {
                b->deferred = false;
                b = block_merge(b);
            }
    pthread_mutex_unlock(&lock);
}

void simc10_empty_cache(void)
{
    pthread_mutex_lock(&lock);
    release_cached();
    pthread_mutex_unlock(&lock);
}

void simc10_set_expandable(int on)
{
    pthread_mutex_lock(&lock);
    expandable = on != 0;
    pthread_mutex_unlock(&lock);
}

void simc10_set_signature(enum simc10_signature which)
{
    pthread_mutex_lock(&lock);
    signature = which;
    pthread_mutex_unlock(&lock);
}

void simc10_stats(int device, struct simc10_stats *out)
{
    pthread_mutex_lock(&lock);
    *out = stats[device];
    pthread_mutex_unlock(&lock);
}

static bool segment_is_valid(const struct segment *s, uint64_t *used, uint64_t *mapped)
{
    uint64_t at = s->address;
    for (const struct block *b = s->first; b; b = b->next) {
        if (b->address != at || b->size == 0 || b->segment != s || (b->next && b->next->prev != b))
            return false;
        if (b->next && b->state != BLOCK_USED && b->state == b->next->state && !b->deferred &&
            !b->next->deferred)
            return false;
        *used += b->state == BLOCK_USED ? b->size : 0;
        *mapped += b->state != BLOCK_UNMAPPED ? b->size : 0;
        at += b->size;
    }
    return at == s->address + s->size;
}

int simc10_is_valid(void)
{
    uint64_t used = 0, mapped = 0, allocated = 0, reserved = 0;
    bool good = true;
    pthread_mutex_lock(&lock);
    for (const struct segment *s = segments; s && good; s = s->next)
        good = segment_is_valid(s, &used, &mapped);
    for (int d = 0; d < MAX_DEVICES; d++) {
        allocated += stats[d].allocated;
        reserved += stats[d].reserved;
    }
    pthread_mutex_unlock(&lock);
    return good && used == allocated && mapped == reserved;
}
