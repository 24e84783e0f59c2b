/* What is asked about functions and kernels: names, parameters, attributes. */
#include "sim_kernel.h"

static CUresult param_info(const struct sim_entry *e, size_t index, size_t *offset, size_t *size)
{
    SIM_REQUIRE(offset && index < e->n_params, CUDA_ERROR_INVALID_VALUE);
    *offset = e->params[index].offset;
    if (size)
        *size = e->params[index].size;
    return CUDA_SUCCESS;
}

CUresult cuFuncGetParamInfo(CUfunction func, size_t paramIndex, size_t *paramOffset,
                            size_t *paramSize)
{
    SIM_ENTER(cuFuncGetParamInfo);
    SIM_REQUIRE(sim_is(func, SIM_FUNCTION), CUDA_ERROR_INVALID_HANDLE);
    return param_info(func->entry, paramIndex, paramOffset, paramSize);
}

CUresult cuKernelGetParamInfo(CUkernel kernel, size_t paramIndex, size_t *paramOffset,
                              size_t *paramSize)
{
    SIM_ENTER(cuKernelGetParamInfo);
    SIM_REQUIRE(sim_is(kernel, SIM_KERNEL), CUDA_ERROR_INVALID_HANDLE);
    return param_info(kernel->entry, paramIndex, paramOffset, paramSize);
}

CUresult cuFuncGetName(const char **name, CUfunction hfunc)
{
    SIM_ENTER(cuFuncGetName);
    SIM_REQUIRE(name, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(hfunc, SIM_FUNCTION), CUDA_ERROR_INVALID_HANDLE);
    *name = hfunc->entry->name;
    return CUDA_SUCCESS;
}

CUresult cuKernelGetName(const char **name, CUkernel hfunc)
{
    SIM_ENTER(cuKernelGetName);
    SIM_REQUIRE(name, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(hfunc, SIM_KERNEL), CUDA_ERROR_INVALID_HANDLE);
    *name = hfunc->entry->name;
    return CUDA_SUCCESS;
}

CUresult cuFuncGetModule(CUmodule *hmod, CUfunction hfunc)
{
    SIM_ENTER(cuFuncGetModule);
    SIM_REQUIRE(hmod, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(hfunc, SIM_FUNCTION), CUDA_ERROR_INVALID_HANDLE);
    *hmod = hfunc->module;
    return CUDA_SUCCESS;
}

/* What was set is given back; of the rest, what a small kernel would have. */
static CUresult get_attribute(const int *set, CUfunction_attribute a, int *value)
{
    SIM_REQUIRE(value && (unsigned)a < CU_FUNC_ATTRIBUTE_MAX, CUDA_ERROR_INVALID_VALUE);
    *value = set[a];
    if (a == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)
        *value = 1024;
    else if (a == CU_FUNC_ATTRIBUTE_NUM_REGS)
        *value = 32;
    else if (a == CU_FUNC_ATTRIBUTE_PTX_VERSION || a == CU_FUNC_ATTRIBUTE_BINARY_VERSION)
        *value = 90;
    else if (a == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES && *value == 0)
        *value = 49152;
    return CUDA_SUCCESS;
}

static CUresult set_attribute(int *set, CUfunction_attribute a, int value)
{
    SIM_REQUIRE((unsigned)a < CU_FUNC_ATTRIBUTE_MAX, CUDA_ERROR_INVALID_VALUE);
    set[a] = value;
    return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *pi, CUfunction_attribute attrib, CUfunction hfunc)
{
    SIM_ENTER(cuFuncGetAttribute);
    SIM_REQUIRE(sim_is(hfunc, SIM_FUNCTION), CUDA_ERROR_INVALID_HANDLE);
    return get_attribute(hfunc->attributes, attrib, pi);
}

CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value)
{
    SIM_ENTER(cuFuncSetAttribute);
    SIM_REQUIRE(sim_is(hfunc, SIM_FUNCTION), CUDA_ERROR_INVALID_HANDLE);
    return set_attribute(hfunc->attributes, attrib, value);
}

CUresult cuKernelGetAttribute(int *pi, CUfunction_attribute attrib, CUkernel kernel, CUdevice dev)
{
    SIM_ENTER(cuKernelGetAttribute);
    SIM_REQUIRE(sim_is(kernel, SIM_KERNEL), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    return get_attribute(kernel->attributes, attrib, pi);
}

CUresult cuKernelSetAttribute(CUfunction_attribute attrib, int val, CUkernel kernel, CUdevice dev)
{
    SIM_ENTER(cuKernelSetAttribute);
    SIM_REQUIRE(sim_is(kernel, SIM_KERNEL), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(sim_device_ok(dev), CUDA_ERROR_INVALID_DEVICE);
    return set_attribute(kernel->attributes, attrib, val);
}

CUresult cuFuncSetCacheConfig(CUfunction hfunc, CUfunc_cache config)
{
    SIM_ENTER(cuFuncSetCacheConfig);
    (void)config;
    return sim_is(hfunc, SIM_FUNCTION) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuFuncLoad(CUfunction function)
{
    SIM_ENTER(cuFuncLoad);
    return sim_is(function, SIM_FUNCTION) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuFuncIsLoaded(CUfunctionLoadingState *state, CUfunction function)
{
    SIM_ENTER(cuFuncIsLoaded);
    SIM_REQUIRE(state, CUDA_ERROR_INVALID_VALUE);
    *state = CU_FUNCTION_LOADING_STATE_LOADED;
    return sim_is(function, SIM_FUNCTION) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
