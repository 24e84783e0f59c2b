/* Virtual memory: contents belong to the memory, not to the address. */
#include "simtest.h"

#include <string.h>

enum { PAGE = 2 << 20 };

static const CUmemAllocationProp prop = {.type = CU_MEM_ALLOCATION_TYPE_PINNED,
                                         .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE}};
static const CUmemAccessDesc access_all = {.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
                                           .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};

START_TEST(memory_moves_with_its_contents)
{
    CUdeviceptr at;
    CUmemGenericAllocationHandle h, same;
    unsigned value = 0;
    simtest_context();
    OK(cuMemAddressReserve(&at, 4 * PAGE, 0, 0, 0));
    ck_assert_uint_eq(simcuda_used(0), 0);
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemsetD32(at, 1, 1)); /* nothing is mapped */
    OK(cuMemCreate(&h, PAGE, &prop, 0));
    ck_assert_uint_eq(simcuda_used(0), PAGE);
    OK(cuMemMap(at, PAGE, 0, h, 0));
    OK(cuMemSetAccess(at, PAGE, &access_all, 1));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemSetAccess(at, 2 * PAGE, &access_all, 1));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemMap(at, PAGE, 0, h, 0));
    OK(cuMemsetD32(at, 0xabcd, PAGE / 4));
    OK(cuMemRetainAllocationHandle(&same, (void *)(uintptr_t)(at + 100)));
    ck_assert_uint_eq(same, h);
    OK(cuMemRelease(same));
    OK(cuMemMap(at + 2 * PAGE, PAGE, 0, h, 0)); /* a second view of the same memory */
    OK(cuMemsetD32(at + 2 * PAGE, 0x1234, 1));
    OK(cuMemcpyDtoH(&value, at, 4));
    ck_assert_uint_eq(value, 0x1234);
    OK(cuMemUnmap(at, PAGE));
    OK(cuMemUnmap(at + 2 * PAGE, PAGE));
    OK(cuMemMap(at + 3 * PAGE, PAGE, 0, h, 0));
    OK(cuMemcpyDtoH(&value, at + 3 * PAGE + 4, 4));
    ck_assert_uint_eq(value, 0xabcd);
    OK(cuMemRelease(h));
    ck_assert_uint_eq(simcuda_used(0), PAGE); /* still mapped */
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemAddressFree(at, 4 * PAGE));
    OK(cuMemUnmap(at + 3 * PAGE, PAGE));
    ck_assert_uint_eq(simcuda_used(0), 0);
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemAddressFree(at, PAGE));
    OK(cuMemAddressFree(at, 4 * PAGE));
}
END_TEST

START_TEST(new_memory_is_not_old_memory)
{
    CUdeviceptr at;
    CUmemGenericAllocationHandle h;
    simtest_context();
    OK(cuMemAddressReserve(&at, PAGE, 0, 0, 0));
    for (int i = 0; i < 3; i++) {
        unsigned value = 1;
        OK(cuMemCreate(&h, PAGE, &prop, 0));
        OK(cuMemMap(at, PAGE, 0, h, 0));
        OK(cuMemcpyDtoH(&value, at, 4));
        ck_assert_uint_eq(value, 0);
        OK(cuMemsetD32(at, 77, 1));
        OK(cuMemUnmap(at, PAGE));
        OK(cuMemRelease(h));
    }
}
END_TEST

START_TEST(granularity_is_kept)
{
    CUdeviceptr at, second;
    size_t granularity;
    CUmemGenericAllocationHandle h;
    simtest_context();
    OK(cuMemGetAllocationGranularity(&granularity, &prop, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
    ck_assert_uint_eq(granularity, PAGE);
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemAddressReserve(&at, 4096, 0, 0, 0));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemCreate(&h, 4096, &prop, 0));
    OK(cuMemAddressReserve(&at, PAGE, 0, 0, 0));
    OK(cuMemAddressReserve(&second, PAGE, 0, at + 10 * PAGE, 0));
    ck_assert_uint_eq(second, at + 10 * PAGE);
    OK(cuMemCreate(&h, PAGE, &prop, 0));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemMap(at + 4096, PAGE, 0, h, 0));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemMap(at, 2 * PAGE, 0, h, 0));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemUnmap(at, PAGE));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemFree(at)); /* reserved, not allocated */
}
END_TEST

START_TEST(memory_ends_here_too)
{
    CUmemGenericAllocationHandle h;
    size_t left, total;
    simtest_context();
    OK(cuMemGetInfo(&left, &total));
    FAILS(CUDA_ERROR_OUT_OF_MEMORY, cuMemCreate(&h, total + PAGE, &prop, 0));
    simcuda_oom_at(1);
    FAILS(CUDA_ERROR_OUT_OF_MEMORY, cuMemCreate(&h, PAGE, &prop, 0));
    OK(cuMemCreate(&h, PAGE, &prop, 0));
}
END_TEST

UNIT_MAIN("vmm", memory_moves_with_its_contents, new_memory_is_not_old_memory,
             granularity_is_kept, memory_ends_here_too)
