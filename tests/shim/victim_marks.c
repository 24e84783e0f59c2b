/* Marks and ranges.
 *
 * nvtx          by NVTX, from a library that is loaded locally
 * nvtx-backward ranges as PyTorch's emit_nvtx makes them, and memory in them
 * nvtx-tool     with another tool in NVTX_INJECTION64_PATH
 * marks N       by memtrace.h, from N threads, the same names and own ones
 * pool          blocks of an allocator of its own, within driver memory
 * marks-alone   marks of a process that uses no device
 * many-names N  a new name each time */
#include "memtrace/memtrace.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"
#include "victim_nvtx.h"

static void *library;

static void *find(const char *name)
{
    library = library ? library : dlopen("libvictim-nvtx.so", RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, name) : NULL;
    if (!found)
        victim_fail("%s", dlerror());
    return found;
}
#define NV(name) ((__typeof__(&name))find(#name))

static struct nvtx_attributes message(int type, const void *text)
{
    return (struct nvtx_attributes){.version = 3,
                                    .size = sizeof(struct nvtx_attributes),
                                    .message_type = type,
                                    .message = text};
}

static int nvtx_victim(int argc, char **argv)
{
    (void)argc, (void)argv;
    void *domain = NV(nvtx_create_a)("early domain"); /* before there is a recording */
    NV(nvtx_mark_a)("too early");
    victim_begin(DOOR_HANDLE);
    void *word = NV(nvtx_register_a)(domain, "registered");
    struct nvtx_attributes ascii = message(1, "ascii"), wide = message(2, L"weit \u00e4\u20ac");
    struct nvtx_attributes known = message(3, word), nothing = message(0, NULL);
    if (NV(nvtx_push_a)("outer") != -2 || NV(nvtx_push_w)(L"inner") != -2)
        victim_fail("push counts levels");
    NV(nvtx_mark_ex)(&ascii);
    NV(nvtx_mark_w)(L"\U0001f600");
    NV(nvtx_pop)();
    NV(nvtx_domain_push_ex)(domain, &known);
    NV(nvtx_domain_mark_ex)(domain, &wide);
    NV(nvtx_domain_mark_ex)(NV(nvtx_create_w)(L"w"), &nothing);
    NV(nvtx_domain_pop)(domain);
    uint64_t one = NV(nvtx_start_a)("span"), two = NV(nvtx_domain_start_ex)(domain, &ascii);
    NV(nvtx_end)(one);
    NV(nvtx_domain_end)(domain, two);
    NV(nvtx_pop)();
    for (char **entry = environ; *entry; entry++)
        if (strncmp(*entry, "NVTX_", 5) == 0)
            printf("%s\n", *entry);
    return one == two || !one ? 1 : 0;
}

/* One thread goes forward, then another goes back; each takes memory on its way. */
static void *backward(void *context)
{
    MUST(REAL(cuCtxSetCurrent)(context));
    NV(nvtx_push_a)("autograd::engine::evaluate_function: MmBackward0, seq = 12, op_id = 45");
    NV(nvtx_push_a)("MmBackward0, seq = 12, op_id = 46");
    victim_alloc(2 << 20);
    NV(nvtx_pop)();
    NV(nvtx_pop)();
    return NULL;
}

static int backward_victim(int argc, char **argv)
{
    CUcontext context;
    pthread_t thread;
    (void)argc, (void)argv;
    victim_begin(DOOR_HANDLE);
    MUST(REAL(cuCtxGetCurrent)(&context));
    NV(nvtx_push_a)("layer3");
    NV(nvtx_push_a)("aten::mm, seq = 12, op_id = 40");
    victim_alloc(1 << 20);
    NV(nvtx_pop)();
    NV(nvtx_pop)();
    pthread_create(&thread, NULL, backward, context);
    pthread_join(thread, NULL);
    victim_alloc(3 << 20);
    return 0;
}

static int tool_victim(int argc, char **argv)
{
    (void)argc, (void)argv;
    victim_begin(DOOR_HANDLE);
    NV(nvtx_mark_a)("for another tool");
    printf("attached: %d\n", NV(nvtx_attached)());
    return 0;
}

static void *mark_thread(void *number)
{
    char name[32];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "step %d", i % 50);
        memtrace_range_push(name);
        snprintf(name, sizeof name, "thread %d", (int)(intptr_t)number);
        memtrace_mark(name);
        memtrace_range_pop();
    }
    return NULL;
}

static int marks_victim(int argc, char **argv)
{
    pthread_t thread[16];
    int n = argc > 1 ? atoi(argv[1]) : 1;
    victim_begin(DOOR_HANDLE);
    errno = 77;
    memtrace_mark("");
    memtrace_mark(NULL);
    if (errno != 77)
        victim_fail("errno changed");
    for (intptr_t i = 0; i < n; i++)
        pthread_create(&thread[i], NULL, mark_thread, (void *)i);
    for (int i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    return 0;
}

static int pool_victim(int argc, char **argv)
{
    (void)argc, (void)argv;
    victim_begin(DOOR_HANDLE);
    CUdeviceptr slab = victim_alloc(1 << 20);
    for (uint64_t i = 0; i < 4; i++) {
        memtrace_pool_alloc(&library, (void *)(uintptr_t)(slab + 4096 * i), 100 + i, NULL);
        DID(pool_alloc, .pool = (uintptr_t)&library, .address = slab + 4096 * i, .size = 100 + i);
    }
    memtrace_pool_free(&library, (void *)(uintptr_t)(slab + 4096));
    DID(pool_free, .pool = (uintptr_t)&library, .address = slab + 4096);
    memtrace_pool_free(&library, NULL);
    victim_free(slab);
    return 0;
}

static int alone_victim(int argc, char **argv)
{
    (void)argc, (void)argv;
    memtrace_mark("nobody records");
    return 0;
}

static int names_victim(int argc, char **argv)
{
    char name[32];
    victim_begin(DOOR_HANDLE);
    for (int i = 0, n = argc > 1 ? atoi(argv[1]) : 1; i < n; i++) {
        snprintf(name, sizeof name, "name %d", i);
        memtrace_mark(name);
    }
    return 0;
}

const struct victim_command victim_marks[] = {
    {"nvtx", nvtx_victim},        {"nvtx-backward", backward_victim},
    {"nvtx-tool", tool_victim},   {"marks", marks_victim},
    {"pool", pool_victim},        {"marks-alone", alone_victim},
    {"many-names", names_victim}, {NULL, NULL}};
