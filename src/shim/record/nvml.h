/* What the driver itself says is taken on each device, by NVML. Only the drain thread asks: the
 * library is loaded there, at the first sample, and a question takes milliseconds. Never CUDA. */
#ifndef MT_NVML_H
#define MT_NVML_H

#include <stdbool.h>
#include <stdint.h>

/* CUDA's ordinal of a device and what identifies it, before the first sample. */
void mt_nvml_device(unsigned ordinal, const char *uuid);

/* Record a `usage` event for each device that the process uses, where the last is `ms` old. */
void mt_nvml_sample(long ms);

/* The next sample is not to wait. */
void mt_nvml_soon(void);

/* Now, whatever the time. */
void mt_nvml_last(void);

/* In a forked child. */
void mt_nvml_forget(void);

#endif
