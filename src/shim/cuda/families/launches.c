/* Kernel launches: which device memory their parameters point to. And stream capture, as far as it
 * decides whether a launch is an access or a definition. */
#include <errno.h>
#include <string.h>

#include "shim/cuda/families/contexts.h"
#include "shim/cuda/graphs/graphcalls.h"
#include "shim/cuda/kernels/kernelask.h"
#include "shim/cuda/kernels/kernels.h"
#include "shim/cuda/kernels/paramscan.h"
#include "shim/cuda/note.h"
#include "shim/image/images.h"
#include "shim/stack/stack.h"

#define POINTERS_MAX 4096 /* words of a launch that are kept; a block of parameters holds 4095 */

_Atomic int mt_captures MT_HOT_DATA;

static void note_capture(int change)
{
    atomic_fetch_add(&mt_captures, change);
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

MT_SELDOM bool mt_ask_captured(uint64_t stream)
{
    CUstreamCaptureStatus status;
    return mt_ask.cuStreamIsCapturing &&
           mt_ask.cuStreamIsCapturing((CUstream)stream, &status) == CUDA_SUCCESS &&
           status != CU_STREAM_CAPTURE_STATUS_NONE;
}

static inline void scan_parameters(struct mt_found *found, const struct mt_kernel *kernel,
                                   void *const *params)
{
    const struct mt_span *span = mt_kernel_spans(kernel);
    for (uint32_t i = kernel->n_spans; i > 0; i--, span++) {
        if (__builtin_expect(span->words == 1, 1))
            mt_scan_word(found, params[span->parameter], span->offset);
        else
            found->n = mt_scan_words(*found, params[span->parameter], span->words, span->offset);
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

enum { FIELDS = sizeof(struct mt_ev_launch) / sizeof(uint64_t) };

static inline __attribute__((always_inline)) struct mt_ev_launch *
begin(struct mt_writer *writer, uint64_t when, const struct mt_kernel *kernel, uint64_t stream,
      uint64_t flags, uint64_t stack, uint32_t most)
{
    /* Another thread may have defined the kernel while this call was under way. */
    when = when > kernel->told ? when : kernel->told;
    struct mt_ev_launch *launch =
        (void *)mt_ring_reserve_in(writer, MT_launch, FIELDS + most, when);
    if (__builtin_expect(!launch, 0))
        return NULL;
    launch->kernel = kernel->id;
    launch->stream = stream;
    launch->stack = stack;
    launch->flags = flags;
    return launch;
}

static inline void end(struct mt_writer *writer, uint32_t found)
{
    mt_ring_commit_less_in(writer, FIELDS + found);
    if (__builtin_expect(!mt_is_recording(), 0))
        mt_life_late();
}

/* Without parameters, or with all of them in a buffer. */
static __attribute__((noinline)) void put_packed(uint64_t when, const struct mt_kernel *kernel,
                                                 uint64_t stream, uint64_t flags, uint64_t stack,
                                                 void *const *extra)
{
    size_t size;
    const void *buffer = packed_buffer(extra, &size);
    uint32_t words = !buffer ? 0 : size / 8 < POINTERS_MAX ? (uint32_t)(size / 8) : POINTERS_MAX;
    struct mt_writer *writer = mt_writer_here();
    struct mt_ev_launch *launch = begin(writer, when, kernel, stream, flags, stack, words);
    if (launch)
        end(writer, mt_scan_words((struct mt_found){launch->tail, 0}, buffer, words, 0));
}

static inline __attribute__((always_inline)) void put(struct mt_writer *writer, uint64_t when,
                                                      const struct mt_kernel *kernel,
                                                      uint64_t stream, uint64_t flags,
                                                      uint64_t stack, void *const *params)
{
    if (__builtin_expect(!kernel->known, 0))
        flags |= MT_LAUNCH_ARGS_UNKNOWN;
    struct mt_ev_launch *launch = begin(writer, when, kernel, stream, flags, stack, kernel->words);
    if (__builtin_expect(!launch, 0))
        return;
    struct mt_found found = {launch->tail, 0};
    scan_parameters(&found, kernel, params);
    end(writer, found.n);
}

static __attribute__((noinline)) void put_any(uint64_t when, const struct mt_kernel *kernel,
                                              uint64_t stream, uint64_t flags, uint64_t stack,
                                              void *const *params, void *const *extra)
{
    if (params)
        put(mt_writer_here(), when, kernel, stream, flags, stack, params);
    else
        put_packed(when, kernel, stream, flags, stack, extra);
}

void mt_launch_put(uint64_t when, const struct mt_kernel *kernel, uint64_t stream, uint64_t flags,
                   void *const *params, void *const *extra)
{
    uint64_t stack = 0;
    if (mt_switches.LAUNCH_STACKS && !(flags & MT_LAUNCH_NODE))
        stack = mt_stack_here(&when);
    put_any(when, kernel, stream, flags, stack, params, extra);
}

/* The first launch of a kernel or of a thread, one that is captured, one that is not recorded. */
static MT_SELDOM void note_seldom(uint64_t when, CUfunction handle, uint64_t stream, uint64_t flags,
                                  void *const *params, void *const *extra)
{
    if (!mt_may_note_use() || !mt_switches.LAUNCHES)
        return;
    mt_kernels_hold();
    const struct mt_kernel *kernel = mt_kernel_get(handle);
    if (mt_is_captured(stream))
        flags |= MT_LAUNCH_CAPTURED;
    if (kernel)
        mt_launch_put(when, kernel, stream, flags, params, extra);
    mt_kernels_let_go();
}

static inline bool is_usual(const struct mt_ringfile_ring *ring)
{
    return __builtin_expect(
        mt_is_recording() && !mt_may_be_captured() && mt_switches.LAUNCHES && ring, 1);
}

/* A known kernel, if launches are recorded with their stacks. */
static MT_SELDOM void note_with_stack(uint64_t when, CUfunction handle, uint64_t stream,
                                      void *const *params, void *const *extra)
{
    struct mt_ringfile_ring *ring = mt_writer_here()->shared;
    const struct mt_kernel *kernel = NULL;
    if (is_usual(ring) && mt_switches.LAUNCH_STACKS) {
        uint64_t told = when, stack = mt_stack_here(&told);
        mt_ring_reads_begin(ring);
        kernel = mt_kernel_known(handle);
        if (kernel)
            put_any(told, kernel, stream, 0, stack, params, extra);
        mt_ring_reads_end(ring);
    }
    if (!kernel)
        note_seldom(when, handle, stream, 0, params, extra);
}

static MT_HOT __attribute__((noinline)) void note_launch(uint64_t when, CUfunction handle,
                                                         uint64_t stream, void *const *params,
                                                         void *const *extra)
{
    struct mt_writer *writer = mt_writer_here();
    struct mt_ringfile_ring *ring = writer->shared;
    if (__builtin_expect(!is_usual(ring) || mt_switches.LAUNCH_STACKS, 0)) {
        note_with_stack(when, handle, stream, params, extra);
        return;
    }
    mt_ring_reads_begin(ring);
    const struct mt_kernel *kernel = mt_kernel_known(handle);
    if (__builtin_expect(kernel && params, 1))
        put(writer, when, kernel, stream, 0, 0, params);
    else if (kernel)
        put_packed(when, kernel, stream, 0, 0, extra);
    else
        note_seldom(when, handle, stream, 0, params, extra);
    mt_ring_reads_end(ring);
}

static void note_launches(uint64_t when, const CUDA_LAUNCH_PARAMS *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        note_launch(when, list[i].function, (uintptr_t)list[i].hStream, list[i].kernelParams, NULL);
}

/* Launches of before CUDA 4: what set their arguments were calls of their own, not hooked. */
static void note_old_launch(uint64_t when, CUfunction handle, CUstream stream)
{
    note_seldom(when, handle, (uintptr_t)stream, MT_LAUNCH_ARGS_UNKNOWN, NULL, NULL);
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
#define MT_DONE_UNLOADS_CONTEXT                                                                    \
    mt_freeing_ends();                                                                             \
    mt_upkeep_ends(begun, MT_UPKEEP_CONTEXT_END, api)

/* Decoders retain and release it for each file: that ends nothing. */
#define MT_STAMP_RELEASES(call)                                                                    \
    bool last = mt_context_leave(device);                                                          \
    bool begun = last && mt_upkeep_begins(MT_UPKEEP_CONTEXT_END, api);                             \
    MT_SHOW(api | MT_FREEING_MORE, last ? UINT64_MAX : 0, 0);                                      \
    if (last)                                                                                      \
        mt_kernels_stale();                                                                        \
    CUresult result = call;
#define MT_DONE_RELEASES MT_DONE_UNLOADS_CONTEXT

/* Before the real call: within it another thread may be given the handle for other code. */
#define MT_STAMP_UNLOADS_IMAGE(call)                                                               \
    IF_OLD(mt_image_gone(owner));                                                                  \
    uint64_t when = mt_clock_ticks();                                                              \
    if ((int)api == MT_API_cuLibraryUnload)                                                        \
        mt_kernels_unload_library(owner);                                                          \
    else                                                                                           \
        mt_kernels_unload_module(owner);                                                           \
    CUresult result = call;
#define MT_DONE_UNLOADS_IMAGE ((void)0)

static void note_unload(uint64_t when, const void *module)
{
    for (uint32_t i = 0; i < KNOWN_MAX; i++) {
        uintptr_t known = (uintptr_t)module;
        if (atomic_compare_exchange_strong(&with_globals[i], &known, 0) && mt_may_record())
            MT_NOTE(module_end, when, .module = (uintptr_t)module);
    }
}

/* The real call takes microseconds, in which what comes behind it is fetched: data, and code to
 * where the processor looks for it before it asks memory. */
static inline void fetch_note(CUfunction handle)
{
    enum { NOTE_LINES = 11 };
    struct mt_writer *writer = mt_writer_here();
    for (unsigned i = 0; i < NOTE_LINES; i++)
        __builtin_prefetch((const char *)note_launch + i * MT_CACHE_LINE, 0, 2);
    __builtin_prefetch(
        mt_kernel_first(atomic_load_explicit(&mt_kernels, memory_order_acquire), handle));
    mt_prefetch_to_write((const char *)writer->shared + offsetof(struct mt_ringfile_ring, head));
    mt_prefetch_to_write(writer->data + (writer->head & writer->mask));
}

#define MT_STAMP_LAUNCHES(call)                                                                    \
    fetch_note(f);                                                                                 \
    MT_STAMP_BEFORE(call)
#define MT_DONE_LAUNCHES ((void)0)

/* Those that happen hundreds of times a step, beside what they call. */
__typeof__(cuLaunchKernel) cuLaunchKernel MT_HOT;
__typeof__(cuLaunchKernelEx) cuLaunchKernelEx MT_HOT;

#define HOOK_memory(...)
#define HOOK_vmm(...)
#define HOOK_copies(...)
#define HOOK_launches MT_HOOK
#define HOOK_graphs(...)
#define HOOK_holdings(...)
#define HOOK_doors(...)
#define HOOK(family, ...) HOOK_##family(__VA_ARGS__)
#include "shim/cuda/hooks.def"
