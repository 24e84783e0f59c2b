/* Modules, libraries, functions and kernels. */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "sim_image.h"
#include "sim_work.h"

struct CUfunc_st { /* begins as CUkern_st does: a launch takes either */
    struct sim_head head;
    const struct sim_entry *entry;
    CUmodule module;
    int attributes[CU_FUNC_ATTRIBUTE_MAX];
};

struct CUkern_st {
    struct sim_head head;
    const struct sim_entry *entry;
    CUlibrary library;
    CUfunction function; /* NULL: not asked for yet */
    int attributes[CU_FUNC_ATTRIBUTE_MAX];
};

/* The real driver launches a CUkernel that was cast to CUfunction, though cuFunc* refuses it. */
static inline CUresult sim_launch_check(const struct sim_launch *launch)
{
    const struct CUfunc_st *f = launch->function;
    SIM_REQUIRE(sim_is(f, SIM_FUNCTION) || sim_is(f, SIM_KERNEL), CUDA_ERROR_INVALID_HANDLE);
    const unsigned *g = launch->grid, *b = launch->block;
    SIM_REQUIRE(g[0] && g[1] && g[2] && b[0] && b[1] && b[2], CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE((uint64_t)b[0] * b[1] * b[2] <= 1024, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(!(launch->params && launch->extra), CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(launch->params || launch->extra || f->entry->n_params == 0,
                CUDA_ERROR_INVALID_VALUE);
    return CUDA_SUCCESS;
}

#endif
