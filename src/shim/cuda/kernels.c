/* The cache of kernels: open addressing, read without locks, written under one.
 *
 * A slot's key is written after its value, so a reader that finds the key finds the value. Entries
 * and outgrown tables are never freed: a reader may still hold them. After an unload the generation
 * moves on, and every kernel is asked for again at its next launch and gets a new id: whether a
 * handle still means the same code nobody can tell. */
#include "shim/cuda/kernels.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/cuda/note.h"
#include "shim/image/images.h"
#include "shim/record/glibc.h"

#define PARAMETERS_MAX 4096 /* 4-byte parameters fill the largest block of 32,764 bytes twice */
#define NAME_MAX_BYTES 16384
#define FIRST_SLOTS 4096

struct slot {
    _Atomic uintptr_t key;
    _Atomic(struct mt_kernel *) kernel;
};

struct table {
    uint32_t mask;
    uint32_t used;
    struct slot slot[];
};

static struct {
    pthread_mutex_t lock; /* for writing */
    _Atomic(struct table *) table;
    _Atomic uint32_t generation;
    uint32_t ids, epoch;        /* ids start anew with each recording */
    uint8_t *arena, *arena_end; /* entries are cut from mapped pieces */
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What the driver says of a kernel; too large for the stacks of a job's threads. */
struct answer {
    uint32_t params; /* MT_PARAMS_UNKNOWN */
    uint16_t layout[2 * PARAMETERS_MAX];
    char name[NAME_MAX_BYTES];
    char spare[NAME_MAX_BYTES]; /* for a name that is known already */
};

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static uint32_t hash(CUfunction handle)
{
    return (uint32_t)(((uintptr_t)handle >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static struct slot *find_slot(struct table *table, uintptr_t key)
{
    for (uint32_t i = hash((CUfunction)key);; i++) {
        struct slot *slot = &table->slot[i & table->mask];
        uintptr_t there = atomic_load_explicit(&slot->key, memory_order_acquire);
        if (there == key || there == 0)
            return slot;
    }
}

static inline __attribute__((always_inline)) const struct mt_kernel *look_up(CUfunction handle)
{
    struct table *table = atomic_load_explicit(&cache.table, memory_order_acquire);
    if (!table)
        return NULL;
    struct slot *slot = find_slot(table, (uintptr_t)handle);
    const struct mt_kernel *kernel = atomic_load_explicit(&slot->kernel, memory_order_acquire);
    bool valid =
        kernel && kernel->handle == handle &&
        kernel->generation == atomic_load_explicit(&cache.generation, memory_order_acquire) &&
        kernel->epoch == atomic_load_explicit(&mt_life_epoch, memory_order_relaxed);
    return valid ? kernel : NULL;
}

/* ---- asking the driver ---- */

typedef CUresult ask_fn(CUfunction handle, size_t i, size_t *offset, size_t *size);

/* A handle is a CUfunction (Triton, cuDNN, JAX) or a CUkernel cast to one (the runtime since 12,
 * cublasLt); only the matching question is answered. Which it is the first parameter tells. */
static ask_fn *question_for(CUfunction handle)
{
    size_t offset, size;
    ask_fn *function = (ask_fn *)(void *)mt_ask.cuFuncGetParamInfo;
    ask_fn *kernel = (ask_fn *)(void *)mt_ask.cuKernelGetParamInfo;
    if (function && function(handle, 0, &offset, &size) == CUDA_SUCCESS)
        return function;
    if (kernel) {
        CUresult result = kernel(handle, 0, &offset, &size);
        if (result == CUDA_SUCCESS || result == CUDA_ERROR_INVALID_VALUE)
            return kernel;
    }
    return function;
}

static void ask_layout(CUfunction handle, struct answer *answer)
{
    ask_fn *ask = question_for(handle);
    CUresult result = ask ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;
    answer->params = 0;
    while (ask && answer->params < PARAMETERS_MAX) {
        size_t offset, size;
        result = ask(handle, answer->params, &offset, &size);
        if (result != CUDA_SUCCESS)
            break;
        answer->layout[2 * answer->params] = (uint16_t)offset;
        answer->layout[2 * answer->params++ + 1] = (uint16_t)size;
    }
    /* A list ends with INVALID_VALUE; any other end means that the driver could not tell. */
    if (result != CUDA_ERROR_INVALID_VALUE)
        answer->params = MT_PARAMS_UNKNOWN;
}

/* Before 12.4 a driver tells no parameters, before 12.3 no names; then what was loaded does. */
bool mt_driver_is_old(void)
{
    static _Atomic int version;
    int now = atomic_load_explicit(&version, memory_order_relaxed);
    if (__builtin_expect(now == 0, 0)) {
        if (!mt_ask.cuDriverGetVersion || mt_ask.cuDriverGetVersion(&now) != CUDA_SUCCESS)
            return false;
        atomic_store_explicit(&version, now, memory_order_relaxed);
    }
    return now < 12040;
}

static void ask_image(CUfunction handle, struct answer *answer)
{
    uint32_t params;
    char *name = strcmp(answer->name, "?") == 0 ? answer->name : answer->spare;
    if (mt_image_tell(handle, name, sizeof answer->name, answer->layout, PARAMETERS_MAX, &params) &&
        params != UINT32_MAX)
        answer->params = params;
}

static void ask_name(CUfunction handle, struct answer *answer)
{
    const char *name = NULL;
    if ((!mt_ask.cuFuncGetName || mt_ask.cuFuncGetName(&name, handle) != CUDA_SUCCESS || !name) &&
        (!mt_ask.cuKernelGetName ||
         mt_ask.cuKernelGetName(&name, (CUkernel)handle) != CUDA_SUCCESS || !name))
        name = "?";
    strncpy(answer->name, name, sizeof answer->name - 1);
    answer->name[sizeof answer->name - 1] = 0;
}

/* ---- entries ---- */

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

static void fill_spans(struct mt_kernel *kernel, const struct answer *answer)
{
    for (uint32_t i = 0; kernel->known && i < answer->params; i++) {
        uint16_t offset = answer->layout[2 * i], size = answer->layout[2 * i + 1];
        if (size < 8)
            continue;
        kernel->span[kernel->n_spans++] =
            (struct mt_span){(uint16_t)i, (uint16_t)(size / 8), offset};
        kernel->words += size / 8;
    }
}

static struct mt_kernel *new_kernel(CUfunction handle, const struct answer *answer,
                                    uint32_t generation)
{
    uint32_t params = answer->params == MT_PARAMS_UNKNOWN ? 0 : answer->params;
    struct mt_kernel *kernel = arena_take(sizeof *kernel + params * sizeof kernel->span[0]);
    if (!kernel)
        return NULL;
    uint32_t epoch = atomic_load(&mt_life_epoch);
    if (cache.epoch != epoch)
        cache.ids = 0;
    cache.epoch = epoch;
    *kernel = (struct mt_kernel){.handle = handle,
                                 .id = ++cache.ids,
                                 .generation = generation,
                                 .epoch = epoch,
                                 .known = answer->params != MT_PARAMS_UNKNOWN};
    fill_spans(kernel, answer);
    return kernel;
}

/* The definition goes into the ring of the thread that launches first, before its launch. */
static bool tell(struct mt_kernel *kernel, const struct answer *answer, uint8_t *room)
{
    uint64_t fields[] = {kernel->id, (uintptr_t)kernel->handle, answer->params};
    size_t name = strlen(answer->name) + 1;
    size_t layout = answer->params == MT_PARAMS_UNKNOWN ? 0 : 4 * (size_t)answer->params;
    memcpy(room, answer->name, name);
    memcpy(room + name, answer->layout, layout);
    kernel->told = mt_clock_ticks();
    return mt_may_record() && mt_ring_put(MT_kernel, kernel->told, fields, room, name + layout);
}

static struct table *grown(struct table *old)
{
    uint32_t slots = old ? (old->mask + 1) * 2 : FIRST_SLOTS;
    struct table *table = map(sizeof *table + slots * sizeof table->slot[0]);
    if (!table)
        return old;
    table->mask = slots - 1;
    for (uint32_t i = 0; old && i <= old->mask; i++) {
        uintptr_t key = atomic_load_explicit(&old->slot[i].key, memory_order_relaxed);
        if (!key)
            continue;
        struct slot *slot = find_slot(table, key);
        atomic_store_explicit(&slot->kernel, atomic_load(&old->slot[i].kernel),
                              memory_order_relaxed);
        atomic_store_explicit(&slot->key, key, memory_order_relaxed);
        table->used++;
    }
    return table;
}

static bool enter(struct mt_kernel *kernel)
{
    struct table *table = atomic_load_explicit(&cache.table, memory_order_relaxed);
    if (!table || table->used >= table->mask / 2) {
        struct table *larger = grown(table);
        if (!larger || larger->used >= larger->mask)
            return false;
        table = larger;
        atomic_store_explicit(&cache.table, table, memory_order_release);
    }
    struct slot *slot = find_slot(table, (uintptr_t)kernel->handle);
    atomic_store_explicit(&slot->kernel, kernel, memory_order_release);
    if (atomic_exchange_explicit(&slot->key, (uintptr_t)kernel->handle, memory_order_release) == 0)
        table->used++;
    return true;
}

/* A lock that another thread held at the time of a fork stays locked in the child. */
static void child_of_fork(void)
{
    pthread_mutex_init(&cache.lock, NULL);
}

__attribute__((constructor)) static void load(void)
{
    mt_in_forked_child(child_of_fork);
}

/* A launch whose kernel cannot be told. Where the definition was dropped, that was counted. */
static const struct mt_kernel *drop_launch(void)
{
    atomic_fetch_add(&mt_events_dropped, 1);
    return NULL;
}

static const struct mt_kernel *learn(CUfunction handle)
{
    struct answer *answer = map(sizeof *answer);
    uint32_t generation = atomic_load_explicit(&cache.generation, memory_order_acquire);
    if (!answer)
        return drop_launch();
    /* No lock is held while the driver is asked: it takes its own. */
    ask_layout(handle, answer);
    ask_name(handle, answer);
    if (answer->params == MT_PARAMS_UNKNOWN)
        ask_image(handle, answer);
    pthread_mutex_lock(&cache.lock);
    const struct mt_kernel *known = look_up(handle); /* another thread may have been faster */
    struct mt_kernel *kernel = known ? NULL : new_kernel(handle, answer, generation);
    if (kernel) {
        /* Entered only once it is told; a definition that was dropped comes again. */
        uint8_t *room = map(sizeof *answer);
        bool told = room && tell(kernel, answer, room);
        known = told && enter(kernel) ? kernel : room && !told ? NULL : drop_launch();
        if (room)
            munmap(room, sizeof *answer);
    } else if (!known) {
        known = drop_launch();
    }
    pthread_mutex_unlock(&cache.lock);
    munmap(answer, sizeof *answer);
    return known;
}

/* A signal handler that launches while its own thread learns must not wait for the lock. */
static __thread bool learning __attribute__((tls_model("initial-exec")));

/* Apart from mt_kernel_get, which then saves no registers. */
static __attribute__((noinline)) const struct mt_kernel *get_slowly(CUfunction handle)
{
    if (learning)
        return drop_launch();
    int saved = errno;
    learning = true;
    const struct mt_kernel *kernel = learn(handle);
    learning = false;
    errno = saved;
    return kernel;
}

const struct mt_kernel *mt_kernel_get(CUfunction handle)
{
    const struct mt_kernel *kernel = look_up(handle);
    return __builtin_expect(kernel != NULL, 1) ? kernel : get_slowly(handle);
}

void mt_kernels_stale(void)
{
    atomic_fetch_add(&cache.generation, 1);
}
