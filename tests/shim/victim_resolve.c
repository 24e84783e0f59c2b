/* Ways to the driver that are out of the ordinary.
 *
 * old-driver   a driver without most functions; dlerror is what it would be without a recorder
 * two-tools N  through door N, with another tool between
 * unknown      asks for a variant of a function that nobody knows
 * no-driver    what a look-up gives where there is no driver */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "victim.h"

static void *must_find(void *library, const char *name)
{
    dlerror();
    void *found = dlsym(library, name);
    const char *error = dlerror();
    if (!found || error)
        victim_fail("%s: %p, %s", name, found, error ? error : "no error");
    return found;
}

static void must_not_find(void *library, const char *name)
{
    dlerror();
    void *found = dlsym(library, name);
    const char *error = dlerror();
    if (found || !error || !strstr(error, name))
        victim_fail("%s: %p, %s", name, found, error ? error : "no error");
}

/* ---- the old driver ---- */

static void *old_library;
#define OLD(name) ((__typeof__(&name))must_find(old_library, #name))

static void launch_as(const char *name)
{
    struct victim_kernel k = {name, MT_PARAMS_UNKNOWN, {0}};
    uint64_t fields[] = {victim_tell_kernel(&k), 0, MT_LAUNCH_ARGS_UNKNOWN};
    void *params[] = {fields};
    *(const char **)must_find(old_library, "victim_old_name") = name;
    MUST(OLD(cuLaunchKernel)((CUfunction)0x2000, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
    ledger_put(MT_launch, fields, 3, NULL, 0);
}

static void inside_unload(void)
{
    launch_as("k_inside");
}

static int old_driver(int argc, char **argv)
{
    CUcontext context;
    CUdeviceptr address;
    void *library = old_library = dlopen("libcuda.so.1", RTLD_NOW);
    (void)argc, (void)argv;
    must_not_find(library, "cuMemAllocAsync");
    MUST(OLD(cuInit)(0));
    MUST(OLD(cuDevicePrimaryCtxRetain)(&context, 0));
    MUST(OLD(cuMemAlloc_v2)(&address, 700));
    DID(alloc, .api = MT_API_cuMemAlloc_v2, .address = address, .size = 700,
        .device = MT_DEVICE_UNKNOWN);
    launch_as("k_old");
    *(void (**)(void))must_find(library, "victim_old_inside_unload") = inside_unload;
    MUST(OLD(cuModuleUnload)((CUmodule)0x3000));
    launch_as("k_inside");
    MUST(OLD(cuMemFree_v2)(address));
    DID(free, .api = MT_API_cuMemFree_v2, .address = address);
    must_not_find(library, "cuGetProcAddress");
    must_not_find(RTLD_DEFAULT, "cuMemFreeAsync");
    return 0;
}

static int two_tools(int argc, char **argv)
{
    victim_begin(argc > 1 ? (enum door)atoi(argv[1]) : DOOR_HANDLE);
    for (int i = 0; i < 10; i++)
        victim_free(victim_alloc(600));
    return 0;
}

/* What is unknown is asked for before and after there is a recording. */
static int unknown(int argc, char **argv)
{
    void *found;
    (void)argc, (void)argv;
    for (int i = 0; i < 2; i++) {
        victim_open(DOOR_HANDLE);
        MUST(CU(cuGetProcAddress_v2)("cuMemAlloc", &found, 13000, 0, NULL));
        if (found == (void *)CU(cuMemAlloc_v2))
            victim_fail("the unknown function is taken for a known one");
        must_find(dlopen("libcuda.so.1", RTLD_NOW), "cuMemAlloc_v3");
        must_find(RTLD_DEFAULT, "cuMemcpyOfTomorrowAsync");
        must_find(RTLD_DEFAULT, "cuCtxGetCurrent");
        must_not_find(RTLD_DEFAULT, "cuMemsetOfNobody");
        victim_begin(DOOR_HANDLE);
        victim_free(victim_alloc(64));
    }
    return 0;
}

static int no_driver(int argc, char **argv)
{
    (void)argc, (void)argv;
    must_not_find(RTLD_DEFAULT, "cuMemAlloc_v2");
    must_not_find(RTLD_NEXT, "cuInit");
    return 0;
}

const struct victim_command victim_resolve[] = {
    {"old-driver", old_driver}, {"two-tools", two_tools}, {"unknown", unknown},
    {"no-driver", no_driver},   {NULL, NULL},
};
