/* What the environment sets. */
#include "simtest.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

START_TEST(numbers_are_taken)
{
    int n, version, major, minor;
    size_t bytes;
    CUdeviceptr p;
    setenv("SIMCUDA_DEVICES", "3", 1);
    setenv("SIMCUDA_MEMORY", "64M", 1);
    setenv("SIMCUDA_DRIVER_VERSION", "12080", 1);
    setenv("SIMCUDA_COMPUTE", "0x64", 1); /* 100 */
    setenv("SIMCUDA_OOM_AT", "2", 1);
    setenv("SIMCUDA_FREE_FAIL_AT", "1", 1);
    simtest_context();
    OK(cuDeviceGetCount(&n));
    ck_assert_int_eq(n, 3);
    OK(cuDeviceTotalMem(&bytes, 2));
    ck_assert_uint_eq(bytes, 64 << 20);
    FAILS(CUDA_ERROR_INVALID_DEVICE, cuDeviceTotalMem(&bytes, 3));
    OK(cuDriverGetVersion(&version));
    ck_assert_int_eq(version, 12080);
    OK(cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0));
    OK(cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0));
    ck_assert_int_eq(major * 10 + minor, 100);
    OK(cuMemAlloc(&p, 10));
    FAILS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(&p, 10));
    FAILS(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemFree(p));
    OK(cuMemFree(p));
}
END_TEST

START_TEST(there_may_be_no_device)
{
    int n = 7;
    setenv("SIMCUDA_DEVICES", "0", 1);
    FAILS(CUDA_ERROR_NO_DEVICE, cuInit(0));
    FAILS(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGetCount(&n));
}
END_TEST

START_TEST(delays_take_time)
{
    struct timespec from, to;
    CUdeviceptr p;
    setenv("SIMCUDA_ALLOC_NS", "2000000", 1);
    setenv("SIMCUDA_FREE_NS", "3000000", 1);
    simtest_context();
    clock_gettime(CLOCK_MONOTONIC, &from);
    OK(cuMemAlloc(&p, 10));
    OK(cuMemFree(p));
    clock_gettime(CLOCK_MONOTONIC, &to);
    ck_assert_int_ge((to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec, 7000000);
}
END_TEST

START_TEST(contexts_take_time)
{
    struct timespec from, to;
    CUcontext context;
    setenv("SIMCUDA_CONTEXT_NS", "3000000", 1);
    OK(cuInit(0));
    clock_gettime(CLOCK_MONOTONIC, &from);
    OK(cuCtxCreate(&context, NULL, 0, 0));
    OK(cuCtxDestroy(context));
    OK(cuDevicePrimaryCtxReset(0));
    clock_gettime(CLOCK_MONOTONIC, &to);
    ck_assert_int_ge((to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec, 9000000);
}
END_TEST

static void refused(const char *name, const char *value)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        setenv(name, value, 1);
        close(STDERR_FILENO);
        cuInit(0);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s=%s", name, value);
}

START_TEST(nonsense_is_refused)
{
    refused("SIMCUDA_DEVICES", "17");
    refused("SIMCUDA_DEVICES", "two");
    refused("SIMCUDA_MEMORY", "64MB");
    refused("SIMCUDA_MEMORY", "1T");
    refused("SIMCUDA_MEMORY", "0x4000000000000001G"); /* 1G, had the top bits been lost */
    refused("SIMCUDA_OOM_AT", "-");
    refused("SIMCUDA_OOM_AT", "-1");
    refused("SIMCUDA_HANDLE_REUSE", "2");
}
END_TEST

START_TEST(counters_are_written_at_exit)
{
    char path[] = "/tmp/simtest-XXXXXX", line[200];
    bool found = false;
    int status, fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("SIMCUDA_COUNTS", path, 1);
        simtest_context();
        CUdeviceptr p;
        OK(cuMemAlloc(&p, 10));
        OK(cuMemAlloc(&p, 20));
        exit(0);
    }
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
    FILE *in = fopen(path, "r");
    while (fgets(line, sizeof(line), in))
        found |= strcmp(line, "cuMemAlloc_v2 2 30\n") == 0;
    fclose(in);
    remove(path);
    ck_assert(found);
}
END_TEST

UNIT_MAIN("settings", numbers_are_taken, there_may_be_no_device, delays_take_time,
          contexts_take_time, nonsense_is_refused, counters_are_written_at_exit)
