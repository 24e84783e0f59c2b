/* Two devices in one process (SIMCUDA_DEVICES=2): whose memory is what, copies between them, and
 * what goes with a context. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "victim.h"

#define PAGE ((size_t)4096)

static CUcontext context[2];   /* primary ones */
static CUdeviceptr memory[2];
static CUmodule module[2];
static CUfunction function[2];
static uint64_t kernel[2];

static void did_alloc(uint64_t api, CUdeviceptr p, size_t size, uint64_t device, uint64_t stream,
                      uint64_t number)
{
    DID(alloc, .api = api, .address = p, .size = size, .device = device, .stream = stream,
        .context = number);
}

static CUdeviceptr alloc_here(size_t size, uint64_t device, uint64_t number)
{
    CUdeviceptr p;
    MUST(CU(cuMemAlloc_v2)(&p, size));
    did_alloc(MT_API_cuMemAlloc_v2, p, size, device, 0, number);
    return p;
}

static void did_copy(uint64_t api, CUdeviceptr to, CUdeviceptr from, size_t size, uint64_t stream)
{
    DID(copy, .api = api, .destination = to, .source = from, .size = size, .stream = stream);
}

static void begin(void)
{
    victim_open(DOOR_HANDLE);
    MUST(CU(cuInit)(0));
    for (int i = 0; i < 2; i++) {
        MUST(CU(cuDevicePrimaryCtxRetain)(&context[i], i));
        if (i > 0) /* the recording began with the first */
            victim_lasted(MT_API_cuDevicePrimaryCtxRetain, MT_UPKEEP_CONTEXT);
        MUST(REAL(cuCtxSetCurrent)(context[i]));
        MUST(REAL(cuModuleLoadData)(&module[i], victim_ptx));
        MUST(REAL(cuModuleGetFunction)(&function[i], module[i], "k_two"));
        memory[i] = alloc_here(PAGE << i, (uint64_t)i, (uint64_t)i + 1);
    }
    for (int i = 0; i < 2; i++)
        kernel[i] = victim_tell_kernel(&victim_k_two);
}

/* Each thread has a current context of its own; it reaches the other device's memory, too. */
static void *on_device(void *device)
{
    uintptr_t i = (uintptr_t)device;
    MUST(REAL(cuCtxSetCurrent)(context[i]));
    for (int times = 0; times < 200; times++) {
        CUdeviceptr own = alloc_here(512 << i, i, i + 1);
        MUST(CU(cuMemsetD8_v2)(own, 0, 16));
        DID(set, .api = MT_API_cuMemsetD8_v2, .address = own, .width = 16, .height = 1);
        victim_launch(function[i], kernel[i], own, memory[1 - i]);
        MUST(CU(cuMemcpyDtoD_v2)(own, memory[1 - i], 64)); /* where they lie, the address tells */
        did_copy(MT_API_cuMemcpyDtoD_v2, own, memory[1 - i], 64, 0);
        victim_free(own);
    }
    return NULL;
}

static void use_threads(void)
{
    pthread_t thread[2];
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, on_device, (void *)i);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
}

static void copy_between(void)
{
    CUstream stream;
    MUST(REAL(cuStreamCreate)(&stream, CU_STREAM_NON_BLOCKING));
    for (int i = 0; i < 2; i++) {
        int o = 1 - i;
        MUST(CU(cuMemcpyPeer)(memory[i], context[i], memory[o], context[o], 100));
        did_copy(MT_API_cuMemcpyPeer, memory[i], memory[o], 100, 0);
        MUST(CU(cuMemcpyPeerAsync)(memory[i], context[i], memory[o] + 8, context[o], 200, stream));
        did_copy(MT_API_cuMemcpyPeerAsync, memory[i], memory[o] + 8, 200, (uintptr_t)stream);
        MUST(CU(cuMemcpy)(memory[i], memory[o], 300));
        did_copy(MT_API_cuMemcpy, memory[i], memory[o], 300, 0);
        MUST(REAL(cuCtxSetCurrent)(context[i]));
        MUST(REAL(cuCtxEnablePeerAccess)(context[o], 0));
    }
}

/* What comes of a stream or a pool lies on its device, whichever is current. */
static void use_pools(void)
{
    CUstream other;
    CUmemoryPool pool;
    CUdeviceptr p;
    CUmemPoolProps properties = {.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
                                 .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 1}};
    MUST(REAL(cuCtxSetCurrent)(context[1]));
    MUST(REAL(cuStreamCreate)(&other, CU_STREAM_NON_BLOCKING));
    MUST(REAL(cuCtxSetCurrent)(context[0]));
    MUST(CU(cuMemAllocAsync)(&p, 700, other));
    did_alloc(MT_API_cuMemAllocAsync, p, 700, 1, (uintptr_t)other, 1);
    MUST(CU(cuMemFreeAsync)(p, other));
    DID(free, .api = MT_API_cuMemFreeAsync, .address = p, .stream = (uintptr_t)other);
    MUST(REAL(cuMemPoolCreate)(&pool, &properties));
    MUST(CU(cuMemAllocFromPoolAsync)(&p, 800, pool, NULL));
    did_alloc(MT_API_cuMemAllocFromPoolAsync, p, 800, 1, 0, 1);
}

/* Contexts that go with all that is in them; the other device's memory stays. */
static void end_contexts(void)
{
    CUcontext own;
    MUST(CU(cuCtxCreate_v2)(&own, 0, 1));
    victim_lasted(MT_API_cuCtxCreate_v2, MT_UPKEEP_CONTEXT);
    alloc_here(900, 1, 3);
    MUST(CU(cuCtxDestroy_v2)(own));
    victim_upkeep(MT_API_cuCtxDestroy_v2, MT_UPKEEP_CONTEXT_END, 1);
    DID(context_end, .context = 3, .device = MT_DEVICE_UNKNOWN);
    victim_upkeep(MT_API_cuCtxDestroy_v2, MT_UPKEEP_CONTEXT_END, 0);
    MUST(CU(cuDevicePrimaryCtxReset_v2)(1));
    victim_upkeep(MT_API_cuDevicePrimaryCtxReset_v2, MT_UPKEEP_CONTEXT_END, 1);
    DID(context_end, .context = 2, .device = 1, .primary = 1);
    victim_upkeep(MT_API_cuDevicePrimaryCtxReset_v2, MT_UPKEEP_CONTEXT_END, 0);
    MUST(REAL(cuCtxSetCurrent)(context[0]));
    victim_launch(function[0], kernel[0], memory[0], memory[0] + 8);
    victim_free(memory[0]);
}

static int devices(int argc, char **argv)
{
    (void)argc, (void)argv;
    begin();
    use_threads();
    copy_between();
    use_pools();
    end_contexts();
    return 0;
}

/* ---- what NVML says while contexts come and go, slowly ---- */

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* The process grows by as many MiB from look to look. */
static void grow(const char *mib)
{
    setenv("SIMNVML_GROWTH", mib, 1);
}

/* A second context is made, takes memory and goes; then the first goes with what it has. */
static int contexts_slow(int argc, char **argv)
{
    CUcontext own;
    (void)argc, (void)argv;
    grow("0");
    victim_begin(DOOR_HANDLE);
    victim_alloc((size_t)32 << 20);
    wait_ms(250);
    grow("14");
    MUST(CU(cuCtxCreate_v2)(&own, 0, 0));
    grow("0");
    MUST(CU(cuCtxDestroy_v2)(own));
    MUST(CU(cuDevicePrimaryCtxReset_v2)(0));
    grow("7"); /* made again */
    MUST(CU(cuDevicePrimaryCtxRetain)(&own, 0));
    grow("0");
    return 0;
}

const struct victim_command victim_devices[] = {
    {"devices", devices}, {"contexts-slow", contexts_slow}, {NULL, NULL}};
