// A program that takes memory in every way that is no plain allocation, gives it back or lets it go
// with its context, and prints, line by line, the events that a trace of it must hold. What a driver
// does not do is not printed. A second process opens memory of the first; its lines begin with
// `child`. known_memory.py compares. Built twice, as known_calls.cu.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda.h>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "run.cuh"

#define MIB ((size_t)1 << 20)
#define PIECE (2 * MIB)
#define NOWHERE 65535 // MT_DEVICE_UNKNOWN

extern char **environ;

static const char *who = "";

#define SAY(...) (printf("%s", who), printf(__VA_ARGS__), printf("\n"))

static const char module_text[] = ".version 6.0\n.target sm_50\n.address_size 64\n"
                                  ".visible .global .align 8 .b8 known_table[4096];\n";

// A call that lasts begins and is done: MT_UPKEEP_MODULE, _CONTEXT, _CONTEXT_END.
enum { MODULE = 1, CONTEXT = 5, CONTEXT_END = 6 };
#define BEGINS(why) SAY("upkeep %d 1", why)
#define IS_DONE(why) SAY("upkeep %d 0", why)

static CUdeviceptr allocate(size_t size)
{
    CUdeviceptr p;
    RUN(CU(cuMemAlloc, "cuMemAlloc_v2")(&p, size));
    SAY("alloc %#llx %zu 0", p, size);
    return p;
}

static void release(CUdeviceptr p)
{
    RUN(CU(cuMemFree, "cuMemFree_v2")(p));
    SAY("free %#llx", p);
}

// ---- virtual memory ----

static CUmemAllocationProp on_device()
{
    CUmemAllocationProp prop = {};
    prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
    return prop;
}

static bool map(CUdeviceptr at, size_t size, size_t offset, CUmemGenericAllocationHandle handle)
{
    CUmemAccessDesc rights = {};
    rights.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    rights.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    if (CU(cuMemMap, "cuMemMap")(at, size, offset, handle, 0) != CUDA_SUCCESS)
        return false; // offsets are for drivers to come
    SAY("map %#llx %zu %zu", at, size, offset);
    RUN(CU(cuMemSetAccess, "cuMemSetAccess")(at, size, &rights, 1));
    SAY("hint %#llx %zu 3 0", at, size);
    return true;
}

static void unmap(CUdeviceptr at, size_t size)
{
    RUN(CU(cuMemUnmap, "cuMemUnmap")(at, size));
    SAY("unmap %#llx %zu", at, size);
}

static void drop(CUmemGenericAllocationHandle handle)
{
    RUN(CU(cuMemRelease, "cuMemRelease")(handle));
    SAY("release");
}

static void set(CUdeviceptr at, size_t size)
{
    RUN(CU(cuMemsetD8, "cuMemsetD8_v2")(at, 1, size));
    SAY("set %#llx %zu 1", at, size);
    RUN(CU(cuCtxSynchronize, "cuCtxSynchronize")()); // no unmap waits for it
}

static CUmemGenericAllocationHandle create(size_t size)
{
    CUmemAllocationProp prop = on_device();
    CUmemGenericAllocationHandle handle;
    RUN(CU(cuMemCreate, "cuMemCreate")(&handle, size, &prop, 0));
    SAY("create %zu 0", size);
    return handle;
}

// The same handle by way of a file descriptor, as from another process.
static void import(CUmemGenericAllocationHandle handle, CUdeviceptr at, size_t size)
{
    uintptr_t fd = 0; // the driver writes an int
    CUmemGenericAllocationHandle same;
    if (CU(cuMemExportToShareableHandle, "cuMemExportToShareableHandle")(
            &fd, handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0) != CUDA_SUCCESS)
        return;
    if (CU(cuMemImportFromShareableHandle, "cuMemImportFromShareableHandle")(
            &same, (void *)fd, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) ==
        CUDA_SUCCESS) {
        SAY("import 0");
        if (map(at, size, 0, same))
            unmap(at, size);
        drop(same);
    }
    close((int)fd);
}

static void virtual_memory()
{
    CUdeviceptr range;
    RUN(CU(cuMemAddressReserve, "cuMemAddressReserve")(&range, 16 * PIECE, 0, 0, 0));
    SAY("reserve %#llx %zu", range, 16 * PIECE);
    CUmemGenericAllocationHandle handle = create(4 * PIECE), same, small = create(PIECE);
    map(range, 4 * PIECE, 0, handle);
    map(range + 4 * PIECE, 4 * PIECE, 0, handle); // the same memory again
    bool part = map(range + 8 * PIECE, PIECE, PIECE, handle);
    map(range + 9 * PIECE, PIECE, 0, small);
    set(range + 4 * PIECE, PIECE);
    RUN(CU(cuMemRetainAllocationHandle, "cuMemRetainAllocationHandle")(&same,
                                                                       (void *)(range + PIECE)));
    SAY("retain %#llx", range + PIECE);
    drop(same);
    import(handle, range + 10 * PIECE, 4 * PIECE);
    drop(handle);
    unmap(range, 4 * PIECE);
    set(range + 4 * PIECE, PIECE); // it lives on at its second address
    if (part)
        unmap(range + 8 * PIECE, PIECE);
    unmap(range + 4 * PIECE, 4 * PIECE);
    unmap(range + 9 * PIECE, PIECE);
    map(range, PIECE, 0, small); // and elsewhere again
    unmap(range, PIECE);
    drop(small);
    RUN(CU(cuMemAddressFree, "cuMemAddressFree")(range, 16 * PIECE));
    SAY("unreserve %#llx %zu", range, 16 * PIECE);
}

// ---- pools ----

static CUdeviceptr from_pool(CUmemoryPool pool, size_t size)
{
    CUdeviceptr p;
    RUN(CU(cuMemAllocFromPoolAsync, "cuMemAllocFromPoolAsync")(&p, size, pool, nullptr));
    SAY("alloc %#llx %zu 0", p, size);
    return p;
}

static void release_later(CUdeviceptr p)
{
    RUN(CU(cuMemFreeAsync, "cuMemFreeAsync")(p, nullptr));
    SAY("free %#llx", p);
}

// Of another process it would be; this one stands for it, where the driver lets it.
static void share(CUmemoryPool pool, CUdeviceptr p)
{
    uintptr_t fd = 0;
    CUmemoryPool imported;
    CUmemPoolPtrExportData data;
    CUdeviceptr q;
    auto kind = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
    if (CU(cuMemPoolExportToShareableHandle,
           "cuMemPoolExportToShareableHandle")(&fd, pool, kind, 0) != CUDA_SUCCESS ||
        CU(cuMemPoolExportPointer, "cuMemPoolExportPointer")(&data, p) != CUDA_SUCCESS)
        return;
    if (CU(cuMemPoolImportFromShareableHandle, "cuMemPoolImportFromShareableHandle")(
            &imported, (void *)fd, kind, 0) == CUDA_SUCCESS) {
        SAY("pool");
        int error = CU(cuMemPoolImportPointer, "cuMemPoolImportPointer")(&q, imported, &data);
        if (error == CUDA_SUCCESS) {
            SAY("imported"); // at an address of its own, or the same
            RUN(CU(cuMemFreeAsync, "cuMemFreeAsync")(q, nullptr));
            SAY("free %#llx", q);
        } else {
            SAY("alloc_failed 0 %d", error);
        }
        RUN(CU(cuMemPoolDestroy, "cuMemPoolDestroy")(imported));
    }
    close((int)fd);
}

static void pools()
{
    CUmemPoolProps props = {};
    CUmemoryPool pool;
    cuuint64_t keep = ~0ull;
    props.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
    props.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    props.handleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
    RUN(CU(cuMemPoolCreate, "cuMemPoolCreate")(&pool, &props));
    SAY("pool");
    RUN(CU(cuMemPoolSetAttribute, "cuMemPoolSetAttribute")(
        pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep));
    SAY("pool");
    CUdeviceptr p = from_pool(pool, 3 * MIB), q = from_pool(pool, 40 * MIB);
    share(pool, p);
    release_later(q);
    release_later(p);
    RUN(CU(cuCtxSynchronize, "cuCtxSynchronize")());
    RUN(CU(cuMemPoolTrimTo, "cuMemPoolTrimTo")(pool, 0));
    SAY("pool");
    RUN(CU(cuMemPoolDestroy, "cuMemPoolDestroy")(pool));
}

// ---- managed memory, arrays, variables ----

static void managed()
{
    CUdeviceptr p;
    RUN(CU(cuMemAllocManaged, "cuMemAllocManaged")(&p, 8 * MIB, CU_MEM_ATTACH_GLOBAL));
    SAY("alloc %#llx %zu 0", p, 8 * MIB);
#if CUDA_VERSION >= 13000
    CUmemLocation device = {}, host = {};
    device.type = CU_MEM_LOCATION_TYPE_DEVICE;
    host.type = CU_MEM_LOCATION_TYPE_HOST;
    auto advise = CU(cuMemAdvise, "cuMemAdvise_v2");
    auto prefetch = CU(cuMemPrefetchAsync, "cuMemPrefetchAsync_v2");
#define TO_DEVICE device, 0
#define TO_HOST host, 0
#else
    CUdevice device = 0;
    auto advise = CU(cuMemAdvise, "cuMemAdvise");
    auto prefetch = CU(cuMemPrefetchAsync, "cuMemPrefetchAsync");
#define TO_DEVICE 0
#define TO_HOST CU_DEVICE_CPU
#endif
    if (advise(p, MIB, CU_MEM_ADVISE_SET_PREFERRED_LOCATION, device) == CUDA_SUCCESS)
        SAY("hint %#llx %zu %d 0", p, MIB, (int)CU_MEM_ADVISE_SET_PREFERRED_LOCATION);
    if (prefetch(p, 4 * MIB, TO_DEVICE, nullptr) == CUDA_SUCCESS)
        SAY("prefetch %#llx %zu 0", p, 4 * MIB);
    if (prefetch(p, 2 * MIB, TO_HOST, nullptr) == CUDA_SUCCESS)
        SAY("prefetch %#llx %zu %d", p, 2 * MIB, NOWHERE);
    set(p, 1000);
    RUN(CU(cuCtxSynchronize, "cuCtxSynchronize")());
    release(p);
}

static CUarray array()
{
    CUarray made;
    CUDA_ARRAY_DESCRIPTOR flat = {};
    flat.Width = 64, flat.Height = 32, flat.Format = CU_AD_FORMAT_FLOAT, flat.NumChannels = 1;
    RUN(CU(cuArrayCreate, "cuArrayCreate_v2")(&made, &flat));
    SAY("array %d 0", 64 * 32 * 4);
    return made;
}

static void arrays()
{
    CUarray flat = array(), deep;
    CUmipmappedArray levels;
    CUDA_ARRAY3D_DESCRIPTOR box = {};
    box.Width = box.Height = box.Depth = 16, box.Format = CU_AD_FORMAT_HALF, box.NumChannels = 4;
    RUN(CU(cuArray3DCreate, "cuArray3DCreate_v2")(&deep, &box));
    SAY("array %d 0", 16 * 16 * 16 * 2 * 4);
    CUDA_ARRAY3D_DESCRIPTOR mip = {};
    mip.Width = mip.Height = 64, mip.Format = CU_AD_FORMAT_UNSIGNED_INT8, mip.NumChannels = 1;
    RUN(CU(cuMipmappedArrayCreate, "cuMipmappedArrayCreate")(&levels, &mip, 3));
    SAY("array %d 0", 64 * 64 + 32 * 32 + 16 * 16);
    RUN(CU(cuArrayDestroy, "cuArrayDestroy")(flat));
    SAY("array_end");
    RUN(CU(cuArrayDestroy, "cuArrayDestroy")(deep));
    SAY("array_end");
    RUN(CU(cuMipmappedArrayDestroy, "cuMipmappedArrayDestroy")(levels));
    SAY("array_end");
}

static CUmodule variables()
{
    CUmodule module;
    CUdeviceptr p;
    size_t size;
    RUN(CU(cuModuleLoadData, "cuModuleLoadData")(&module, module_text));
    BEGINS(MODULE);
    IS_DONE(MODULE);
    RUN(CU(cuModuleGetGlobal, "cuModuleGetGlobal_v2")(&p, &size, module, "known_table"));
    SAY("global %#llx %zu", p, size);
    set(p, 100);
    return module;
}

static void unload(CUmodule module)
{
    RUN(CU(cuModuleUnload, "cuModuleUnload")(module));
    SAY("module_end");
}

// ---- what fails ----

static void failures(CUdeviceptr live)
{
    CUdeviceptr p;
    int error = CU(cuMemAlloc, "cuMemAlloc_v2")(&p, (size_t)1 << 50);
    SAY("alloc_failed %zu %d", (size_t)1 << 50, error);
    error = CU(cuMemFree, "cuMemFree_v2")(live + 512);
    SAY("free_failed %#llx %d", live + 512, error);
    p = allocate(5 * MIB);
    release(p);
    error = CU(cuMemFree, "cuMemFree_v2")(p);
    SAY("free_failed %#llx %d", p, error);
}

// ---- what goes with its context ----

static void own_context()
{
    CUcontext own, before;
    void *host;
    RUN(CU(cuCtxGetCurrent, "cuCtxGetCurrent")(&before));
#if CUDA_VERSION >= 13000
    RUN(CU(cuCtxCreate, "cuCtxCreate_v4")(&own, nullptr, 0, 0));
#else
    RUN(CU(cuCtxCreate, "cuCtxCreate_v2")(&own, 0, 0));
#endif
    BEGINS(CONTEXT);
    IS_DONE(CONTEXT);
    allocate(MIB);
    array();
    variables();
    RUN(CU(cuMemHostAlloc, "cuMemHostAlloc")(&host, 4096, 0));
    SAY("host_alloc %#llx 4096", (unsigned long long)(uintptr_t)host);
    RUN(CU(cuCtxDestroy, "cuCtxDestroy_v2")(own));
    BEGINS(CONTEXT_END);
    SAY("context_end 0");
    IS_DONE(CONTEXT_END);
    RUN(CU(cuCtxSetCurrent, "cuCtxSetCurrent")(before));
}

// ---- two processes ----

static void open_memory(const char *hex, size_t size)
{
    CUipcMemHandle handle;
    CUdeviceptr p;
    for (size_t i = 0; i < sizeof handle; i++)
        sscanf(hex + 2 * i, "%2hhx", (unsigned char *)&handle.reserved[i]);
    int error = CU(cuIpcOpenMemHandle, "cuIpcOpenMemHandle_v2")(&p, handle,
                                                                CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS);
    if (error != CUDA_SUCCESS) {
        SAY("alloc_failed 0 %d", error);
        return;
    }
    SAY("alloc %#llx %zu 0", p, size);
    set(p, 1234);
    RUN(CU(cuCtxSynchronize, "cuCtxSynchronize")());
    RUN(CU(cuIpcCloseMemHandle, "cuIpcCloseMemHandle")(p));
    SAY("free %#llx", p);
}

static void lend(CUdeviceptr p, size_t size)
{
    CUipcMemHandle handle;
    char hex[2 * sizeof handle + 1] = "-";
    std::string bytes = std::to_string(size);
    pid_t child;
    int status;
    if (CU(cuIpcGetMemHandle, "cuIpcGetMemHandle")(&handle, p) == CUDA_SUCCESS)
        for (size_t i = 0; i < sizeof handle; i++)
            snprintf(hex + 2 * i, 3, "%02x", (unsigned char)handle.reserved[i]);
    const char *const arguments[] = {"known_memory", hex, bytes.c_str(), nullptr};
    fflush(stdout);
    RUN(posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, (char *const *)arguments, environ));
    RUN(waitpid(child, &status, 0) != child || status != 0);
}

static void borrow(const char *hex, const char *size)
{
    CUdeviceptr mine = allocate(20 * MIB); // both processes have memory of the device
    usleep(300000);
    if (*hex != '-')
        open_memory(hex, (size_t)atol(size));
    release(mine);
}

int main(int argc, char **argv)
{
    CUcontext context;
    who = argc > 2 ? "child " : "";
    RUN(CU(cuInit, "cuInit")(0));
    RUN(CU(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain")(&context, 0));
    RUN(CU(cuCtxSetCurrent, "cuCtxSetCurrent")(context));
    SAY("total pid %d", (int)getpid());
    if (argc > 2) {
        borrow(argv[1], argv[2]);
        return 0;
    }
    CUdeviceptr live = allocate(32 * MIB);
    virtual_memory();
    pools();
    managed();
    arrays();
    unload(variables());
    failures(live);
    lend(live, 32 * MIB);
    own_context();
    variables();
    array();
    CUdeviceptr p;
    RUN(CU(cuMemAllocAsync, "cuMemAllocAsync")(&p, 70000, nullptr));
    SAY("alloc %#llx 70000 0", p);
    RUN(CU(cuCtxSynchronize, "cuCtxSynchronize")());
    RUN(CU(cuDevicePrimaryCtxReset, "cuDevicePrimaryCtxReset_v2")(0));
    BEGINS(CONTEXT_END);
    SAY("context_end 1"); // the allocation, the array, the variable and the pool's piece go with it
    IS_DONE(CONTEXT_END);
    SAY("total died_with_context %d", 3 + 4);
    return 0;
}
