/* Loading and asking. The code of a kernel is never looked at. */
#include "sim_kernel.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_config.h"

struct CUmod_st {
    struct sim_head head;
    CUlibrary library; /* whose image it shares, or NULL */
    struct sim_image own, *image;
    CUfunction *functions; /* as many as entries; NULL: not asked for yet */
};

struct CUlib_st {
    struct sim_head head;
    struct sim_image image;
    CUmodule module; /* NULL: not asked for yet */
    CUkernel *kernels;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static CUresult read_image(struct sim_image *image, const void *data)
{
    SIM_REQUIRE(data, CUDA_ERROR_INVALID_VALUE);
    enum sim_image_result r = sim_image_read(image, data);
    if (r == SIM_IMAGE_COMPRESSED)
        fprintf(stderr, "simcuda: compressed device code is not read: build with --no-compress\n");
    return r == SIM_IMAGE_OK          ? CUDA_SUCCESS
           : r == SIM_IMAGE_NO_MEMORY ? CUDA_ERROR_OUT_OF_MEMORY
                                      : CUDA_ERROR_INVALID_IMAGE;
}

/* Variables lie in device memory, as the real ones; freed by unloading only. */
static CUresult place_variables(struct sim_image *image, int device)
{
    for (unsigned i = 0; i < image->n_variables; i++) {
        struct sim_variable *v = &image->variables[i];
        struct sim_block block = {.bytes = v->bytes, .use = SIM_SPACE, .device = device};
        if (!sim_range_take(&sim_device_range, &block, SIM_UNIT))
            return CUDA_ERROR_OUT_OF_MEMORY;
        v->address = block.address;
        memset((void *)(uintptr_t)block.address, 0, v->bytes);
    }
    return CUDA_SUCCESS;
}

static void drop_image(struct sim_image *image)
{
    struct sim_block block;
    for (unsigned i = image->n_variables; i-- > 0;)
        if (image->variables[i].address)
            sim_arena_give(&sim_device_range.arena, image->variables[i].address, 1u << SIM_SPACE,
                           &block);
    sim_image_release(image);
}

static CUresult load(struct sim_thread *self, CUmodule *out, const void *data)
{
    SIM_REQUIRE(out, CUDA_ERROR_INVALID_VALUE);
    struct sim_image image;
    CUresult result = read_image(&image, data);
    if (result != CUDA_SUCCESS)
        return result;
    result = place_variables(&image, sim_current_device(self));
    CUmodule m = result == CUDA_SUCCESS ? sim_object_new(SIM_MODULE, sizeof(*m)) : NULL;
    CUfunction *functions = calloc(image.n_entries + 1, sizeof(*functions));
    if (!m || !functions) {
        free(functions);
        drop_image(&image);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    m->own = image;
    m->image = &m->own;
    m->functions = functions;
    *out = m;
    return CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
    SIM_ENTER_CTX(cuModuleLoadData);
    return load(self, module, image);
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned int numOptions,
                            CUjit_option *options, void **optionValues)
{
    SIM_ENTER_CTX(cuModuleLoadDataEx);
    SIM_REQUIRE(numOptions == 0 || (options && optionValues), CUDA_ERROR_INVALID_VALUE);
    return load(self, module, image);
}

CUresult cuModuleLoadFatBinary(CUmodule *module, const void *fatCubin)
{
    SIM_ENTER_CTX(cuModuleLoadFatBinary);
    return load(self, module, fatCubin);
}

static CUresult read_file(const char *path, char **out)
{
    SIM_REQUIRE(path, CUDA_ERROR_INVALID_VALUE);
    FILE *f = fopen(path, "rb");
    SIM_REQUIRE(f, CUDA_ERROR_FILE_NOT_FOUND);
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    char *data = size > 0 ? calloc(1, (size_t)size + 8) : NULL; /* text ends with NUL */
    bool good = data && fread(data, 1, (size_t)size, f) == (size_t)size;
    fclose(f);
    if (!good) {
        free(data);
        return CUDA_ERROR_INVALID_IMAGE;
    }
    *out = data;
    return CUDA_SUCCESS;
}

CUresult cuModuleLoad(CUmodule *module, const char *fname)
{
    SIM_ENTER_CTX(cuModuleLoad);
    char *data;
    CUresult result = read_file(fname, &data);
    if (result == CUDA_SUCCESS) {
        result = load(self, module, data);
        free(data);
    }
    return result;
}

/* Newest first, so that loading the like again gives every handle its old value. */
static void module_free(CUmodule m)
{
    for (unsigned i = m->image->n_entries; i-- > 0;)
        if (m->functions[i])
            sim_object_free(m->functions[i]);
    free(m->functions);
    if (m->library == NULL)
        drop_image(&m->own);
    sim_object_free(m);
}

CUresult cuModuleUnload(CUmodule hmod)
{
    SIM_ENTER_CTX(cuModuleUnload);
    SIM_REQUIRE(sim_is(hmod, SIM_MODULE) && hmod->library == NULL, CUDA_ERROR_INVALID_HANDLE);
    pthread_mutex_lock(&lock);
    module_free(hmod);
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}

static CUresult function_at(CUmodule m, unsigned index, CUfunction *out)
{
    pthread_mutex_lock(&lock);
    CUfunction f = m->functions[index];
    if (f == NULL && (f = sim_object_new(SIM_FUNCTION, sizeof(*f)))) {
        f->entry = &m->image->entries[index];
        f->module = m;
        m->functions[index] = f;
    }
    pthread_mutex_unlock(&lock);
    SIM_REQUIRE(f, CUDA_ERROR_OUT_OF_MEMORY);
    *out = f;
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *hfunc, CUmodule hmod, const char *name)
{
    SIM_ENTER_CTX(cuModuleGetFunction);
    SIM_REQUIRE(hfunc && name, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(hmod, SIM_MODULE), CUDA_ERROR_INVALID_HANDLE);
    const struct sim_entry *e = sim_image_entry(hmod->image, name);
    SIM_REQUIRE(e, CUDA_ERROR_NOT_FOUND);
    return function_at(hmod, (unsigned)(e - hmod->image->entries), hfunc);
}

CUresult cuModuleGetFunctionCount(unsigned int *count, CUmodule mod)
{
    SIM_ENTER_CTX(cuModuleGetFunctionCount);
    SIM_REQUIRE(count, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(mod, SIM_MODULE), CUDA_ERROR_INVALID_HANDLE);
    *count = mod->image->n_entries;
    return CUDA_SUCCESS;
}

CUresult cuModuleEnumerateFunctions(CUfunction *functions, unsigned int numFunctions, CUmodule mod)
{
    SIM_ENTER_CTX(cuModuleEnumerateFunctions);
    SIM_REQUIRE(functions, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(mod, SIM_MODULE), CUDA_ERROR_INVALID_HANDLE);
    CUresult result = CUDA_SUCCESS;
    for (unsigned i = 0; i < numFunctions && i < mod->image->n_entries && !result; i++)
        result = function_at(mod, i, &functions[i]);
    return result;
}

static CUresult variable(const struct sim_image *image, const char *name, uint64_t *address,
                         uint64_t *bytes)
{
    SIM_REQUIRE(name, CUDA_ERROR_INVALID_VALUE);
    for (unsigned i = 0; i < image->n_variables; i++)
        if (strcmp(image->variables[i].name, name) == 0) {
            *address = image->variables[i].address;
            *bytes = image->variables[i].bytes;
            return CUDA_SUCCESS;
        }
    return CUDA_ERROR_NOT_FOUND;
}

static CUresult get_global(const struct sim_image *image, const char *name, CUdeviceptr *dptr,
                           size_t *bytes)
{
    uint64_t address = 0, size = 0;
    CUresult result = variable(image, name, &address, &size);
    if (result == CUDA_SUCCESS && dptr)
        *dptr = address;
    if (result == CUDA_SUCCESS && bytes)
        *bytes = size;
    return result;
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr *dptr, size_t *bytes, CUmodule hmod, const char *name)
{
    SIM_ENTER_CTX(cuModuleGetGlobal_v2);
    SIM_REQUIRE(sim_is(hmod, SIM_MODULE), CUDA_ERROR_INVALID_HANDLE);
    return get_global(hmod->image, name, dptr, bytes);
}

CUresult cuLibraryGetGlobal(CUdeviceptr *dptr, size_t *bytes, CUlibrary library, const char *name)
{
    SIM_ENTER_CTX(cuLibraryGetGlobal);
    SIM_REQUIRE(sim_is(library, SIM_LIBRARY), CUDA_ERROR_INVALID_HANDLE);
    return get_global(&library->image, name, dptr, bytes);
}

CUresult cuLibraryGetManaged(CUdeviceptr *dptr, size_t *bytes, CUlibrary library, const char *name)
{
    SIM_ENTER_CTX(cuLibraryGetManaged);
    SIM_REQUIRE(sim_is(library, SIM_LIBRARY), CUDA_ERROR_INVALID_HANDLE);
    return get_global(&library->image, name, dptr, bytes);
}

CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
    SIM_ENTER(cuModuleGetLoadingMode);
    SIM_REQUIRE(mode, CUDA_ERROR_INVALID_VALUE);
    *mode = CU_MODULE_LAZY_LOADING;
    return CUDA_SUCCESS;
}

/* A library can be loaded before there is a context; its variables then belong to device 0. */
static CUresult library_load(CUlibrary *out, const void *data)
{
    SIM_REQUIRE(out, CUDA_ERROR_INVALID_VALUE);
    struct sim_image image;
    CUresult result = read_image(&image, data);
    if (result != CUDA_SUCCESS)
        return result;
    result = place_variables(&image, 0);
    CUlibrary l = result == CUDA_SUCCESS ? sim_object_new(SIM_LIBRARY, sizeof(*l)) : NULL;
    CUkernel *kernels = calloc(image.n_entries + 1, sizeof(CUkernel));
    if (!l || !kernels) {
        free(kernels);
        drop_image(&image);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    l->image = image;
    l->kernels = kernels;
    *out = l;
    return CUDA_SUCCESS;
}

CUresult cuLibraryLoadData(CUlibrary *library, const void *code, CUjit_option *jitOptions,
                           void **jitOptionsValues, unsigned int numJitOptions,
                           CUlibraryOption *libraryOptions, void **libraryOptionValues,
                           unsigned int numLibraryOptions)
{
    SIM_ENTER(cuLibraryLoadData);
    SIM_REQUIRE(numJitOptions == 0 || (jitOptions && jitOptionsValues), CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(numLibraryOptions == 0 || libraryOptions, CUDA_ERROR_INVALID_VALUE);
    (void)libraryOptionValues;
    return library_load(library, code);
}

CUresult cuLibraryLoadFromFile(CUlibrary *library, const char *fileName, CUjit_option *jitOptions,
                               void **jitOptionsValues, unsigned int numJitOptions,
                               CUlibraryOption *libraryOptions, void **libraryOptionValues,
                               unsigned int numLibraryOptions)
{
    SIM_ENTER(cuLibraryLoadFromFile);
    SIM_REQUIRE(numJitOptions == 0 || (jitOptions && jitOptionsValues), CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(numLibraryOptions == 0 || libraryOptions, CUDA_ERROR_INVALID_VALUE);
    (void)libraryOptionValues;
    char *data;
    CUresult result = read_file(fileName, &data);
    if (result == CUDA_SUCCESS) {
        result = library_load(library, data);
        free(data);
    }
    return result;
}

CUresult cuLibraryUnload(CUlibrary library)
{
    SIM_ENTER(cuLibraryUnload);
    SIM_REQUIRE(sim_is(library, SIM_LIBRARY), CUDA_ERROR_INVALID_HANDLE);
    pthread_mutex_lock(&lock);
    if (library->module)
        module_free(library->module);
    for (unsigned i = library->image.n_entries; i-- > 0;)
        if (library->kernels[i])
            sim_object_free(library->kernels[i]);
    free(library->kernels);
    drop_image(&library->image);
    sim_object_free(library);
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}

static CUresult kernel_at(CUlibrary l, unsigned index, CUkernel *out)
{
    pthread_mutex_lock(&lock);
    CUkernel k = l->kernels[index];
    if (k == NULL && (k = sim_object_new(SIM_KERNEL, sizeof(*k)))) {
        k->entry = &l->image.entries[index];
        k->library = l;
        l->kernels[index] = k;
    }
    pthread_mutex_unlock(&lock);
    SIM_REQUIRE(k, CUDA_ERROR_OUT_OF_MEMORY);
    *out = k;
    return CUDA_SUCCESS;
}

CUresult cuLibraryGetKernel(CUkernel *pKernel, CUlibrary library, const char *name)
{
    SIM_ENTER(cuLibraryGetKernel);
    SIM_REQUIRE(pKernel && name, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(library, SIM_LIBRARY), CUDA_ERROR_INVALID_HANDLE);
    const struct sim_entry *e = sim_image_entry(&library->image, name);
    SIM_REQUIRE(e, CUDA_ERROR_NOT_FOUND);
    return kernel_at(library, (unsigned)(e - library->image.entries), pKernel);
}

CUresult cuLibraryGetKernelCount(unsigned int *count, CUlibrary lib)
{
    SIM_ENTER(cuLibraryGetKernelCount);
    SIM_REQUIRE(count, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(lib, SIM_LIBRARY), CUDA_ERROR_INVALID_HANDLE);
    *count = lib->image.n_entries;
    return CUDA_SUCCESS;
}

CUresult cuLibraryEnumerateKernels(CUkernel *kernels, unsigned int numKernels, CUlibrary lib)
{
    SIM_ENTER(cuLibraryEnumerateKernels);
    SIM_REQUIRE(kernels, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(lib, SIM_LIBRARY), CUDA_ERROR_INVALID_HANDLE);
    CUresult result = CUDA_SUCCESS;
    for (unsigned i = 0; i < numKernels && i < lib->image.n_entries && !result; i++)
        result = kernel_at(lib, i, &kernels[i]);
    return result;
}

static CUresult module_of(CUlibrary l, CUmodule *out)
{
    pthread_mutex_lock(&lock);
    CUmodule m = l->module;
    if (m == NULL && (m = sim_object_new(SIM_MODULE, sizeof(*m)))) {
        m->library = l;
        m->image = &l->image;
        m->functions = calloc(l->image.n_entries + 1, sizeof(CUfunction));
        l->module = m;
    }
    pthread_mutex_unlock(&lock);
    SIM_REQUIRE(m && m->functions, CUDA_ERROR_OUT_OF_MEMORY);
    *out = m;
    return CUDA_SUCCESS;
}

CUresult cuLibraryGetModule(CUmodule *pMod, CUlibrary library)
{
    SIM_ENTER_CTX(cuLibraryGetModule);
    SIM_REQUIRE(pMod, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(library, SIM_LIBRARY), CUDA_ERROR_INVALID_HANDLE);
    return module_of(library, pMod);
}

CUresult cuKernelGetFunction(CUfunction *pFunc, CUkernel kernel)
{
    SIM_ENTER_CTX(cuKernelGetFunction);
    SIM_REQUIRE(pFunc, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(kernel, SIM_KERNEL), CUDA_ERROR_INVALID_HANDLE);
    CUmodule m;
    CUresult result = module_of(kernel->library, &m);
    unsigned index = (unsigned)(kernel->entry - kernel->library->image.entries);
    return result == CUDA_SUCCESS ? function_at(m, index, pFunc) : result;
}

CUresult cuKernelGetLibrary(CUlibrary *pLib, CUkernel kernel)
{
    SIM_ENTER(cuKernelGetLibrary);
    SIM_REQUIRE(pLib, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(kernel, SIM_KERNEL), CUDA_ERROR_INVALID_HANDLE);
    *pLib = kernel->library;
    return CUDA_SUCCESS;
}
