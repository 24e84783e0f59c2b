/* The table of kernels: open addressing, read without locks, written under one.
 *
 * An entry's handle is written last, so a reader that finds the handle finds the rest; from then on
 * it is never changed, and outgrown tables are never freed: a reader may still hold them. After an
 * unload the generation moves on, and every kernel is asked for again at its next launch and gets a
 * new id, in another entry: whether a handle still means the same code nobody can tell. Entries of
 * before are left out when the table is outgrown. */
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
#define FIRST_BITS 8
#define PAGE 4096

static _Alignas(PAGE) struct mt_kernel first_table[1 << FIRST_BITS];
_Atomic uintptr_t mt_kernels MT_HOT_DATA = (uintptr_t)first_table + FIRST_BITS;
_Atomic uint32_t mt_kernels_generation MT_HOT_DATA;

static struct {
    pthread_mutex_t lock;       /* for writing */
    uint32_t used;              /* entries of the table, also those that are not valid any more */
    uint32_t ids, epoch;        /* ids start anew with each recording */
    uint8_t *arena, *arena_end; /* what does not fit into entries is cut from mapped pieces */
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

/* Words beyond what a block of parameters holds are not believed. */
static uint32_t count_spans(const struct answer *answer)
{
    uint32_t spans = 0, words = 0;
    for (uint32_t i = 0; answer->params != MT_PARAMS_UNKNOWN && i < answer->params; i++) {
        words += answer->layout[2 * i + 1] / 8;
        spans += answer->layout[2 * i + 1] >= 8 && words < PARAMETERS_MAX;
    }
    return spans;
}

static void fill_spans(struct mt_kernel *kernel, const struct answer *answer, struct mt_span *span)
{
    for (uint32_t i = 0, n = 0; n < kernel->n_spans; i++) {
        uint16_t offset = answer->layout[2 * i], size = answer->layout[2 * i + 1];
        if (size < 8)
            continue;
        span[n++] = (struct mt_span){(uint16_t)i, size / 8, offset};
        kernel->words = (uint16_t)(kernel->words + size / 8);
    }
}

static bool make_kernel(struct mt_kernel *kernel, CUfunction handle, const struct answer *answer,
                        uint32_t generation)
{
    uint32_t epoch = atomic_load(&mt_life_epoch), spans = count_spans(answer);
    struct mt_span *more = NULL;
    if (spans > MT_KERNEL_SPANS && !(more = arena_take(spans * sizeof *more)))
        return false;
    if (cache.epoch != epoch)
        cache.ids = 0;
    cache.epoch = epoch;
    *kernel = (struct mt_kernel){.handle = (uintptr_t)handle,
                                 .id = ++cache.ids,
                                 .generation = generation,
                                 .epoch = epoch,
                                 .n_spans = spans & 0x7fff,
                                 .known = answer->params != MT_PARAMS_UNKNOWN};
    fill_spans(kernel, answer, more ? more : kernel->span);
    if (more)
        kernel->spans = more;
    return true;
}

/* The definition goes into the ring of the thread that launches first, before its launch. */
static bool tell(struct mt_kernel *kernel, const struct answer *answer, uint8_t *room)
{
    uint64_t fields[] = {kernel->id, kernel->handle, answer->params};
    size_t name = strlen(answer->name) + 1;
    size_t layout = answer->params == MT_PARAMS_UNKNOWN ? 0 : 4 * (size_t)answer->params;
    memcpy(room, answer->name, name);
    memcpy(room + name, answer->layout, layout);
    kernel->told = mt_clock_ticks();
    return mt_may_record() && mt_ring_put(MT_kernel, kernel->told, fields, room, name + layout);
}

/* The first free entry for a handle, in a table that has one. */
static const struct mt_kernel *put(uintptr_t table, const struct mt_kernel *kernel)
{
    struct mt_kernel *place;
    uintptr_t handle = atomic_load_explicit(&kernel->handle, memory_order_relaxed);
    for (size_t i = 0;; i++) {
        place = mt_kernel_place(table, (CUfunction)handle, i);
        if (!atomic_load_explicit(&place->handle, memory_order_relaxed))
            break;
    }
    memcpy((char *)place + sizeof place->handle, (const char *)kernel + sizeof place->handle,
           sizeof *place - sizeof place->handle);
    atomic_store_explicit(&place->handle, handle, memory_order_release);
    return place;
}

static bool is_valid(const struct mt_kernel *kernel)
{
    return atomic_load_explicit(&kernel->handle, memory_order_relaxed) &&
           kernel->generation == atomic_load(&mt_kernels_generation) &&
           kernel->epoch == atomic_load(&mt_life_epoch);
}

/* Another table with what is valid of this one, a third full at most. Where there is no memory for
 * it this one, to its last entry but one: a search ends at a free one. */
static void make_room(void)
{
    uintptr_t old = atomic_load_explicit(&mt_kernels, memory_order_relaxed);
    unsigned bits = old & MT_KERNELS_BITS;
    const struct mt_kernel *entry = (const void *)(old - bits);
    uint32_t slots = 1u << bits, valid = 0;
    for (uint32_t i = 0; i < slots; i++)
        valid += is_valid(&entry[i]);
    for (bits = FIRST_BITS; (1u << bits) / 3 < valid + 1; bits++)
        ;
    void *memory = map(sizeof *entry << bits);
    if (!memory)
        return;
    uintptr_t table = (uintptr_t)memory | bits;
    uint32_t used = 0;
    for (uint32_t i = 0; i < slots; i++)
        if (is_valid(&entry[i])) {
            put(table, &entry[i]);
            used++;
        }
    atomic_store_explicit(&mt_kernels, table, memory_order_release);
    cache.used = used; /* last: who forks meanwhile leaves a table that never fills */
}

/* Of the table: the kernel as readers will find it. NULL: there is no room. */
static const struct mt_kernel *enter(const struct mt_kernel *kernel)
{
    uint32_t slots = 1u << (atomic_load(&mt_kernels) & MT_KERNELS_BITS);
    if (cache.used >= slots / 2)
        make_room();
    uintptr_t table = atomic_load_explicit(&mt_kernels, memory_order_relaxed);
    if (cache.used + 1 >= 1u << (table & MT_KERNELS_BITS))
        return NULL;
    cache.used++;
    return put(table, kernel);
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
    uint32_t generation = atomic_load_explicit(&mt_kernels_generation, memory_order_acquire);
    if (!answer)
        return drop_launch();
    /* No lock is held while the driver is asked: it takes its own. */
    ask_layout(handle, answer);
    ask_name(handle, answer);
    if (answer->params == MT_PARAMS_UNKNOWN)
        ask_image(handle, answer);
    pthread_mutex_lock(&cache.lock);
    const struct mt_kernel *known = mt_kernel_known(handle); /* another thread may be faster */
    struct mt_kernel kernel;
    if (!known && make_kernel(&kernel, handle, answer, generation)) {
        /* Entered only once it is told; a definition that was dropped comes again. */
        uint8_t *room = map(sizeof *answer);
        bool told = room && tell(&kernel, answer, room);
        known = told ? enter(&kernel) : NULL;
        if (!known && (told || !room))
            drop_launch();
        if (room)
            munmap(room, sizeof *answer);
    } else if (!known) {
        drop_launch();
    }
    pthread_mutex_unlock(&cache.lock);
    munmap(answer, sizeof *answer);
    return known;
}

/* A signal handler that launches while its own thread learns must not wait for the lock. */
static __thread bool learning __attribute__((tls_model("initial-exec")));

static MT_SELDOM const struct mt_kernel *get_slowly(CUfunction handle)
{
    if (learning || !handle)
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
    const struct mt_kernel *kernel = mt_kernel_known(handle);
    return kernel ? kernel : get_slowly(handle);
}

void mt_kernels_stale(void)
{
    atomic_fetch_add(&mt_kernels_generation, 1);
}
