// A program that does a known number of everything and prints, line by line, the events that a trace
// of it must hold. known_calls.py compares. Built twice: with the static runtime and the driver's
// functions linked, and with the shared runtime and the driver's functions from dlsym (-DBY_DLSYM).
#include <cooperative_groups.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cuda.h>
#include <cuda_runtime.h>

#include "run.cuh"

struct driver {
    decltype(&cuMemAddressReserve) reserve;
    decltype(&cuMemAddressFree) unreserve;
    decltype(&cuMemCreate) create;
    decltype(&cuMemRelease) release;
    decltype(&cuMemMap) map;
    decltype(&cuMemUnmap) unmap;
    decltype(&cuMemSetAccess) set_access;
    decltype(&cuMemsetD8) set;
    decltype(&cuLaunchKernel) launch;
};

static driver load_driver()
{
    driver d = {};
    d.reserve = CU(cuMemAddressReserve, "cuMemAddressReserve");
    d.unreserve = CU(cuMemAddressFree, "cuMemAddressFree");
    d.create = CU(cuMemCreate, "cuMemCreate");
    d.release = CU(cuMemRelease, "cuMemRelease");
    d.map = CU(cuMemMap, "cuMemMap");
    d.unmap = CU(cuMemUnmap, "cuMemUnmap");
    d.set_access = CU(cuMemSetAccess, "cuMemSetAccess");
    d.set = CU(cuMemsetD8, "cuMemsetD8_v2");
    d.launch = CU(cuLaunchKernel, "cuLaunchKernel");
    return d;
}

// What a trace must hold, in the words of known_calls.py.
static unsigned long long at(const void *p) { return (unsigned long long)(uintptr_t)p; }
static void born(const void *p, size_t size) { printf("alloc %#llx %zu\n", at(p), size); }
static void died(const void *p) { printf("free %#llx\n", at(p)); }
static void copied(const void *to, const void *from, size_t size)
{
    printf("copy %#llx %#llx %zu\n", at(to), at(from), size);
}
static void was_set(const void *p, size_t width, size_t height)
{
    printf("set %#llx %zu %zu\n", at(p), width, height);
}

__global__ void known_add(float *to, const float *from, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        to[i] += from[i];
}

struct boxed {
    int n;
    char pad[20];
    float *p;      // at 24
    double more[40];
    const float *q; // at 352
};

__global__ void known_boxed(int first, boxed box)
{
    if (threadIdx.x < box.n)
        box.p[threadIdx.x] = box.q[threadIdx.x] + first;
}

__global__ void known_nothing(int a, long long b) {}

static void added(const char *how, const float *to, const float *from)
{
    printf("%s known_add 0:%#llx 8:%#llx\n", how, at(to), at(from));
}

static void copies_and_sets(float *a, float *b, size_t n, cudaStream_t stream)
{
    char *pageable = (char *)malloc(n), *pinned, *pinned2;
    RUN(cudaMallocHost(&pinned, n));
    printf("host_alloc %#llx %zu\n", at(pinned), n);
    RUN(cudaHostAlloc(&pinned2, 5000, cudaHostAllocPortable));
    printf("host_alloc %#llx %d\n", at(pinned2), 5000);
    void *aligned = aligned_alloc(4096, 8192);
    RUN(cudaHostRegister(aligned, 8192, cudaHostRegisterDefault));
    printf("host_alloc %#llx %d\n", at(aligned), 8192);

    RUN(cudaMemcpy(a, pageable, 4096, cudaMemcpyHostToDevice));
    copied(a, pageable, 4096);
    RUN(cudaMemcpyAsync(b, pinned, 1000, cudaMemcpyHostToDevice, stream));
    copied(b, pinned, 1000);
    RUN(cudaMemcpy(b, a, 2048, cudaMemcpyDeviceToDevice));
    copied(b, a, 2048);
    RUN(cudaMemcpyAsync(pinned2, b, 5000, cudaMemcpyDeviceToHost, stream));
    copied(pinned2, b, 5000);
    RUN(cudaMemcpy2D(a, 256, pinned, 128, 100, 7, cudaMemcpyHostToDevice));
    printf("copy_rect %#llx %#llx 100 7 1\n", at(a), at(pinned));
    RUN(cudaMemset(a, 0, n));
    was_set(a, n, 1);
    RUN(cudaMemsetAsync(b, 1, 100, stream));
    was_set(b, 100, 1);
    RUN(cudaDeviceSynchronize());

    RUN(cudaHostUnregister(aligned));
    printf("host_free %#llx\n", at(aligned));
    RUN(cudaFreeHost(pinned2));
    printf("host_free %#llx\n", at(pinned2));
    RUN(cudaFreeHost(pinned));
    printf("host_free %#llx\n", at(pinned));
    free(aligned);
    free(pageable);
}

static void other_allocators(cudaStream_t stream)
{
    void *pitched, *managed, *one, *two, *own;
    size_t pitch;
    RUN(cudaMallocPitch(&pitched, &pitch, 1000, 50));
    born(pitched, pitch * 50);
    RUN(cudaMemset2D(pitched, pitch, 0, 900, 40));
    was_set(pitched, 900, 40);
    RUN(cudaMallocManaged(&managed, 3 << 20));
    born(managed, 3 << 20);
    RUN(cudaMallocAsync(&one, 100000, stream));
    born(one, 100000);
    RUN(cudaMallocAsync(&two, 7, stream));
    born(two, 7);
    RUN(cudaFreeAsync(one, stream));
    died(one);
    cudaMemPoolProps props = {};
    props.allocType = cudaMemAllocationTypePinned;
    props.location.type = cudaMemLocationTypeDevice;
    cudaMemPool_t pool;
    RUN(cudaMemPoolCreate(&pool, &props));
    RUN(cudaMallocFromPoolAsync(&own, 50000, pool, stream));
    born(own, 50000);
    RUN(cudaFreeAsync(own, stream));
    died(own);
    RUN(cudaFreeAsync(two, stream));
    died(two);
    RUN(cudaStreamSynchronize(stream));
    RUN(cudaMemPoolDestroy(pool));
    RUN(cudaFree(managed));
    died(managed);
    RUN(cudaFree(pitched));
    died(pitched);
}

static void launches(const driver &d, float *a, float *b, cudaStream_t stream)
{
    int n = 256;
    for (int i = 0; i < 10; i++) {
        known_add<<<1, 256>>>(a, b, n);
        added("launch", a, b);
    }
    for (int i = 0; i < 5; i++) {
        known_add<<<1, 256, 0, stream>>>(a + 100, b + 3, n);
        added("launch", a + 100, b + 3);
    }
    known_nothing<<<1, 1>>>(1, 2);
    printf("launch known_nothing\n");
    boxed box = {};
    box.n = 8;
    box.p = a;
    box.q = b;
    known_boxed<<<1, 32>>>(7, box);
    printf("launch known_boxed 32:%#llx 360:%#llx\n", at(a), at(b));

    void *parameters[] = {&a, &b, &n};
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(1);
    config.blockDim = dim3(256);
    RUN(cudaLaunchKernelExC(&config, (const void *)known_add, parameters));
    added("launch", a, b);
    RUN(cudaLaunchCooperativeKernel((const void *)known_add, dim3(1), dim3(256), parameters, 0, 0));
    added("launch", a, b);

    cudaFunction_t function;
    RUN(cudaGetFuncBySymbol(&function, (const void *)known_add));
    struct { float *to; const float *from; int n; } packed = {b, a, n};
    size_t size = 20;
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                     CU_LAUNCH_PARAM_END};
    RUN(d.launch((CUfunction)function, 1, 1, 1, 256, 1, 1, 0, 0, nullptr, extra));
    added("launch", b, a);
    RUN(cudaDeviceSynchronize());
}

static void graph(float *a, float *b, cudaStream_t stream)
{
    cudaGraph_t captured;
    cudaGraphExec_t ready;
    RUN(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    known_add<<<1, 256, 0, stream>>>(a, b, 256);
    added("captured", a, b);
    known_add<<<1, 256, 0, stream>>>(b, a, 256);
    added("captured", b, a);
    RUN(cudaStreamEndCapture(stream, &captured));
    RUN(cudaGraphInstantiate(&ready, captured, 0));
    printf("graph 2 0\n");
    added("node", a, b);
    added("node", b, a);
    for (int i = 0; i < 3; i++) {
        RUN(cudaGraphLaunch(ready, stream));
        printf("graph_launch\n");
    }
    RUN(cudaStreamSynchronize(stream));
    RUN(cudaGraphExecDestroy(ready));
    printf("graph_end\n");
    RUN(cudaGraphDestroy(captured));
}

static void virtual_memory(const driver &d, float *b)
{
    const size_t piece = 2 << 20;
    CUmemAllocationProp prop = {};
    prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    CUmemAccessDesc access = {prop.location, CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    CUdeviceptr range;
    CUmemGenericAllocationHandle handle[2];
    RUN(d.reserve(&range, 2 * piece, 0, 0, 0));
    printf("reserve %#llx %zu\n", range, 2 * piece);
    for (int i = 0; i < 2; i++) {
        RUN(d.create(&handle[i], piece, &prop, 0));
        printf("create %zu\n", piece);
        RUN(d.map(range + i * piece, piece, 0, handle[i], 0));
        printf("map %#llx %zu\n", range + i * piece, piece);
    }
    RUN(d.set_access(range, 2 * piece, &access, 1));
    RUN(d.set(range, 5, piece + 100));
    was_set((void *)range, piece + 100, 1);
    known_add<<<1, 256>>>((float *)range, b, 256);
    added("launch", (float *)range, b);
    RUN(cudaDeviceSynchronize());
    RUN(d.unmap(range, 2 * piece));
    printf("unmap %#llx %zu\n", range, 2 * piece);
    for (int i = 0; i < 2; i++) {
        RUN(d.release(handle[i]));
        printf("release\n");
    }
    RUN(d.unreserve(range, 2 * piece));
    printf("unreserve %#llx %zu\n", range, 2 * piece);
}

int main()
{
    const size_t n = 1 << 20;
    float *a, *b;
    void *impossible;
    cudaStream_t stream;
    driver d = load_driver();
    RUN(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    RUN(cudaMalloc(&a, n));
    born(a, n);
    RUN(cudaMalloc(&b, 12345));
    born(b, 12345);
    copies_and_sets(a, b, n, stream);
    other_allocators(stream);
    launches(d, a, b, stream);
    graph(a, b, stream);
    virtual_memory(d, b);
    if (cudaMalloc(&impossible, (size_t)1 << 60) == cudaErrorMemoryAllocation)
        printf("alloc_failed %zu\n", (size_t)1 << 60);
    cudaGetLastError();
    RUN(cudaFree(b));
    died(b);
    RUN(cudaFree(a));
    died(a);
    return 0;
}
