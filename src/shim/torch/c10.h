/* PyTorch's caching allocator tells its profiler of every block; we hear it and pass it on.
 *
 * libc10_cuda calls c10::reportMemoryUsageToProfiler, exported by libc10, for each block handed out
 * or taken back, under the device allocator's lock. Defined here as well, the call arrives here
 * first. Under that lock nothing should be looked up, so the real functions are found beforehand
 * where that is possible. */
#ifndef MT_C10_H
#define MT_C10_H

#include <stddef.h>

/* Look for libc10 among the loaded libraries, unless it is found already. Takes a lock of the
 * dynamic linker. */
void mt_c10_find(void);

/* How much memory the current device has free, and in all; 0 where it cannot be asked. Set when the
 * library is loaded; asked when the allocator reports that it is out of memory, and then only. */
typedef void mt_free_fn(size_t *free_bytes, size_t *total_bytes);
extern mt_free_fn *mt_c10_free;

#endif
