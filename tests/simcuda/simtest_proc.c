/* cuGetProcAddress in both forms. */
#include "simtest.h"

#include <dlfcn.h>

typedef CUresult ask_v1_fn(const char *, void **, int, cuuint64_t);

static void *export_of(const char *name)
{
    void *p = dlsym(RTLD_DEFAULT, name);
    ck_assert_msg(p != NULL, "%s", name);
    return p;
}

static void *ask(const char *base, int version, cuuint64_t flags)
{
    void *p = (void *)1;
    CUdriverProcAddressQueryResult status;
    OK(cuGetProcAddress(base, &p, version, flags, &status));
    ck_assert_int_eq(status == CU_GET_PROC_ADDRESS_SUCCESS, p != NULL);
    return p;
}

START_TEST(version_and_stream_choose_the_export)
{
    ck_assert_ptr_eq(ask("cuMemAlloc", 3010, 0), export_of("cuMemAlloc"));
    ck_assert_ptr_eq(ask("cuMemAlloc", 3020, 0), export_of("cuMemAlloc_v2"));
    ck_assert_ptr_eq(ask("cuMemAlloc", 13000, 0), export_of("cuMemAlloc_v2"));
    ck_assert_ptr_eq(ask("cuMemAlloc", 13000, 2), export_of("cuMemAlloc_v2"));
    ck_assert_ptr_eq(ask("cuMemcpyHtoD", 13000, 1), export_of("cuMemcpyHtoD_v2"));
    ck_assert_ptr_eq(ask("cuMemcpyHtoD", 13000, 2), export_of("cuMemcpyHtoD_v2_ptds"));
    ck_assert_ptr_eq(ask("cuMemcpyHtoD", 4000, 2), export_of("cuMemcpyHtoD_v2"));
    ck_assert_ptr_eq(ask("cuMemcpyBatchAsync", 12080, 2), export_of("cuMemcpyBatchAsync_ptsz"));
    ck_assert_ptr_eq(ask("cuMemcpyBatchAsync", 13000, 2), export_of("cuMemcpyBatchAsync_v2_ptsz"));
    ck_assert_ptr_eq(ask("cuCtxCreate", 11040, 0), export_of("cuCtxCreate_v3"));
    ck_assert_ptr_eq(ask("cuGetProcAddress", 11030, 0), export_of("cuGetProcAddress"));
    ck_assert_ptr_eq(ask("cuGetProcAddress", 12000, 0), export_of("cuGetProcAddress_v2"));
}
END_TEST

START_TEST(what_is_not_there_is_said_cleanly)
{
    void *p = (void *)1;
    CUdriverProcAddressQueryResult status;
    OK(cuGetProcAddress("", &p, 13000, 0, NULL)); /* the runtime's probe */
    ck_assert_ptr_null(p);
    OK(cuGetProcAddress("cuNoSuchThing", &p, 13000, 0, &status));
    ck_assert_int_eq(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
    OK(cuGetProcAddress("cuMemAlloc_v2", &p, 13000, 0, &status)); /* base names only */
    ck_assert_int_eq(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
    OK(cuGetProcAddress("cuMemAllocAsync", &p, 11010, 0, &status));
    ck_assert_int_eq(status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
    ck_assert_ptr_null(p);
    FAILS(CUDA_ERROR_INVALID_VALUE, cuGetProcAddress("cuInit", &p, 14000, 0, &status));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuGetProcAddress(NULL, &p, 13000, 0, &status));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuGetProcAddress("cuInit", NULL, 13000, 0, &status));
}
END_TEST

START_TEST(the_first_form_fails_by_its_result)
{
    void *p = (void *)1;
    ask_v1_fn *ask_v1 = (ask_v1_fn *)export_of("cuGetProcAddress");
    OK(ask_v1("cuMemFree", &p, 13000, 0));
    ck_assert_ptr_eq(p, export_of("cuMemFree_v2"));
    FAILS(CUDA_ERROR_NOT_FOUND, ask_v1("cuNoSuchThing", &p, 13000, 0));
    ck_assert_ptr_null(p);
    FAILS(CUDA_ERROR_NOT_FOUND, ask_v1("", &p, 13000, 0));
}
END_TEST

START_TEST(an_old_driver_lacks_the_new)
{
    void *p;
    CUdriverProcAddressQueryResult status;
    int version;
    simtest_context();
    simcuda_driver_version(12020);
    OK(cuDriverGetVersion(&version));
    ck_assert_int_eq(version, 12020);
    ck_assert_ptr_nonnull(ask("cuLibraryLoadData", 12020, 0));
    OK(cuGetProcAddress("cuFuncGetParamInfo", &p, 12020, 0, &status));
    ck_assert_int_eq(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
    FAILS(CUDA_ERROR_INVALID_VALUE, cuGetProcAddress("cuInit", &p, 13000, 0, &status));
    FAILS(CUDA_ERROR_NOT_SUPPORTED, cuFuncGetParamInfo(NULL, 0, NULL, NULL));
    simcuda_driver_version(12040);
    FAILS(CUDA_ERROR_INVALID_HANDLE, cuFuncGetParamInfo(NULL, 0, NULL, NULL));
}
END_TEST

START_TEST(a_successor_nobody_knows)
{
    typedef CUresult alloc_fn(CUdeviceptr *, size_t);
    CUdeviceptr p;
    simtest_context();
    simcuda_unknown_from(12080);
    ck_assert_ptr_eq(ask("cuMemAlloc", 12070, 0), export_of("cuMemAlloc_v2"));
    alloc_fn *v3 = (alloc_fn *)ask("cuMemAlloc", 12080, 0);
    ck_assert_ptr_eq((void *)v3, export_of("cuMemAlloc_v3"));
    OK(v3(&p, 100));
    ck_assert_uint_eq(simcuda_unknown_calls(), 1);
    OK(cuMemFree(p));
}
END_TEST

/* As a preloaded tracer does: this definition comes before the driver's in every search. */
CUresult cuProfilerStop(void);
__attribute__((visibility("default"))) CUresult cuProfilerStop(void)
{
    return CUDA_ERROR_UNKNOWN;
}

START_TEST(the_table_holds_the_drivers_own)
{
    typedef CUresult stop_fn(void);
    simtest_context();
    ck_assert_ptr_eq(export_of("cuProfilerStop"), (void *)cuProfilerStop);
    stop_fn *own = (stop_fn *)ask("cuProfilerStop", 4000, 0);
    ck_assert_ptr_ne((void *)own, (void *)cuProfilerStop);
    OK(own());
}
END_TEST

UNIT_MAIN("proc", the_table_holds_the_drivers_own, version_and_stream_choose_the_export,
             what_is_not_there_is_said_cleanly, the_first_form_fails_by_its_result,
             an_old_driver_lacks_the_new, a_successor_nobody_knows)
