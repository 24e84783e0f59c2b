/* cuInit, devices and what is asked about them. */
#include "sim_device.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "sim_config.h"
#include "simcuda.h"

struct sim_device sim_devices[SIM_MAX_DEVICES];
struct sim_range sim_device_range, sim_host_range;
struct sim_arena sim_virtual_arena;

static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static bool initialised, forked;

int sim_device_count(void)
{
    return sim_config()->devices;
}

static bool open_range(struct sim_range *range, uint64_t base, uint64_t bytes)
{
    bool ready = sim_range_init(range, base, bytes);
    range->arena.leaving = sim_release_pages;
    return ready;
}

struct sim_range *sim_low_range(void)
{
    static struct sim_range range;
    static bool open;
    pthread_mutex_lock(&init_lock);
    if (!open)
        open = open_range(&range, SIM_LOW_BASE, SIM_LOW_BYTES);
    pthread_mutex_unlock(&init_lock);
    return open ? &range : NULL;
}

/* As the real driver: the child of a process that had initialised CUDA cannot use it. */
static void in_child(void)
{
    sim_core_forked();
    pthread_mutex_init(&init_lock, NULL);
    forked = initialised;
    if (forked)
        sim_gates_init(CUDA_ERROR_NOT_INITIALIZED);
}

__attribute__((constructor)) static void begin(void)
{
    sim_gates_init(CUDA_ERROR_NOT_INITIALIZED);
    pthread_atfork(NULL, NULL, in_child);
}

static CUresult initialise(void)
{
    if (sim_device_count() == 0)
        return CUDA_ERROR_NO_DEVICE;
    if (!open_range(&sim_device_range, SIM_DEVICE_BASE, SIM_DEVICE_BYTES / 2) ||
        !open_range(&sim_host_range, SIM_HOST_BASE, SIM_HOST_BYTES) ||
        !sim_arena_init(&sim_virtual_arena, SIM_VIRTUAL_BASE, SIM_DEVICE_BYTES / 2))
        return CUDA_ERROR_OUT_OF_MEMORY;
    for (int d = 0; d < sim_device_count(); d++) {
        sim_devices[d].default_pool = sim_devices[d].pool = sim_pool_new(d);
        sim_devices[d].default_pool->is_default = true;
    }
    return CUDA_SUCCESS;
}

CUresult cuInit(unsigned int Flags)
{
    SIM_ENTER(cuInit);
    SIM_REQUIRE(Flags == 0, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(!forked, CUDA_ERROR_NOT_INITIALIZED);
    CUresult result = CUDA_SUCCESS;
    pthread_mutex_lock(&init_lock);
    if (!initialised) {
        result = initialise();
        initialised = result == CUDA_SUCCESS;
        if (initialised)
            sim_gates_init(CUDA_SUCCESS);
    }
    pthread_mutex_unlock(&init_lock);
    return result;
}

void simcuda_driver_version(int version)
{
    sim_config()->driver_version = version;
    pthread_mutex_lock(&init_lock);
    if (initialised)
        sim_gates_init(CUDA_SUCCESS);
    pthread_mutex_unlock(&init_lock);
}

CUresult cuDriverGetVersion(int *driverVersion)
{
    SIM_ENTER(cuDriverGetVersion);
    SIM_REQUIRE(driverVersion, CUDA_ERROR_INVALID_VALUE);
    *driverVersion = sim_config()->driver_version;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count)
{
    SIM_ENTER(cuDeviceGetCount);
    SIM_REQUIRE(count, CUDA_ERROR_INVALID_VALUE);
    *count = sim_device_count();
    return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    SIM_ENTER(cuDeviceGet);
    SIM_REQUIRE(device, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(ordinal), CUDA_ERROR_INVALID_DEVICE);
    *device = ordinal;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int len, CUdevice dev)
{
    SIM_ENTER(cuDeviceGetName);
    SIM_REQUIRE(name && len > 0, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    snprintf(name, (size_t)len, "Simulated GPU (no hardware)");
    return CUDA_SUCCESS;
}

static CUresult get_uuid(CUuuid *uuid, CUdevice dev)
{
    SIM_REQUIRE(uuid, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    memcpy(uuid->bytes, "simulated-gpu", 14);
    uuid->bytes[14] = 0;
    uuid->bytes[15] = (char)dev;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
    SIM_ENTER(cuDeviceGetUuid);
    return get_uuid(uuid, dev);
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice dev)
{
    SIM_ENTER(cuDeviceGetUuid_v2);
    return get_uuid(uuid, dev);
}

CUresult cuDeviceGetPCIBusId(char *pciBusId, int len, CUdevice dev)
{
    SIM_ENTER(cuDeviceGetPCIBusId);
    SIM_REQUIRE(pciBusId && len > 0, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    snprintf(pciBusId, (size_t)len, "0000:%02X:00.0", 0x10 + dev);
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetByPCIBusId(CUdevice *dev, const char *pciBusId)
{
    SIM_ENTER(cuDeviceGetByPCIBusId);
    unsigned domain, bus;
    SIM_REQUIRE(dev && pciBusId, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sscanf(pciBusId, "%x:%x", &domain, &bus) == 2, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok((int)bus - 0x10), CUDA_ERROR_INVALID_DEVICE);
    *dev = (int)bus - 0x10;
    return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev)
{
    SIM_ENTER(cuDeviceTotalMem_v2);
    SIM_REQUIRE(bytes, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    *bytes = sim_config()->memory;
    return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem(unsigned int *bytes, CUdevice dev)
{
    SIM_ENTER(cuDeviceTotalMem);
    SIM_REQUIRE(bytes, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    *bytes = sim_config()->memory > ~0U ? ~0U : (unsigned)sim_config()->memory;
    return CUDA_SUCCESS;
}

CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice dev)
{
    SIM_ENTER(cuDeviceComputeCapability);
    SIM_REQUIRE(major && minor, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    *major = sim_config()->compute / 10;
    *minor = sim_config()->compute % 10;
    return CUDA_SUCCESS;
}

/* Attributes that programs size their launches by; all others are 0, "not supported". */
static const struct {
    CUdevice_attribute attribute;
    int value;
} attributes[] = {
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 49152},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 232448},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 233472},
    {CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, 65536},
    {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
    {CU_DEVICE_ATTRIBUTE_MAX_PITCH, 2147483647},
    {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
    {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
    {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000},
    {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000},
    {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 4096},
    {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 1 << 25},
    {CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, 512},
    {CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT, 32},
    {CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT, 512},
    {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 4},
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32},
    {CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 2},
    {CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, 1},
    {CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1},
    {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1},
    {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
    {CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 1},
    {CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, 1},
    {CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS, 1},
    {CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1},
    {CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED, 1},
};

CUresult cuDeviceGetAttribute(int *pi, CUdevice_attribute attrib, CUdevice dev)
{
    SIM_ENTER(cuDeviceGetAttribute);
    SIM_REQUIRE(pi, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    *pi = 0;
    if (attrib == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
        *pi = sim_config()->compute / 10;
    else if (attrib == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
        *pi = sim_config()->compute % 10;
    else if (attrib == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)
        *pi = 0x10 + dev;
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
        if (attributes[i].attribute == attrib)
            *pi = attributes[i].value;
    return CUDA_SUCCESS;
}

CUresult cuDeviceCanAccessPeer(int *canAccessPeer, CUdevice dev, CUdevice peerDev)
{
    SIM_ENTER(cuDeviceCanAccessPeer);
    SIM_REQUIRE(canAccessPeer, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(dev) && sim_device_ok(peerDev), CUDA_ERROR_INVALID_DEVICE);
    *canAccessPeer = dev != peerDev;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetP2PAttribute(int *value, CUdevice_P2PAttribute attrib, CUdevice srcDevice,
                                 CUdevice dstDevice)
{
    SIM_ENTER(cuDeviceGetP2PAttribute);
    SIM_REQUIRE(value && srcDevice != dstDevice, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_device_ok(srcDevice) && sim_device_ok(dstDevice), CUDA_ERROR_INVALID_DEVICE);
    *value = attrib == CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED;
    return CUDA_SUCCESS;
}

CUresult cuProfilerStart(void)
{
    SIM_ENTER(cuProfilerStart);
    return CUDA_SUCCESS;
}

CUresult cuProfilerStop(void)
{
    SIM_ENTER(cuProfilerStop);
    return CUDA_SUCCESS;
}

unsigned long long simcuda_used(int device)
{
    return sim_device_ok(device) ? atomic_load(&sim_devices[device].used) : 0;
}

static unsigned long long live(struct sim_arena *arena)
{
    pthread_mutex_lock(&arena->lock);
    unsigned long long n = arena->live;
    pthread_mutex_unlock(&arena->lock);
    return n;
}

unsigned long long simcuda_live(void)
{
    return live(&sim_device_range.arena) + live(&sim_virtual_arena);
}

void simcuda_range(unsigned long long *first, unsigned long long *last)
{
    *first = SIM_DEVICE_BASE;
    *last = SIM_DEVICE_BASE + SIM_DEVICE_BYTES - 1;
}
