/* What the simulated device's own tests share. One test program a family; each test starts in a
 * process of its own (Check forks), so that it meets a driver nobody has used. */
#ifndef SIMTEST_H
#define SIMTEST_H

#include <check.h>
#include <cuda.h>
#include <stdbool.h>
#include <stdlib.h>

#include "simcuda.h"
#include "unit/unit.h"

#define OK(call) ck_assert_int_eq((call), CUDA_SUCCESS)
#define FAILS(error, call) ck_assert_int_eq((call), (error))

#ifndef SIMTEST_ALL_VARIANTS /* where cuda.h declares them, cuCtxCreate is CUDA 2's */
static inline CUcontext simtest_context(void)
{
    CUcontext ctx;
    OK(cuInit(0));
    OK(cuCtxCreate(&ctx, NULL, 0, 0));
    return ctx;
}
#endif

#endif
