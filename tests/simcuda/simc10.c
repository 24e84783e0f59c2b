/* See simc10.h: the functions that libc10 exports and profilers override. They do nothing but
 * count, as the real ones do nothing while no profiler runs. Called under the allocator's mutex, so
 * that "the last call" is well defined with one allocator. */
#include "simc10.h"

#include <string.h>

#pragma GCC visibility push(default)
#include "simc10_report.h"
#pragma GCC visibility pop

static struct simc10_reports now;

static void keep(void *ptr, long long size, unsigned long long allocated,
                 unsigned long long reserved, struct simc10_device device)
{
    now.ptr = ptr;
    now.size = size;
    now.allocated = allocated;
    now.reserved = reserved;
    now.device = device;
}

void report_pl_mm(void *ptr, int64_t size, size_t allocated, size_t reserved,
                  struct simc10_device device)
{
    now.calls[SIMC10_PTR_L_MM]++;
    keep(ptr, size, allocated, reserved, device);
}

void report_pl_ll(void *ptr, int64_t size, int64_t allocated, int64_t reserved,
                  struct simc10_device device)
{
    now.calls[SIMC10_PTR_L_LL]++;
    keep(ptr, size, (unsigned long long)allocated, (unsigned long long)reserved, device);
}

void report_pm_mm(void *ptr, size_t size, size_t allocated, size_t reserved,
                  struct simc10_device device)
{
    now.calls[SIMC10_PTR_M_MM]++;
    keep(ptr, (long long)size, allocated, reserved, device);
}

void report_pl(void *ptr, int64_t size, struct simc10_device device)
{
    now.calls[SIMC10_PTR_L]++;
    keep(ptr, size, 0, 0, device);
}

void report_oom_l_mm(int64_t size, size_t allocated, size_t reserved, struct simc10_device device)
{
    now.oom_calls[0]++;
    keep(NULL, size, allocated, reserved, device);
}

void report_oom_l_ll(int64_t size, int64_t allocated, int64_t reserved, struct simc10_device device)
{
    now.oom_calls[1]++;
    keep(NULL, size, (unsigned long long)allocated, (unsigned long long)reserved, device);
}

void simc10_reports(struct simc10_reports *out)
{
    *out = now;
}

void simc10_reset_reports(void)
{
    memset(&now, 0, sizeof(now));
}
