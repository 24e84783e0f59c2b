/* See rt_driver.h. */
#include "rt_driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

enum { RUNTIME_VERSION = 13000, MAX_DEVICES = 16 };

struct rt_driver rt, rt_per_thread;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static cudaError_t load_result = cudaErrorInitializationError;
static CUcontext contexts[MAX_DEVICES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static __thread int current_device;
static __thread int bound_device; /* 1 + the device whose context this thread has; 0: none yet */
static __thread cudaError_t last_error;

typedef CUresult get_proc_fn(const char *, void **, int, cuuint64_t,
                             CUdriverProcAddressQueryResult *);

/* The real runtime asks for every function it may ever need, also those the program never calls,
 * and for functions with a stream a second time; a tracer sees all of these questions. */
static const struct {
    const char *base;
    int version;
    cuuint64_t flags;
} questions[] = {
#define FN(base, version, name) {#base, version, 0},
#define PT(base, version, name, suffix, pt) {#base, version, 0}, {#base, pt, 2},
#include "sim_functions.def"
#undef FN
#undef PT
};

/* Per-thread-stream variants came with 7.0. */
static int per_thread_version(int version)
{
    return version < 7000 ? 7000 : version;
}

static cudaError_t resolve(get_proc_fn *get)
{
    void *fn;
    CUdriverProcAddressQueryResult status;
    get("", &fn, RUNTIME_VERSION, 0, NULL); /* the probe: whatever comes back */
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
        get(questions[i].base, &fn, questions[i].version, questions[i].flags, &status);
#define ASK(table, name, version, flags)                                                           \
    if (get("cu" #name, &fn, version, flags, &status) == CUDA_SUCCESS && fn)                       \
        table.name = (PFN_cu##name##_v##version)fn;
#define ASK_NEW(table, name, version)                                                              \
    if (get("cu" #name, &fn, per_thread_version(version), 2, &status) == CUDA_SUCCESS && fn)       \
        table.name = (PFN_cu##name##_v##version)fn;
#define R(name, version) ASK(rt, name, version, 0) rt_per_thread.name = rt.name;
#define S(name, version) ASK(rt, name, version, 0) ASK_NEW(rt_per_thread, name, version)
#include "rt_driver.def"
#undef R
#undef S
    return rt.Init && rt.MemAlloc ? cudaSuccess : cudaErrorInsufficientDriver;
}

/* What an older driver lacks must not be called through NULL; every member is a function pointer.
 */
static CUresult missing(void)
{
    return CUDA_ERROR_NOT_SUPPORTED;
}

static void fill_gaps(struct rt_driver *table)
{
    union {
        struct rt_driver *table;
        void (**slots)(void);
    } u = {table};
    for (size_t i = 0; i < sizeof(*table) / sizeof(void *); i++)
        if (u.slots[i] == NULL)
            u.slots[i] = (void (*)(void))missing;
}

static void load(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    void *get = library ? dlsym(library, "cuGetProcAddress_v2") : NULL;
    load_result = get ? resolve((get_proc_fn *)get) : cudaErrorInsufficientDriver;
    fill_gaps(&rt);
    fill_gaps(&rt_per_thread);
    if (load_result == cudaSuccess)
        load_result = (cudaError_t)rt.Init(0);
}

cudaError_t rt_begin_without_context(void)
{
    pthread_once(&once, load);
    return load_result;
}

static cudaError_t bind_device(void)
{
    CUresult result = CUDA_SUCCESS;
    pthread_mutex_lock(&lock);
    if (contexts[current_device] == NULL)
        result = rt.DevicePrimaryCtxRetain(&contexts[current_device], current_device);
    CUcontext context = contexts[current_device];
    pthread_mutex_unlock(&lock);
    if (result == CUDA_SUCCESS)
        result = rt.CtxSetCurrent(context);
    if (result == CUDA_SUCCESS)
        bound_device = current_device + 1;
    return (cudaError_t)result;
}

cudaError_t rt_begin(void)
{
    cudaError_t result = rt_begin_without_context();
    if (result != cudaSuccess || bound_device == current_device + 1)
        return result;
    return bind_device();
}

cudaError_t rt_end(cudaError_t error)
{
    if (error != cudaSuccess && error != cudaErrorNotReady)
        last_error = error;
    return error;
}

cudaError_t cudaSetDevice(int device)
{
    int count = 0;
    cudaError_t result = rt_begin_without_context();
    if (result == cudaSuccess)
        result = (cudaError_t)rt.DeviceGetCount(&count);
    if (result == cudaSuccess && (device < 0 || device >= count))
        result = cudaErrorInvalidDevice;
    if (result != cudaSuccess)
        return rt_end(result);
    current_device = device;
    return rt_end(rt_begin());
}

cudaError_t cudaGetDevice(int *device)
{
    cudaError_t result = rt_begin_without_context();
    if (result == cudaSuccess)
        *device = current_device;
    return rt_end(result);
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError(void)
{
    return last_error;
}

const char *cudaGetErrorString(cudaError_t error)
{
    const char *text = NULL;
    pthread_once(&once, load);
    if (error == cudaErrorInsufficientDriver && load_result == error)
        return "libcuda.so.1 was not found, or is too old";
    return rt.GetErrorString((CUresult)error, &text) == CUDA_SUCCESS ? text
                                                                     : "unrecognized error code";
}

const char *cudaGetErrorName(cudaError_t error)
{
    const char *text = NULL;
    pthread_once(&once, load);
    return rt.GetErrorName((CUresult)error, &text) == CUDA_SUCCESS ? text
                                                                   : "unrecognized error code";
}

cudaError_t cudaDeviceReset(void)
{
    cudaError_t result = rt_begin();
    if (result != cudaSuccess)
        return rt_end(result);
    pthread_mutex_lock(&lock);
    contexts[current_device] = NULL;
    pthread_mutex_unlock(&lock);
    bound_device = 0;
    return rt_end((cudaError_t)rt.DevicePrimaryCtxReset(current_device));
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = RUNTIME_VERSION;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = 0;
    return rt_begin_without_context() == cudaSuccess ? (cudaError_t)rt.DriverGetVersion(version)
                                                     : cudaSuccess;
}
