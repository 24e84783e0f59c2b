/* How a hook is made of a row of hooks.def, and what hooks of several families record.
 *
 * A family's file defines HOOK_<family>(...) as MT_HOOK and the other families' as nothing, then
 * includes hooks.def with HOOK dispatching on the family. */
#ifndef MT_NOTE_H
#define MT_NOTE_H

#include "shim/cuda/granules.h"
#include "shim/cuda/resolve.h"
#include "shim/record/life.h"
#include "shim/record/ring.h"

/* Stream 0 of a per-thread-default-stream function is CU_STREAM_PER_THREAD. */
#define STREAM(stream)                                                                             \
    (per_thread && !(stream) ? (uintptr_t)CU_STREAM_PER_THREAD : (uintptr_t)(stream))

/* The body of a hook: the real call first, then the record, so that the device never waits for us.
 * What BEFORE stamps is the time the call was entered. */
#define MT_HOOK(time, symbol, pts, parameters, arguments, ok, bad)                                 \
    CUresult CUDAAPI symbol parameters                                                             \
    {                                                                                              \
        enum { api = MT_API_##symbol, per_thread = pts };                                          \
        __typeof__(&symbol) real = MT_REAL(symbol);                                                \
        if (__builtin_expect(!real, 0))                                                            \
            return MT_NO_DRIVER;                                                                   \
        MT_STAMP_##time(real arguments)(void) api, (void)per_thread, (void)when;                   \
        if (__builtin_expect(result == CUDA_SUCCESS, 1))                                           \
            ok;                                                                                    \
        else                                                                                       \
            bad;                                                                                   \
        MT_DONE_##time;                                                                            \
        return result;                                                                             \
    }
#define MT_STAMP_BEFORE(call)                                                                      \
    uint64_t when = mt_clock_ticks();                                                              \
    CUresult result = call;
#define MT_STAMP_AFTER(call)                                                                       \
    CUresult result = call;                                                                        \
    uint64_t when = mt_clock_ticks();

/* Shown from the time to the record. */
#define MT_STAMP_FREES(call) MT_STAMP_FREES_OF(address, 0, call)
#define MT_STAMP_FREES_OF(address, stream, call)                                                   \
    MT_SHOW(api, address, stream);                                                                 \
    CUresult result = call;
#define MT_SHOW(what, address, stream)                                                             \
    if (__builtin_expect(!mt_writer_here()->freeing, 0))                                           \
        mt_ring_ready();                                                                           \
    uint64_t when = mt_clock_ticks();                                                              \
    mt_freeing_begins(what, when, address, stream)

#define MT_DONE_FREES mt_freeing_ends()

/* The same of a call that may end more than it names. */
#define MT_STAMP_ENDS(call)                                                                        \
    MT_SHOW(api | MT_FREEING_MORE, UINT64_MAX, 0);                                                 \
    CUresult result = call;
#define MT_DONE_ENDS mt_freeing_ends()
#define MT_DONE_BEFORE ((void)0)
#define MT_DONE_AFTER ((void)0)

/* What the driver takes memory of its own for, maybe seen while the call is under way. */
#define MT_STAMP_LASTS(why, may, call)                                                             \
    bool begun = (may) && mt_upkeep_begins(why, api);                                              \
    CUresult result = call;                                                                        \
    uint64_t when = mt_clock_ticks();                                                              \
    mt_upkeep_ends(begun, why, api);

/* Before: within the real call another thread may already be given the handles for other code, and
 * nobody may launch any more what the call ends. */
#define MT_STAMP_UNLOADS(call)                                                                     \
    MT_SHOW(api | MT_FREEING_MORE, UINT64_MAX, 0);                                                 \
    mt_kernels_stale();                                                                            \
    CUresult result = call;

/* Whether to record what becomes of memory; begins the recording if it is the first that happened
 * on a device. */
static inline bool mt_may_note(void)
{
    return mt_is_recording() || mt_life_wake();
}

/* Whether to record what uses memory: not while recording is paused. */
static inline bool mt_may_note_use(void)
{
    return mt_is_recording() || (!mt_is_paused() && mt_life_wake() && !mt_is_paused());
}

/* Publish a record of `words` words. */
static inline void mt_note_commit(uint32_t words)
{
    mt_ring_commit(words);
    if (__builtin_expect(!mt_is_recording(), 0))
        mt_life_late();
}

/* Reserve and fill a record without a tail:
 *   MT_NOTE(free, when, .api = api, .address = address) */
#define MT_NOTE(event, when, ...)                                                                  \
    do {                                                                                           \
        enum { words_ = sizeof(struct mt_ev_##event) / sizeof(uint64_t) };                         \
        struct mt_ev_##event *note_ = (void *)mt_ring_reserve(MT_##event, words_, when);           \
        if (note_) {                                                                               \
            *note_ = (struct mt_ev_##event){__VA_ARGS__};                                          \
            mt_note_commit(words_);                                                                \
        }                                                                                          \
    } while (0)

/* A module or library of which variables are known; its end is then an event. Any thread. */
void mt_module_has_globals(const void *module);

/* In a hook: the driver may take memory of its own for what was called, and for whom. */
#define mt_note_upkeep(why, api) mt_note_upkeep_by(__builtin_return_address(0), why, api)
void mt_note_upkeep_by(const void *caller, uint64_t why, unsigned api);

/* The same of a call that takes its time: before it, and, if that was recorded, behind it. */
#define mt_upkeep_begins(why, api) mt_upkeep_begins_by(__builtin_return_address(0), why, api)
bool mt_upkeep_begins_by(const void *caller, uint64_t why, unsigned api);
#define mt_upkeep_ends(begun, why, api) ((begun) ? mt_note_upkeep(why, api) : (void)0)

/* In a hook: who called it is asked here. */
#define mt_note_alloc(...) mt_note_alloc_by(__builtin_return_address(0), __VA_ARGS__)
void mt_note_alloc_by(const void *caller, unsigned api, uint64_t when, CUdeviceptr address,
                      size_t size, uint64_t stream);
void mt_note_alloc_failed(unsigned api, uint64_t when, size_t size, CUresult error);
void mt_note_free(unsigned api, uint64_t when, CUdeviceptr address, uint64_t stream);
void mt_note_free_failed(unsigned api, uint64_t when, uint64_t address, CUresult error);
void mt_note_host_alloc(unsigned api, uint64_t when, void *address, size_t size);
void mt_note_host_free(unsigned api, uint64_t when, void *address);

#endif
