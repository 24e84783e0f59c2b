// A program on two GPUs that does a known number of everything between them and prints, line by line,
// the events that a trace of it must hold. known_peers.py compares. Built twice, as known_calls.cu.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cuda.h>
#include <cuda_runtime.h>
#include <thread>

#include "run.cuh"

#define N ((size_t)1 << 20)

static int died_with_context;

static unsigned long long at(const void *p) { return (unsigned long long)(uintptr_t)p; }
static void born(const void *p, size_t size, int device)
{
    printf("alloc %#llx %zu %d\n", at(p), size, device);
}
static void died(const void *p) { printf("free %#llx\n", at(p)); }
static void copied(const void *to, const void *from, size_t size)
{
    printf("copy %#llx %#llx %zu\n", at(to), at(from), size);
}

__global__ void known_add(float *to, const float *from, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        to[i] += from[i];
}

static void add(float *to, const float *from)
{
    known_add<<<1, 256>>>(to, from, 256);
    RUN(cudaGetLastError());
    RUN(cudaDeviceSynchronize());
    printf("launch known_add 0:%#llx 8:%#llx\n", at(to), at(from));
}

static void copies(float *const m[2], CUcontext const context[2])
{
    cudaStream_t stream;
    RUN(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    RUN(cudaMemcpyPeer(m[1], 1, m[0], 0, 4096));
    copied(m[1], m[0], 4096);
    RUN(cudaMemcpyPeerAsync(m[0] + 64, 0, m[1] + 128, 1, 100, stream));
    copied(m[0] + 64, m[1] + 128, 100);
    RUN(cudaMemcpy(m[1] + 32, m[0], 512, cudaMemcpyDefault)); // where they lie, the address tells
    copied(m[1] + 32, m[0], 512);
    RUN(cudaMemcpyAsync(m[0], m[1], 128, cudaMemcpyDeviceToDevice, stream));
    copied(m[0], m[1], 128);
    RUN(cudaStreamSynchronize(stream));
    RUN(CU(cuMemcpyDtoD, "cuMemcpyDtoD_v2")((CUdeviceptr)m[1], (CUdeviceptr)m[0], 64));
    copied(m[1], m[0], 64);
    RUN(CU(cuMemcpyPeer, "cuMemcpyPeer")((CUdeviceptr)m[0], context[0], (CUdeviceptr)m[1],
                                         context[1], N));
    copied(m[0], m[1], N);
    RUN(cudaMemcpy(m[1], m[1] + 1024, 256, cudaMemcpyDeviceToDevice)); // within one
    copied(m[1], m[1] + 1024, 256);
    RUN(cudaDeviceSynchronize());
    RUN(cudaStreamDestroy(stream));
}

// The current device is the thread's own.
static void in_thread(int device)
{
    void *mine;
    RUN(cudaSetDevice(device));
    RUN(cudaMalloc(&mine, 10000 + device));
    born(mine, 10000 + device, device);
    RUN(cudaMemset(mine, 0, 5000));
    printf("set %#llx 5000 1\n", at(mine));
    RUN(cudaFree(mine));
    died(mine);
}

static void stream_ordered(int device)
{
    cudaStream_t stream;
    void *p;
    RUN(cudaSetDevice(device));
    RUN(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    RUN(cudaMallocAsync(&p, 70000, stream));
    born(p, 70000, device);
    RUN(cudaFreeAsync(p, stream));
    died(p);
    RUN(cudaStreamSynchronize(stream));
    RUN(cudaStreamDestroy(stream));
}

// A pool's memory lies on its device, whichever is current.
static void from_pool(int current, int device)
{
    CUmemPoolProps props = {};
    CUmemoryPool pool;
    CUdeviceptr p;
    props.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
    props.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    props.location.id = device;
    RUN(cudaSetDevice(current));
    RUN(CU(cuMemPoolCreate, "cuMemPoolCreate")(&pool, &props));
    RUN(CU(cuMemAllocFromPoolAsync, "cuMemAllocFromPoolAsync")(&p, 60000, pool, nullptr));
    born((void *)p, 60000, device);
    RUN(CU(cuMemFreeAsync, "cuMemFreeAsync")(p, nullptr));
    died((void *)p);
    RUN(cudaDeviceSynchronize());
    RUN(CU(cuMemPoolDestroy, "cuMemPoolDestroy")(pool));
}

static void physical(int device)
{
    const size_t piece = 2 << 20;
    CUmemAllocationProp prop = {};
    prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    prop.location.id = device;
    CUdeviceptr range;
    CUmemGenericAllocationHandle handle;
    RUN(CU(cuMemAddressReserve, "cuMemAddressReserve")(&range, piece, 0, 0, 0));
    printf("reserve %#llx %zu\n", range, piece);
    RUN(CU(cuMemCreate, "cuMemCreate")(&handle, piece, &prop, 0));
    printf("create %zu %d\n", piece, device);
    RUN(CU(cuMemMap, "cuMemMap")(range, piece, 0, handle, 0));
    printf("map %#llx %zu\n", range, piece);
    RUN(CU(cuMemUnmap, "cuMemUnmap")(range, piece));
    printf("unmap %#llx %zu\n", range, piece);
    RUN(CU(cuMemRelease, "cuMemRelease")(handle));
    printf("release\n");
    RUN(CU(cuMemAddressFree, "cuMemAddressFree")(range, piece));
    printf("unreserve %#llx %zu\n", range, piece);
}

// A second context on a device, which goes while memory of it lives.
static void own_context(int device)
{
    CUcontext own;
    CUdeviceptr p;
#if CUDA_VERSION >= 13000
    RUN(CU(cuCtxCreate, "cuCtxCreate_v4")(&own, nullptr, 0, device));
#else
    RUN(CU(cuCtxCreate, "cuCtxCreate_v2")(&own, 0, device));
#endif
    RUN(CU(cuMemAlloc, "cuMemAlloc_v2")(&p, 33333));
    born((void *)p, 33333, device);
    RUN(CU(cuCtxDestroy, "cuCtxDestroy_v2")(own));
    printf("context_end 0\n");
    died_with_context++;
    RUN(cudaSetDevice(device));
}

int main()
{
    CUcontext context[2];
    float *m[2];
    int reach[2];
    for (int i = 0; i < 2; i++) {
        RUN(cudaSetDevice(i));
        RUN(cudaMalloc(&m[i], N << i));
        born(m[i], N << i, i);
        RUN(CU(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain")(&context[i], i));
        RUN(cudaDeviceCanAccessPeer(&reach[i], i, 1 - i));
    }
    copies(m, context); // by way of the host, if need be
    for (int i = 0; i < 2 && reach[0] && reach[1]; i++) {
        RUN(cudaSetDevice(i));
        RUN(CU(cuCtxEnablePeerAccess, "cuCtxEnablePeerAccess")(context[1 - i], 0));
    }
    copies(m, context);
    for (int i = 0; i < 2; i++) {
        RUN(cudaSetDevice(i));
        add(m[i] + 512, m[i]);
        if (reach[0] && reach[1])
            add(m[i], m[1 - i]);
    }
    for (int i = 0; i < 2; i++)
        std::thread(in_thread, 1 - i).join();
    for (int i = 0; i < 2; i++) {
        stream_ordered(i);
        physical(i);
        from_pool(i, 1 - i);
    }
    own_context(1);
    for (int i = 0; i < 2 && reach[0] && reach[1]; i++) {
        RUN(cudaSetDevice(i));
        RUN(CU(cuCtxDisablePeerAccess, "cuCtxDisablePeerAccess")(context[1 - i]));
    }
    for (int i = 0; i < 2; i++)
        RUN(CU(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2")(i));
    RUN(cudaSetDevice(1));
    RUN(cudaDeviceReset()); // the second device's memory goes with it, the first one's stays
    printf("context_end 1\n");
    died_with_context++;
    RUN(cudaSetDevice(0));
    RUN(cudaFree(m[0]));
    died(m[0]);
    printf("total died_with_context %d\n", died_with_context);
    return 0;
}
