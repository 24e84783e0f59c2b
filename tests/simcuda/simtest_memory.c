/* Allocation of every kind, injected failures, and an address reused inside free. */
#define CUDA_ENABLE_DEPRECATED
#include "simtest.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(addresses_are_the_same_in_every_run)
{
    CUdeviceptr p, q;
    unsigned long long first, last;
    simtest_context();
    simcuda_range(&first, &last);
    OK(cuMemAlloc(&p, 1000));
    OK(cuMemAlloc(&q, 1 << 20));
    ck_assert_uint_eq(p, first);
    ck_assert_uint_eq(q, first + 1024);
    OK(cuMemFree(p));
    OK(cuMemAlloc(&p, 513));
    ck_assert_uint_eq(p, first);
    ck_assert_uint_eq(simcuda_live(), 2);
    ck_assert_uint_eq(simcuda_used(0), 1024 + (1 << 20));
}
END_TEST

START_TEST(a_large_block_gives_its_pages_back)
{
    CUdeviceptr p, q;
    simtest_context();
    OK(cuMemAlloc(&p, 16 << 20));
    OK(cuMemsetD8(p, 1, 16 << 20));
    OK(cuMemFree(p));
    OK(cuMemAlloc(&q, 16 << 20));
    ck_assert_uint_eq(q, p);
    ck_assert_int_eq(*(char *)(uintptr_t)q, 0);
}
END_TEST

START_TEST(wrong_calls_fail)
{
    CUdeviceptr p;
    FAILS(CUDA_ERROR_NOT_INITIALIZED, cuMemAlloc(&p, 4));
    OK(cuInit(0));
    FAILS(CUDA_ERROR_INVALID_CONTEXT, cuMemAlloc(&p, 4));
    simtest_context();
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemAlloc(&p, 0));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemAlloc(NULL, 4));
    OK(cuMemAlloc(&p, 4096));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemFree(p + 512));
    OK(cuMemFree(0));
    OK(cuMemFree(p));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemFree(p));
}
END_TEST

START_TEST(memory_ends)
{
    CUdeviceptr p;
    size_t left, total;
    simtest_context();
    OK(cuMemGetInfo(&left, &total));
    ck_assert_uint_eq(left, total);
    FAILS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(&p, total + 1));
    OK(cuMemAlloc(&p, total));
    OK(cuMemGetInfo(&left, &total));
    ck_assert_uint_eq(left, 0);
    CUdeviceptr q;
    FAILS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(&q, 1));
    OK(cuMemFree(p));
    OK(cuMemAlloc(&q, 1));
}
END_TEST

START_TEST(every_kind_of_memory)
{
    CUdeviceptr p, base;
    size_t pitch, size;
    CUmemoryPool pool;
    CUmemPoolProps props = {.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
                            .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE}};
    cuuint64_t used;
    CUstream stream;
    simtest_context();
    OK(cuMemAllocPitch(&p, &pitch, 100, 10, 4));
    ck_assert_uint_eq(pitch, 512);
    OK(cuMemGetAddressRange(&base, &size, p + 5000));
    ck_assert_uint_eq(base, p);
    ck_assert_uint_eq(size, 5120);
    OK(cuMemFree(p));
    OK(cuMemAllocManaged(&p, 100, CU_MEM_ATTACH_GLOBAL));
    memset((void *)(uintptr_t)p, 1, 100); /* the host may touch it */
    OK(cuMemFree(p));
    OK(cuStreamCreate(&stream, 0));
    OK(cuMemAllocAsync(&p, 100, stream));
    OK(cuMemFreeAsync(p, stream));
    OK(cuMemPoolCreate(&pool, &props));
    OK(cuMemAllocFromPoolAsync(&p, 100, pool, stream));
    OK(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &used));
    ck_assert_uint_eq(used, 512);
    OK(cuMemFree(p));
    OK(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &used));
    ck_assert_uint_eq(used, 0);
    OK(cuMemPoolDestroy(pool));
    ck_assert_uint_eq(simcuda_live(), 0);
}
END_TEST

START_TEST(host_memory)
{
    static char mine[8192];
    void *p;
    CUdeviceptr d;
    unsigned flags, type;
    simtest_context();
    OK(cuMemHostAlloc(&p, 100, CU_MEMHOSTALLOC_DEVICEMAP));
    memset(p, 7, 100);
    OK(cuMemHostGetDevicePointer(&d, p, 0));
    ck_assert_uint_eq(d, (uintptr_t)p);
    OK(cuMemHostGetFlags(&flags, p));
    ck_assert_uint_eq(flags, CU_MEMHOSTALLOC_DEVICEMAP);
    OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, d));
    ck_assert_uint_eq(type, CU_MEMORYTYPE_HOST);
    OK(cuMemFreeHost(p));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(p));
    OK(cuMemAllocHost(&p, 100));
    OK(cuMemFreeHost(p));
    OK(cuMemHostRegister(mine, sizeof(mine), 0));
    FAILS(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, cuMemHostRegister(mine + 4096, 10, 0));
    OK(cuMemHostGetDevicePointer(&d, mine, 0));
    OK(cuMemHostUnregister(mine));
    FAILS(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, cuMemHostUnregister(mine));
}
END_TEST

START_TEST(the_old_calls_give_32_bit_addresses)
{
    typedef CUresult alloc_fn(unsigned *, unsigned);
    typedef CUresult free_fn(unsigned);
    alloc_fn *alloc_v1 = (alloc_fn *)dlsym(RTLD_DEFAULT, "cuMemAlloc");
    free_fn *free_v1 = (free_fn *)dlsym(RTLD_DEFAULT, "cuMemFree");
    unsigned p = 0;
    simtest_context();
    OK(alloc_v1(&p, 1000));
    ck_assert_uint_ne(p, 0);
    memset((void *)(uintptr_t)p, 5, 1000);
    ck_assert_uint_eq(simcuda_bytes("cuMemAlloc"), 1000);
    OK(free_v1(p));
    ck_assert_uint_eq(simcuda_used(0), 0);
}
END_TEST

START_TEST(failures_come_when_asked_for)
{
    CUdeviceptr p, q;
    simtest_context();
    simcuda_oom_at(2);
    OK(cuMemAlloc(&p, 100));
    FAILS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocManaged(&q, 100, CU_MEM_ATTACH_GLOBAL));
    OK(cuMemAllocAsync(&q, 100, NULL));
    simcuda_free_fail_at(1);
    FAILS(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemFree(p));
    ck_assert_uint_eq(simcuda_live(), 2);
    OK(cuMemFree(p));
    OK(cuMemFreeAsync(q, NULL));
    ck_assert_int_eq(simcuda_fail_call("cuMemAlloc_v2", 2, CUDA_ERROR_UNKNOWN, 1), 0);
    OK(cuMemAlloc(&p, 100));
    FAILS(CUDA_ERROR_UNKNOWN, cuMemAlloc(&q, 100));
    FAILS(CUDA_ERROR_UNKNOWN, cuMemAlloc(&q, 100));
    simcuda_fail_call("cuMemAlloc_v2", 0, 0, 0);
    OK(cuMemAlloc(&q, 100));
    ck_assert_int_eq(simcuda_fail_call("cuMemAlloc_v9", 1, 1, 0), -1);
}
END_TEST

START_TEST(calls_and_bytes_are_counted)
{
    CUdeviceptr p;
    simtest_context();
    OK(cuMemAlloc(&p, 1000));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemAlloc(&p, 0));
    OK(cuMemsetD32(p, 1, 100));
    OK(cuMemFree(p));
    ck_assert_uint_eq(simcuda_calls("cuMemAlloc_v2"), 2);
    ck_assert_uint_eq(simcuda_bytes("cuMemAlloc_v2"), 1000);
    ck_assert_uint_eq(simcuda_bytes("cuMemsetD32_v2"), 400);
    ck_assert_uint_eq(simcuda_bytes("cuMemFree_v2"), 1000);
    ck_assert_uint_eq(simcuda_calls("cuMemAlloc"), 0);
    simcuda_reset_counters();
    ck_assert_uint_eq(simcuda_calls("cuMemAlloc_v2"), 0);
}
END_TEST

struct reuse {
    CUcontext ctx;
    CUdeviceptr got;
    size_t bytes;
};

static void *allocate(void *data)
{
    struct reuse *r = data;
    if (cuCtxSetCurrent(r->ctx) != CUDA_SUCCESS || cuMemAlloc(&r->got, r->bytes) != CUDA_SUCCESS)
        r->got = 0;
    return NULL;
}

static void let_another_thread_have_it(unsigned long long address, unsigned long long bytes,
                                       void *data)
{
    pthread_t thread;
    struct reuse *r = data;
    (void)address;
    r->bytes = bytes;
    pthread_create(&thread, NULL, allocate, r);
    pthread_join(thread, NULL);
}

START_TEST(an_address_is_reused_inside_free)
{
    CUdeviceptr p;
    struct reuse r = {.ctx = simtest_context()};
    OK(cuMemAlloc(&p, 3000));
    simcuda_on_free(let_another_thread_have_it, &r);
    OK(cuMemFree(p));
    ck_assert_uint_eq(r.got, p);
    simcuda_on_free(NULL, NULL);
    OK(cuMemFree(r.got));
}
END_TEST

static void *churn(void *data)
{
    CUdeviceptr p[16] = {0};
    cuCtxSetCurrent(data);
    for (int i = 0; i < 20000; i++) {
        CUdeviceptr *at = &p[i * 7 % 16];
        if (*at)
            OK(cuMemFree(*at));
        OK(cuMemAlloc(at, (size_t)(1 + i % 50) * 300));
        *(volatile unsigned *)(uintptr_t)*at = (unsigned)i;
    }
    for (int i = 0; i < 16; i++)
        OK(cuMemFree(p[i]));
    return NULL;
}

START_TEST(threads_share_a_device)
{
    CUcontext ctx = simtest_context();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, churn, ctx);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(simcuda_live(), 0);
    ck_assert_uint_eq(simcuda_used(0), 0);
    ck_assert_uint_eq(simcuda_calls("cuMemAlloc_v2"), 80000);
    ck_assert_uint_eq(simcuda_bytes("cuMemFree_v2"), simcuda_bytes("cuMemAlloc_v2"));
}
END_TEST

static void *one_call(void *data)
{
    cuCtxSetCurrent(data);
    return NULL;
}

START_TEST(threads_that_end_leave_their_counts)
{
    CUcontext ctx = simtest_context();
    CUcontext now = ctx;
    for (int i = 0; i < 1000; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, one_call, i % 2 ? ctx : NULL);
        pthread_join(thread, NULL);
    }
    ck_assert_uint_eq(simcuda_calls("cuCtxSetCurrent"), 1000);
    OK(cuCtxGetCurrent(&now));
    ck_assert_ptr_eq(now, ctx);
}
END_TEST

static int in_child(int (*what)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(what());
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int init_and_allocate(void)
{
    CUcontext ctx;
    CUdeviceptr p;
    CUresult result = cuInit(0);
    if (result == CUDA_SUCCESS)
        result = cuCtxCreate(&ctx, NULL, 0, 0);
    return (int)(result == CUDA_SUCCESS ? cuMemAlloc(&p, 10) : result);
}

static int only_allocate(void)
{
    CUdeviceptr p;
    return (int)cuMemAlloc(&p, 10);
}

START_TEST(a_child_may_begin_where_its_parent_has_not)
{
    ck_assert_int_eq(in_child(init_and_allocate), CUDA_SUCCESS);
    simtest_context();
    ck_assert_int_eq(in_child(init_and_allocate), CUDA_ERROR_NOT_INITIALIZED);
    ck_assert_int_eq(in_child(only_allocate), CUDA_ERROR_NOT_INITIALIZED);
    CUdeviceptr p;
    OK(cuMemAlloc(&p, 10));
}
END_TEST

UNIT_MAIN("memory", addresses_are_the_same_in_every_run, a_large_block_gives_its_pages_back,
             wrong_calls_fail, memory_ends, every_kind_of_memory, host_memory,
             the_old_calls_give_32_bit_addresses, failures_come_when_asked_for,
             calls_and_bytes_are_counted, an_address_is_reused_inside_free, threads_share_a_device,
             threads_that_end_leave_their_counts,
             a_child_may_begin_where_its_parent_has_not)
