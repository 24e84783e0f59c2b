/* The part of the CUDA driver that the example uses, found at run time: the program builds without
 * CUDA libraries and runs on whatever libcuda.so.1 the loader finds. A failed call ends the program
 * with a message. */
#ifndef MLP_DRIVER_H
#define MLP_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include <cuda.h>

enum { DEVICE_NAME_MAX = 128 };

/* Load libcuda, take device 0, compile `ptx`. */
void driver_init(const char *ptx);

/* The name of the device. */
const char *driver_device_name(void);

/* No GPU, but the stand-in on which kernels do nothing. */
bool driver_is_simulated(void);

/* Device memory for `count` floats, and back. */
CUdeviceptr driver_alloc(size_t count);
CUdeviceptr driver_alloc_zeroed(size_t count);
void driver_free(CUdeviceptr memory);

/* Copies and sets of `bytes` bytes and `count` floats. */
void driver_upload(CUdeviceptr to, const void *from, size_t bytes);
void driver_download(void *to, CUdeviceptr from, size_t bytes);
void driver_zero(CUdeviceptr memory, size_t count);

/* Start `kernel` with at least `threads` threads; `params` point to its parameters in order. */
void driver_launch(const char *kernel, size_t threads, void **params);

#endif
