/* The three doors through which programs reach the driver. The exported symbols are the hooks
 * themselves; here are dlsym (behind dlsym.S; it leads to NCCL as well) and cuGetProcAddress in
 * both its forms. Answers of cuGetProcAddress are exchanged by the pointer that the driver gave,
 * never by name and version: only the driver knows which variant a version means. */
#include <dlfcn.h>
#include <string.h>

#include "shim/cuda/families/contexts.h"
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

#define MT_STAMP_MAKES(call) MT_STAMP_LASTS(MT_UPKEEP_CONTEXT, true, call)
#define MT_DONE_MAKES ((void)0)
#define MT_STAMP_MAKES_PRIMARY(call)                                                               \
    MT_STAMP_LASTS(MT_UPKEEP_CONTEXT, !mt_context_has_primary(device), call)
#define MT_DONE_MAKES_PRIMARY ((void)0)

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
    return name[0] == 'c' && name[1] == 'u' && name[2] >= 'A' && name[2] <= 'Z';
}

/* ---- what is not hooked, but is of the kind ---- */

/* The name without _v2, _ptsz and the like: how much of it is left. */
static size_t base_length(const char *name)
{
    size_t length = strlen(name);
    if (length > 5 && (!strcmp(name + length - 5, "_ptsz") || !strcmp(name + length - 5, "_ptds")))
        length -= 5;
    size_t digits = length;
    while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9')
        digits--;
    return digits > 2 && digits < length && !strncmp(name + digits - 2, "_v", 2) ? digits - 2
                                                                                 : length;
}

/* Whether an unknown function takes memory, fills it or launches: another variant of a hook, or one
 * that a later driver brought beside it. */
static bool is_variant(const char *name)
{
    static const char *const families[] = {"cuMemAlloc", "cuMemFree",      "cuMemcpy",
                                           "cuMemset",   "cuLaunchKernel", "cuLaunchCooperative"};
    size_t length = base_length(name);
    for (unsigned i = 0; i < sizeof families / sizeof *families; i++)
        if (strncmp(name, families[i], strlen(families[i])) == 0)
            return true;
    for (unsigned i = 0; i < mt_hooks_count; i++) {
        const char *hooked = mt_hooks[i].name;
        if (strncmp(hooked, name, length) == 0 && (hooked[length] == 0 || hooked[length] == '_'))
            return true;
    }
    return false;
}

/* In a look-up that goes on to the real dlsym, whatever it finds. */
static void tell_if_variant(void *library, const char *name)
{
    if (!is_variant(name))
        return;
    void *found = mt_real_dlsym(library, name);
    if (found && mt_is_driver(found))
        mt_life_variant(name, 0);
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
    if (!is_driver_name(name))
        return false;
    if (find_name(name) >= 0)
        return library != RTLD_NEXT || is_next(name);
    tell_if_variant(library, name);
    return false;
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

static void *exchange(const char *symbol, void *real, int version)
{
    void *hook = mt_hook_of(real);
    if (!hook && is_variant(symbol))
        mt_life_variant(symbol, version);
    return hook ? hook : real;
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
#define HOOK_doors_MAKES MT_HOOK
#define HOOK_doors_MAKES_PRIMARY MT_HOOK
#define HOOK(family, ...) HOOK_##family(__VA_ARGS__)
#include "shim/cuda/hooks.def"
