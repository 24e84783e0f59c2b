/* The table of kernels: open addressing, read without locks, written under one.
 *
 * An entry's handle is written last, so a reader that finds the handle finds the rest. From then on
 * only its generation is changed: an entry counts while that is the table's.
 *
 * An unload frees handles, and the driver may give them to other code at once. So from before the
 * unload the entries of what ends do not count: those of that module or library, and those of which
 * the owner is not known. Where that cannot be told, as when a context ends, the generation moves
 * on, and none counts. A kernel that does not count is asked for again at its next launch. With the
 * name and layout that it had it is what it was, under the number that it had, in its old entry;
 * else it gets another number and another entry. What was asked while something was unloaded serves
 * that one launch.
 *
 * When a table is full of what does not count any more, another takes its place. The old one is
 * unmapped when every thread was seen not to read it (mt_ring_reads_begin, mt_kernels_hold), some
 * time after it was replaced: a thread says that it reads without a fence, so that must have
 * become visible. Who says it later finds the new table. */
#include "shim/cuda/kernels/kernels.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/cuda/kernels/kernelask.h"
#include "shim/cuda/note.h"
#include "shim/guest/glibc.h"
#include "shim/guest/guard.h"
#include "shim/record/drain.h"

#define FIRST_BITS 8
#define FIRST_SLOTS (1 << FIRST_BITS)
#define PAGE 4096
#define ALIKE_MAX 48        /* entries of one handle, of which one counts */
#define GRACE_NS 100000000u /* in which a store of any processor is seen by all */
#define LAYOUTS 256         /* a power of two */
#define GENERATION_NONE 0   /* of what does not count */

/* What launches do not look at. */
struct rest {
    uint64_t content; /* mt_answer_content; 0: never taken for the same */
    uintptr_t owner;
    uint32_t owned; /* enum mt_owned */
    uint32_t epoch; /* of the recording that has its definition */
};

/* Of a table that was replaced. */
struct retired {
    uintptr_t next; /* as mt_kernels; 0: none */
    uint64_t since; /* ns */
};

static struct {
    _Alignas(PAGE) struct mt_kernel entry[FIRST_SLOTS];
    struct rest rest[FIRST_SLOTS];
    struct retired retired;
} first;
_Atomic uintptr_t mt_kernels MT_HOT_DATA = (uintptr_t)first.entry + FIRST_BITS;
_Atomic uint32_t mt_kernels_generation MT_HOT_DATA = GENERATION_NONE + 1;
_Atomic uint32_t mt_kernels_holders;

/* Those that do not fit into entries; told alike by many kernels, and never freed. */
struct layout {
    struct layout *next;
    uint32_t spans;
    struct mt_span span[];
};

static struct {
    pthread_mutex_t lock;       /* for writing */
    _Atomic uint32_t unloads;   /* that began */
    uint32_t used;              /* entries of the table, also those that do not count */
    bool crowded;               /* there are many of one handle */
    uint32_t ids, epoch;        /* ids start anew with each recording */
    uint8_t *arena, *arena_end; /* layouts are cut from mapped pieces */
    struct layout *layout[LAYOUTS];
    _Atomic uintptr_t retired;                     /* the first such table */
    uint64_t quiet[MT_RINGFILE_RINGS_MAX], let_go; /* when no reader was seen, ns */
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* ---- layouts ---- */

static void *arena_take(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if ((size_t)(cache.arena_end - cache.arena) < size) {
        size_t piece = size > 1 << 20 ? size : 1 << 20;
        uint8_t *fresh = map(piece);
        if (!fresh)
            return NULL;
        cache.arena = fresh;
        cache.arena_end = fresh + piece;
    }
    uint8_t *taken = cache.arena;
    cache.arena += size;
    return taken;
}

/* Words beyond what a block of parameters holds are not believed. */
static uint32_t count_spans(const struct mt_answer *answer)
{
    uint32_t spans = 0, words = 0;
    for (uint32_t i = 0; answer->params != MT_PARAMS_UNKNOWN && i < answer->params; i++) {
        words += answer->layout[2 * i + 1] / 8;
        spans += answer->layout[2 * i + 1] >= 8 && words < MT_PARAMETERS_MAX;
    }
    return spans;
}

static void fill_spans(struct mt_kernel *kernel, const struct mt_answer *answer,
                       struct mt_span *span)
{
    for (uint32_t i = 0, n = 0; n < kernel->n_spans; i++) {
        uint16_t offset = answer->layout[2 * i], size = answer->layout[2 * i + 1];
        if (size < 8)
            continue;
        span[n++] = (struct mt_span){(uint16_t)i, size / 8, offset};
        kernel->words = (uint16_t)(kernel->words + size / 8);
    }
}

/* The same spans in memory that stays, or NULL. A new one is a copy, whose place was taken in vain
 * if it is known. */
static const struct mt_span *keep_spans(const struct mt_span *span, uint32_t n)
{
    size_t size = n * sizeof *span;
    uint32_t place = 0;
    for (uint32_t i = 0; i < n; i++)
        place = (place ^ span[i].offset ^ (uint32_t)span[i].words << 16) * 0x9e3779b1u;
    struct layout **at = &cache.layout[place / (UINT32_MAX / LAYOUTS + 1)];
    for (; *at; at = &(*at)->next)
        if ((*at)->spans == n && memcmp((*at)->span, span, size) == 0)
            return (*at)->span;
    struct layout *fresh = arena_take(sizeof *fresh + size);
    if (!fresh)
        return NULL;
    fresh->spans = n;
    memcpy(fresh->span, span, size);
    *at = fresh;
    return fresh->span;
}

/* ---- tables ---- */

static unsigned bits_of(uintptr_t table)
{
    return table & MT_KERNELS_BITS;
}

static struct mt_kernel *entries_of(uintptr_t table)
{
    return (void *)(table - bits_of(table));
}

static struct rest *rests_of(uintptr_t table)
{
    return (void *)(entries_of(table) + ((size_t)1 << bits_of(table)));
}

static struct retired *retired_of(uintptr_t table)
{
    return (void *)(rests_of(table) + ((size_t)1 << bits_of(table)));
}

static size_t table_size(unsigned bits)
{
    return ((sizeof(struct mt_kernel) + sizeof(struct rest)) << bits) + sizeof(struct retired);
}

static uintptr_t handle_of(const struct mt_kernel *kernel)
{
    return atomic_load_explicit(&kernel->handle, memory_order_relaxed);
}

static uint32_t generation_of(const struct mt_kernel *kernel)
{
    return atomic_load_explicit(&kernel->generation, memory_order_relaxed);
}

static void set_generation(struct mt_kernel *kernel, uint32_t generation)
{
    atomic_store_explicit(&kernel->generation, generation, memory_order_release);
}

static struct rest *rest_of(uintptr_t table, const struct mt_kernel *kernel)
{
    return &rests_of(table)[kernel - entries_of(table)];
}

/* The first free entry for a handle, in a table that has one. */
static const struct mt_kernel *put(uintptr_t table, const struct mt_kernel *kernel,
                                   const struct rest *rest)
{
    struct mt_kernel *place;
    uintptr_t handle = handle_of(kernel), there;
    uint32_t alike = 0;
    for (size_t i = 0;; i++) {
        place = mt_kernel_place(table, (CUfunction)handle, i);
        there = handle_of(place);
        if (!there)
            break;
        alike += there == handle;
    }
    cache.crowded = alike >= ALIKE_MAX;
    *rest_of(table, place) = *rest;
    memcpy((char *)place + sizeof place->handle, (const char *)kernel + sizeof place->handle,
           sizeof *place - sizeof place->handle);
    atomic_store_explicit(&place->handle, handle, memory_order_release);
    return place;
}

static bool counts(const struct mt_kernel *kernel)
{
    return handle_of(kernel) && generation_of(kernel) == atomic_load(&mt_kernels_generation);
}

static void retire(uintptr_t table)
{
    struct retired *retired = retired_of(table);
    retired->since = mt_clock_monotonic_ns();
    retired->next = atomic_load_explicit(&cache.retired, memory_order_relaxed);
    atomic_store_explicit(&cache.retired, table, memory_order_release);
}

/* Another table with what counts of this one, and with what does not if it is no more than that,
 * for it may come again; a quarter full at most. Where there is no memory for it this one, to its
 * last entry but one: a search ends at a free one. */
static void make_room(void)
{
    uintptr_t old = atomic_load_explicit(&mt_kernels, memory_order_relaxed);
    struct mt_kernel *entry = entries_of(old);
    uint32_t slots = 1u << bits_of(old), valid = 0, used = 0;
    unsigned bits = FIRST_BITS;
    for (uint32_t i = 0; i < slots; i++)
        valid += counts(&entry[i]);
    bool all = !cache.crowded && cache.used <= 2 * valid;
    while ((1u << bits) / 4 < (all ? cache.used : valid) + 1)
        bits++;
    void *memory = map(table_size(bits));
    if (!memory)
        return;
    uintptr_t table = (uintptr_t)memory | bits;
    for (uint32_t i = 0; i < slots; i++)
        if (counts(&entry[i]) || (all && handle_of(&entry[i]))) {
            put(table, &entry[i], rest_of(old, &entry[i]));
            used++;
        }
    atomic_store_explicit(&mt_kernels, table, memory_order_release);
    cache.crowded = false;
    cache.used = used; /* last: who forks meanwhile leaves a table that never fills */
    retire(old);
}

/* Of the table: the kernel as readers will find it. NULL: there is no room. */
static const struct mt_kernel *enter(const struct mt_kernel *kernel, const struct rest *rest)
{
    uint32_t slots = 1u << bits_of(atomic_load(&mt_kernels));
    if (cache.used >= slots / 2 || cache.crowded)
        make_room();
    uintptr_t table = atomic_load_explicit(&mt_kernels, memory_order_relaxed);
    if (cache.used + 1 >= 1u << bits_of(table))
        return NULL;
    cache.used++;
    return put(table, kernel, rest);
}

/* ---- learning ---- */

/* Without its spans where they do not fit; then they are the array `spans`. */
static void make_kernel(struct mt_kernel *kernel, CUfunction handle, const struct mt_answer *answer,
                        uint32_t generation)
{
    *kernel = (struct mt_kernel){.handle = (uintptr_t)handle,
                                 .generation = generation,
                                 .n_spans = count_spans(answer) & 0x7fff,
                                 .known = answer->params != MT_PARAMS_UNKNOWN};
}

static bool give_spans(struct mt_kernel *kernel, const struct mt_answer *answer, uint8_t *room)
{
    struct mt_span *many = (void *)room;
    if (kernel->n_spans <= MT_KERNEL_SPANS) {
        fill_spans(kernel, answer, kernel->span);
        return true;
    }
    fill_spans(kernel, answer, many);
    kernel->spans = keep_spans(many, kernel->n_spans);
    return kernel->spans != NULL;
}

static void give_id(struct mt_kernel *kernel, uint32_t epoch)
{
    if (cache.epoch != epoch)
        cache.ids = 0;
    cache.epoch = epoch;
    kernel->id = ++cache.ids;
}

/* The definition goes into the ring of the thread that launches first, before its launch. */
static bool tell(struct mt_kernel *kernel, const struct mt_answer *answer, uint8_t *room)
{
    uint64_t fields[] = {kernel->id, kernel->handle, answer->params};
    size_t name = strlen(answer->name) + 1, layout = mt_answer_layout_size(answer);
    memcpy(room, answer->name, name);
    memcpy(room + name, answer->layout, layout);
    kernel->told = mt_clock_ticks();
    return mt_may_record() && mt_ring_put(MT_kernel, kernel->told, fields, room, name + layout);
}

/* A launch whose kernel cannot be told. Where the definition was dropped, that was counted. */
static const struct mt_kernel *drop_launch(void)
{
    atomic_fetch_add(&mt_events_dropped, 1);
    return NULL;
}

/* Entered only once it is told; a definition that was dropped comes again. */
static const struct mt_kernel *make(CUfunction handle, const struct mt_answer *answer,
                                    const struct rest *rest, uint32_t generation)
{
    struct mt_kernel kernel;
    const struct mt_kernel *entered = NULL;
    size_t size = sizeof answer->name + sizeof answer->layout;
    uint8_t *room = map(size);
    make_kernel(&kernel, handle, answer, generation);
    if (!room || !give_spans(&kernel, answer, room)) {
        drop_launch();
    } else {
        give_id(&kernel, rest->epoch);
        bool told = tell(&kernel, answer, room);
        entered = told ? enter(&kernel, rest) : NULL;
        if (told && !entered)
            drop_launch();
    }
    if (room)
        munmap(room, size);
    return entered;
}

/* What was asked says that the handle means what it meant before. */
static const struct mt_kernel *renew(CUfunction handle, const struct rest *rest,
                                     uint32_t generation)
{
    uintptr_t table = atomic_load_explicit(&mt_kernels, memory_order_relaxed);
    for (size_t i = 0; rest->content; i++) {
        struct mt_kernel *kernel = mt_kernel_place(table, handle, i);
        struct rest *then = rest_of(table, kernel);
        if (!handle_of(kernel))
            return NULL;
        if (handle_of(kernel) != (uintptr_t)handle || then->content != rest->content ||
            then->epoch != rest->epoch)
            continue;
        *then = *rest;
        set_generation(kernel, generation);
        return kernel;
    }
    return NULL;
}

static const struct mt_kernel *learn(CUfunction handle)
{
    uint32_t unloads = atomic_load_explicit(&cache.unloads, memory_order_acquire);
    uint32_t generation = atomic_load_explicit(&mt_kernels_generation, memory_order_acquire);
    struct mt_answer *answer = mt_answer_take();
    if (!answer)
        return drop_launch();
    /* No lock is held while the driver is asked: it takes its own. */
    mt_answer_ask(answer, handle);
    struct rest rest = {mt_answer_content(answer), answer->owner, answer->owned,
                        atomic_load(&mt_life_epoch)};
    struct mt_guard guard = mt_lock(&cache.lock);
    const struct mt_kernel *known = mt_kernel_known(handle); /* another thread may be faster */
    /* Of what is unloaded by now it may be the old name. */
    if (atomic_load(&cache.unloads) != unloads)
        generation = GENERATION_NONE;
    if (!known)
        known = renew(handle, &rest, generation);
    if (!known)
        known = make(handle, answer, &rest, generation);
    mt_unlock(&cache.lock, &guard);
    mt_answer_give(answer);
    return known;
}

/* A signal handler that launches while its own thread has the lock must not wait for it. Where the
 * stack was: one that jumps out leaves it so. */
static __thread uint32_t inside __attribute__((tls_model("initial-exec")));

static MT_SELDOM const struct mt_kernel *get_slowly(CUfunction handle)
{
    uint32_t now = mt_stack_place();
    if (!handle || (inside && !mt_was_left(inside, now)))
        return drop_launch();
    int saved = errno;
    inside = now;
    const struct mt_kernel *kernel = learn(handle);
    inside = 0;
    errno = saved;
    return kernel;
}

const struct mt_kernel *mt_kernel_get(CUfunction handle)
{
    const struct mt_kernel *kernel = mt_kernel_known(handle);
    return kernel ? kernel : get_slowly(handle);
}

/* ---- unloading ---- */

static void move_on(void)
{
    uint32_t now = atomic_load(&mt_kernels_generation), next;
    do
        next = now + 1 == GENERATION_NONE ? now + 2 : now + 1;
    while (!atomic_compare_exchange_weak(&mt_kernels_generation, &now, next));
}

void mt_kernels_stale(void)
{
    atomic_fetch_add(&cache.unloads, 1);
    move_on();
}

/* Functions of a library's module end with the library, and which module it has is not known. */
static bool may_end(const struct rest *rest, uintptr_t owner, enum mt_owned what)
{
    if (rest->owned == MT_OWNED_MODULE)
        return what == MT_OWNED_LIBRARY || rest->owner == owner;
    return rest->owned == MT_OWNED_UNKNOWN || (what == rest->owned && rest->owner == owner);
}

/* The entries lie in lines of their own, so only those are touched that may end. */
static void forget_owned(uintptr_t owner, enum mt_owned what)
{
    uintptr_t table = atomic_load_explicit(&mt_kernels, memory_order_relaxed);
    struct mt_kernel *entry = entries_of(table);
    const struct rest *rest = rests_of(table);
    for (uint32_t i = 0; i < 1u << bits_of(table); i++)
        if (rest[i].epoch && may_end(&rest[i], owner, what))
            set_generation(&entry[i], GENERATION_NONE);
}

/* Whoever has the lock may wait for the driver's, which the caller may hold. */
static void unload(const void *owner, enum mt_owned what)
{
    uint32_t before = inside;
    inside = mt_stack_place();
    atomic_fetch_add(&cache.unloads, 1);
    struct mt_guard guard;
    if (mt_trylock(&cache.lock, &guard)) {
        forget_owned((uintptr_t)owner, what);
        mt_unlock(&cache.lock, &guard);
    } else {
        move_on();
    }
    inside = before;
}

void mt_kernels_unload_module(const void *module)
{
    unload(module, MT_OWNED_MODULE);
}

void mt_kernels_unload_library(const void *library)
{
    unload(library, MT_OWNED_LIBRARY);
}

/* ---- tables that were replaced ---- */

/* Up to when nobody can have begun to read who still does. */
static uint64_t all_quiet(void)
{
    const struct mt_ring *ring;
    uint64_t now = mt_clock_monotonic_ns();
    if (atomic_load(&mt_kernels_holders) == 0)
        cache.let_go = now;
    uint64_t since = cache.let_go;
    for (uint32_t i = 0; (ring = mt_rings_get(i)); i++) {
        if (!mt_ring_reads(ring))
            cache.quiet[i] = now;
        since = since < cache.quiet[i] ? since : cache.quiet[i];
    }
    return since;
}

static void free_retired(uint64_t quiet)
{
    uintptr_t table = atomic_load(&cache.retired), next;
    uintptr_t kept = 0;
    for (; table; table = next) {
        struct retired *retired = retired_of(table);
        next = retired->next;
        if (retired->since + GRACE_NS < quiet) {
            if (entries_of(table) != first.entry)
                munmap(entries_of(table), table_size(bits_of(table)));
            continue;
        }
        retired->next = kept;
        kept = table;
    }
    atomic_store(&cache.retired, kept);
}

void mt_kernels_tend(void)
{
    if (!atomic_load(&cache.retired) || pthread_mutex_trylock(&cache.lock) != 0)
        return;
    free_retired(all_quiet());
    pthread_mutex_unlock(&cache.lock);
}

/* A lock that another thread held at the time of a fork stays locked in the child, and a thread
 * that held kernels then is not there to let them go: no table is unmapped any more. */
static void child_of_fork(void)
{
    pthread_mutex_init(&cache.lock, NULL);
}

/* Numbers of an earlier recording mean nothing. */
void mt_kernels_begin(void)
{
    mt_kernels_stale();
}

__attribute__((constructor)) static void load(void)
{
    mt_in_forked_child(child_of_fork);
}
