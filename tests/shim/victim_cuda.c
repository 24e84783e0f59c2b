#include "victim.h"

#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/elf/elfsym.h"

void *victim_cu[MT_APIS];

static const char *const names[MT_APIS] = {
#define HOOK(family, when, symbol, ...) #symbol,
#include "shim/cuda/hooks.def"
};

void victim_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(1);
}

void victim_check(CUresult result, const char *what)
{
    if (result != CUDA_SUCCESS)
        victim_fail("%s: error %d", what, result);
}

/* ---- behind the recorder's back ---- */

struct wanted {
    const char *name;
    void *found;
};

static int look_into(struct dl_phdr_info *info, size_t size, void *data)
{
    struct wanted *wanted = data;
    const char *slash = strrchr(info->dlpi_name, '/');
    (void)size;
    if (slash && strncmp(slash + 1, "libcuda.so", 10) == 0)
        wanted->found = mt_elfsym_find(info, wanted->name);
    return wanted->found != NULL;
}

void *victim_real(const char *name)
{
    struct wanted wanted = {name, NULL};
    dl_iterate_phdr(look_into, &wanted);
    if (!wanted.found)
        victim_fail("the driver has no %s", name);
    return wanted.found;
}

/* ---- doors ---- */

/* How a program asks for a variant: base name, version, and whether it wants the per-thread one. */
struct variant {
    const char *base, *name;
    int version;
    cuuint64_t flags;
};

static const struct variant variants[] = {
#define FN(base, version, name) {#base, #name, version, CU_GET_PROC_ADDRESS_DEFAULT},
#define PT(base, version, name, suffix, pt_version)                                                \
    {#base, #name, version, CU_GET_PROC_ADDRESS_LEGACY_STREAM},                                    \
        {#base, #name #suffix, pt_version, CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM},
#include "simcuda/sim_functions.def"
};

static const struct variant *variant_of(const char *name)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (strcmp(variants[i].name, name) == 0)
            return &variants[i];
    victim_fail("the simulated driver's list has no %s", name);
}

static void *handle(void)
{
    static void *library;
    if (!library)
        library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
    if (!library)
        victim_fail("%s", dlerror());
    return library;
}

static void *ask_driver(const char *name, enum door door)
{
    const struct variant *v = variant_of(name);
    void *found = NULL;
    CUdriverProcAddressQueryResult status;
    if (door == DOOR_PROC) {
        __typeof__(&cuGetProcAddress) ask = dlsym(handle(), "cuGetProcAddress");
        MUST(ask(v->base, &found, v->version, v->flags));
        return found;
    }
    __typeof__(&cuGetProcAddress_v2) ask = dlsym(handle(), "cuGetProcAddress_v2");
    MUST(ask(v->base, &found, v->version, v->flags, door == DOOR_PROC_2 ? &status : NULL));
    return found;
}

#ifdef VICTIM_LINKED
static void *exported(unsigned api)
{
    static void *const addresses[MT_APIS] = {
#define HOOK(family, when, symbol, ...) (void *)symbol,
#include "shim/cuda/hooks.def"
    };
    return addresses[api];
}
#else
static void *exported(unsigned api)
{
    victim_fail("%s: not linked against the driver", names[api]);
}
#endif

static void *through(enum door door, unsigned api)
{
    switch (door) {
    case DOOR_EXPORTED:
        return exported(api);
    case DOOR_HANDLE:
        return dlsym(handle(), names[api]);
    case DOOR_DEFAULT:
        return dlsym(RTLD_DEFAULT, names[api]);
    case DOOR_NEXT:
        return dlsym(RTLD_NEXT, names[api]);
    case DOOR_PROC:
    case DOOR_PROC_2:
    case DOOR_PROC_2_NULL:
    case DOORS:
    default:
        return ask_driver(names[api], door);
    }
}

/* Of every function that is hooked the simulated driver has to be as new as the newest. */
static void renew_driver(void)
{
    void (*set)(int) = (void (*)(int))victim_real("simcuda_driver_version");
    if (!getenv("SIMCUDA_DRIVER_VERSION"))
        set(13050);
}

void victim_open(enum door door)
{
    if (door != DOOR_EXPORTED)
        handle();
    renew_driver();
    for (unsigned i = 0; i < MT_APIS; i++) {
        victim_cu[i] = through(door, i);
        if (!victim_cu[i])
            victim_fail("door %d does not lead to %s", door, names[i]);
    }
}

void victim_begin(enum door door)
{
    CUcontext context;
    victim_open(door);
    MUST(CU(cuInit)(0));
    MUST(CU(cuDevicePrimaryCtxRetain)(&context, 0));
    MUST(REAL(cuCtxSetCurrent)(context));
}

/* ---- small deeds ---- */

void victim_upkeep(uint64_t api, uint64_t why, uint64_t begins)
{
    DID(upkeep, .why = why, .api = api, .begins = begins);
}

void victim_lasted(uint64_t api, uint64_t why)
{
    victim_upkeep(api, why, 1);
    victim_upkeep(api, why, 0);
}

CUdeviceptr victim_alloc(size_t size)
{
    CUdeviceptr address;
    MUST(CU(cuMemAlloc_v2)(&address, size));
    DID(alloc, .api = MT_API_cuMemAlloc_v2, .address = address, .size = size, .context = 1);
    return address;
}

void victim_free(CUdeviceptr address)
{
    MUST(CU(cuMemFree_v2)(address));
    DID(free, .api = MT_API_cuMemFree_v2, .address = address);
}

void victim_launch(CUfunction f, uint64_t kernel, CUdeviceptr first, CUdeviceptr second)
{
    unsigned n = 3;
    void *params[] = {&first, &second, &n};
    MUST(CU(cuLaunchKernel)(f, 1, 1, 1, 32, 1, 1, 0, NULL, params, NULL));
    uint64_t fields[] = {kernel, 0, 0}, tail[] = {MT_WORD(first, 0), MT_WORD(second, 8)};
    ledger_put(MT_launch, fields, 3, tail, 2);
}

const char victim_ptx[] = ".version 6.4\n.target sm_60\n.address_size 64\n"
                          ".visible .entry k_two(.param .u64 a, .param .u64 b, .param .u32 n)"
                          "{ ret; }\n"
                          ".visible .global .align 8 .b8 v_table[256];\n"
                          ".visible .entry k_none() { ret; }\n"
                          ".visible .entry k_struct(.param .u32 n, .param .align 8 .b8 s[64])"
                          "{ ret; }\n"
                          ".visible .entry k_block(.param .align 8 .b8 block[3440]) { ret; }\n"
                          ".visible .entry k_odd(.param .u32 n, .param .align 4 .b8 s[20],"
                          " .param .u64 p) { ret; }\n";

const struct victim_kernel victim_k_two = {"k_two", 3, {0, 8, 8, 8, 16, 4}};

uint64_t victim_tell_kernel(const struct victim_kernel *kernel)
{
    static _Atomic uint64_t number;
    uint64_t words[64] = {0}, fields[] = {++number, 0, kernel->params};
    size_t name = strlen(kernel->name) + 1, layout = 4 * (size_t)kernel->params;
    if (kernel->params == MT_PARAMS_UNKNOWN)
        layout = 0;
    memcpy(words, kernel->name, name);
    memcpy((char *)words + name, kernel->layout, layout);
    ledger_put(MT_kernel, fields, 3, words, (name + layout + 7) / 8);
    return fields[0];
}
