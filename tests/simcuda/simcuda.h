/* Controls of the simulated driver, for tests. Exported by libcuda.so.1 of tests/simcuda only; a
 * test that preloads a tracer looks them up with dlsym. All are thread-safe unless they say
 * otherwise. */
#ifndef SIMCUDA_H
#define SIMCUDA_H

#include <stdio.h>

#pragma GCC visibility push(default)

/* Calls of one exported function by its full name ("cuMemcpyHtoD_v2_ptds"), refused ones included,
 * and bytes its successful calls allocated, freed, copied or set. Unknown names give 0. Threads
 * that are calling at the moment may be a call behind. */
unsigned long long simcuda_calls(const char *name);
unsigned long long simcuda_bytes(const char *name);
void simcuda_reset_counters(void);      /* only while no other thread calls the driver */
void simcuda_write_counters(FILE *out); /* "name calls bytes", one line a function called */

/* From now on the nth call (1: the next) of this exported function returns `error` (a CUresult)
 * without doing anything; with `always`, so do all later ones. nth 0 disarms. -1: unknown name. */
int simcuda_fail_call(const char *name, unsigned long nth, int error, int always);

/* The nth device allocation from now on, by whatever function, runs out of memory; 0 disarms. */
void simcuda_oom_at(unsigned long nth);
/* The nth free of device memory from now on fails with CUDA_ERROR_ILLEGAL_ADDRESS and frees
 * nothing. */
void simcuda_free_fail_at(unsigned long nth);

/* Called by every free of device memory (and by cuMemUnmap and cuMemAddressFree) in the freeing
 * thread, when the address can be handed out (mapped) again and before the free returns. No lock of
 * the driver is held, so it may wait for another thread that allocates the same address. NULL:
 * none. */
typedef void simcuda_free_fn(unsigned long long address, unsigned long long bytes, void *data);
void simcuda_on_free(simcuda_free_fn *fn, void *data);

/* Delays that stand in for the real driver's own time, in ns. Not while other threads call. */
void simcuda_delays(unsigned long launch_ns, unsigned long alloc_ns);

/* 1 (default): handles of unloaded modules and destroyed objects are the next ones handed out. */
void simcuda_handle_reuse(int on);

/* The version that the driver reports; newer functions then answer CUDA_ERROR_NOT_SUPPORTED, and
 * cuGetProcAddress does not find them. */
void simcuda_driver_version(int version);

/* cuGetProcAddress("cuMemAlloc") answers, when asked for at least `version`, with an exported
 * cuMemAlloc_v3 that no tracer can know. 0: never. */
void simcuda_unknown_from(int version);
unsigned long long simcuda_unknown_calls(void); /* of cuMemAlloc_v3 */

/* Bytes of device memory in use on a device, and the live allocations on all of them. */
unsigned long long simcuda_used(int device);
unsigned long long simcuda_live(void);

/* First and last address of the device range: every device address is inside. */
void simcuda_range(unsigned long long *first, unsigned long long *last);

#pragma GCC visibility pop

#endif
