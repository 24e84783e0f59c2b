/* The driver behind the hooks: which functions are hooked, where the real ones are, and the three
 * doors through which a program reaches either (dlsym.S, doors.c, the exported symbols). */
#ifndef MT_RESOLVE_H
#define MT_RESOLVE_H

#include <stdbool.h>

#include "base/hot.h"

/* Declares every variant under its own name instead of renaming them by macros. */
#define __CUDA_API_VERSION_INTERNAL
/* The hooks are what this library exports; all else is hidden. */
#pragma GCC visibility push(default)
#include <cuda.h>
/* Of cudaProfiler.h, which the pip package that carries cuda.h does not have. */
CUresult CUDAAPI cuProfilerStart(void);
CUresult CUDAAPI cuProfilerStop(void);
#include "shim/cuda/newer.h"
#pragma GCC visibility pop

/* One number a hooked symbol: the API field of events. */
enum mt_api {
#define HOOK(family, when, symbol, per_thread, parameters, arguments, ok, bad) MT_API_##symbol,
#include "shim/cuda/hooks.def"
    MT_APIS
};

struct mt_hook {
    const char *name;
    void *hook;
};
extern const struct mt_hook mt_hooks[];
extern const unsigned mt_hooks_count;

/* Another library whose functions are hooked, as the doors must know it; defined in its own room.
 * Its functions follow the driver's in the API field of events. */
struct mt_other {
    const struct mt_hook *hooks;
    unsigned count;
    bool (*is_hooked)(const char *name);
    void *(*find)(void *library, const char *name); /* what dlsym is to answer for such a name */
};
extern const struct mt_other mt_other_nccl __attribute__((visibility("hidden")));

/* The real functions, by enum mt_api; NULL: this driver has none. Filled once, before any use. */
extern void *mt_real[];

/* The real function of a hook, typed; finds libcuda if that has not happened yet. */
#define MT_REAL(symbol)                                                                            \
    ((__typeof__(&symbol))(__builtin_expect(mt_real[MT_API_##symbol] != NULL, 1)                   \
                               ? mt_real[MT_API_##symbol]                                          \
                               : mt_resolve_late(MT_API_##symbol)))
MT_SELDOM void *mt_resolve_late(enum mt_api api);

/* What a hook answers when there is no driver behind it. */
#define MT_NO_DRIVER CUDA_ERROR_NOT_INITIALIZED

/* Functions that the recorder itself asks, never hooked. NULL where the driver has none. */
#define MT_ASKED(X)                                                                                \
    X(cuDriverGetVersion)                                                                          \
    X(cuDeviceGetCount)                                                                            \
    X(cuDeviceGet)                                                                                 \
    X(cuDeviceGetName)                                                                             \
    X(cuDeviceTotalMem_v2)                                                                         \
    X(cuDeviceGetUuid_v2)                                                                          \
    X(cuCtxGetDevice)                                                                              \
    X(cuCtxGetCurrent)                                                                             \
    X(cuDevicePrimaryCtxGetState)                                                                  \
    X(cuMemGetInfo_v2)                                                                             \
    X(cuMemGetAddressRange_v2)                                                                     \
    X(cuMemGetAllocationPropertiesFromHandle)                                                      \
    X(cuMemPoolGetAttribute)                                                                       \
    X(cuPointerGetAttribute)                                                                       \
    X(cuFuncGetName)                                                                               \
    X(cuKernelGetName)                                                                             \
    X(cuFuncGetParamInfo)                                                                          \
    X(cuKernelGetParamInfo)                                                                        \
    X(cuFuncGetModule)                                                                             \
    X(cuKernelGetLibrary)                                                                          \
    X(cuStreamIsCapturing)                                                                         \
    X(cuStreamGetCaptureInfo_v2)                                                                   \
    X(cuGraphGetNodes)                                                                             \
    X(cuGraphGetEdges)                                                                             \
    X(cuGraphGetEdges_v2)                                                                          \
    X(cuGraphNodeGetType)                                                                          \
    X(cuGraphKernelNodeGetParams)                                                                  \
    X(cuGraphKernelNodeGetParams_v2)                                                               \
    X(cuGraphMemcpyNodeGetParams)                                                                  \
    X(cuGraphMemsetNodeGetParams)                                                                  \
    X(cuGraphMemAllocNodeGetParams)                                                                \
    X(cuGraphMemFreeNodeGetParams)                                                                 \
    X(cuGraphChildGraphNodeGetGraph)
struct mt_ask {
#define MT_ASKED_FIELD(name) __typeof__(&name) name;
    MT_ASKED(MT_ASKED_FIELD)
#undef MT_ASKED_FIELD
};
extern struct mt_ask mt_ask;

/* Find the real functions in the library that holds `address`. Idempotent, any thread. */
void mt_resolve_from(const void *address);

/* glibc's dlsym; NULL until mt_find_dlsym. */
typedef void *mt_dlsym_fn(void *library, const char *name);
extern __attribute__((visibility("hidden"))) mt_dlsym_fn *mt_real_dlsym;
void mt_find_dlsym(void);

/* Whether the address lies in a library called libcuda.so.something. */
bool mt_is_driver(const void *address);

/* The hook for a real function, NULL if it is not hooked. */
void *mt_hook_of(const void *real);

/* The newest CUDA version a runtime asked the driver for, 0 if none has. */
int mt_runtime_version(void);

#endif
