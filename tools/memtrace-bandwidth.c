/* Measures how fast memory goes between the host and a GPU, and says it as options of
 * memtrace-analyze. The driver is loaded when it runs: there is nothing to link with. */
#include <cuda.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analysis/measures/swaprule.h"
#include "base/clock.h"
#include "base/parse.h"
#include "options.h"
#include "report/number.h"

enum { EXIT_PROBLEM = 1 };

#define SMALLEST (UINT64_C(4) << 10)
#define LARGEST (UINT64_C(256) << 20)
#define GROWTH 4u       /* from size to size */
#define TIMES 20u       /* a size is copied so often; the fastest counts */
#define LARGE_SHARE 16u /* sizes from LARGEST / 16 on tell the bandwidth */

/* X(name of the function, type of its arguments) */
#define DRIVER(X)                                                                                  \
    X(cuInit, (unsigned int flags))                                                                \
    X(cuDeviceGetCount, (int *count))                                                              \
    X(cuDeviceGet, (CUdevice * device, int ordinal))                                               \
    X(cuDeviceGetName, (char *name, int size, CUdevice device))                                    \
    X(cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device))                            \
    X(cuCtxSetCurrent, (CUcontext context))                                                        \
    X(cuMemAlloc_v2, (CUdeviceptr * address, size_t bytes))                                        \
    X(cuMemAllocHost_v2, (void **address, size_t bytes))                                           \
    X(cuMemcpyHtoD_v2, (CUdeviceptr to, const void *from, size_t bytes))                           \
    X(cuMemcpyDtoH_v2, (void *to, CUdeviceptr from, size_t bytes))

/* The headers call some of them by other names. */
#undef cuMemAlloc_v2
#undef cuMemAllocHost_v2
#undef cuMemcpyHtoD_v2
#undef cuMemcpyDtoH_v2

struct driver {
#define POINTER(name, arguments) CUresult(*name) arguments;
    DRIVER(POINTER)
#undef POINTER
};

/* What one direction gave. */
struct direction {
    const char *name;
    double bandwidth;    /* bytes per second */
    uint64_t latency_ns; /* of the smallest copy */
};

#define stop(code, ...) mt_options_stop("memtrace-bandwidth", code, __VA_ARGS__)

/* ---- the driver ---- */

static void load(struct driver *driver)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        stop(EXIT_PROBLEM, "no GPU: the CUDA driver cannot be loaded: %s", dlerror());
#define FIND(name, arguments)                                                                      \
    do {                                                                                           \
        void *found = dlsym(library, #name);                                                       \
        if (!found)                                                                                \
            stop(EXIT_PROBLEM, "the CUDA driver has no %s: it is too old", #name);                 \
        memcpy(&driver->name, &found, sizeof found);                                               \
    } while (0);
    DRIVER(FIND)
#undef FIND
}

static void check(CUresult result, const char *what)
{
    if (result != CUDA_SUCCESS)
        stop(EXIT_PROBLEM, "%s: the CUDA driver says error %d%s", what, (int)result,
             result == CUDA_ERROR_NO_DEVICE ? ": there is no GPU" : "");
}

static void open_device(const struct driver *driver, int ordinal, char name[256])
{
    CUdevice device;
    CUcontext context;
    int count = 0;
    check(driver->cuInit(0), "starting CUDA");
    check(driver->cuDeviceGetCount(&count), "counting devices");
    if (ordinal >= count)
        stop(EXIT_PROBLEM, "there is no device %d: the machine has %d", ordinal, count);
    check(driver->cuDeviceGet(&device, ordinal), "opening the device");
    check(driver->cuDeviceGetName(name, 256, device), "asking for its name");
    check(driver->cuDevicePrimaryCtxRetain(&context, device), "making a context");
    check(driver->cuCtxSetCurrent(context), "entering the context");
}

/* ---- measuring ---- */

/* The shortest of several copies, ns. */
static uint64_t copy(const struct driver *driver, bool out, CUdeviceptr device, void *host,
                     uint64_t bytes)
{
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < TIMES; i++) {
        uint64_t begin = mt_clock_monotonic_ns();
        check(out ? driver->cuMemcpyDtoH_v2(host, device, bytes)
                  : driver->cuMemcpyHtoD_v2(device, host, bytes),
              "copying");
        uint64_t ns = mt_clock_monotonic_ns() - begin;
        best = ns && ns < best ? ns : best;
    }
    return best;
}

static void measure(const struct driver *driver, struct direction *direction, bool out,
                    CUdeviceptr device, void *host, uint64_t largest)
{
    for (uint64_t bytes = SMALLEST; bytes <= largest; bytes *= GROWTH) {
        char size[MT_HUMAN_MAX], time[MT_HUMAN_MAX];
        uint64_t ns = copy(driver, out, device, host, bytes);
        if (bytes == SMALLEST)
            direction->latency_ns = ns;
        /* What the latency costs is told apart, or large copies would pay it twice. */
        double seconds =
            (double)(ns > direction->latency_ns ? ns - direction->latency_ns : 1) / 1e9;
        double rate = (double)(bytes - SMALLEST) / seconds;
        if (bytes >= largest / LARGE_SHARE && rate > direction->bandwidth)
            direction->bandwidth = rate;
        printf("  %-16s %10s in %10s  %7.2f GB/s\n", direction->name, mt_human_bytes(size, bytes),
               mt_human_ns(time, ns), (double)bytes / (double)ns);
    }
}

static void run(int ordinal)
{
    struct driver driver;
    struct direction out = {"device to host", 0, 0}, in = {"host to device", 0, 0};
    char name[256];
    CUdeviceptr device;
    void *host;
    uint64_t bytes = LARGEST;
    load(&driver);
    open_device(&driver, ordinal, name);
    while (bytes > SMALLEST * GROWTH && driver.cuMemAlloc_v2(&device, bytes) != CUDA_SUCCESS)
        bytes /= GROWTH;
    if (bytes <= SMALLEST * GROWTH)
        stop(EXIT_PROBLEM, "device %d has no memory left to measure with", ordinal);
    check(driver.cuMemAllocHost_v2(&host, bytes), "allocating page-locked memory");
    memset(host, 1, bytes);
    printf("device %d: %s, page-locked memory, the fastest of %u copies each\n", ordinal, name,
           TIMES);
    measure(&driver, &out, true, device, host, bytes);
    measure(&driver, &in, false, device, host, bytes);
    double d2h = out.bandwidth / 1e9, h2d = in.bandwidth / 1e9;
    double latency =
        (double)(out.latency_ns > in.latency_ns ? out.latency_ns : in.latency_ns) / 1e3;
    printf("1 GB/s is 1,000,000,000 bytes per second. For memtrace-analyze:\n");
    const char *space = "";
#define SAY(option, long_name, value, unit, text)                                                  \
    printf("%s--%s=%.2f", space, long_name, option);                                               \
    space = " ";
    MT_SWAP_OPTIONS(SAY)
#undef SAY
    putchar('\n');
}

static const struct mt_option rows[] = {
    {'d', 'd', "device", "N", "measure device N (default: 0)", false}, MT_OPTIONS_COMMON};

static void help(void)
{
    puts("usage: memtrace-bandwidth [OPTION...]\n\n"
         "Measure how fast page-locked memory is copied between the host and a GPU, in both\n"
         "directions, and print it as options for memtrace-analyze.\n");
    mt_options_help(rows, sizeof rows / sizeof *rows);
    puts("\nExit code: 0; 1 if there is no GPU or it fails; 2 for a wrong command line.");
}

static void take(void *state, int id, const char *value)
{
    long number;
    (void)id;
    if (!mt_parse_number(value, 0, 1024, &number))
        stop(MT_EXIT_USAGE, "--device is a number from 0 on, not '%s'", value);
    *(int *)state = (int)number;
}

int main(int argc, char **argv)
{
    int device = 0;
    struct mt_options options = MT_OPTIONS("memtrace-bandwidth", rows, &device);
    int first = mt_options_parse(&options, argc, argv);
    if (first < argc)
        mt_options_die("memtrace-bandwidth", "%s: nothing is measured but devices", argv[first]);
    run(device);
    mt_options_end("memtrace-bandwidth", 0);
}
