/* The runtime, called as nvcc's host code calls it, without nvcc: a program registers PTX text. */
#include "simtest.h"

#include <cuda_profiler_api.h>
#include <cuda_runtime_api.h>
#include <string.h>

#define RUN(call) ck_assert_int_eq((call), cudaSuccess)

static const char ptx[] =
    ".version 8.8\n.global .align 4 .b8 table[40];\n"
    ".entry k(.param .u64 a, .param .u64 b, .param .u32 n) { ret; }\n.entry unused() { ret; }\n";

static struct {
    unsigned magic, version;
    const void *data;
    void *unused;
} fat_binary = {0x466243b1, 1, ptx, NULL};

void **__cudaRegisterFatBinary(void *);
void __cudaRegisterFatBinaryEnd(void **);
void __cudaUnregisterFatBinary(void **);
void __cudaRegisterFunction(void **, const char *, char *, const char *, int, void *, void *,
                            void *, void *, int *);
void __cudaRegisterVar(void **, char *, char *, const char *, int, size_t, int, int);
unsigned __cudaPushCallConfiguration(dim3, dim3, size_t, cudaStream_t);
cudaError_t __cudaPopCallConfiguration(dim3 *, dim3 *, size_t *, void *);
cudaError_t __cudaGetKernel(cudaKernel_t *, const void *);
cudaError_t __cudaLaunchKernel(cudaKernel_t, dim3, dim3, void **, size_t, cudaStream_t);

static char k_stub, table_shadow;

static void **register_program(void)
{
    static char name[] = "k", table[] = "table";
    void **handle = __cudaRegisterFatBinary(&fat_binary);
    __cudaRegisterFunction(handle, &k_stub, name, "k", -1, NULL, NULL, NULL, NULL, NULL);
    __cudaRegisterVar(handle, &table_shadow, table, "table", 0, 40, 0, 0);
    __cudaRegisterFatBinaryEnd(handle);
    return handle;
}

START_TEST(nothing_happens_before_the_first_call)
{
    void **handle = register_program();
    ck_assert_uint_eq(simcuda_calls("cuInit"), 0);
    int n;
    RUN(cudaGetDeviceCount(&n));
    ck_assert_int_eq(n, 1);
    ck_assert_uint_eq(simcuda_calls("cuInit"), 1);
    ck_assert_uint_eq(simcuda_calls("cuLibraryLoadData"), 0); /* lazy */
    ck_assert_uint_ge(simcuda_calls("cuGetProcAddress_v2"), 500);
    __cudaUnregisterFatBinary(handle);
}
END_TEST

START_TEST(launches_of_the_old_and_the_new_kind)
{
    void **handle = register_program();
    void *a;
    unsigned n = 5;
    RUN(cudaMalloc(&a, 100));
    void *args[] = {&a, &a, &n};
    dim3 grid = {2, 1, 1}, block = {32, 1, 1}, g, b;
    size_t shared;
    cudaStream_t stream, s;
    cudaKernel_t kernel;
    RUN(cudaStreamCreate(&stream));
    RUN(cudaLaunchKernel(&k_stub, grid, block, args, 0, stream));
    RUN(__cudaGetKernel(&kernel, &k_stub));
    ck_assert_int_eq(__cudaPushCallConfiguration(grid, block, 64, stream), 0);
    RUN(__cudaPopCallConfiguration(&g, &b, &shared, &s));
    ck_assert(g.x == 2 && b.x == 32 && shared == 64 && s == stream);
    RUN(__cudaLaunchKernel(kernel, g, b, args, shared, s));
    ck_assert_uint_eq(simcuda_calls("cuLaunchKernel"), 2);
    cudaLaunchConfig_t config = {.gridDim = grid, .blockDim = block, .stream = stream};
    RUN(cudaLaunchKernelExC(&config, &k_stub, args));
    ck_assert_uint_eq(simcuda_calls("cuLaunchKernelEx"), 1);
    ck_assert_uint_eq(simcuda_calls("cuLibraryLoadData"), 1);
    ck_assert_uint_eq(simcuda_calls("cuLibraryGetKernel"), 1);
    ck_assert_int_eq(cudaLaunchKernel(&shared, grid, block, args, 0, NULL),
                     cudaErrorInvalidDeviceFunction);
    ck_assert_int_eq(cudaPeekAtLastError(), cudaErrorInvalidDeviceFunction);
    ck_assert_int_eq(cudaGetLastError(), cudaErrorInvalidDeviceFunction);
    ck_assert_int_eq(cudaGetLastError(), cudaSuccess);
    __cudaUnregisterFatBinary(handle);
    ck_assert_uint_eq(simcuda_calls("cuLibraryUnload"), 1);
}
END_TEST

START_TEST(each_call_is_one_driver_call)
{
    static char host[1000], back[1000];
    void *a, *b, *h;
    size_t pitch;
    RUN(cudaMalloc(&a, 1000));
    RUN(cudaMalloc(&b, 1000));
    memset(host, 3, sizeof(host));
    RUN(cudaMemcpy(a, host, 1000, cudaMemcpyHostToDevice));
    RUN(cudaMemcpy(b, a, 1000, cudaMemcpyDeviceToDevice));
    RUN(cudaMemcpyAsync(back, b, 1000, cudaMemcpyDeviceToHost, NULL));
    ck_assert_int_eq(memcmp(host, back, 1000), 0);
    RUN(cudaMemset(a, 1, 10));
    RUN(cudaMemsetAsync(a, 2, 5, NULL));
    RUN(cudaMemcpy(back, a, 11, cudaMemcpyDefault));
    ck_assert_int_eq(memcmp(back, "\2\2\2\2\2\1\1\1\1\1\3", 11), 0);
    ck_assert_uint_eq(simcuda_bytes("cuMemcpyHtoD_v2"), 1000);
    ck_assert_uint_eq(simcuda_bytes("cuMemcpyDtoD_v2"), 1000);
    ck_assert_uint_eq(simcuda_bytes("cuMemcpyDtoHAsync_v2"), 1000);
    ck_assert_uint_eq(simcuda_bytes("cuMemcpy"), 11);
    ck_assert_uint_eq(simcuda_bytes("cuMemsetD8_v2"), 10);
    RUN(cudaFree(a));
    RUN(cudaFree(b));
    RUN(cudaFree(NULL));
    ck_assert_uint_eq(simcuda_calls("cuMemFree_v2"), 2);
    RUN(cudaMallocHost(&h, 100));
    RUN(cudaFreeHost(h));
    RUN(cudaMallocPitch(&a, &pitch, 100, 4));
    RUN(cudaMemcpy2D(back, 100, a, pitch, 100, 4, cudaMemcpyDeviceToHost));
    RUN(cudaFree(a));
    RUN(cudaMallocManaged(&a, 100, cudaMemAttachGlobal));
    RUN(cudaFree(a));
    RUN(cudaMallocAsync(&a, 100, NULL));
    RUN(cudaFreeAsync(a, NULL));
    RUN(cudaMalloc(&a, 0));
    ck_assert_ptr_null(a);
    simcuda_oom_at(1);
    ck_assert_int_eq(cudaMalloc(&a, 10), cudaErrorMemoryAllocation);
    ck_assert_ptr_null(a);
    ck_assert_uint_eq(simcuda_live(), 0);
}
END_TEST

cudaError_t cudaMemcpyAsync_ptsz(void *, const void *, size_t, enum cudaMemcpyKind, cudaStream_t);
cudaError_t cudaMemset_ptds(void *, int, size_t);
cudaError_t __cudaLaunchKernel_ptsz(cudaKernel_t, dim3, dim3, void **, size_t, cudaStream_t);

START_TEST(per_thread_streams_have_calls_of_their_own)
{
    void **handle = register_program();
    char back[4] = {0};
    void *a;
    unsigned n = 1;
    cudaKernel_t kernel;
    RUN(cudaMalloc(&a, 100));
    void *args[] = {&a, &a, &n};
    RUN(cudaMemset_ptds(a, 7, 4));
    RUN(cudaMemcpyAsync_ptsz(back, a, 4, cudaMemcpyDeviceToHost, NULL));
    ck_assert_int_eq(back[3], 7);
    RUN(__cudaGetKernel(&kernel, &k_stub));
    dim3 one = {1, 1, 1};
    RUN(__cudaLaunchKernel_ptsz(kernel, one, one, args, 0, NULL));
    ck_assert_uint_eq(simcuda_calls("cuMemsetD8_v2_ptds"), 1);
    ck_assert_uint_eq(simcuda_calls("cuMemcpyAsync_ptsz"), 1);
    ck_assert_uint_eq(simcuda_calls("cuLaunchKernel_ptsz"), 1);
    ck_assert_uint_eq(simcuda_calls("cuLaunchKernel"), 0);
    __cudaUnregisterFatBinary(handle);
}
END_TEST

START_TEST(variables_and_devices)
{
    void **handle = register_program();
    unsigned char in[40] = {1, 2, 3}, out[40] = {0};
    struct cudaDeviceProp prop;
    struct cudaPointerAttributes attributes;
    void *p;
    int device = 7;
    RUN(cudaMemcpyToSymbol(&table_shadow, in, 40, 0, cudaMemcpyHostToDevice));
    RUN(cudaMemcpyFromSymbol(out, &table_shadow, 39, 1, cudaMemcpyDeviceToHost));
    ck_assert_int_eq(memcmp(in + 1, out, 39), 0);
    ck_assert_int_eq(cudaMemcpyToSymbol(&table_shadow, in, 40, 1, cudaMemcpyHostToDevice),
                     cudaErrorInvalidValue);
    RUN(cudaGetSymbolAddress(&p, &table_shadow));
    RUN(cudaPointerGetAttributes(&attributes, p));
    ck_assert_int_eq(attributes.type, cudaMemoryTypeDevice);
    RUN(cudaPointerGetAttributes(&attributes, in));
    ck_assert_int_eq(attributes.type, cudaMemoryTypeUnregistered);
    RUN(cudaGetDeviceProperties(&prop, 0));
    ck_assert_ptr_nonnull(strstr(prop.name, "Simulated"));
    ck_assert_int_eq(prop.warpSize, 32);
    ck_assert_int_eq(cudaSetDevice(1), cudaErrorInvalidDevice);
    RUN(cudaGetDevice(&device));
    ck_assert_int_eq(device, 0);
    RUN(cudaProfilerStart());
    RUN(cudaDeviceSynchronize());
    ck_assert_uint_eq(simcuda_calls("cuProfilerStart"), 1);
    ck_assert_str_eq(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
    __cudaUnregisterFatBinary(handle);
}
END_TEST

START_TEST(time_passes_between_events)
{
    cudaEvent_t a, b;
    float ms = -1;
    RUN(cudaEventCreate(&a));
    RUN(cudaEventCreate(&b));
    ck_assert_int_eq(cudaEventElapsedTime(&ms, a, b), cudaErrorInvalidResourceHandle);
    RUN(cudaEventRecord(a, NULL));
    RUN(cudaEventRecord(b, NULL));
    RUN(cudaEventSynchronize(b));
    RUN(cudaEventElapsedTime(&ms, a, b));
    ck_assert(ms >= 0);
    RUN(cudaEventDestroy(a));
}
END_TEST

UNIT_MAIN("runtime", nothing_happens_before_the_first_call, launches_of_the_old_and_the_new_kind,
             each_call_is_one_driver_call, per_thread_streams_have_calls_of_their_own,
             variables_and_devices, time_passes_between_events)
