#include "benchdriver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static const char ptx[] = ".version 7.0\n.target sm_70\n.address_size 64\n"
                          ".visible .entry three(.param .u64 a, .param .u64 b, .param .u64 c,"
                          " .param .u32 n)\n{ ret; }\n"
                          ".visible .entry large(.param .align 8 .b8 s[2880])\n{ ret; }\n";

static void *must(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (!symbol) {
        fprintf(stderr, "bench: no %s\n", name);
        exit(1);
    }
    return symbol;
}

void bench_check(CUresult result, const char *what)
{
    if (result != CUDA_SUCCESS) {
        fprintf(stderr, "bench: %s: %d\n", what, (int)result);
        exit(1);
    }
}

#define MUST(library, name) ((__typeof__(&name))must(library, #name))

void bench_driver_open(struct bench_driver *driver)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    CUmodule module;
    if (!library) {
        fprintf(stderr, "bench: %s\n", dlerror());
        exit(1);
    }
    driver->set_context = MUST(library, cuCtxSetCurrent);
    driver->alloc = MUST(library, cuMemAlloc_v2);
    driver->release = MUST(library, cuMemFree_v2);
    driver->launch = MUST(library, cuLaunchKernel);
    driver->launch_ex = MUST(library, cuLaunchKernelEx);
    bench_check(MUST(library, cuInit)(0), "init");
    bench_check(MUST(library, cuCtxCreate_v2)(&driver->context, 0, 0), "context");
    bench_check(MUST(library, cuModuleLoadData)(&module, ptx), "module");
    __typeof__(&cuModuleGetFunction) function = MUST(library, cuModuleGetFunction);
    bench_check(function(&driver->three, module, "three"), "function");
    bench_check(function(&driver->large, module, "large"), "function");
    bench_check(driver->alloc(&driver->memory, 1 << 20), "alloc");
    driver->report = (bench_report_fn *)dlsym(
        RTLD_DEFAULT, "_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE");
}

void bench_launch(const struct bench_driver *driver)
{
    CUdeviceptr a = driver->memory, b = a + 4096, c = a + 8192;
    unsigned n = 5;
    void *params[] = {&a, &b, &c, &n};
    bench_check(driver->launch(driver->three, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL), "launch");
}

static void launch_ex(const struct bench_driver *driver, CUfunction kernel, void **params)
{
    CUlaunchConfig config = {.gridDimX = 1,
                             .gridDimY = 1,
                             .gridDimZ = 1,
                             .blockDimX = 1,
                             .blockDimY = 1,
                             .blockDimZ = 1};
    bench_check(driver->launch_ex(&config, kernel, params, NULL), "launch");
}

void bench_launch_ex(const struct bench_driver *driver)
{
    CUdeviceptr a = driver->memory, b = a + 4096, c = a + 8192;
    unsigned n = 5;
    void *params[] = {&a, &b, &c, &n};
    launch_ex(driver, driver->three, params);
}

/* As a convolution of cuDNN: tens of numbers, and pointers here and there. */
void bench_launch_large(const struct bench_driver *driver)
{
    static uint64_t structure[BENCH_LARGE / 8];
    if (!structure[0])
        for (size_t i = 0; i < BENCH_LARGE / 8; i++)
            structure[i] = i % 40 == 0 ? driver->memory + 64 * i : i * 0x9e3779b9;
    launch_ex(driver, driver->large, (void *[]){structure});
}

void bench_alloc_free(const struct bench_driver *driver)
{
    CUdeviceptr address;
    bench_check(driver->alloc(&address, 1 << 16), "alloc");
    bench_check(driver->release(address), "free");
}

void bench_block(const struct bench_driver *driver)
{
    driver->report((void *)driver->memory, 4096, 4096, 1 << 21, 1);
    driver->report((void *)driver->memory, -4096, 0, 1 << 21, 1);
}
