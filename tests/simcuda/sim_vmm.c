/* Virtual memory: addresses from the device range, memory from a window of its own, joined by
 * mapping.
 *
 * The window is one shared anonymous mapping; mremap with an old size of 0 makes a second mapping
 * of a part of it, so that memory keeps its contents however often it moves, and no file descriptor
 * is needed (victims of some tests close all they find). */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim_config.h"
#include "sim_device.h"
#include "sim_vmm.h"

enum { GRANULARITY = 2 << 20 };

struct physical {
    struct sim_head head;
    CUmemAllocationProp prop;
    uint64_t bytes, window; /* address in the window */
    unsigned references, mappings;
};

struct mapping {
    uint64_t address, bytes;
    struct physical *physical;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sim_arena window;
static bool window_ready;
static int window_fd = -1;       /* only where mremap cannot make a second mapping */
static struct mapping *mappings; /* by address */
static size_t n_mappings, room;

static bool aligned(uint64_t n)
{
    return n % GRANULARITY == 0;
}

/* All memory twice, because the window may be fragmented. */
static uint64_t window_bytes(void)
{
    uint64_t bytes = sim_config()->memory * (uint64_t)sim_device_count() * 2;
    return (bytes + GRANULARITY - 1) / GRANULARITY * GRANULARITY;
}

static void *map_window(int fd)
{
    int flags = MAP_SHARED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0);
    return mmap(NULL, window_bytes(), PROT_READ | PROT_WRITE, flags, fd, 0);
}

/* Emulators refuse such an mremap. */
static bool can_be_mapped_twice(void *p)
{
    void *twin = mremap(p, 0, GRANULARITY, MREMAP_MAYMOVE);
    return twin != MAP_FAILED && munmap(twin, GRANULARITY) == 0;
}

static bool prepare_window(void)
{
    if (window_ready)
        return true;
    void *p = map_window(-1);
    if (p != MAP_FAILED && !can_be_mapped_twice(p)) {
        munmap(p, window_bytes());
        window_fd = memfd_create("simcuda", MFD_CLOEXEC);
        if (window_fd < 0 || ftruncate(window_fd, (off_t)window_bytes()) != 0)
            return false;
        p = map_window(window_fd);
    }
    if (p == MAP_FAILED)
        return false;
    madvise(p, window_bytes(), MADV_DONTDUMP);
    window_ready = sim_arena_init(&window, (uintptr_t)p, window_bytes());
    return window_ready;
}

CUresult cuMemGetAllocationGranularity(size_t *granularity, const CUmemAllocationProp *prop,
                                       CUmemAllocationGranularity_flags option)
{
    SIM_ENTER(cuMemGetAllocationGranularity);
    (void)option;
    SIM_REQUIRE(granularity && prop, CUDA_ERROR_INVALID_VALUE);
    *granularity = GRANULARITY;
    return CUDA_SUCCESS;
}

CUresult cuMemAddressReserve(CUdeviceptr *ptr, size_t size, size_t alignment, CUdeviceptr addr,
                             unsigned long long flags)
{
    SIM_ENTER(cuMemAddressReserve);
    SIM_REQUIRE(ptr && size && aligned(size) && flags == 0, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE((alignment & (alignment - 1)) == 0, CUDA_ERROR_INVALID_VALUE);
    struct sim_block block = {.bytes = size, .use = SIM_RESERVED};
    uint64_t align = alignment > GRANULARITY ? alignment : GRANULARITY;
    SIM_REQUIRE(sim_arena_take(&sim_virtual_arena, &block, align, aligned(addr) ? addr : 0),
                CUDA_ERROR_OUT_OF_MEMORY);
    *ptr = block.address;
    SIM_BYTES(cuMemAddressReserve, size);
    return CUDA_SUCCESS;
}

/* Index of the first mapping that ends above the address. */
static size_t first_above(uint64_t address)
{
    size_t low = 0, high = n_mappings;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (mappings[middle].address + mappings[middle].bytes > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool touches_mapping(uint64_t address, uint64_t bytes)
{
    size_t i = first_above(address);
    return i < n_mappings && mappings[i].address < address + bytes;
}

static bool wholly_mapped(uint64_t address, uint64_t bytes)
{
    uint64_t end = address + bytes;
    for (size_t i = first_above(address); i < n_mappings && address < end; i++) {
        if (mappings[i].address > address)
            return false;
        address = mappings[i].address + mappings[i].bytes;
    }
    return address >= end;
}

bool sim_vmm_is_mapped(uint64_t address, uint64_t bytes)
{
    pthread_mutex_lock(&lock);
    bool mapped = wholly_mapped(address, bytes);
    pthread_mutex_unlock(&lock);
    return mapped;
}

static bool reserved(uint64_t address, uint64_t bytes)
{
    struct sim_block block;
    return sim_arena_containing(&sim_virtual_arena, address, &block) && block.use == SIM_RESERVED &&
           bytes <= block.bytes - (address - block.address);
}

CUresult cuMemAddressFree(CUdeviceptr ptr, size_t size)
{
    SIM_ENTER(cuMemAddressFree);
    struct sim_block block;
    SIM_REQUIRE(sim_arena_starting(&sim_virtual_arena, ptr, &block) && block.bytes == size &&
                    block.use == SIM_RESERVED,
                CUDA_ERROR_INVALID_VALUE);
    pthread_mutex_lock(&lock);
    bool given = !touches_mapping(ptr, size) &&
                 sim_arena_give(&sim_virtual_arena, ptr, 1u << SIM_RESERVED, &block);
    pthread_mutex_unlock(&lock);
    SIM_REQUIRE(given, CUDA_ERROR_INVALID_VALUE);
    sim_given(ptr, size);
    return CUDA_SUCCESS;
}

static bool takes(const CUmemAllocationProp *prop)
{
    return prop && prop->type == CU_MEM_ALLOCATION_TYPE_PINNED &&
           prop->location.type == CU_MEM_LOCATION_TYPE_DEVICE && sim_device_ok(prop->location.id);
}

static bool take_window(struct physical *p)
{
    struct sim_block block = {.bytes = p->bytes, .use = SIM_SPACE};
    pthread_mutex_lock(&lock);
    bool taken = prepare_window() && sim_arena_take(&window, &block, GRANULARITY, 0);
    pthread_mutex_unlock(&lock);
    p->window = block.address;
    return taken;
}

CUresult cuMemCreate(CUmemGenericAllocationHandle *handle, size_t size,
                     const CUmemAllocationProp *prop, unsigned long long flags)
{
    SIM_ENTER(cuMemCreate);
    SIM_REQUIRE(handle && size && aligned(size) && flags == 0 && takes(prop),
                CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_oom_due() == CUDA_SUCCESS, CUDA_ERROR_OUT_OF_MEMORY);
    SIM_REQUIRE(sim_memory_account(prop->location.id, (int64_t)size), CUDA_ERROR_OUT_OF_MEMORY);
    struct physical *p = sim_object_new(SIM_PHYSICAL, sizeof(*p));
    if (p) {
        p->prop = *prop;
        p->bytes = size;
        p->references = 1;
    }
    if (!p || !take_window(p)) {
        if (p)
            sim_object_free(p);
        sim_memory_account(prop->location.id, -(int64_t)size);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *handle = (CUmemGenericAllocationHandle)(uintptr_t)p;
    SIM_BYTES(cuMemCreate, size);
    return CUDA_SUCCESS;
}

static struct physical *physical_of(CUmemGenericAllocationHandle handle)
{
    struct physical *p = (struct physical *)(uintptr_t)handle;
    return sim_is(p, SIM_PHYSICAL) ? p : NULL;
}

static void empty(const struct physical *p)
{
    if (window_fd < 0)
        madvise((void *)(uintptr_t)p->window, p->bytes, MADV_REMOVE);
    else
        fallocate(window_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)(p->window - window.base), (off_t)p->bytes);
}

/* With the lock held: memory goes back when neither a handle nor a mapping needs it. */
static void drop_if_unused(struct physical *p)
{
    struct sim_block block;
    if (p->references || p->mappings)
        return;
    empty(p);
    sim_arena_give(&window, p->window, 1u << SIM_SPACE, &block);
    sim_memory_account(p->prop.location.id, -(int64_t)p->bytes);
    sim_object_free(p);
}

CUresult cuMemRelease(CUmemGenericAllocationHandle handle)
{
    SIM_ENTER(cuMemRelease);
    struct physical *p = physical_of(handle);
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    pthread_mutex_lock(&lock);
    bool held = p->references > 0;
    if (held) {
        p->references--;
        drop_if_unused(p);
    }
    pthread_mutex_unlock(&lock);
    return held ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static bool remember(const struct mapping *m)
{
    if (n_mappings == room) {
        size_t more = room ? room * 2 : 64;
        struct mapping *grown = realloc(mappings, more * sizeof(*grown));
        if (!grown)
            return false;
        mappings = grown;
        room = more;
    }
    size_t i = first_above(m->address);
    memmove(&mappings[i + 1], &mappings[i], (n_mappings - i) * sizeof(*mappings));
    mappings[i] = *m;
    n_mappings++;
    return true;
}

static bool map_again(const struct mapping *m, uint64_t from)
{
    void *to = (void *)(uintptr_t)m->address;
    if (window_fd < 0)
        return mremap((void *)(uintptr_t)from, 0, m->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
               to;
    return mmap(to, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
                window_fd, (off_t)(from - window.base)) == to;
}

static CUresult map(const struct mapping *m, uint64_t offset)
{
    if (touches_mapping(m->address, m->bytes) || m->physical->references == 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (!map_again(m, m->physical->window + offset) || !remember(m))
        return CUDA_ERROR_OUT_OF_MEMORY;
    m->physical->mappings++;
    return CUDA_SUCCESS;
}

CUresult cuMemMap(CUdeviceptr ptr, size_t size, size_t offset, CUmemGenericAllocationHandle handle,
                  unsigned long long flags)
{
    SIM_ENTER(cuMemMap);
    struct mapping m = {ptr, size, physical_of(handle)};
    SIM_REQUIRE(size && aligned(ptr) && aligned(size) && aligned(offset) && flags == 0,
                CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(m.physical && offset + size <= m.physical->bytes && reserved(ptr, size),
                CUDA_ERROR_INVALID_VALUE);
    pthread_mutex_lock(&lock);
    CUresult result = map(&m, offset);
    pthread_mutex_unlock(&lock);
    if (result == CUDA_SUCCESS)
        SIM_BYTES(cuMemMap, size);
    return result;
}

/* With the lock held. Mappings are unmapped whole. */
static CUresult unmap(uint64_t address, uint64_t bytes)
{
    size_t first = first_above(address), end = first;
    while (end < n_mappings && mappings[end].address < address + bytes)
        end++;
    if (end == first || mappings[first].address < address ||
        mappings[end - 1].address + mappings[end - 1].bytes > address + bytes ||
        !wholly_mapped(address, bytes))
        return CUDA_ERROR_INVALID_VALUE;
    mmap((void *)(uintptr_t)address, bytes, PROT_NONE, /* keeps others away */
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    for (size_t i = first; i < end; i++) {
        mappings[i].physical->mappings--;
        drop_if_unused(mappings[i].physical);
    }
    memmove(&mappings[first], &mappings[end], (n_mappings - end) * sizeof(*mappings));
    n_mappings -= end - first;
    return CUDA_SUCCESS;
}

CUresult cuMemUnmap(CUdeviceptr ptr, size_t size)
{
    SIM_ENTER(cuMemUnmap);
    SIM_REQUIRE(size && aligned(ptr) && aligned(size), CUDA_ERROR_INVALID_VALUE);
    pthread_mutex_lock(&lock);
    CUresult result = unmap(ptr, size);
    pthread_mutex_unlock(&lock);
    if (result == CUDA_SUCCESS) {
        SIM_BYTES(cuMemUnmap, size);
        sim_given(ptr, size);
    }
    return result;
}

CUresult cuMemSetAccess(CUdeviceptr ptr, size_t size, const CUmemAccessDesc *desc, size_t count)
{
    SIM_ENTER(cuMemSetAccess);
    SIM_REQUIRE(size && desc && count, CUDA_ERROR_INVALID_VALUE);
    return sim_vmm_is_mapped(ptr, size) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemGetAccess(unsigned long long *flags, const CUmemLocation *location, CUdeviceptr ptr)
{
    SIM_ENTER(cuMemGetAccess);
    SIM_REQUIRE(flags && location && sim_vmm_is_mapped(ptr, 1), CUDA_ERROR_INVALID_VALUE);
    *flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    return CUDA_SUCCESS;
}

CUresult cuMemGetAllocationPropertiesFromHandle(CUmemAllocationProp *prop,
                                                CUmemGenericAllocationHandle handle)
{
    SIM_ENTER(cuMemGetAllocationPropertiesFromHandle);
    const struct physical *p = physical_of(handle);
    SIM_REQUIRE(prop && p, CUDA_ERROR_INVALID_VALUE);
    *prop = p->prop;
    return CUDA_SUCCESS;
}

CUresult cuMemRetainAllocationHandle(CUmemGenericAllocationHandle *handle, void *addr)
{
    SIM_ENTER(cuMemRetainAllocationHandle);
    SIM_REQUIRE(handle, CUDA_ERROR_INVALID_VALUE);
    struct physical *p = NULL;
    pthread_mutex_lock(&lock);
    size_t i = first_above((uintptr_t)addr);
    if (i < n_mappings && mappings[i].address <= (uintptr_t)addr) {
        p = mappings[i].physical;
        p->references++;
    }
    pthread_mutex_unlock(&lock);
    SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);
    *handle = (CUmemGenericAllocationHandle)(uintptr_t)p;
    return CUDA_SUCCESS;
}

/* A shared handle is the handle itself: whoever imports it is this process. */
CUresult cuMemExportToShareableHandle(void *shareableHandle, CUmemGenericAllocationHandle handle,
                                      CUmemAllocationHandleType handleType,
                                      unsigned long long flags)
{
    SIM_ENTER(cuMemExportToShareableHandle);
    (void)handleType, (void)flags;
    SIM_REQUIRE(shareableHandle && physical_of(handle), CUDA_ERROR_INVALID_VALUE);
    *(uint64_t *)shareableHandle = handle;
    return CUDA_SUCCESS;
}

CUresult cuMemImportFromShareableHandle(CUmemGenericAllocationHandle *handle, void *osHandle,
                                        CUmemAllocationHandleType shHandleType)
{
    SIM_ENTER(cuMemImportFromShareableHandle);
    (void)shHandleType;
    struct physical *p = physical_of((uintptr_t)osHandle);
    SIM_REQUIRE(handle && p, CUDA_ERROR_INVALID_VALUE);
    pthread_mutex_lock(&lock);
    p->references++;
    pthread_mutex_unlock(&lock);
    *handle = (uintptr_t)osHandle;
    return CUDA_SUCCESS;
}

/* An object that names memory of others; here it names memory of its own. */
CUresult cuMulticastCreate(CUmemGenericAllocationHandle *mcHandle,
                           const CUmulticastObjectProp *prop)
{
    SIM_ENTER(cuMulticastCreate);
    SIM_REQUIRE(mcHandle && prop && aligned(prop->size) && prop->size, CUDA_ERROR_INVALID_VALUE);
    struct physical *p = sim_object_new(SIM_PHYSICAL, sizeof(*p));
    SIM_REQUIRE(p, CUDA_ERROR_OUT_OF_MEMORY);
    p->bytes = prop->size;
    p->references = 1;
    if (!sim_memory_account(0, (int64_t)p->bytes) || !take_window(p)) {
        sim_object_free(p);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *mcHandle = (CUmemGenericAllocationHandle)(uintptr_t)p;
    return CUDA_SUCCESS;
}
