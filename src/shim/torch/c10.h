/* PyTorch's caching allocator tells its profiler of every block; we hear it and pass it on.
 *
 * libc10_cuda calls c10::reportMemoryUsageToProfiler, exported by libc10, for each block handed out
 * or taken back, under the device allocator's lock. Defined here as well, the call arrives here
 * first. Under that lock nothing should be looked up, so the real functions are found beforehand
 * where that is possible. */
#ifndef MT_C10_H
#define MT_C10_H

/* Look for libc10 among the loaded libraries, unless it is found already. Takes a lock of the
 * dynamic linker. */
void mt_c10_find(void);

#endif
