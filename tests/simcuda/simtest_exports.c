/* The list of functions against the toolkit's own headers, and the library against the list. */
#define SIMTEST_ALL_VARIANTS
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <cudaProfiler.h>
#include <cudaProfilerTypedefs.h>
#include <cudaTypedefs.h>
#undef __CUDA_API_VERSION_INTERNAL

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include "simtest.h"

/* The variant that is said to be new in a version has that version's type: a wrong row does not
 * compile. (cuProfilerInitialize has no typedef.) */
typedef __typeof__(&cuProfilerInitialize) PFN_cuProfilerInitialize_v4000;
#define SAME(fn, type)                                                                             \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&fn), type), #fn " is not " #type);
#define FN(base, version, name) SAME(name, PFN_##base##_v##version)
#define NEWER_FN(base, version, name)              /* the headers do not know them */
#define NEWER_PT(base, version, name, suffix, pt)
#define PT(base, version, name, suffix, pt)                                                        \
    SAME(name, PFN_##base##_v##version) SAME(name##suffix, PFN_##base##_v##pt##suffix)
#include "sim_functions.def"
#undef FN
#undef PT

static const char *const names[] = {
#define FN(base, version, name) #name,
#define PT(base, version, name, suffix, pt) #name, #name #suffix,
#define NEWER_FN(base, version, name)
#define NEWER_PT(base, version, name, suffix, pt)
#include "sim_functions.def"
#undef FN
#undef PT
};

static const ElfW(Sym) * symbol_of(const char *name)
{
    Dl_info info;
    void *library =
        dlopen("libcuda.so.1", RTLD_NOW); /* no reference here makes the linker keep it */
    ck_assert_msg(library != NULL, "%s", dlerror());
    void *symbol = NULL, *p = dlsym(library, name);
    ck_assert_msg(p != NULL, "%s is not exported", name);
    ck_assert(dladdr1(p, &info, &symbol, RTLD_DL_SYMENT) != 0);
    ck_assert_msg(symbol != NULL, "%s has no symbol", name);
    return symbol;
}

START_TEST(all_are_exported)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        symbol_of(names[i]);
    ck_assert_uint_eq(sizeof(names) / sizeof(names[0]), 637); /* what the driver of 13.0 exports */
}
END_TEST

/* What a tracer hooks must be real. Stubs are weak symbols. */
START_TEST(no_hooked_function_is_a_stub)
{
    static const char *const families[] = {"cuMemcpy",
                                           "cuMemset",
                                           "cuMemAlloc",
                                           "cuMemFree",
                                           "cuMemHost",
                                           "cuMemAddress",
                                           "cuMemCreate",
                                           "cuMemMap",
                                           "cuMemUnmap",
                                           "cuMemRelease",
                                           "cuMemSetAccess",
                                           "cuLaunchKernel",
                                           "cuLaunchCooperativeKernel",
                                           "cuModuleLoad",
                                           "cuModuleUnload",
                                           "cuLibraryUnload",
                                           "cuLibraryLoad",
                                           "cuGraphLaunch",
                                           "cuGraphInstantiate",
                                           "cuGraphExecUpdate",
                                           "cuStreamBeginCapture",
                                           "cuStreamEndCapture"};
    static const char *const not_yet[] = {"cuMemMapArrayAsync", "cuMemMapArrayAsync_ptsz"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool wanted = false;
        for (size_t k = 0; k < sizeof(families) / sizeof(families[0]); k++)
            wanted |= strncmp(names[i], families[k], strlen(families[k])) == 0;
        for (size_t k = 0; k < sizeof(not_yet) / sizeof(not_yet[0]); k++)
            wanted &= strcmp(names[i], not_yet[k]) != 0;
        if (wanted)
            ck_assert_msg(ELF64_ST_BIND(symbol_of(names[i])->st_info) != STB_WEAK, "%s is a stub",
                          names[i]);
    }
}
END_TEST

UNIT_MAIN("exports", all_are_exported, no_hooked_function_is_a_stub)
