/* See simc10_segment.h. Plain segments come from the runtime, expandable ones from the driver's
 * virtual memory calls, which libc10_cuda gets through cudaGetDriverEntryPoint. */
#include "simc10_segment.h"

#include <cuda.h>
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_PAGE = 2 << 20, LARGE_PAGE = 20 << 20 };

static struct {
    CUresult (*reserve)(CUdeviceptr *, size_t, size_t, CUdeviceptr, unsigned long long);
    CUresult (*address_free)(CUdeviceptr, size_t);
    CUresult (*create)(CUmemGenericAllocationHandle *, size_t, const CUmemAllocationProp *,
                       unsigned long long);
    CUresult (*release)(CUmemGenericAllocationHandle);
    CUresult (*map)(CUdeviceptr, size_t, size_t, CUmemGenericAllocationHandle, unsigned long long);
    CUresult (*unmap)(CUdeviceptr, size_t);
    CUresult (*set_access)(CUdeviceptr, size_t, const CUmemAccessDesc *, size_t);
} vmm;

static void *entry(const char *name)
{
    void *fn = NULL;
    enum cudaDriverEntryPointQueryResult status;
    cudaGetDriverEntryPointByVersion(name, &fn, 12000, 0, &status);
    return fn;
}

static bool load_vmm(void)
{
    if (vmm.set_access)
        return true;
    vmm.reserve = entry("cuMemAddressReserve");
    vmm.address_free = entry("cuMemAddressFree");
    vmm.create = entry("cuMemCreate");
    vmm.release = entry("cuMemRelease");
    vmm.map = entry("cuMemMap");
    vmm.unmap = entry("cuMemUnmap");
    vmm.set_access = entry("cuMemSetAccess");
    return vmm.reserve && vmm.create && vmm.map && vmm.unmap && vmm.set_access;
}

static struct segment *new_segment(int device, uint64_t address, size_t size, bool small,
                                   void *stream, enum block_state state)
{
    struct segment *s = calloc(1, sizeof(*s));
    struct block *b = calloc(1, sizeof(*b));
    if (!s || !b)
        abort(); /* host memory: not what is tested here */
    *s = (struct segment){.first = b,
                          .address = address,
                          .size = size,
                          .stream = stream,
                          .small = small,
                          .device = device};
    *b = (struct block){.address = address, .size = size, .state = state, .segment = s};
    return s;
}

struct segment *segment_new(int device, size_t size, bool small, void *stream)
{
    void *p = NULL;
    if (cudaMalloc(&p, size) != cudaSuccess) {
        cudaGetLastError(); /* as the real allocator: the error was dealt with */
        return NULL;
    }
    return new_segment(device, (uintptr_t)p, size, small, stream, BLOCK_CACHED);
}

struct segment *segment_new_expandable(int device, bool small, void *stream)
{
    size_t page = small ? SMALL_PAGE : LARGE_PAGE, free, total;
    if (!load_vmm() || cudaMemGetInfo(&free, &total) != cudaSuccess)
        return NULL;
    size_t size = (total + total / 8 + page - 1) / page * page;
    CUdeviceptr address;
    if (vmm.reserve(&address, size, 0, 0, 0) != CUDA_SUCCESS)
        return NULL;
    struct segment *s = new_segment(device, address, size, small, stream, BLOCK_UNMAPPED);
    s->expandable = true;
    s->page = page;
    s->handles = calloc(size / page, sizeof(*s->handles));
    if (!s->handles)
        abort();
    return s;
}

void segment_free(struct segment *s)
{
    if (s->expandable)
        vmm.address_free(s->address, s->size);
    else
        cudaFree((void *)(uintptr_t)s->address);
    for (struct block *b = s->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(s->handles);
    free(s);
}

struct block *block_split(struct block *b, size_t size)
{
    if (size == b->size)
        return NULL;
    struct block *rest = calloc(1, sizeof(*rest));
    if (!rest)
        abort();
    *rest = *b;
    rest->address += size;
    rest->size -= size;
    rest->prev = b;
    if (rest->next)
        rest->next->prev = rest;
    b->next = rest;
    b->size = size;
    return rest;
}

static bool alike(const struct block *a, const struct block *b)
{
    return a && b && a->state == b->state && !a->deferred && !b->deferred;
}

struct block *block_merge(struct block *b)
{
    if (alike(b->prev, b))
        b = b->prev;
    while (alike(b, b->next)) {
        struct block *gone = b->next;
        b->size += gone->size;
        b->next = gone->next;
        if (b->next)
            b->next->prev = b;
        free(gone);
    }
    return b;
}

static CUresult map_page(struct segment *s, size_t index)
{
    CUmemAllocationProp prop = {.type = CU_MEM_ALLOCATION_TYPE_PINNED,
                                .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = s->device}};
    CUmemGenericAllocationHandle handle;
    CUdeviceptr at = s->address + index * s->page;
    CUresult result = vmm.create(&handle, s->page, &prop, 0);
    if (result != CUDA_SUCCESS)
        return result;
    CUmemAccessDesc access = {.location = prop.location,
                              .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    result = vmm.map(at, s->page, 0, handle, 0);
    if (result == CUDA_SUCCESS)
        result = vmm.set_access(at, s->page, &access, 1);
    if (result == CUDA_SUCCESS)
        s->handles[index] = handle;
    else
        vmm.release(handle);
    return result;
}

static void unmap_page(struct segment *s, size_t index)
{
    vmm.unmap(s->address + index * s->page, s->page);
    vmm.release(s->handles[index]);
    s->handles[index] = 0;
}

/* Memory for at least the first `bytes` of an unmapped block; the cached block they are in then. */
static struct block *map_front(struct block *unmapped, size_t bytes, size_t *mapped)
{
    struct segment *s = unmapped->segment;
    size_t first = (unmapped->address - s->address) / s->page;
    size_t pages = (bytes + s->page - 1) / s->page;
    for (size_t i = 0; i < pages; i++)
        if (map_page(s, first + i) != CUDA_SUCCESS) {
            while (i-- > 0)
                unmap_page(s, first + i);
            return NULL;
        }
    block_split(unmapped, pages * s->page);
    unmapped->state = BLOCK_CACHED;
    *mapped += pages * s->page;
    return block_merge(unmapped);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct block *segment_map(struct block *b, size_t size, size_t *mapped)
{
    *mapped = 0;
    if (b->state == BLOCK_UNMAPPED)
        b = map_front(b, smaller(size, b->size), mapped);
    while (b && b->size < size)
        b = map_front(b->next, smaller(size - b->size, b->next->size), mapped);
    return b;
}

size_t segment_unmap(struct block *b)
{
    struct segment *s = b->segment;
    size_t first = (b->address - s->address + s->page - 1) / s->page;
    size_t end = (b->address + b->size - s->address) / s->page;
    if (end <= first)
        return 0;
    uint64_t from = s->address + first * s->page;
    if (from > b->address)
        b = block_split(b, from - b->address);
    block_split(b, (end - first) * s->page);
    for (size_t i = first; i < end; i++)
        unmap_page(s, i);
    b->state = BLOCK_UNMAPPED;
    block_merge(b);
    return (end - first) * s->page;
}
