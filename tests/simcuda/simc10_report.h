/* What libc10 exports and the caching allocator calls, by the names of all versions. Their
 * visibility is that of who includes this. */
#ifndef SIMC10_REPORT_H
#define SIMC10_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "simc10.h"

void report_pl_mm(void *, int64_t, size_t, size_t, struct simc10_device) __asm__(
    "_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE");
void report_pl_ll(void *, int64_t, int64_t, int64_t, struct simc10_device) __asm__(
    "_ZN3c1027reportMemoryUsageToProfilerEPvlllNS_6DeviceE");
void report_pm_mm(void *, size_t, size_t, size_t, struct simc10_device) __asm__(
    "_ZN3c1027reportMemoryUsageToProfilerEPvmmmNS_6DeviceE");
void report_pl(void *, int64_t,
               struct simc10_device) __asm__("_ZN3c1027reportMemoryUsageToProfilerEPvlNS_6DeviceE");
void report_oom_l_mm(int64_t, size_t, size_t, struct simc10_device) __asm__(
    "_ZN3c1027reportOutOfMemoryToProfilerElmmNS_6DeviceE");
void report_oom_l_ll(int64_t, int64_t, int64_t, struct simc10_device) __asm__(
    "_ZN3c1027reportOutOfMemoryToProfilerElllNS_6DeviceE");

#endif
