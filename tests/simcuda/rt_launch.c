/* Runtime API: what nvcc's host code registers, and launches. Device code is given to the driver
 * when one of its kernels or variables is first needed, as by the real runtime (lazy loading). */
#include "rt_driver.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct binary {
    void *image; /* first, because nvcc's code holds a void ** to it */
    CUlibrary library;
};

enum item_kind { KERNEL, VARIABLE };

/* A kernel or variable, found by the address of its host-side stand-in. */
struct item {
    const void *host;
    const char *name;
    struct binary *binary;
    enum item_kind kind;
    CUkernel kernel; /* NULL: not asked for yet */
};

static struct item *table; /* open addressing, a power of two */
static size_t table_size, table_used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct item *slot_for(struct item *in, size_t size, const void *host)
{
    size_t at = ((uintptr_t)host * 0x9e3779b97f4a7c15u) >> 20;
    while (in[at & (size - 1)].host && in[at & (size - 1)].host != host)
        at++;
    return &in[at & (size - 1)];
}

static void grow(void)
{
    size_t size = table_size ? table_size * 2 : 256;
    struct item *bigger = calloc(size, sizeof(*bigger));
    if (bigger == NULL)
        abort(); /* before main, with no one to tell */
    for (size_t i = 0; i < table_size; i++)
        if (table[i].host)
            *slot_for(bigger, size, table[i].host) = table[i];
    free(table);
    table = bigger;
    table_size = size;
}

static void add(const struct item *item)
{
    pthread_mutex_lock(&lock);
    if (table_used * 2 >= table_size)
        grow();
    struct item *slot = slot_for(table, table_size, item->host);
    table_used += slot->host == NULL;
    *slot = *item;
    pthread_mutex_unlock(&lock);
}

static CUresult load(struct binary *binary)
{
    return binary->library
               ? CUDA_SUCCESS
               : rt.LibraryLoadData(&binary->library, binary->image, NULL, NULL, 0, NULL, NULL, 0);
}

static struct item *find(const void *host, enum item_kind kind)
{
    struct item *item = table_size ? slot_for(table, table_size, host) : NULL;
    return item && item->host && item->kind == kind ? item : NULL;
}

static cudaError_t kernel_of(const void *host, CUkernel *kernel)
{
    pthread_mutex_lock(&lock);
    struct item *item = find(host, KERNEL);
    CUresult result = CUDA_SUCCESS;
    if (item && item->kernel == NULL) {
        result = load(item->binary);
        if (result == CUDA_SUCCESS)
            result = rt.LibraryGetKernel(&item->kernel, item->binary->library, item->name);
    }
    *kernel = item ? item->kernel : NULL;
    pthread_mutex_unlock(&lock);
    return item ? (cudaError_t)result : cudaErrorInvalidDeviceFunction;
}

cudaError_t rt_symbol(const void *symbol, CUdeviceptr *address, size_t *bytes)
{
    pthread_mutex_lock(&lock);
    struct item *item = find(symbol, VARIABLE);
    CUresult result = item ? load(item->binary) : CUDA_ERROR_NOT_FOUND;
    if (result == CUDA_SUCCESS)
        result = rt.LibraryGetGlobal(address, bytes, item->binary->library, item->name);
    pthread_mutex_unlock(&lock);
    return item ? (cudaError_t)result : cudaErrorInvalidSymbol;
}

#pragma GCC visibility push(default)

void **__cudaRegisterFatBinary(void *fatCubin);
void __cudaRegisterFatBinaryEnd(void **handle);
void __cudaUnregisterFatBinary(void **handle);
char __cudaInitModule(void **handle);
void __cudaRegisterFunction(void **handle, const char *host, char *device, const char *name,
                            int limit, void *tid, void *bid, void *block, void *grid, int *warp);
void __cudaRegisterVar(void **handle, char *host, char *device, const char *name, int ext,
                       size_t size, int constant, int global);
void __cudaRegisterManagedVar(void **handle, void **host, char *device, const char *name, int ext,
                              size_t size, int constant, int global);
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, cudaStream_t stream);
cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream);
cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *host);
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void **args,
                               size_t shared, cudaStream_t stream);

#pragma GCC visibility pop

void **__cudaRegisterFatBinary(void *fatCubin)
{
    struct binary *b = calloc(1, sizeof(*b));
    if (b == NULL)
        abort();
    b->image = fatCubin;
    return &b->image;
}

void __cudaRegisterFatBinaryEnd(void **handle)
{
    (void)handle;
}

char __cudaInitModule(void **handle)
{
    (void)handle;
    return 1;
}

/* Its kernels stay in the table, because another exit handler may still ask for them. */
void __cudaUnregisterFatBinary(void **handle)
{
    struct binary *b = (struct binary *)(void *)handle;
    pthread_mutex_lock(&lock);
    if (b->library)
        rt.LibraryUnload(b->library);
    b->library = NULL;
    for (size_t i = 0; i < table_size; i++)
        if (table[i].binary == b)
            table[i].kernel = NULL;
    pthread_mutex_unlock(&lock);
}

void __cudaRegisterFunction(void **handle, const char *host, char *device, const char *name,
                            int limit, void *tid, void *bid, void *block, void *grid, int *warp)
{
    (void)device, (void)limit, (void)tid, (void)bid, (void)block, (void)grid, (void)warp;
    add(&(struct item){host, name, (struct binary *)(void *)handle, KERNEL, NULL});
}

void __cudaRegisterVar(void **handle, char *host, char *device, const char *name, int ext,
                       size_t size, int constant, int global)
{
    (void)device, (void)ext, (void)size, (void)constant, (void)global;
    add(&(struct item){host, name, (struct binary *)(void *)handle, VARIABLE, NULL});
}

void __cudaRegisterManagedVar(void **handle, void **host, char *device, const char *name, int ext,
                              size_t size, int constant, int global)
{
    __cudaRegisterVar(handle, (char *)host, device, name, ext, size, constant, global);
}

/* The <<<...>>> of a launch, from the caller to the stub; launches may nest in argument lists. */
struct configuration {
    dim3 grid, block;
    size_t shared;
    cudaStream_t stream;
};
enum { MAX_NESTED = 16 };
static __thread struct configuration pending[MAX_NESTED];
static __thread int n_pending;

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, cudaStream_t stream)
{
    if (n_pending == MAX_NESTED)
        return cudaErrorMemoryAllocation;
    pending[n_pending++] = (struct configuration){grid, block, shared, stream};
    return cudaSuccess;
}

cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream)
{
    if (n_pending == 0)
        return rt_end(cudaErrorMissingConfiguration);
    const struct configuration *c = &pending[--n_pending];
    *grid = c->grid;
    *block = c->block;
    *shared = c->shared;
    *(cudaStream_t *)stream = c->stream;
    return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *host)
{
    cudaError_t result = rt_begin();
    return rt_end(result != cudaSuccess ? result : kernel_of(host, kernel));
}

/* The driver takes a CUkernel for a CUfunction; the real runtime relies on it too. */
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void **args,
                               size_t shared, cudaStream_t stream)
{
    RT_CALL(rt.LaunchKernel((CUfunction)(void *)kernel, grid.x, grid.y, grid.z, block.x, block.y,
                            block.z, (unsigned)shared, stream, args, NULL));
}

cudaError_t cudaLaunchKernel(const void *func, dim3 grid, dim3 block, void **args, size_t shared,
                             cudaStream_t stream)
{
    cudaKernel_t kernel = NULL;
    cudaError_t result = __cudaGetKernel(&kernel, func);
    return result != cudaSuccess ? result
                                 : __cudaLaunchKernel(kernel, grid, block, args, shared, stream);
}

cudaError_t cudaLaunchCooperativeKernel(const void *func, dim3 grid, dim3 block, void **args,
                                        size_t shared, cudaStream_t stream)
{
    cudaKernel_t kernel = NULL;
    cudaError_t result = __cudaGetKernel(&kernel, func);
    if (result != cudaSuccess)
        return result;
    RT_CALL(rt.LaunchCooperativeKernel((CUfunction)(void *)kernel, grid.x, grid.y, grid.z, block.x,
                                       block.y, block.z, (unsigned)shared, stream, args));
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *func, void **args)
{
    cudaKernel_t kernel = NULL;
    cudaError_t result = __cudaGetKernel(&kernel, func);
    if (result != cudaSuccess)
        return result;
    CUlaunchConfig c = {.gridDimX = config->gridDim.x,
                        .gridDimY = config->gridDim.y,
                        .gridDimZ = config->gridDim.z,
                        .blockDimX = config->blockDim.x,
                        .blockDimY = config->blockDim.y,
                        .blockDimZ = config->blockDim.z,
                        .sharedMemBytes = (unsigned)config->dynamicSmemBytes,
                        .hStream = config->stream,
                        .attrs = (CUlaunchAttribute *)config->attrs,
                        .numAttrs = config->numAttrs};
    RT_CALL(rt.LaunchKernelEx(&c, (CUfunction)(void *)kernel, args, NULL));
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t fn, void *userData)
{
    RT_CALL(rt.LaunchHostFunc(stream, fn, userData));
}

cudaError_t cudaFuncGetName(const char **name, const void *func)
{
    cudaKernel_t kernel = NULL;
    cudaError_t result = __cudaGetKernel(&kernel, func);
    return rt_end(result != cudaSuccess ? result : (cudaError_t)rt.KernelGetName(name, kernel));
}

cudaError_t cudaFuncSetAttribute(const void *func, enum cudaFuncAttribute attr, int value)
{
    cudaKernel_t kernel = NULL;
    int device = 0;
    cudaError_t result = __cudaGetKernel(&kernel, func);
    if (result != cudaSuccess)
        return result;
    cudaGetDevice(&device);
    return rt_end(
        (cudaError_t)rt.KernelSetAttribute((CUfunction_attribute)attr, value, kernel, device));
}

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attr, const void *func)
{
    cudaKernel_t kernel = NULL;
    int device = 0;
    cudaError_t result = __cudaGetKernel(&kernel, func);
    if (result != cudaSuccess)
        return result;
    cudaGetDevice(&device);
    memset(attr, 0, sizeof(*attr));
    rt.KernelGetAttribute(&attr->maxThreadsPerBlock, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
                          kernel, device);
    rt.KernelGetAttribute(&attr->numRegs, CU_FUNC_ATTRIBUTE_NUM_REGS, kernel, device);
    return cudaSuccess;
}
