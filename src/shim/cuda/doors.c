/* The three doors through which programs reach the driver. The exported symbols are the hooks
 * themselves; here are dlsym (behind dlsym.S; it leads to NCCL as well) and cuGetProcAddress in
 * both its forms. Answers of cuGetProcAddress are exchanged by the pointer that the driver gave,
 * never by name and version: only the driver knows which variant a version means. */
#include <dlfcn.h>
#include <string.h>

#include "shim/cuda/contexts.h"
#include "shim/cuda/note.h"
#include "shim/torch/c10.h"
#include "shim/window/when.h"

/* Called from dlsym.S. */
__attribute__((visibility("hidden"))) int mt_dlsym_is_ours(void *library, const char *name);
__attribute__((visibility("hidden"))) void *mt_dlsym_driver(void *library, const char *name);

static _Atomic int runtime_version;

int mt_runtime_version(void)
{
    return atomic_load(&runtime_version);
}

/* A device is about to be used: the moment to begin, before any allocator's lock is held. */
static void note_context(void)
{
    mt_c10_find();
    mt_may_note();
}

static void note_primary(CUdevice device, CUcontext context)
{
    mt_context_is_primary(device, context);
    note_context();
}

/* ---- dlsym ---- */

static int find_name(const char *name)
{
    for (unsigned i = 0; i < mt_hooks_count; i++)
        if (strcmp(mt_hooks[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* What is next behind this library is next behind its caller as well, unless another tool between
 * defines it: that may be the caller, and would be told of itself. */
static bool is_next(const char *name)
{
    void *next = mt_real_dlsym(RTLD_NEXT, name);
    return !next || mt_is_driver(next);
}

static bool is_driver_name(const char *name)
{
    return name[0] == 'c' && name[1] == 'u' && name[2] >= 'A' && name[2] <= 'Z' &&
           find_name(name) >= 0;
}

/* Called by dlsym.S for every look-up of the process. cu and a capital: cudaX, cublasX, cudnnX are
 * the runtime's and the libraries', and a hook on those would call itself. */
int mt_dlsym_is_ours(void *library, const char *name)
{
    if (__builtin_expect(!mt_real_dlsym, 0))
        mt_find_dlsym();
    if (!name || (name[0] != 'c' && name[0] != 'n'))
        return false;
    if (name[0] == 'n')
        return library != RTLD_NEXT && mt_other_nccl.is_hooked(name);
    return is_driver_name(name) && (library != RTLD_NEXT || is_next(name));
}

/* A look-up of a hooked name. What another library defines under that name is none of ours. */
void *mt_dlsym_driver(void *library, const char *name)
{
    if (name[0] == 'n')
        return mt_other_nccl.find(library, name);
    int api = find_name(name);
    void *found = mt_real_dlsym(library, name);
    /* RTLD_DEFAULT finds our own export; whether there is a driver behind it decides. */
    if (found == mt_hooks[api].hook)
        found = mt_real_dlsym(RTLD_NEXT, name);
    if (!found || !mt_is_driver(found))
        return found;
    mt_resolve_from(found);
    mt_c10_find();
    return mt_real[api] == found ? mt_hooks[api].hook : found;
}

/* ---- cuGetProcAddress ---- */

/* Whether a hook's name is `base` with or without a suffix (_v2, _ptsz). */
static bool is_variant(const char *hooked, const char *base)
{
    size_t length = strlen(base);
    return strncmp(hooked, base, length) == 0 && (hooked[length] == 0 || hooked[length] == '_');
}

static void *exchange(const char *symbol, void *real, int version)
{
    void *hook = mt_hook_of(real);
    if (hook)
        return hook;
    for (unsigned i = 0; i < mt_hooks_count; i++)
        if (is_variant(mt_hooks[i].name, symbol)) {
            mt_life_variant(symbol, version);
            break;
        }
    return real;
}

static void note_version(int version)
{
    if (version > atomic_load(&runtime_version))
        atomic_store(&runtime_version, version);
}

CUresult CUDAAPI cuGetProcAddress(const char *symbol, void **function, int version,
                                  cuuint64_t flags)
{
    __typeof__(&cuGetProcAddress) real = MT_REAL(cuGetProcAddress);
    if (!real)
        return MT_NO_DRIVER;
    CUresult result = real(symbol, function, version, flags);
    if (result == CUDA_SUCCESS && function && *function && symbol) {
        *function = exchange(symbol, *function, version);
        note_version(version);
    }
    return result;
}

CUresult CUDAAPI cuGetProcAddress_v2(const char *symbol, void **function, int version,
                                     cuuint64_t flags, CUdriverProcAddressQueryResult *status)
{
    __typeof__(&cuGetProcAddress_v2) real = MT_REAL(cuGetProcAddress_v2);
    if (!real)
        return MT_NO_DRIVER;
    CUresult result = real(symbol, function, version, flags, status);
    if (result == CUDA_SUCCESS && function && *function && symbol) {
        *function = exchange(symbol, *function, version);
        note_version(version);
    }
    return result;
}

#define HOOK_memory(...)
#define HOOK_vmm(...)
#define HOOK_copies(...)
#define HOOK_launches(...)
#define HOOK_graphs(...)
#define HOOK_holdings(...)
#define HOOK_doors(time, ...) HOOK_doors_##time(time, __VA_ARGS__)
#define HOOK_doors_OWN(...)
#define HOOK_doors_AFTER MT_HOOK
#define HOOK(family, ...) HOOK_##family(__VA_ARGS__)
#include "shim/cuda/hooks.def"
