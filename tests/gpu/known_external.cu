// A program that offers the driver memory of its own as memory of another library, by every file
// descriptor that there is without one: of physical memory, and of a DMA buffer. It prints what the
// driver answers to each (`note`), and, line by line, the events that a trace of it must hold;
// known_external.py compares. Built twice, as known_calls.cu.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cuda.h>
#include <unistd.h>

#include "run.cuh"

#define PIECE ((size_t)2 << 20)
#define SIZE (2 * PIECE)
#define PART ((size_t)1 << 16)
#define OPAQUE_FD CU_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD
#define DMABUF_FD ((CUexternalMemoryHandleType)9) // later headers have a name for it

#define SAY(...) (printf(__VA_ARGS__), printf("\n"))

static void set(CUdeviceptr at, size_t size)
{
    RUN(CU(cuMemsetD8, "cuMemsetD8_v2")(at, 1, size));
    SAY("set %#llx %zu 1", at, size);
    RUN(CU(cuCtxSynchronize, "cuCtxSynchronize")());
}

// ---- memory of another library ----

static CUdeviceptr part_of(CUexternalMemory memory, size_t offset, size_t size)
{
    CUdeviceptr p = 0;
    CUDA_EXTERNAL_MEMORY_BUFFER_DESC part = {};
    part.offset = offset, part.size = size;
    int error = CU(cuExternalMemoryGetMappedBuffer, "cuExternalMemoryGetMappedBuffer")(
        &p, memory, &part);
    if (error != CUDA_SUCCESS) {
        SAY("alloc_failed %zu %d", size, error);
        return 0;
    }
    SAY("alloc %#llx %zu 0", p, size);
    return p;
}

static void release(CUdeviceptr p)
{
    if (!p)
        return;
    RUN(CU(cuMemFree, "cuMemFree_v2")(p));
    SAY("free %#llx", p);
}

static int array_in(CUexternalMemory memory)
{
    CUmipmappedArray levels;
    CUDA_EXTERNAL_MEMORY_MIPMAPPED_ARRAY_DESC what = {};
    what.arrayDesc.Width = what.arrayDesc.Height = 64, what.numLevels = 1;
    what.arrayDesc.Format = CU_AD_FORMAT_UNSIGNED_INT8, what.arrayDesc.NumChannels = 1;
    int error = CU(cuExternalMemoryGetMappedMipmappedArray,
                   "cuExternalMemoryGetMappedMipmappedArray")(&levels, memory, &what);
    if (error != CUDA_SUCCESS)
        SAY("alloc_failed 0 %d", error);
    if (error != CUDA_SUCCESS)
        return error;
    SAY("array %d 0", 64 * 64);
    RUN(CU(cuMipmappedArrayDestroy, "cuMipmappedArrayDestroy")(levels));
    SAY("array_end");
    return 0;
}

static void offer(const char *what, CUexternalMemoryHandleType kind, int fd)
{
    CUexternalMemory memory;
    CUDA_EXTERNAL_MEMORY_HANDLE_DESC offered = {};
    offered.type = kind, offered.handle.fd = dup(fd), offered.size = SIZE;
    int error =
        CU(cuImportExternalMemory, "cuImportExternalMemory")(&memory, &offered);
    SAY("note %s %d", what, error);
    if (error != CUDA_SUCCESS) {
        close(offered.handle.fd);
        return;
    }
    CUdeviceptr whole = part_of(memory, 0, SIZE), half = part_of(memory, PIECE, PART);
    part_of(memory, SIZE, SIZE); // beyond its end
    if (whole)
        set(whole, 1000);
    if (half)
        set(half, PART);
    release(half);
    release(whole);
    SAY("note array_in_%s %d", what, array_in(memory));
    RUN(CU(cuDestroyExternalMemory, "cuDestroyExternalMemory")(memory));
}

// ---- what is offered ----

static void by_descriptor(CUmemGenericAllocationHandle handle)
{
    uintptr_t fd = 0; // the driver writes an int
    int error = CU(cuMemExportToShareableHandle, "cuMemExportToShareableHandle")(
        &fd, handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0);
    SAY("note descriptor %d", error);
    if (error != CUDA_SUCCESS)
        return;
    offer("descriptor_as_opaque", OPAQUE_FD, (int)fd);
    offer("descriptor_as_dma_buf", DMABUF_FD, (int)fd);
    close((int)fd);
}

static void by_dma_buf(CUdeviceptr at)
{
#if CUDA_VERSION >= 11070
    int fd = -1, error = CU(cuMemGetHandleForAddressRange, "cuMemGetHandleForAddressRange")(
                     &fd, at, SIZE, CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD, 0);
    SAY("note dma_buf %d", error);
    if (error != CUDA_SUCCESS)
        return;
    offer("dma_buf_as_dma_buf", DMABUF_FD, fd);
    offer("dma_buf_as_opaque", OPAQUE_FD, fd);
    close(fd);
#endif
}

static void virtual_memory()
{
    CUmemAllocationProp prop = {};
    CUmemAccessDesc rights = {};
    CUmemGenericAllocationHandle handle;
    CUdeviceptr range;
    prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    prop.location.type = rights.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
    rights.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    RUN(CU(cuMemCreate, "cuMemCreate")(&handle, SIZE, &prop, 0));
    SAY("create %zu 0", SIZE);
    RUN(CU(cuMemAddressReserve, "cuMemAddressReserve")(&range, SIZE, 0, 0, 0));
    SAY("reserve %#llx %zu", range, SIZE);
    RUN(CU(cuMemMap, "cuMemMap")(range, SIZE, 0, handle, 0));
    SAY("map %#llx %zu 0", range, SIZE);
    RUN(CU(cuMemSetAccess, "cuMemSetAccess")(range, SIZE, &rights, 1));
    SAY("hint %#llx %zu 3 0", range, SIZE);
    by_descriptor(handle);
    by_dma_buf(range);
    RUN(CU(cuMemUnmap, "cuMemUnmap")(range, SIZE));
    SAY("unmap %#llx %zu", range, SIZE);
    RUN(CU(cuMemRelease, "cuMemRelease")(handle));
    SAY("release");
    RUN(CU(cuMemAddressFree, "cuMemAddressFree")(range, SIZE));
    SAY("unreserve %#llx %zu", range, SIZE);
}

static void plain_memory()
{
    CUdeviceptr p;
    RUN(CU(cuMemAlloc, "cuMemAlloc_v2")(&p, SIZE));
    SAY("alloc %#llx %zu 0", p, SIZE);
    set(p, SIZE);
    by_dma_buf(p);
    release(p);
}

int main()
{
    CUcontext context;
    RUN(CU(cuInit, "cuInit")(0));
    RUN(CU(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain")(&context, 0));
    RUN(CU(cuCtxSetCurrent, "cuCtxSetCurrent")(context));
    plain_memory();
    virtual_memory();
    part_of(nullptr, 0, PART); // of nothing
    return 0;
}
