/* Kernel launches: which device memory their parameters point to. And stream capture, as far as it
 * decides whether a launch is an access or a definition. */
#include <errno.h>
#include <string.h>

#include "shim/cuda/contexts.h"
#include "shim/cuda/graphcalls.h"
#include "shim/cuda/kernels.h"
#include "shim/cuda/note.h"
#include "shim/image/images.h"
#include "shim/stack/stack.h"

#define POINTERS_MAX 4096 /* words of a launch that are kept; a block of parameters holds 4095 */

/* Streams that capture now, in the whole process; while it is 0 nobody need be asked. */
static _Atomic int captures;

static void note_capture(int change)
{
    atomic_fetch_add(&captures, change);
}

/* Into a new graph. */
static void note_new_capture(uint64_t stream)
{
    note_capture(1);
    mt_graph_calls_captured((CUstream)stream);
}

/* A capture that ends in an error has ended all the same, unless it had never begun. */
static void note_capture_broken(CUresult result)
{
    if (result != CUDA_ERROR_STREAM_CAPTURE_UNMATCHED && result != CUDA_ERROR_ILLEGAL_STATE &&
        result != CUDA_ERROR_INVALID_HANDLE && result != CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD &&
        result != CUDA_ERROR_INVALID_VALUE)
        note_capture(-1);
}

bool mt_is_captured(uint64_t stream)
{
    CUstreamCaptureStatus status;
    if (__builtin_expect(atomic_load_explicit(&captures, memory_order_relaxed) <= 0, 1))
        return false;
    return mt_ask.cuStreamIsCapturing &&
           mt_ask.cuStreamIsCapturing((CUstream)stream, &status) == CUDA_SUCCESS &&
           status != CU_STREAM_CAPTURE_STATUS_NONE;
}

/* Words found so far, directly in the ring: a record is reserved at its largest possible size and
 * committed at its real one. */
struct found {
    uint64_t *word;
    uint32_t n, max;
};

/* Most words of most kernels are pointers; what is not is written all the same, and overwritten by
 * the next: no branch to be foretold wrongly. `max` keeps the last one inside the reservation. */
static inline void scan_word(struct found *found, const void *memory, uint32_t offset)
{
    uint64_t word;
    memcpy(&word, memory, 8); /* callers align parameters as they like */
    if (__builtin_expect(found->n == found->max, 0))
        return;
    found->word[found->n] = MT_WORD(word, offset);
    found->n += mt_is_device(word);
}

static inline void scan(struct found *found, const void *memory, uint32_t words, uint32_t offset)
{
    const char *from = memory;
    for (uint32_t i = 0; i < words; i++)
        scan_word(found, from + 8 * i, offset + 8 * i);
}

static inline void scan_parameters(struct found *found, const struct mt_kernel *kernel,
                                   void *const *params)
{
    for (uint32_t i = 0; i < kernel->n_spans; i++) {
        const struct mt_span *span = &kernel->span[i];
        if (__builtin_expect(span->words == 1, 1))
            scan_word(found, params[span->parameter], span->offset);
        else
            scan(found, params[span->parameter], span->words, span->offset);
    }
}

/* A pointer and a length, as a list of CU_LAUNCH_PARAM_*. */
static const void *packed_buffer(void *const *extra, size_t *size)
{
    const void *buffer = NULL;
    *size = 0;
    for (; extra && extra[0] != CU_LAUNCH_PARAM_END; extra += 2) {
        if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
            buffer = extra[1];
        else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE)
            *size = *(const size_t *)extra[1];
        else
            break;
    }
    return buffer;
}

static uint32_t at_most(uint64_t words)
{
    return words < POINTERS_MAX ? (uint32_t)words : POINTERS_MAX;
}

void mt_launch_put(uint64_t when, const struct mt_kernel *kernel, uint64_t stream, uint64_t flags,
                   void *const *params, void *const *extra)
{
    enum { fields = sizeof(struct mt_ev_launch) / sizeof(uint64_t) };
    size_t packed = 0;
    /* Another thread may have defined the kernel while this call was under way. */
    when = when > kernel->told ? when : kernel->told;
    uint32_t stack = flags & MT_LAUNCH_NODE ? 0 : mt_stack_of_launch(&when);
    const void *buffer = params ? NULL : packed_buffer(extra, &packed);
    uint32_t most = at_most(params ? kernel->words : buffer ? packed / 8 : 0);
    struct mt_ev_launch *launch = (void *)mt_ring_reserve(MT_launch, fields + most, when);
    if (!launch)
        return;
    struct found found = {launch->tail, 0, most};
    launch->kernel = kernel->id;
    launch->stream = stream;
    launch->stack = stack;
    launch->flags = flags;
    if (params && !kernel->known)
        launch->flags |= MT_LAUNCH_ARGS_UNKNOWN;
    if (params)
        scan_parameters(&found, kernel, params);
    if (buffer)
        scan(&found, buffer, (uint32_t)(packed / 8), 0);
    mt_ring_shrink((uint32_t)fields + found.n);
    mt_note_commit((uint32_t)fields + found.n);
}

static void note_launch_as(uint64_t when, CUfunction handle, uint64_t stream, uint64_t flags,
                           void *const *params, void *const *extra)
{
    if (!mt_may_note_use() || !mt_config.LAUNCHES)
        return;
    const struct mt_kernel *kernel = mt_kernel_get(handle);
    if (mt_is_captured(stream))
        flags |= MT_LAUNCH_CAPTURED;
    if (kernel)
        mt_launch_put(when, kernel, stream, flags, params, extra);
}

static void note_launch(uint64_t when, CUfunction handle, uint64_t stream, void *const *params,
                        void *const *extra)
{
    note_launch_as(when, handle, stream, 0, params, extra);
}

static void note_launches(uint64_t when, const CUDA_LAUNCH_PARAMS *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        note_launch(when, list[i].function, (uintptr_t)list[i].hStream, list[i].kernelParams, NULL);
}

/* Launches of before CUDA 4: what set their arguments were calls of their own, not hooked. */
static void note_old_launch(uint64_t when, CUfunction handle, CUstream stream)
{
    note_launch_as(when, handle, (uintptr_t)stream, MT_LAUNCH_ARGS_UNKNOWN, NULL, NULL);
}

/* ---- modules and contexts that go ---- */

#define KNOWN_MAX 256u

/* Modules of which variables are known. Where there are more, their ends go unseen. */
static _Atomic uintptr_t with_globals[KNOWN_MAX];

void mt_module_has_globals(const void *module)
{
    uint32_t free_place = KNOWN_MAX;
    for (uint32_t i = 0; i < KNOWN_MAX; i++) {
        uintptr_t there = atomic_load(&with_globals[i]);
        if (there == (uintptr_t)module)
            return;
        if (!there && free_place == KNOWN_MAX)
            free_place = i;
    }
    if (free_place < KNOWN_MAX)
        atomic_store(&with_globals[free_place], (uintptr_t)module);
}

/* ---- what an old driver is given to load ---- */

#define IF_OLD(call)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(mt_driver_is_old(), 0)) {                                             \
            int saved_ = errno;                                                                    \
            call;                                                                                  \
            errno = saved_;                                                                        \
        }                                                                                          \
    } while (0)

#define MT_STAMP_LOADS(call) MT_STAMP_LASTS(MT_UPKEEP_MODULE, true, call)
#define MT_DONE_LOADS ((void)0)

#define MT_STAMP_UNLOADS_CONTEXT(call)                                                             \
    bool begun = mt_upkeep_begins(MT_UPKEEP_CONTEXT_END, api);                                     \
    MT_STAMP_UNLOADS(call)
#define MT_DONE_UNLOADS_CONTEXT mt_upkeep_ends(begun, MT_UPKEEP_CONTEXT_END, api)

/* Before the real call: within it another thread may be given the handle for other code. */
#define MT_STAMP_UNLOADS_IMAGE(call)                                                               \
    IF_OLD(mt_image_gone(owner));                                                                  \
    MT_STAMP_UNLOADS(call)
#define MT_DONE_UNLOADS_IMAGE ((void)0)

static void note_unload(uint64_t when, const void *module)
{
    for (uint32_t i = 0; i < KNOWN_MAX; i++) {
        uintptr_t known = (uintptr_t)module;
        if (atomic_compare_exchange_strong(&with_globals[i], &known, 0) && mt_may_record())
            MT_NOTE(module_end, when, .module = (uintptr_t)module);
    }
}

#define HOOK_memory(...)
#define HOOK_vmm(...)
#define HOOK_copies(...)
#define HOOK_launches MT_HOOK
#define HOOK_graphs(...)
#define HOOK_holdings(...)
#define HOOK_doors(...)
#define HOOK(family, ...) HOOK_##family(__VA_ARGS__)
#include "shim/cuda/hooks.def"
