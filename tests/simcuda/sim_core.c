/* Threads, gates, call counters and handles of the simulated driver. */
#include "sim_core.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim_config.h"
#include "simcuda.h"

__thread struct sim_thread *sim_self __attribute__((tls_model("initial-exec")));
_Atomic uint16_t sim_gate[SIM_ID_COUNT];

static const struct {
    const char *name;
    int version;
} functions[SIM_ID_COUNT] = {
#define FN(base, v, name) [SIM_ID_##name] = {#name, v},
#define PT(base, v, name, suffix, pv)                                                              \
    [SIM_ID_##name] = {#name, v}, [SIM_ID_##name##suffix] = {#name #suffix, pv},
#include "sim_functions.def"
#undef FN
#undef PT
};

/* Which functions answer before cuInit: as in the real driver, those that need no device. */
static const enum sim_id always_open[] = {
    SIM_ID_cuInit,           SIM_ID_cuDriverGetVersion, SIM_ID_cuGetErrorString,
    SIM_ID_cuGetErrorName,   SIM_ID_cuGetProcAddress,   SIM_ID_cuGetProcAddress_v2,
    SIM_ID_cuGetExportTable,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sim_thread *threads, *idle;
static pthread_key_t at_thread_end;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static CUresult driver_state = CUDA_ERROR_NOT_INITIALIZED;

static struct {
    unsigned long left; /* calls that still pass; 0: nothing armed */
    CUresult error;
    bool always;
} injected[SIM_ID_COUNT];

const char *sim_function_name(enum sim_id id)
{
    return functions[id].name;
}

int sim_function_version(enum sim_id id)
{
    return functions[id].version;
}

/* Other destructors may still call the driver in the thread's context, as they may with a real one:
 * the record goes in the last but one of the rounds that POSIX promises. (In the last a thread
 * sanitizer takes its leave, and no instrumented code may run behind it.) */
static void thread_ends(void *data)
{
    struct sim_thread *t = data;
    if (++t->rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1 &&
        pthread_setspecific(at_thread_end, t) == 0)
        return;
    t->rounds = 0;
    sim_self = NULL;
    t->depth = 0;
    pthread_mutex_lock(&lock);
    t->next_idle = idle;
    idle = t;
    pthread_mutex_unlock(&lock);
}

static void make_key(void)
{
    pthread_key_create(&at_thread_end, thread_ends);
}

static struct sim_thread *make_thread(void)
{
    struct sim_thread *t = calloc(1, sizeof(*t));
    if (t == NULL)
        abort(); /* a test without memory for 10 KiB has nothing to say about the driver */
    t->next = threads;
    threads = t;
    return t;
}

struct sim_thread *sim_thread_new(void)
{
    pthread_once(&key_once, make_key);
    pthread_mutex_lock(&lock);
    struct sim_thread *t = idle;
    if (t)
        idle = t->next_idle;
    else
        t = make_thread();
    pthread_mutex_unlock(&lock);
    pthread_setspecific(at_thread_end, t);
    sim_self = t;
    return t;
}

static uint16_t plain_gate(enum sim_id id)
{
    if (driver_state != CUDA_SUCCESS) {
        for (size_t i = 0; i < sizeof(always_open) / sizeof(always_open[0]); i++)
            if (always_open[i] == id)
                return 0;
        return (uint16_t)driver_state;
    }
    return functions[id].version > sim_config()->driver_version ? CUDA_ERROR_NOT_SUPPORTED : 0;
}

static void set_gate(enum sim_id id)
{
    uint16_t gate = injected[id].left ? SIM_GATE_SLOW : plain_gate(id);
    atomic_store_explicit(&sim_gate[id], gate, memory_order_relaxed);
}

void sim_gates_init(CUresult state)
{
    pthread_mutex_lock(&lock);
    driver_state = state;
    for (int id = 0; id < SIM_ID_COUNT; id++)
        set_gate((enum sim_id)id);
    pthread_mutex_unlock(&lock);
}

CUresult sim_gate_refuse(enum sim_id id, unsigned gate)
{
    if (gate != SIM_GATE_SLOW)
        return (CUresult)gate;
    CUresult result = CUDA_SUCCESS;
    pthread_mutex_lock(&lock);
    if (injected[id].left == 1)
        result = injected[id].error;
    if (injected[id].left > 1 || (injected[id].left == 1 && !injected[id].always))
        injected[id].left--;
    set_gate(id);
    if (result == CUDA_SUCCESS)
        result = (CUresult)plain_gate(id);
    pthread_mutex_unlock(&lock);
    return result;
}

static int find_id(const char *name)
{
    for (int id = 0; id < SIM_ID_COUNT; id++)
        if (strcmp(functions[id].name, name) == 0)
            return id;
    return -1;
}

int simcuda_fail_call(const char *name, unsigned long nth, int error, int always)
{
    int id = find_id(name);
    if (id < 0)
        return -1;
    pthread_mutex_lock(&lock);
    injected[id].left = nth;
    injected[id].error = (CUresult)error;
    injected[id].always = always != 0;
    set_gate((enum sim_id)id);
    pthread_mutex_unlock(&lock);
    return 0;
}

static uint64_t sum(int id, size_t offset)
{
    uint64_t total = 0;
    pthread_mutex_lock(&lock);
    for (struct sim_thread *t = threads; t; t = t->next) {
        _Atomic uint64_t *counters = (_Atomic uint64_t *)(void *)((char *)t + offset);
        total += atomic_load_explicit(&counters[id], memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return total;
}

unsigned long long simcuda_calls(const char *name)
{
    int id = find_id(name);
    return id < 0 ? 0 : sum(id, offsetof(struct sim_thread, calls));
}

unsigned long long simcuda_bytes(const char *name)
{
    int id = find_id(name);
    return id < 0 ? 0 : sum(id, offsetof(struct sim_thread, bytes));
}

void simcuda_reset_counters(void)
{
    pthread_mutex_lock(&lock);
    for (struct sim_thread *t = threads; t; t = t->next) {
        memset(t->calls, 0, sizeof(t->calls));
        memset(t->bytes, 0, sizeof(t->bytes));
    }
    pthread_mutex_unlock(&lock);
}

void simcuda_write_counters(FILE *out)
{
    for (int id = 0; id < SIM_ID_COUNT; id++) {
        unsigned long long calls = sum(id, offsetof(struct sim_thread, calls));
        if (calls)
            fprintf(out, "%s %llu %llu\n", functions[id].name, calls,
                    (unsigned long long)sum(id, offsetof(struct sim_thread, bytes)));
    }
}

/* The child of a fork has one thread, and the others may have held the lock. */
void sim_core_forked(void)
{
    pthread_mutex_init(&lock, NULL);
    for (struct sim_thread *t = threads; t; t = t->next) {
        memset(t->calls, 0, sizeof(t->calls));
        memset(t->bytes, 0, sizeof(t->bytes));
        t->depth = 0;
    }
}

static struct sim_head *recycled[SIM_KINDS], *last_made;
static uint32_t serial;
static pthread_mutex_t object_lock = PTHREAD_MUTEX_INITIALIZER;

static struct sim_head *make(size_t size)
{
    struct sim_head *h = calloc(1, size);
    if (h) {
        h->made_before = last_made;
        last_made = h;
    }
    return h;
}

void *sim_object_new(enum sim_kind kind, size_t size)
{
    pthread_mutex_lock(&object_lock);
    struct sim_head *h = recycled[kind] ? recycled[kind] : make(size);
    if (h && h == recycled[kind]) {
        struct sim_head *before = h->made_before;
        recycled[kind] = h->next_free;
        memset(h, 0, size);
        h->made_before = before;
    }
    if (h) {
        h->kind = kind;
        h->serial = ++serial;
    }
    pthread_mutex_unlock(&object_lock);
    return h;
}

void sim_object_free(void *object)
{
    struct sim_head *h = object;
    pthread_mutex_lock(&object_lock);
    if (sim_config()->handle_reuse) {
        h->next_free = recycled[h->kind];
        recycled[h->kind] = h;
    }
    h->kind = SIM_DEAD;
    pthread_mutex_unlock(&object_lock);
}

void sim_delay(unsigned long ns)
{
    struct timespec from, now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((unsigned long)((now.tv_sec - from.tv_sec) * 1000000000L + now.tv_nsec - from.tv_nsec) <
           ns);
}
