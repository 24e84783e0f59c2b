/* A program that tells its trace what it does: ranges, a mark, and the blocks of an allocator of
 * its own, which cuts them out of one piece of driver memory. Nothing of memtrace is linked;
 * without it the calls do nothing. Compiles as C and as C++.
 *
 *     memtrace ./marks; memtrace-analyze --table=ranges memtrace.marks.*.mtrace */
#include <cuda.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "memtrace/memtrace.h"

#define SLAB_BYTES ((size_t)16 << 20)

static struct {
    CUresult (*init)(unsigned flags);
    CUresult (*retain)(CUcontext *context, CUdevice device);
    CUresult (*set_current)(CUcontext context);
    CUresult (*alloc)(CUdeviceptr *address, size_t size);
    CUresult (*release)(CUdeviceptr address);
    CUresult (*set)(CUdeviceptr address, unsigned char value, size_t size);
} cu;

static CUdeviceptr slab;
static size_t used;

static void find(void *function, void *library, const char *name)
{
    *(void **)function = dlsym(library, name);
    if (!*(void **)function) {
        fprintf(stderr, "marks: no %s\n", name);
        exit(1);
    }
}

static void must(CUresult result, const char *what)
{
    if (result != CUDA_SUCCESS) {
        fprintf(stderr, "marks: %s: error %d\n", what, (int)result);
        exit(1);
    }
}

static void start(void)
{
    CUcontext context;
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    if (!library) {
        fprintf(stderr, "marks: no CUDA driver: %s\n", dlerror());
        exit(1);
    }
    find(&cu.init, library, "cuInit");
    find(&cu.retain, library, "cuDevicePrimaryCtxRetain");
    find(&cu.set_current, library, "cuCtxSetCurrent");
    find(&cu.alloc, library, "cuMemAlloc_v2");
    find(&cu.release, library, "cuMemFree_v2");
    find(&cu.set, library, "cuMemsetD8_v2");
    must(cu.init(0), "cuInit");
    must(cu.retain(&context, 0), "cuDevicePrimaryCtxRetain");
    must(cu.set_current(context), "cuCtxSetCurrent");
    must(cu.alloc(&slab, SLAB_BYTES), "cuMemAlloc");
}

/* The simplest allocator there is: the next bytes, and all back at once. */
static CUdeviceptr take(size_t size)
{
    CUdeviceptr block = slab + used;
    used += (size + 255) & ~(size_t)255;
    memtrace_pool_alloc(&slab, (void *)(uintptr_t)block, size, NULL);
    return block;
}

static void give_back(CUdeviceptr block)
{
    memtrace_pool_free(&slab, (void *)(uintptr_t)block);
}

static void step(size_t size)
{
    memtrace_range_push("step");
    CUdeviceptr input = take(size), output = take(2 * size);
    memtrace_range_push("forward");
    must(cu.set(input, 1, size), "cuMemsetD8");
    must(cu.set(output, 2, 2 * size), "cuMemsetD8");
    memtrace_range_pop();
    give_back(input);
    give_back(output);
    used = 0;
    memtrace_range_pop();
}

int main(void)
{
    start();
    for (size_t i = 1; i <= 10; i++) {
        step(i << 18);
        if (i % 5 == 0)
            memtrace_mark("checkpoint");
    }
    must(cu.release(slab), "cuMemFree");
    printf("marks: 10 steps\n");
    return 0;
}
