/* Contexts by small numbers: whose memory dies when one is destroyed. */
#ifndef MT_CONTEXTS_H
#define MT_CONTEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/cuda/resolve.h"

/* Number of the calling thread's context, from 1; 0: it has none, or there are too many. A handle
 * that is used again gets another number. No locks. */
uint32_t mt_context_here(void);

/* Device of the calling thread's context; the driver keeps it in thread-local memory. */
uint64_t mt_device_here(void);

/* Device on which memory lies, whatever the calling thread's context; it was just given out. */
uint64_t mt_device_of(CUdeviceptr address);

/* The device's primary context was handed out; whether it was, and there still is a user. */
void mt_context_is_primary(CUdevice device, CUcontext context);
bool mt_context_has_primary(CUdevice device);

/* A user is about to release the primary context: whether it is the last that is known. If it
 * could not be released it has that user as before. */
bool mt_context_leave(CUdevice device);
void mt_context_stay(CUdevice device);

/* A context was destroyed; a primary context lost a user, or all. `when`: before the call. */
void mt_context_note_end(uint64_t when, CUcontext context);
void mt_context_note_release(uint64_t when, CUdevice device, bool all);

/* What the current device has free, and in all; asked after a failure. 0: it cannot be asked. */
void mt_free_here(size_t *free_bytes, size_t *total_bytes);

#endif
