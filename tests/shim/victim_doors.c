/* Every hooked function once, through one door: with a stream and without, granted and refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "victim.h"

#define MIB2 ((size_t)2 << 20)
#define REFUSED CUDA_ERROR_LAUNCH_FAILED /* what the driver is told to answer */

/* What there is to work on; made behind the recorder's back but for the memory. */
static struct {
    CUcontext context;
    CUstream stream;
    CUdeviceptr d, s; /* device memory, MIB2 each */
    char *page;       /* host memory, MIB2 */
    CUarray a, b;
    CUmemoryPool pool;
    CUmemAllocationProp physical;
    CUmodule module;
    CUfunction f;
    uint64_t kernel;
    CUgraphExec graph;
    CUgraph source, child; /* a graph of a kernel, a set, a copy and the child: a set */
    CUgraphNode node[4];
    uint64_t graphs;   /* defined so far */
    uint64_t contexts; /* made so far that had memory */
    CUdeviceptr one, two; /* arguments of w.f */
    unsigned three;
    void *params[3];
} w;

static void make_graph(void)
{
    CUgraph graph;
    MUST(REAL(cuGraphCreate)(&graph, 0));
    MUST(REAL(cuGraphInstantiateWithFlags)(&w.graph, graph, 0));
}

static CUDA_MEMSET_NODE_PARAMS set_of(size_t width)
{
    return (CUDA_MEMSET_NODE_PARAMS){.dst = w.d + 4, .elementSize = 2, .width = width / 2,
                                     .height = 1};
}

static CUgraphNodeParams any_set(size_t width)
{
    return (CUgraphNodeParams){.type = CU_GRAPH_NODE_TYPE_MEMSET,
                               .memset = {.dst = w.d + 4, .elementSize = 2, .width = width / 2,
                                          .height = 1}};
}

static CUDA_KERNEL_NODE_PARAMS_v1 kernel_v1(void)
{
    return (CUDA_KERNEL_NODE_PARAMS_v1){.func = w.f, .gridDimX = 1, .gridDimY = 1, .gridDimZ = 1,
                                        .blockDimX = 1, .blockDimY = 1, .blockDimZ = 1,
                                        .kernelParams = w.params};
}

static CUDA_KERNEL_NODE_PARAMS kernel_v2(void)
{
    return (CUDA_KERNEL_NODE_PARAMS){.func = w.f, .gridDimX = 1, .gridDimY = 1, .gridDimZ = 1,
                                     .blockDimX = 1, .blockDimY = 1, .blockDimZ = 1,
                                     .kernelParams = w.params};
}

static void make_source(void)
{
    CUDA_KERNEL_NODE_PARAMS kernel = kernel_v2();
    CUDA_MEMSET_NODE_PARAMS set = set_of(8);
    CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = w.s,
                          .dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstDevice = w.d,
                          .WidthInBytes = 100, .Height = 1, .Depth = 1};
    MUST(REAL(cuGraphCreate)(&w.source, 0));
    MUST(REAL(cuGraphCreate)(&w.child, 0));
    MUST(REAL(cuGraphAddMemsetNode)(&w.node[0], w.child, NULL, 0, &set, w.context));
    MUST(REAL(cuGraphAddKernelNode_v2)(&w.node[0], w.source, NULL, 0, &kernel));
    MUST(REAL(cuGraphAddMemsetNode)(&w.node[1], w.source, w.node, 1, &set, w.context));
    MUST(REAL(cuGraphAddMemcpyNode)(&w.node[2], w.source, &w.node[1], 1, &copy, w.context));
    MUST(REAL(cuGraphAddChildGraphNode)(&w.node[3], w.source, &w.node[2], 1, w.child));
}

static void make_world(enum door door)
{
    CUDA_ARRAY_DESCRIPTOR row = {
        .Width = 4096, .Format = CU_AD_FORMAT_UNSIGNED_INT8, .NumChannels = 1};
    w.physical = (CUmemAllocationProp){.type = CU_MEM_ALLOCATION_TYPE_PINNED,
                                       .location.type = CU_MEM_LOCATION_TYPE_DEVICE};
    victim_begin(door);
    MUST(REAL(cuCtxGetCurrent)(&w.context));
    MUST(REAL(cuStreamCreate)(&w.stream, CU_STREAM_NON_BLOCKING));
    MUST(REAL(cuArrayCreate_v2)(&w.a, &row));
    MUST(REAL(cuArrayCreate_v2)(&w.b, &row));
    MUST(REAL(cuDeviceGetDefaultMemPool)(&w.pool, 0));
    MUST(REAL(cuModuleLoadData)(&w.module, victim_ptx));
    MUST(REAL(cuModuleGetFunction)(&w.f, w.module, "k_two"));
    make_graph();
    w.page = mmap(NULL, MIB2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    w.d = victim_alloc(MIB2);
    w.s = victim_alloc(MIB2);
    w.kernel = victim_tell_kernel(&victim_k_two);
    w.one = w.d + 16;
    w.two = w.s + 32;
    w.params[0] = &w.one;
    w.params[1] = &w.two;
    w.params[2] = &w.three;
    make_source();
}

/* ---- what calls take, and the entries for them ---- */

static void did_alloc(uint64_t api, CUdeviceptr p, size_t size, uint64_t stream)
{
    DID(alloc, .api = api, .address = p, .size = size, .stream = stream, .context = 1);
}

static void no_alloc(uint64_t api, size_t size)
{
    size_t left, total;
    MUST(REAL(cuMemGetInfo_v2)(&left, &total));
    DID(alloc_failed, .api = api, .size = size, .error = REFUSED, .free_bytes = left,
        .total_bytes = total);
}

static void did_free(uint64_t api, CUdeviceptr p, uint64_t stream)
{
    DID(free, .api = api, .address = p, .stream = stream);
}

static void no_free(uint64_t api, CUdeviceptr p)
{
    DID(free_failed, .api = api, .address = p, .error = REFUSED);
}

static void did_host(uint64_t api, void *p, size_t size)
{
    DID(host_alloc, .api = api, .address = (uintptr_t)p, .size = size, .context = 1);
}

static void did_host_free(uint64_t api, void *p)
{
    DID(host_free, .api = api, .address = (uintptr_t)p);
}

static void did_range(enum mt_kind kind, CUdeviceptr p)
{
    uint64_t fields[] = {p, MIB2};
    ledger_put(kind, fields, 2, NULL, 0);
}

static void did_create(CUmemGenericAllocationHandle h)
{
    DID(create, .handle = h, .size = MIB2);
}

static void did_release(CUmemGenericAllocationHandle h)
{
    DID(release, .handle = h);
}

static void did_map(CUdeviceptr p, CUmemGenericAllocationHandle h)
{
    DID(map, .address = p, .size = MIB2, .handle = h);
}

static void did_copy(uint64_t api, uint64_t d, uint64_t s, size_t size, uint64_t stream)
{
    DID(copy, .api = api, .destination = d, .source = s, .size = size, .stream = stream);
}

static void did_set(uint64_t api, size_t width, size_t height, size_t pitch, uint64_t stream)
{
    DID(set, .api = api, .address = w.d + 4, .width = width, .height = height, .pitch = pitch,
        .stream = stream);
}

static void did_box(uint64_t api, struct mt_ev_copy_rect rect, uint64_t stream)
{
    rect.api = api;
    rect.stream = stream;
    ledger_put(MT_copy_rect, (uint64_t *)&rect, sizeof rect / 8, NULL, 0);
}

/* From row 2, column 5 of a device box of pitch 256 to row 1, column 3 of one of pitch 128. */
static CUDA_MEMCPY2D box_2d(void)
{
    return (CUDA_MEMCPY2D){.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = w.s,
                           .srcXInBytes = 5, .srcY = 2, .srcPitch = 256,
                           .dstMemoryType = CU_MEMORYTYPE_UNIFIED, .dstDevice = w.d,
                           .dstXInBytes = 3, .dstY = 1, .dstPitch = 128,
                           .WidthInBytes = 60, .Height = 4};
}

static struct mt_ev_copy_rect box_2d_rect(void)
{
    return (struct mt_ev_copy_rect){.destination = w.d + 3 + 128, .source = w.s + 5 + 512,
                                    .width = 60, .height = 4, .depth = 1,
                                    .destination_pitch = 128, .source_pitch = 256};
}

/* From host memory, slices of 4 rows of 64 bytes, to slices of 8 rows of 128. */
#define BOX_3D_FIELDS                                                                              \
    .srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = w.page, .srcXInBytes = 1, .srcY = 1,           \
    .srcZ = 1, .srcPitch = 64, .srcHeight = 4, .dstMemoryType = CU_MEMORYTYPE_DEVICE,              \
    .dstDevice = w.d, .dstXInBytes = 2, .dstY = 3, .dstZ = 2, .dstPitch = 128, .dstHeight = 8,     \
    .WidthInBytes = 50, .Height = 2, .Depth = 3

static CUDA_MEMCPY3D box_3d(void)
{
    return (CUDA_MEMCPY3D){BOX_3D_FIELDS};
}

static CUDA_MEMCPY3D_PEER box_peer(void)
{
    return (CUDA_MEMCPY3D_PEER){BOX_3D_FIELDS, .srcContext = w.context, .dstContext = w.context};
}

static struct mt_ev_copy_rect box_3d_rect(void)
{
    return (struct mt_ev_copy_rect){.destination = w.d + 2 + 3 * 128 + 2 * 1024,
                                    .source = (uintptr_t)w.page + 1 + 64 + 256,
                                    .width = 50, .height = 2, .depth = 3,
                                    .destination_pitch = 128, .source_pitch = 64,
                                    .destination_slice = 1024, .source_slice = 256};
}

struct batch {
    CUdeviceptr to[3], from[3];
    size_t sizes[3], first, failed;
    CUmemcpyAttributes attributes;
};

static struct batch batch(void)
{
    return (struct batch){.to = {w.d, w.d + 512, w.d + 1024},
                          .from = {w.s, (uintptr_t)w.page, w.s + 9},
                          .sizes = {10, 20, 30},
                          .attributes.srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM};
}

static void did_batch(uint64_t api, const struct batch *b, uint64_t stream)
{
    for (int i = 0; i < 3; i++)
        did_copy(api, b->to[i], b->from[i], b->sizes[i], stream);
}

struct batch_3d {
    CUDA_MEMCPY3D_BATCH_OP boxes[2];
    size_t failed;
};

/* From tightly packed device memory to a wider box, and from an array. */
static struct batch_3d batch_3d(void)
{
    struct batch_3d b = {.failed = 0};
    CUmemcpy3DOperand device = {.type = CU_MEMCPY_OPERAND_TYPE_POINTER, .op.ptr.ptr = w.s};
    for (int i = 0; i < 2; i++)
        b.boxes[i] = (CUDA_MEMCPY3D_BATCH_OP){
            .src = device, .dst = device, .srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM};
    b.boxes[0].extent = (CUextent3D){.width = 100, .height = 10, .depth = 2};
    b.boxes[0].dst.op.ptr.ptr = b.boxes[1].dst.op.ptr.ptr = w.d;
    b.boxes[0].dst.op.ptr.rowLength = 128;
    b.boxes[0].dst.op.ptr.layerHeight = 16;
    b.boxes[1].extent = (CUextent3D){.width = 8, .height = 1, .depth = 1};
    b.boxes[1].src = (CUmemcpy3DOperand){.type = CU_MEMCPY_OPERAND_TYPE_ARRAY,
                                         .op.array.array = w.a};
    return b;
}

static void did_first_box(uint64_t api, uint64_t stream)
{
    did_box(api,
            (struct mt_ev_copy_rect){.destination = w.d, .source = w.s, .width = 100, .height = 10,
                                     .depth = 2, .destination_pitch = 128, .source_pitch = 100,
                                     .destination_slice = 2048, .source_slice = 1000},
            stream);
}

static void did_batch_3d(uint64_t api, uint64_t stream)
{
    did_first_box(api, stream);
    did_box(api,
            (struct mt_ev_copy_rect){.destination = w.d, .width = 8, .height = 1, .depth = 1,
                                     .destination_pitch = 8, .destination_slice = 8},
            stream);
}

static CUlaunchConfig one_block(CUstream stream)
{
    return (CUlaunchConfig){.gridDimX = 1, .gridDimY = 1, .gridDimZ = 1, .blockDimX = 32,
                            .blockDimY = 1, .blockDimZ = 1, .hStream = stream};
}

static void did_launch(uint64_t stream)
{
    uint64_t fields[] = {w.kernel, stream, 0}, tail[] = {MT_WORD(w.one, 0), MT_WORD(w.two, 8)};
    ledger_put(MT_launch, fields, 3, tail, 2);
}

struct many {
    CUDA_LAUNCH_PARAMS launch[2];
};

static struct many many(CUstream stream)
{
    CUDA_LAUNCH_PARAMS one = {.function = w.f, .gridDimX = 1, .gridDimY = 1, .gridDimZ = 1,
                              .blockDimX = 1, .blockDimY = 1, .blockDimZ = 1, .hStream = stream,
                              .kernelParams = w.params};
    return (struct many){{one, one}};
}

static void did_old_launch(uint64_t stream)
{
    uint64_t fields[] = {w.kernel, stream, MT_LAUNCH_ARGS_UNKNOWN};
    ledger_put(MT_launch, fields, 3, NULL, 0);
}

/* What is captured before the end is no access: nothing may be recorded of it. */
static void end_capture(void)
{
    CUgraph graph;
    MUST(CU(cuMemsetD8Async)(w.d, 1, 4, w.stream));
    MUST(CU(cuStreamEndCapture)(w.stream, &graph));
}

static void did_graph(uint64_t stream)
{
    DID(graph_launch, .graph = (uintptr_t)w.graph, .stream = stream);
}

static void did_node_launch(void)
{
    uint64_t fields[] = {w.kernel, 0, MT_LAUNCH_NODE};
    uint64_t tail[] = {MT_WORD(w.one, 0), MT_WORD(w.two, 8)};
    ledger_put(MT_launch, fields, 3, tail, 2);
}

static void did_node_set(size_t width)
{
    DID(set, .api = MT_API_cuGraphLaunch, .address = w.d + 4, .width = width, .height = 1);
}

static void did_definition(CUgraphExec exec)
{
    DID(graph, .id = ++w.graphs, .graph = (uintptr_t)exec, .nodes = 4);
    did_node_launch();
    did_node_set(8);
    did_copy(MT_API_cuGraphLaunch, w.d, w.s, 100, 0);
    did_node_set(8);
}

static void did_update(CUgraphExec exec, uint64_t first, uint64_t nodes, uint64_t state)
{
    DID(graph_update, .graph = (uintptr_t)exec, .first = first, .nodes = nodes, .state = state);
}

static void did_new_kernel(CUgraphExec exec)
{
    did_update(exec, 0, 1, 0);
    did_node_launch();
}

static void did_new_set(CUgraphExec exec)
{
    did_update(exec, 1, 1, 0);
    did_node_set(24);
}

static void did_new_copy(CUgraphExec exec)
{
    did_update(exec, 2, 1, 0);
    did_box(MT_API_cuGraphLaunch, box_3d_rect(), 0);
}

static void did_new_child(CUgraphExec exec)
{
    did_update(exec, 3, 1, 0);
    did_node_set(8);
}

static void did_context_end(uint64_t api, uint64_t context, uint64_t device, uint64_t primary)
{
    victim_upkeep(api, MT_UPKEEP_CONTEXT_END, 1);
    DID(context_end, .context = context, .device = device, .primary = primary);
    victim_upkeep(api, MT_UPKEEP_CONTEXT_END, 0);
}

static void did_global(uint64_t api, CUdeviceptr p, size_t size, const void *module)
{
    DID(global, .api = api, .address = p, .size = size, .module = (uintptr_t)module, .context = 1);
}

static void did_module_end(const void *module)
{
    DID(module_end, .module = (uintptr_t)module);
}

static void did_import(uint64_t api, uint64_t handle, uint64_t device)
{
    DID(import, .api = api, .handle = handle, .device = device);
}

static void did_retain(uint64_t handle, CUdeviceptr p)
{
    DID(retain, .handle = handle, .address = p);
}

static void did_array(uint64_t api, const void *handle, size_t size)
{
    DID(array, .api = api, .handle = (uintptr_t)handle, .size = size, .context = 1);
}

static void did_array_end(const void *handle)
{
    DID(array_end, .handle = (uintptr_t)handle);
}

static void did_pool(uint64_t api, CUmemoryPool pool, uint64_t device)
{
    cuuint64_t reserved, used;
    MUST(REAL(cuMemPoolGetAttribute)(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, &reserved));
    MUST(REAL(cuMemPoolGetAttribute)(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &used));
    DID(pool, .api = api, .pool = (uintptr_t)pool, .device = device, .reserved = reserved,
        .used = used);
}

static void did_prefetch(uint64_t api, CUdeviceptr p, size_t size, uint64_t device,
                         uint64_t stream)
{
    DID(prefetch, .api = api, .address = p, .size = size, .device = device, .stream = stream);
}

struct prefetches {
    CUdeviceptr to[3];
    size_t sizes[3], from[2];
    CUmemLocation where[2];
};

static struct prefetches prefetches(void)
{
    CUmemLocation first = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0}, second = first;
    second.id = 1;
    return (struct prefetches){{w.d, w.s, w.s + 512}, {64, 128, 256}, {0, 1}, {first, second}};
}

static void did_prefetches(uint64_t api, const struct prefetches *m, uint64_t stream)
{
    for (unsigned i = 0; i < 3; i++)
        did_prefetch(api, m->to[i], m->sizes[i], i > 0, stream);
}

static void did_hint(uint64_t api, CUdeviceptr p, size_t size, uint64_t value, uint64_t device)
{
    DID(hint, .api = api, .address = p, .size = size, .value = value, .device = device);
}

/* A fresh context, and a page of device memory in it. */
static CUcontext context_with_memory(CUdeviceptr *p)
{
    CUcontext context;
    MUST(REAL(cuCtxCreate_v2)(&context, 0, 0));
    MUST(CU(cuMemAlloc_v2)(p, 4096));
    w.contexts++;
    DID(alloc, .api = MT_API_cuMemAlloc_v2, .address = *p, .size = 4096,
        .context = 1 + w.contexts);
    return context;
}

static CUmodule module_with_global(void)
{
    CUmodule module;
    CUdeviceptr p;
    size_t size;
    MUST(REAL(cuModuleLoadData)(&module, victim_ptx));
    MUST(CU(cuModuleGetGlobal_v2)(&p, &size, module, "v_table"));
    did_global(MT_API_cuModuleGetGlobal_v2, p, 256, module);
    return module;
}

static CUlibrary load_library(void)
{
    CUlibrary library;
    MUST(REAL(cuLibraryLoadData)(&library, victim_ptx, NULL, NULL, 0, NULL, NULL, 0));
    return library;
}

/* In no folder: some victims have none. */
static const char *ptx_file(void)
{
    static char path[32];
    if (!path[0]) {
        int fd = memfd_create("victim.ptx", 0);
        ssize_t size = (ssize_t)strlen(victim_ptx) + 1;
        if (fd < 0 || write(fd, victim_ptx, (size_t)size) != size)
            victim_fail("no file could be made");
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    return path;
}

static CUmemLocation on_device(int device)
{
    return (CUmemLocation){.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = device};
}

static void did_end(CUgraphExec exec)
{
    DID(graph_end, .graph = (uintptr_t)exec);
}

static CUgraphExec make_exec(void)
{
    CUgraphExec exec;
    MUST(CU(cuGraphInstantiateWithFlags)(&exec, w.source, 0));
    did_definition(exec);
    return exec;
}

static void drop_exec(CUgraphExec exec)
{
    MUST(CU(cuGraphExecDestroy)(exec));
    did_end(exec);
}

/* ---- the cases ---- */

static const CUDA_GRAPH_INSTANTIATE_PARAMS no_flags;

static const CUctxCreateParams no_params;

static void must_be_hook(void *found, void *hook)
{
    if (found != hook)
        victim_fail("cuGetProcAddress gave %p, not the hook %p", found, hook);
}

static void check_call(const char *name, CUresult result, int refuse, unsigned long long calls)
{
    calls = REAL(simcuda_calls)(name) - calls;
    if (result != (refuse ? REFUSED : CUDA_SUCCESS))
        victim_fail("%s: error %d", name, result);
    if (calls != 1)
        victim_fail("%s: the driver was called %llu times", name, calls);
}

#define OWN_STREAM (per_thread ? (uintptr_t)CU_STREAM_PER_THREAD : 0)
#define STREAM (stream ? (uintptr_t)stream : OWN_STREAM)
#define CASE(symbol, pts, setup, arguments, did, failed_, after)                                   \
    static void case_##symbol(CUstream stream, int refuse)                                         \
    {                                                                                              \
        enum { api = MT_API_##symbol, per_thread = pts };                                          \
        (void)stream, (void)per_thread, (void)api;                                                 \
        setup;                                                                                     \
        unsigned long long calls_ = REAL(simcuda_calls)(#symbol);                                  \
        if (refuse)                                                                                \
            REAL(simcuda_fail_call)(#symbol, 1, REFUSED, 0);                                       \
        CUresult result = CU(symbol) arguments;                                                    \
        check_call(#symbol, result, refuse, calls_);                                               \
        if (result == CUDA_SUCCESS) {                                                              \
            did;                                                                                   \
        } else {                                                                                   \
            failed_;                                                                               \
        }                                                                                          \
        after;                                                                                     \
    }
#include "door_cases.def"

/* A hook without a case does not compile here. */
static const struct {
    const char *name;
    void (*run)(CUstream stream, int refuse);
} cases[MT_APIS] = {
#define HOOK(family, when, symbol, ...) [MT_API_##symbol] = {#symbol, case_##symbol},
#include "shim/cuda/hooks.def"
};

static int doors(int argc, char **argv)
{
    enum door door = argc > 1 ? (enum door)atoi(argv[1]) : DOOR_HANDLE;
    make_world(door);
    for (unsigned i = 0; i < MT_APIS; i++) {
        if (victim_cu[i] == victim_real(cases[i].name))
            victim_fail("door %d leads past the hook of %s", door, cases[i].name);
        for (int refuse = 0; refuse <= 1; refuse++) {
            cases[i].run(NULL, refuse);
            cases[i].run(w.stream, refuse);
        }
    }
    printf("%d functions\n", MT_APIS);
    return 0;
}

const struct victim_command victim_doors[] = {{"doors", doors}, {NULL, NULL}};
