/* A program on a CUDA runtime of another version than the toolkit's: usage: old_runtime LIBRARY
 * FATBIN
 *
 * The runtime's library is opened, its functions are looked up, and the kernel is registered as the
 * code that nvcc makes does it (the interface that all runtimes since 9.0 have). What a trace must
 * hold is printed in the words of known_calls.py. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define HOST_TO_DEVICE 1
#define OUT_OF_MEMORY 2
#define FATBIN_WRAPPER 0x466243b1

struct dim {
    unsigned x, y, z;
};

struct wrapper {
    int magic, version;
    const void *data;
    void *unused;
};

/* Functions of the runtime that are used, and of the interface for nvcc's code. */
#define FUNCTIONS(F)                                                                               \
    F(int, cudaRuntimeGetVersion, (int *))                                                         \
    F(int, cudaMalloc, (void **, size_t))                                                          \
    F(int, cudaFree, (void *))                                                                     \
    F(int, cudaMallocAsync, (void **, size_t, void *))                                             \
    F(int, cudaFreeAsync, (void *, void *))                                                        \
    F(int, cudaMallocHost, (void **, size_t))                                                      \
    F(int, cudaFreeHost, (void *))                                                                 \
    F(int, cudaMemcpy, (void *, const void *, size_t, int))                                        \
    F(int, cudaMemset, (void *, int, size_t))                                                      \
    F(int, cudaMemsetAsync, (void *, int, size_t, void *))                                         \
    F(int, cudaStreamCreate, (void **))                                                            \
    F(int, cudaDeviceSynchronize, (void))                                                          \
    F(int, cudaLaunchKernel, (const void *, struct dim, struct dim, void **, size_t, void *))      \
    F(void **, __cudaRegisterFatBinary, (void *))                                                  \
    F(void, __cudaRegisterFatBinaryEnd, (void **))                                                 \
    F(void, __cudaRegisterFunction,                                                                \
      (void **, const char *, char *, const char *, int, void *, void *, void *, void *, int *))

#define DECLARE(type, name, parameters) static type(*name) parameters;
FUNCTIONS(DECLARE)

#define RUN(call)                                                                                  \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_ != 0) {                                                                         \
            fprintf(stderr, "%d: %s says %d\n", __LINE__, #call, error_);                          \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static void *look_up(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "the runtime has no %s\n", name);
        exit(1);
    }
    return found;
}

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
#define LOOK_UP(type, name, parameters) name = (type(*) parameters)look_up(library, #name);
    FUNCTIONS(LOOK_UP)
}

static void *contents(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(1 << 20);
    if (!file || !bytes || fread(bytes, 1, 1 << 20, file) == 0) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    fclose(file);
    return bytes;
}

/* What stands for the kernel in calls of the runtime is the address of its stub in the program. */
static const char stub[1];

static void register_kernel(const char *fatbin)
{
    static struct wrapper wrapper = {FATBIN_WRAPPER, 1, NULL, NULL};
    static char name[] = "known_add";
    wrapper.data = contents(fatbin);
    void **handle = __cudaRegisterFatBinary(&wrapper);
    __cudaRegisterFunction(handle, stub, name, name, -1, NULL, NULL, NULL, NULL, NULL);
    __cudaRegisterFatBinaryEnd(handle);
}

static void launch(void *to, void *from, void *stream)
{
    const struct dim one = {1, 1, 1}, threads = {32, 1, 1};
    int n = 32;
    void *arguments[] = {&to, &from, &n};
    RUN(cudaLaunchKernel(stub, one, threads, arguments, 0, stream));
    printf("launch known_add 0:%#zx 8:%#zx\n", (uintptr_t)to, (uintptr_t)from);
}

static void stream_ordered(void *stream)
{
    void *pooled;
    RUN(cudaMallocAsync(&pooled, 1 << 20, stream));
    printf("alloc %p 1048576\n", pooled);
    RUN(cudaMemsetAsync(pooled, 0, 1000, stream));
    printf("set %p 1000 1\n", pooled);
    RUN(cudaFreeAsync(pooled, stream));
    printf("free %p\n", pooled);
}

int main(int argc, char **argv)
{
    void *a, *b, *pinned, *stream;
    int version;
    if (argc != 3)
        return 2;
    load(argv[1]);
    register_kernel(argv[2]);
    RUN(cudaRuntimeGetVersion(&version));
    fprintf(stderr, "version %d\n", version);
    RUN(cudaMalloc(&a, 4096));
    printf("alloc %p 4096\n", a);
    RUN(cudaMalloc(&b, 12345));
    printf("alloc %p 12345\n", b);
    RUN(cudaMallocHost(&pinned, 5000));
    printf("host_alloc %p 5000\n", pinned);
    RUN(cudaMemcpy(a, pinned, 1000, HOST_TO_DEVICE));
    printf("copy %p %p 1000\n", a, pinned);
    RUN(cudaMemset(b, 0, 256));
    printf("set %p 256 1\n", b);
    RUN(cudaStreamCreate(&stream));
    for (int i = 0; i < 3; i++)
        launch(a, b, i ? stream : NULL);
    stream_ordered(stream);
    RUN(cudaDeviceSynchronize());
    void *impossible;
    if (cudaMalloc(&impossible, (size_t)1 << 60) == OUT_OF_MEMORY)
        printf("alloc_failed %zu\n", (size_t)1 << 60);
    RUN(cudaFreeHost(pinned));
    printf("host_free %p\n", pinned);
    RUN(cudaFree(b));
    printf("free %p\n", b);
    RUN(cudaFree(a));
    printf("free %p\n", a);
    return 0;
}
