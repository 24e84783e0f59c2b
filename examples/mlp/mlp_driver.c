#include "mlp_driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every function used. cuda.h turns many names into newer ones: cuMemAlloc is cuMemAlloc_v2. */
#define FUNCTIONS(X)                                                                               \
    X(cuInit)                                                                                      \
    X(cuGetErrorString)                                                                            \
    X(cuDeviceGet)                                                                                 \
    X(cuDeviceGetName)                                                                             \
    X(cuDevicePrimaryCtxRetain)                                                                    \
    X(cuCtxSetCurrent)                                                                             \
    X(cuModuleLoadData)                                                                            \
    X(cuModuleGetFunction)                                                                         \
    X(cuMemAlloc)                                                                                  \
    X(cuMemFree)                                                                                   \
    X(cuMemcpyHtoD)                                                                                \
    X(cuMemcpyDtoH)                                                                                \
    X(cuMemsetD32)                                                                                 \
    X(cuLaunchKernel)

static struct {
#define FIELD(name) __typeof__(&name) name;
    FUNCTIONS(FIELD)
#undef FIELD
} driver;

static char device_name[DEVICE_NAME_MAX];
static CUmodule module;

#define CALL(name, ...) check(driver.name(__VA_ARGS__), #name)

static void check(CUresult result, const char *call)
{
    const char *text = "unknown error";
    if (result == CUDA_SUCCESS)
        return;
    driver.cuGetErrorString(result, &text);
    fprintf(stderr, "mlp: %s: %s (%d)\n", call, text, (int)result);
    exit(1);
}

static void *find(void *library, const char *name)
{
    void *function = dlsym(library, name);
    if (!function) {
        fprintf(stderr, "mlp: libcuda.so.1 has no %s\n", name);
        exit(1);
    }
    return function;
}

static void load(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    if (!library) {
        fprintf(stderr, "mlp: no CUDA driver: %s\n", dlerror());
        exit(1);
    }
#define TEXT(name) #name
#define FIND(name) driver.name = (__typeof__(driver.name))find(library, TEXT(name));
    FUNCTIONS(FIND)
#undef FIND
}

void driver_init(const char *ptx)
{
    CUdevice device;
    CUcontext context;
    load();
    CALL(cuInit, 0);
    CALL(cuDeviceGet, &device, 0);
    CALL(cuDeviceGetName, device_name, sizeof device_name, device);
    CALL(cuDevicePrimaryCtxRetain, &context, device);
    CALL(cuCtxSetCurrent, context);
    CALL(cuModuleLoadData, &module, ptx);
}

const char *driver_device_name(void)
{
    return device_name;
}

bool driver_is_simulated(void)
{
    return strcasestr(device_name, "simulated") != NULL;
}

CUdeviceptr driver_alloc(size_t count)
{
    CUdeviceptr memory;
    CALL(cuMemAlloc, &memory, count * sizeof(float));
    return memory;
}

CUdeviceptr driver_alloc_zeroed(size_t count)
{
    CUdeviceptr memory = driver_alloc(count);
    driver_zero(memory, count);
    return memory;
}

void driver_free(CUdeviceptr memory)
{
    CALL(cuMemFree, memory);
}

void driver_upload(CUdeviceptr to, const void *from, size_t bytes)
{
    CALL(cuMemcpyHtoD, to, from, bytes);
}

void driver_download(void *to, CUdeviceptr from, size_t bytes)
{
    CALL(cuMemcpyDtoH, to, from, bytes);
}

void driver_zero(CUdeviceptr memory, size_t count)
{
    CALL(cuMemsetD32, memory, 0, count);
}

void driver_launch(const char *kernel, size_t threads, void **params)
{
    enum { WIDTH = 256 };
    CUfunction function;
    CALL(cuModuleGetFunction, &function, module, kernel);
    unsigned blocks = (unsigned)((threads + WIDTH - 1) / WIDTH);
    CALL(cuLaunchKernel, function, blocks, 1, 1, WIDTH, 1, 1, 0, NULL, params, NULL);
}
