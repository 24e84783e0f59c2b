/* What every file of the simulated driver shares: function ids, entry check, threads, handles.
 *
 * Each exported function opens with SIM_ENTER(name) (or SIM_ENTER_CTX where CUDA demands a current
 * context): it counts the call and returns early when the driver is not initialised, when the
 * function is newer than the reported driver, or when a test asked for a failure. */
#ifndef SIM_CORE_H
#define SIM_CORE_H

#pragma GCC visibility push(default)
#define __CUDA_API_VERSION_INTERNAL /* declare every variant, under its own name */
#include <cuda.h>
/* Of cudaProfiler.h, which the pip package that carries cuda.h does not have. */
CUresult CUDAAPI cuProfilerInitialize(const char *config, const char *output, int mode);
CUresult CUDAAPI cuProfilerStart(void);
CUresult CUDAAPI cuProfilerStop(void);
#include "shim/cuda/newer.h"
#pragma GCC visibility pop
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_id {
#define FN(base, version, name) SIM_ID_##name,
#define PT(base, version, name, suffix, pt_version) SIM_ID_##name, SIM_ID_##name##suffix,
#include "sim_functions.def"
#undef FN
#undef PT
    SIM_ID_COUNT
};

enum {
    SIM_CONTEXT_DEPTH = 32,
    SIM_MAX_DEVICES = 16,
    SIM_GATE_SLOW = 0xffff, /* an entry of sim_gate: look in the table of injected failures */
};

/* One per thread that calls; when the thread ends, the next new one takes it over with its
 * counters, which are summed over all. Only the owner writes, readers may lag behind a running
 * thread. */
struct sim_thread {
    int rounds; /* of destructors at the thread's end */
    struct sim_thread *next, *next_idle;
    int depth;
    CUcontext stack[SIM_CONTEXT_DEPTH];
    _Atomic uint64_t calls[SIM_ID_COUNT];
    _Atomic uint64_t bytes[SIM_ID_COUNT];
};

extern __thread struct sim_thread *sim_self __attribute__((tls_model("initial-exec")));
extern _Atomic uint16_t sim_gate[SIM_ID_COUNT]; /* 0: pass; else the CUresult, or SIM_GATE_SLOW */

struct sim_thread *sim_thread_new(void);
CUresult sim_gate_refuse(enum sim_id id, unsigned gate);
void sim_gates_init(
    CUresult state); /* not initialised, or CUDA_SUCCESS: as the driver version says */
const char *sim_function_name(enum sim_id id);
int sim_function_version(enum sim_id id);

static inline struct sim_thread *sim_thread(void)
{
    return __builtin_expect(sim_self != NULL, 1) ? sim_self : sim_thread_new();
}

static inline void sim_add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + n, memory_order_relaxed);
}

static inline CUresult sim_enter(struct sim_thread *self, enum sim_id id)
{
    sim_add(&self->calls[id], 1);
    unsigned gate = atomic_load_explicit(&sim_gate[id], memory_order_relaxed);
    return __builtin_expect(gate == 0, 1) ? CUDA_SUCCESS : sim_gate_refuse(id, gate);
}

#define SIM_ENTER(name)                                                                            \
    struct sim_thread *self = sim_thread();                                                        \
    do {                                                                                           \
        CUresult entered_ = sim_enter(self, SIM_ID_##name);                                        \
        if (entered_ != CUDA_SUCCESS)                                                              \
            return entered_;                                                                       \
        (void)self;                                                                                \
    } while (0)

#define SIM_ENTER_CTX(name)                                                                        \
    SIM_ENTER(name);                                                                               \
    do {                                                                                           \
        if (self->depth == 0)                                                                      \
            return CUDA_ERROR_INVALID_CONTEXT;                                                     \
    } while (0)

#define SIM_BYTES(name, n) sim_add(&self->bytes[SIM_ID_##name], (n))

#define SIM_REQUIRE(condition, error)                                                              \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return error;                                                                          \
    } while (0)

/* The per-thread-stream variant of a function is its own export with its own counters, and else
 * the same: both bodies from one line. */
#define SIM_PAIR_CTX(name, suffix, params, call)                                                   \
    CUresult name params                                                                           \
    {                                                                                              \
        SIM_ENTER_CTX(name);                                                                       \
        return call;                                                                               \
    }                                                                                              \
    CUresult name##suffix params                                                                   \
    {                                                                                              \
        SIM_ENTER_CTX(name##suffix);                                                               \
        return call;                                                                               \
    }

#define SIM_PTSZ(name, params, call) SIM_PAIR_CTX(name, _ptsz, params, call)
#define SIM_PTDS(name, params, call) SIM_PAIR_CTX(name, _ptds, params, call)

/* As the pairs above, and counts `n` bytes when the call succeeded. */
#define SIM_BYTES_CTX(name, params, n, call)                                                       \
    CUresult name params                                                                           \
    {                                                                                              \
        SIM_ENTER_CTX(name);                                                                       \
        CUresult result_ = call;                                                                   \
        if (result_ == CUDA_SUCCESS)                                                               \
            SIM_BYTES(name, n);                                                                    \
        return result_;                                                                            \
    }
#define SIM_PTSZ_BYTES(name, params, n, call)                                                      \
    SIM_BYTES_CTX(name, params, n, call)                                                           \
    SIM_BYTES_CTX(name##_ptsz, params, n, call)
#define SIM_PTDS_BYTES(name, params, n, call)                                                      \
    SIM_BYTES_CTX(name, params, n, call)                                                           \
    SIM_BYTES_CTX(name##_ptds, params, n, call)

/* Every object behind a handle begins with its kind, so that a wrong handle is told from a right
 * one. Objects of one kind are recycled last in, first out (unless SIMCUDA_HANDLE_REUSE=0) and
 * never given back to the system: a stale handle can be looked at without a fault. */
enum sim_kind {
    SIM_DEAD,
    SIM_CONTEXT,
    SIM_STREAM,
    SIM_EVENT,
    SIM_MODULE,
    SIM_LIBRARY,
    SIM_FUNCTION,
    SIM_KERNEL,
    SIM_GRAPH,
    SIM_NODE,
    SIM_EXEC,
    SIM_POOL,
    SIM_ARRAY,
    SIM_PHYSICAL,
    SIM_CAPTURE,
    SIM_KINDS
};

struct sim_head {
    uint32_t kind;
    uint32_t serial; /* unique among all objects ever made */
    struct sim_head *next_free;
    struct sim_head
        *made_before; /* a list of all: what a program leaves behind is no leak of ours */
};

void *sim_object_new(enum sim_kind kind,
                     size_t size); /* zeroed but for its head; NULL: no memory */
void sim_object_free(void *object);

static inline bool sim_is(const void *object, enum sim_kind kind)
{
    return object != NULL && ((const struct sim_head *)object)->kind == kind;
}

#endif
