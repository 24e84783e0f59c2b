/* Copies and sets: what arrives, in every form. */
#include "simtest.h"

#include <string.h>

enum { N = 4096 };

static unsigned char host[N], back[N];

static void fill(void)
{
    for (int i = 0; i < N; i++)
        host[i] = (unsigned char)(i * 31 + i / 256);
}

static CUdeviceptr device_copy(void)
{
    CUdeviceptr d;
    fill();
    OK(cuMemAlloc(&d, N));
    OK(cuMemcpyHtoD(d, host, N));
    return d;
}

static void arrived(void)
{
    ck_assert_int_eq(memcmp(host, back, N), 0);
    memset(back, 0, N);
}

START_TEST(one_dimension)
{
    CUstream s;
    CUdeviceptr d, e;
    CUcontext ctx = simtest_context();
    OK(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
    d = device_copy();
    OK(cuMemAlloc(&e, N));
    OK(cuMemcpyDtoH(back, d, N));
    arrived();
    OK(cuMemcpyDtoD(e, d, N));
    OK(cuMemcpyDtoHAsync(back, e, N, s));
    arrived();
    OK(cuMemsetD8(e, 0, N));
    OK(cuMemcpyDtoDAsync(e, d, N, s));
    OK(cuMemcpy((CUdeviceptr)(uintptr_t)back, e, N));
    arrived();
    OK(cuMemsetD8(e, 0, N));
    OK(cuMemcpyHtoDAsync(e, host, N, s));
    OK(cuMemcpyAsync((CUdeviceptr)(uintptr_t)back, e, N, s));
    arrived();
    OK(cuMemsetD8(e, 0, N));
    OK(cuMemcpyPeer(e, ctx, d, ctx, N));
    OK(cuMemcpyDtoH(back, e, N));
    arrived();
    OK(cuMemsetD8(e, 0, N));
    OK(cuMemcpyPeerAsync(e, ctx, d, ctx, N, s));
    OK(cuMemcpyDtoH(back, e, N));
    arrived();
    ck_assert_uint_eq(simcuda_bytes("cuMemcpyPeerAsync"), N);
}
END_TEST

START_TEST(ranges_must_be_live)
{
    CUdeviceptr d;
    simtest_context();
    d = device_copy();
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(d + 1, host, N));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH(back, d, N + 1));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemsetD32(d + 2, 0, 1)); /* not aligned */
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemsetD8(d, 0, N + 1));
    ck_assert_uint_eq(simcuda_bytes("cuMemsetD8_v2"), 0);
    OK(cuMemcpyHtoD(d, host, 0));
    OK(cuMemFree(d));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(d, host, N));
}
END_TEST

START_TEST(two_and_three_dimensions)
{
    CUdeviceptr d;
    simtest_context();
    d = device_copy();
    /* rows 2 to 5, columns 8 to 23, of 64 rows of 64 bytes */
    CUDA_MEMCPY2D p = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
                       .srcDevice = d,
                       .srcPitch = 64,
                       .srcXInBytes = 8,
                       .srcY = 2,
                       .dstMemoryType = CU_MEMORYTYPE_HOST,
                       .dstHost = back,
                       .dstPitch = 16,
                       .WidthInBytes = 16,
                       .Height = 4};
    OK(cuMemcpy2D(&p));
    for (int y = 0; y < 4; y++)
        ck_assert_int_eq(memcmp(back + 16 * y, host + 64 * (y + 2) + 8, 16), 0);
    memset(back, 0, N);
    OK(cuMemcpy2DUnaligned(&p));
    ck_assert_int_eq(memcmp(back + 48, host + 64 * 5 + 8, 16), 0);
    ck_assert_uint_eq(simcuda_bytes("cuMemcpy2DUnaligned_v2"), 64);
    p.srcPitch = 8;
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemcpy2DAsync(&p, NULL));
    /* slices 1 and 2 of 4 slices of 16 rows of 64 bytes, 3 rows each */
    CUDA_MEMCPY3D q = {.srcMemoryType = CU_MEMORYTYPE_UNIFIED,
                       .srcDevice = d,
                       .srcPitch = 64,
                       .srcHeight = 16,
                       .srcZ = 1,
                       .srcY = 2,
                       .dstMemoryType = CU_MEMORYTYPE_HOST,
                       .dstHost = back,
                       .dstPitch = 64,
                       .dstHeight = 3,
                       .WidthInBytes = 64,
                       .Height = 3,
                       .Depth = 2};
    OK(cuMemcpy3D(&q));
    for (int z = 0; z < 2; z++)
        ck_assert_int_eq(memcmp(back + 192 * z, host + 1024 * (z + 1) + 128, 192), 0);
    memset(back, 0, N);
    OK(cuMemcpy3DAsync(&q, NULL));
    ck_assert_int_eq(memcmp(back + 192, host + 2048 + 128, 192), 0);
    q.Depth = 4;
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemcpy3D(&q)); /* past the end of the block */
}
END_TEST

START_TEST(arrays)
{
    CUarray a, b;
    CUDA_ARRAY_DESCRIPTOR flat = {64, 64, CU_AD_FORMAT_UNSIGNED_INT8, 1};
    simtest_context();
    fill();
    OK(cuArrayCreate(&a, &flat));
    OK(cuArrayCreate(&b, &flat));
    OK(cuMemcpyHtoA(a, 0, host, N));
    OK(cuMemcpyAtoA(b, 0, a, 0, N));
    OK(cuMemcpyAtoH(back, b, 0, N));
    arrived();
    CUDA_MEMCPY2D p = {.srcMemoryType = CU_MEMORYTYPE_ARRAY,
                       .srcArray = b,
                       .srcY = 3,
                       .dstMemoryType = CU_MEMORYTYPE_HOST,
                       .dstHost = back,
                       .dstPitch = 64,
                       .WidthInBytes = 64,
                       .Height = 2};
    OK(cuMemcpy2D(&p));
    ck_assert_int_eq(memcmp(back, host + 192, 128), 0);
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoA(NULL, 0, host, N));
    OK(cuArrayDestroy(a));
    OK(cuArrayDestroy(b));
    ck_assert_uint_eq(simcuda_used(0), 0);
}
END_TEST

START_TEST(batches)
{
    CUstream s;
    CUdeviceptr d;
    simtest_context();
    OK(cuStreamCreate(&s, 0));
    d = device_copy();
    CUdeviceptr dsts[] = {(uintptr_t)back, (uintptr_t)back + 100}, srcs[] = {d + 50, d + 7};
    size_t sizes[] = {100, 30}, index = 0;
    CUmemcpyAttributes attributes = {.srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM};
    OK(cuMemcpyBatchAsync(dsts, srcs, sizes, 2, &attributes, &index, 1, s));
    ck_assert_int_eq(memcmp(back, host + 50, 100) | memcmp(back + 100, host + 7, 30), 0);
    ck_assert_uint_eq(simcuda_bytes("cuMemcpyBatchAsync_v2"), 130);
    FAILS(CUDA_ERROR_INVALID_VALUE,
          cuMemcpyBatchAsync(dsts, srcs, sizes, 2, &attributes, &index, 1, NULL));
    CUDA_MEMCPY3D_BATCH_OP op = {
        .src = {.type = CU_MEMCPY_OPERAND_TYPE_POINTER,
                .op = {.ptr = {.ptr = d, .rowLength = 64, .layerHeight = 8}}},
        .dst = {.type = CU_MEMCPY_OPERAND_TYPE_POINTER, .op = {.ptr = {.ptr = (uintptr_t)back}}},
        .extent = {32, 8, 2}};
    OK(cuMemcpy3DBatchAsync(1, &op, 0, s));
    for (int row = 0; row < 16; row++)
        ck_assert_int_eq(memcmp(back + 32 * row, host + 64 * row, 32), 0);
}
END_TEST

START_TEST(sets)
{
    CUdeviceptr d;
    simtest_context();
    OK(cuMemAlloc(&d, N));
    OK(cuMemsetD8(d, 0xff, N));
    OK(cuMemsetD2D16(d + 2, 64, 0x1234, 3, 2));
    OK(cuMemcpyDtoH(back, d, N));
    static const unsigned char row[] = {0xff, 0xff, 0x34, 0x12, 0x34, 0x12, 0x34, 0x12, 0xff};
    ck_assert_int_eq(memcmp(back, row, sizeof(row)) | memcmp(back + 64, row, sizeof(row)), 0);
    ck_assert_uint_eq(back[128 + 2], 0xff);
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemsetD2D8(d, 10, 0, 11, 2)); /* rows that overlap */
    OK(cuMemsetD32Async(d, 0x01020304, 2, NULL));
    OK(cuMemsetD2D8Async(d + 100, 10, 9, 1, 3, NULL));
    OK(cuMemcpyDtoH(back, d, N));
    ck_assert_int_eq(memcmp(back, "\4\3\2\1\4\3\2\1\xff", 9), 0);
    ck_assert_uint_eq(back[110], 9);
    ck_assert_uint_eq(back[111], 0xff);
    ck_assert_uint_eq(simcuda_bytes("cuMemsetD2D16_v2"), 12);
}
END_TEST

UNIT_MAIN("copy", one_dimension, ranges_must_be_live, two_and_three_dimensions, arrays, batches,
             sets)
