/* Launches with parameters of all kinds.
 *
 * launches       by value, unaligned, large, packed, as CUkernel
 * launches-blind on a driver that cannot tell parameters
 * launches-image on such a driver: cubins, PTX and fat binaries, whose handles are used again
 * capture        launches and copies inside a stream capture
 * reload TIMES   modules whose handles are used again for other code
 * beside N TIMES ALIKE  a module that comes and goes TIMES times beside N kernels that stay, ever
 *                the same (1) or with another name; says what of memory and questions it took
 * mapped         says how much memory the process has mapped for itself, in KiB
 * amid SECONDS   modules that come and go while three threads launch
 * many N         N kernels, each launched twice
 * blocks N       N launches of 430 words, all of them pointers */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cubins.h"
#include "victim.h"

#define MIB ((size_t)1 << 20)

static CUdeviceptr d; /* 1 MiB of device memory */

struct call {
    CUfunction f;
    uint64_t kernel, flags;
    CUstream stream;
    void **params, **extra;
    uint64_t words[512]; /* what should be found: MT_WORD */
    size_t n;
};

static void launch(const struct call *call)
{
    uint64_t fields[] = {call->kernel, (uintptr_t)call->stream, call->flags};
    MUST(CU(cuLaunchKernel)(call->f, 1, 1, 1, 32, 1, 1, 0, call->stream, call->params,
                            call->extra));
    ledger_put(MT_launch, fields, 3, call->words, call->n);
}

static CUmodule load(const char *ptx)
{
    CUmodule module;
    MUST(REAL(cuModuleLoadData)(&module, ptx));
    return module;
}

static CUfunction function(CUmodule module, const char *name)
{
    CUfunction f;
    MUST(REAL(cuModuleGetFunction)(&f, module, name));
    return f;
}

static void begin(void)
{
    victim_begin(DOOR_HANDLE);
    d = victim_alloc(MIB);
}

/* A structure by value, every third word of it a device pointer, in memory without alignment. */
static void launch_struct(CUmodule module)
{
    static const struct victim_kernel k = {"k_struct", 2, {0, 4, 8, 64}};
    static char room[80];
    struct call call = {.f = function(module, k.name), .kernel = victim_tell_kernel(&k), .n = 3};
    unsigned n = 7;
    void *params[] = {&n, room + 3};
    for (unsigned i = 0; i < 8; i++) {
        uint64_t word = i % 3 ? UINT64_C(0x7fff12345678) + i : d + 100 * i;
        memcpy(room + 3 + 8 * i, &word, 8);
        if (i % 3 == 0)
            call.words[i / 3] = MT_WORD(word, 8 + 8 * i);
    }
    call.params = params;
    launch(&call);
}

static int blocks(int argc, char **argv)
{
    static const struct victim_kernel k = {"k_block", 1, {0, 3440}};
    uint64_t block[430];
    void *params[] = {block};
    begin();
    struct call call = {.f = function(load(victim_ptx), k.name), .kernel = victim_tell_kernel(&k),
                        .params = params, .n = 430};
    for (int i = argc > 1 ? atoi(argv[1]) : 10; i > 0; i--) {
        for (unsigned j = 0; j < 430; j++) {
            block[j] = d + (unsigned)i + 8 * j;
            call.words[j] = MT_WORD(block[j], 8 * j);
        }
        launch(&call);
    }
    return 0;
}

/* 430 words, as large as kernels of cuBLAS take them: all pointers, then none. */
static void launch_block(CUmodule module)
{
    static const struct victim_kernel k = {"k_block", 1, {0, 3440}};
    uint64_t block[430];
    struct call call = {.f = function(module, k.name), .kernel = victim_tell_kernel(&k)};
    void *params[] = {block};
    call.params = params;
    for (unsigned i = 0; i < 430; i++) {
        block[i] = d + i;
        call.words[call.n++] = MT_WORD(block[i], 8 * i);
    }
    launch(&call);
    memset(block, 0x11, sizeof block);
    call.n = 0;
    launch(&call);
    block[429] = d + 5;
    call.words[call.n++] = MT_WORD(block[429], 8 * 429);
    launch(&call);
}

static void launch_packed(CUmodule module)
{
    struct call call = {.f = function(module, "k_two"),
                        .kernel = victim_tell_kernel(&victim_k_two), .n = 2};
    uint64_t packed[] = {d + 1, d + 2, 9};
    size_t size = 20;
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                     CU_LAUNCH_PARAM_END};
    void *turned[] = {CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_BUFFER_POINTER, packed,
                      CU_LAUNCH_PARAM_END};
    call.words[0] = MT_WORD(d + 1, 0);
    call.words[1] = MT_WORD(d + 2, 8);
    call.extra = extra;
    launch(&call);
    call.extra = turned;
    launch(&call);
}

static void launch_others(CUmodule module)
{
    static const struct victim_kernel odd = {"k_odd", 3, {0, 4, 4, 20, 24, 8}};
    static const struct victim_kernel none = {"k_none", 0, {0}};
    unsigned n = 1;
    char structure[20] = {0};
    CUdeviceptr last = d + MIB - 1;
    void *params[] = {&n, structure, &last};
    launch(&(struct call){.f = function(module, "k_odd"), .kernel = victim_tell_kernel(&odd),
                          .params = params, .words = {MT_WORD(last, 24)}, .n = 1});
    struct call call = {.f = function(module, "k_none"), .kernel = victim_tell_kernel(&none)};
    launch(&call);
    call.params = params;
    launch(&call);
}

/* As the runtime launches since 12: a CUkernel that goes for a CUfunction. */
static void launch_kernel_handle(void)
{
    CUlibrary library;
    CUkernel two, none;
    static const struct victim_kernel k_none = {"k_none", 0, {0}};
    MUST(REAL(cuLibraryLoadData)(&library, victim_ptx, NULL, NULL, 0, NULL, NULL, 0));
    MUST(REAL(cuLibraryGetKernel)(&two, library, "k_two"));
    MUST(REAL(cuLibraryGetKernel)(&none, library, "k_none"));
    victim_launch((CUfunction)two, victim_tell_kernel(&victim_k_two), d + 3, d + 4);
    launch(&(struct call){.f = (CUfunction)none, .kernel = victim_tell_kernel(&k_none)});
    MUST(CU(cuLibraryUnload)(library));
}

static int launches(int argc, char **argv)
{
    (void)argc, (void)argv;
    begin();
    CUmodule module = load(victim_ptx);
    launch_struct(module);
    launch_block(module);
    launch_packed(module);
    launch_others(module);
    launch_kernel_handle();
    return 0;
}

static int launches_blind(int argc, char **argv)
{
    struct victim_kernel k = {argc > 1 ? argv[1] : "k_two", MT_PARAMS_UNKNOWN, {0}};
    begin();
    struct call call = {.f = function(load(victim_ptx), "k_two"),
                        .kernel = victim_tell_kernel(&k), .flags = MT_LAUNCH_ARGS_UNKNOWN};
    uint64_t words[] = {d, d, 0};
    void *params[] = {&words[0], &words[1], &words[2]};
    call.params = params;
    launch(&call);
    launch(&call);
    return 0;
}

/* As runtimes of 11 and 12 load them: a module, a library whose kernel goes for a function, a
 * library whose function is asked for. */
static CUfunction load_image(int how, const void *image, const char *name, void **loaded)
{
    CUfunction f;
    CUkernel kernel;
    if (how == 0) {
        MUST(CU(cuModuleLoadData)((CUmodule *)loaded, image));
        victim_lasted(MT_API_cuModuleLoadData, MT_UPKEEP_MODULE);
        MUST(CU(cuModuleGetFunction)(&f, *(CUmodule *)loaded, name));
        return f;
    }
    MUST(CU(cuLibraryLoadData)((CUlibrary *)loaded, image, NULL, NULL, 0, NULL, NULL, 0));
    victim_lasted(MT_API_cuLibraryLoadData, MT_UPKEEP_MODULE);
    MUST(CU(cuLibraryGetKernel)(&kernel, *(CUlibrary *)loaded, name));
    if (how == 1)
        return (CUfunction)kernel;
    MUST(CU(cuKernelGetFunction)(&f, kernel));
    return f;
}

/* A cubin or PTX text, alone or in a fat binary; to be freed. */
static void *image_new(int kind, const char *name, const struct cubin_param *layout)
{
    char text[200];
    size_t size;
    void *cubin = cubin_new(name, layout, 2, &size);
    if (kind == 0)
        return cubin;
    snprintf(text, sizeof text,
             ".version 6.4\n.target sm_60\n.address_size 64\n"
             ".visible .entry %s(.param .u%d a, .param .u64 b) { ret; }\n",
             name, 8 * layout[0].size);
    void *image = kind == 1   ? fatbin_new(cubin, size, 0)
                  : kind == 2 ? strdup(text)
                              : fatbin_new(text, strlen(text) + 1, 0);
    free(cubin);
    return image;
}

static int launches_image(int argc, char **argv)
{
    static const struct cubin_param layouts[2][2] = {{{0, 8}, {8, 8}}, {{0, 4}, {8, 8}}};
    (void)argc, (void)argv;
    begin();
    for (int i = 0; i < 30; i++) {
        const struct cubin_param *layout = layouts[i % 2];
        char name[16];
        void *loaded;
        snprintf(name, sizeof name, "k_%d", i);
        struct victim_kernel k = {name, 2, {layout[0].offset, layout[0].size, 8, 8}};
        void *image = image_new(i / 3 % 4, name, layout);
        CUdeviceptr one = d + (unsigned)i, two = d + 1;
        void *params[] = {&one, &two};
        struct call call = {.f = load_image(i % 3, image, name, &loaded),
                            .kernel = victim_tell_kernel(&k), .params = params, .n = 2u - i % 2,
                            .words = {i % 2 ? MT_WORD(two, 8) : MT_WORD(one, 0), MT_WORD(two, 8)}};
        launch(&call);
        if (i % 3)
            MUST(CU(cuLibraryUnload)((CUlibrary)loaded));
        else
            MUST(CU(cuModuleUnload)((CUmodule)loaded));
        free(image);
    }
    return 0;
}

static int capture(int argc, char **argv)
{
    CUstream streams[2];
    CUgraph graph;
    CUgraphExec exec;
    uint64_t n = 0;
    void *params[] = {&d, &d, &n};
    (void)argc, (void)argv;
    begin();
    for (int i = 0; i < 2; i++)
        MUST(REAL(cuStreamCreate)(&streams[i], CU_STREAM_NON_BLOCKING));
    struct call call = {.f = function(load(victim_ptx), "k_two"), .stream = streams[0],
                        .kernel = victim_tell_kernel(&victim_k_two), .params = params,
                        .words = {MT_WORD(d, 0), MT_WORD(d, 8)}, .n = 2};
    launch(&call);
    MUST(CU(cuStreamBeginCapture_v2)(streams[0], CU_STREAM_CAPTURE_MODE_RELAXED));
    call.flags = MT_LAUNCH_CAPTURED;
    launch(&call);
    MUST(CU(cuMemsetD8Async)(d, 0, 64, streams[0])); /* not an access: no event */
    call.stream = streams[1];
    call.flags = 0;
    launch(&call); /* the other stream does not capture */
    MUST(CU(cuMemsetD8Async)(d, 0, 64, streams[1]));
    DID(set, .api = MT_API_cuMemsetD8Async, .address = d, .width = 64, .height = 1,
        .stream = (uintptr_t)streams[1]);
    MUST(CU(cuStreamEndCapture)(streams[0], &graph));
    MUST(REAL(cuGraphInstantiateWithFlags)(&exec, graph, 0));
    MUST(CU(cuGraphLaunch)(exec, streams[1]));
    DID(graph_launch, .graph = (uintptr_t)exec, .stream = (uintptr_t)streams[1]);
    call.stream = streams[0];
    launch(&call);
    return 0;
}

/* Ever other code behind the same handle: a kernel of two parameters, then one of one. */
static int reload(int argc, char **argv)
{
    static const char head[] = ".version 6.4\n.target sm_60\n.address_size 64\n";
    int times = argc > 1 ? atoi(argv[1]) : 10;
    CUfunction before = NULL;
    begin();
    for (int i = 0; i < times; i++) {
        char ptx[200], name[16];
        struct victim_kernel k = {name, 1u + i % 2, {0, 8, 8, 8}};
        CUdeviceptr one = d + (unsigned)i, two = d + 1;
        void *params[] = {&one, &two};
        snprintf(name, sizeof name, "k_%d", i);
        snprintf(ptx, sizeof ptx, "%s.visible .entry %s(.param .u64 a%s) { ret; }\n", head, name,
                 i % 2 ? ", .param .u64 b" : "");
        CUmodule module = load(ptx);
        struct call call = {.f = function(module, name), .kernel = victim_tell_kernel(&k),
                            .params = params, .words = {MT_WORD(one, 0), MT_WORD(two, 8)},
                            .n = 1u + i % 2};
        if (before && call.f != before)
            victim_fail("the driver did not use the handle again: this tests nothing");
        before = call.f;
        launch(&call);
        launch(&call);
        MUST(CU(cuModuleUnload)(module));
    }
    return 0;
}

/* What others retain and release is the context of the kernels, too, and it stays. */
static int others_release(int argc, char **argv)
{
    void *params[] = {&d, &d, &(uint64_t){0}};
    CUcontext other;
    (void)argc, (void)argv;
    begin();
    CUmodule module = load(victim_ptx);
    struct call call = {.f = function(module, "k_two"),
                        .kernel = victim_tell_kernel(&victim_k_two), .params = params,
                        .words = {MT_WORD(d, 0), MT_WORD(d, 8)}, .n = 2};
    launch(&call);
    for (int i = 0; i < 100; i++) {
        MUST(CU(cuDevicePrimaryCtxRetain)(&other, 0));
        launch(&call);
        MUST(CU(cuDevicePrimaryCtxRelease_v2)(0));
        launch(&call);
    }
    return 0;
}

#define HEAD ".version 6.4\n.target sm_60\n.address_size 64\n"

/* What the process has mapped for itself alone. */
static unsigned long data_kib(void)
{
    char line[128];
    unsigned long kib = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status) && !sscanf(line, "VmData: %lu kB", &kib))
        ;
    if (status)
        fclose(status);
    return kib;
}

static CUmodule load_many(unsigned n)
{
    char *ptx = malloc(100 + 80 * (size_t)n), *to = ptx;
    to += sprintf(to, HEAD);
    for (unsigned i = 0; i < n; i++)
        to += sprintf(to, ".visible .entry k_%u(.param .u64 a) { ret; }\n", i);
    CUmodule module;
    MUST(CU(cuModuleLoadData)(&module, ptx));
    free(ptx);
    return module;
}

static void launch_known(CUfunction f)
{
    MUST(CU(cuLaunchKernel)(f, 1, 1, 1, 32, 1, 1, 0, NULL, (void *[]){&d}, NULL));
}

static void come_and_go(unsigned number)
{
    char ptx[200], name[16];
    CUmodule module;
    CUfunction f;
    snprintf(name, sizeof name, "jit_%u", number);
    snprintf(ptx, sizeof ptx, HEAD ".visible .entry %s(.param .u64 a) { ret; }\n", name);
    MUST(CU(cuModuleLoadData)(&module, ptx));
    MUST(CU(cuModuleGetFunction)(&f, module, name));
    launch_known(f);
    MUST(CU(cuModuleUnload)(module));
}

/* Prints: KiB of memory that more was mapped at the end than in the beginning, and names that the
 * driver was asked for. */
static int beside(int argc, char **argv)
{
    unsigned n = (unsigned)atoi(argv[1]), times = (unsigned)atoi(argv[2]);
    bool alike = argc > 3 && atoi(argv[3]);
    CUfunction *stays = calloc(n + 1, sizeof *stays);
    char name[16];
    unsigned long before = 0;
    victim_begin(DOOR_HANDLE);
    MUST(CU(cuMemAlloc_v2)(&d, MIB));
    CUmodule module = load_many(n ? n : 1);
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "k_%u", i);
        MUST(CU(cuModuleGetFunction)(&stays[i], module, name));
    }
    for (unsigned i = 0; i < times; i++) {
        come_and_go(alike ? 0 : i);
        for (unsigned j = 0; j < n; j++)
            launch_known(stays[j]);
        if (i == times / 100)
            before = data_kib();
    }
    unsigned long after = 0;
    for (int i = 0; i == 0 || (i < 20 && after > before + 64); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 400000000}, NULL); /* the recorder tidies up */
        after = data_kib();
    }
    printf("%lu %llu\n", after > before ? after - before : 0, REAL(simcuda_calls)("cuFuncGetName"));
    free(stays);
    return 0;
}

static int mapped(int argc, char **argv)
{
    (void)argc, (void)argv;
    victim_begin(DOOR_HANDLE);
    printf("%lu\n", data_kib());
    return 0;
}

static _Atomic bool stop;
static CUcontext context;

/* A kernel of six pointers, whose places do not fit into an entry. */
static void *launch_on(void *f)
{
    CUdeviceptr at[6] = {d, d, d, d, d, d};
    void *params[] = {&at[0], &at[1], &at[2], &at[3], &at[4], &at[5]};
    MUST(REAL(cuCtxSetCurrent)(context));
    while (!stop) {
        MUST(CU(cuLaunchKernel)(f, 1, 1, 1, 32, 1, 1, 0, NULL, params, NULL));
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return NULL;
}

/* What others launch meanwhile, out of tables that are replaced. */
static int amid(int argc, char **argv)
{
    pthread_t threads[3];
    CUfunction f;
    victim_begin(DOOR_HANDLE);
    MUST(CU(cuMemAlloc_v2)(&d, MIB));
    MUST(REAL(cuCtxGetCurrent)(&context));
    MUST(REAL(cuModuleGetFunction)(
        &f,
        load(HEAD ".visible .entry six(.param .u64 a, .param .u64 b, .param .u64 c,"
                  " .param .u64 d, .param .u64 e, .param .u64 f) { ret; }\n"),
        "six"));
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, launch_on, f);
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += argc > 1 ? atoi(argv[1]) : 2;
    unsigned i = 0;
    do {
        come_and_go(i++);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec);
    stop = true;
    for (int j = 0; j < 3; j++)
        pthread_join(threads[j], NULL);
    printf("%u\n", i + 1);
    return 0;
}

static int many(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
    char *ptx = malloc(100 + 60 * (size_t)n), *to = ptx;
    to += sprintf(to, ".version 6.4\n.target sm_60\n.address_size 64\n");
    for (unsigned i = 0; i < n; i++)
        to += sprintf(to, ".visible .entry k_%u(.param .u64 a) { ret; }\n", i);
    begin();
    CUmodule module = load(ptx);
    struct call *calls = calloc(n, sizeof *calls);
    void *params[] = {&d};
    for (unsigned i = 0; i < 2 * n; i++) {
        struct call *call = &calls[i % n];
        char name[16];
        struct victim_kernel k = {name, 1, {0, 8}};
        snprintf(name, sizeof name, "k_%u", i % n);
        if (i < n)
            *call = (struct call){.f = function(module, name), .kernel = victim_tell_kernel(&k),
                                  .params = params, .words = {MT_WORD(d, 0)}, .n = 1};
        launch(call);
    }
    return 0;
}

const struct victim_command victim_launches[] = {
    {"launches", launches}, {"launches-blind", launches_blind},
    {"launches-image", launches_image}, {"capture", capture},
    {"reload", reload},     {"many", many},                     {"blocks", blocks},
    {"others-release", others_release}, {"beside", beside},         {"amid", amid},
    {"mapped", mapped},
    {NULL, NULL},
};
