/* The driver of version 12.2, whose path is in SIMTEST_DRIVER. */
#define SIMTEST_ALL_VARIANTS
#include "simtest.h"

#include <dlfcn.h>

static void *driver(void)
{
    void *library = dlopen(getenv("SIMTEST_DRIVER"), RTLD_NOW);
    ck_assert_msg(library != NULL, "%s", dlerror());
    return library;
}

START_TEST(nothing_newer_is_there)
{
    static const char *const old[] = {"cuInit",
                                      "cuMemAlloc_v2",
                                      "cuLibraryLoadData",
                                      "cuMemcpyHtoD_v2_ptds",
                                      "cuGetProcAddress_v2",
                                      "simcuda_calls"};
    static const char *const new[] = {"cuFuncGetName", "cuFuncGetParamInfo", "cuKernelGetParamInfo",
                                      "cuMemcpyBatchAsync", "cuMemcpyBatchAsync_v2_ptsz"};
    for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++)
        ck_assert_msg(dlsym(driver(), old[i]) != NULL, "%s", old[i]);
    for (size_t i = 0; i < sizeof(new) / sizeof(new[0]); i++)
        ck_assert_msg(dlsym(driver(), new[i]) == NULL, "%s", new[i]);
}
END_TEST

START_TEST(it_says_so)
{
    typedef CUresult version_fn(int *);
    typedef CUresult get_fn(const char *, void **, int, cuuint64_t,
                            CUdriverProcAddressQueryResult *);
    version_fn *get_version = (version_fn *)dlsym(driver(), "cuDriverGetVersion");
    get_fn *get = (get_fn *)dlsym(driver(), "cuGetProcAddress_v2");
    CUdriverProcAddressQueryResult status;
    void *p;
    int version;
    OK(get_version(&version));
    ck_assert_int_eq(version, 12020);
    OK(get("cuFuncGetParamInfo", &p, 12020, 0, &status));
    ck_assert_ptr_null(p);
    FAILS(CUDA_ERROR_INVALID_VALUE, get("cuInit", &p, 12040, 0, &status));
}
END_TEST

UNIT_MAIN("old", nothing_newer_is_there, it_says_so)
