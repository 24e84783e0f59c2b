/* What the simulated device's own tests share. One test program a family; each test starts in a
 * process of its own (Check forks), so that it meets a driver nobody has used. */
#ifndef SIMTEST_H
#define SIMTEST_H

#include <check.h>
#include <cuda.h>
#include <stdbool.h>
#include <stdlib.h>

#include "simcuda.h"

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

static inline int simtest_run(const char *name, const TTest *const *tests, size_t n)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(tcase, tests[i]);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define SIMTEST_MAIN(name, ...)                                                                    \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *tests[] = {__VA_ARGS__};                                                      \
        return simtest_run(name, tests, sizeof(tests) / sizeof(tests[0]));                         \
    }

#endif
