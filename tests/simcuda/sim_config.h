/* What the environment (SIMCUDA_*, see README.md) and tests set. Read once, at the first call. */
#ifndef SIM_CONFIG_H
#define SIM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_config {
    int devices;
    uint64_t memory;      /* bytes a device */
    int driver_version;   /* 1000 * major + 10 * minor */
    int compute;          /* 10 * major + minor */
    unsigned long oom_at; /* the N-th allocation of device memory fails; 0: none */
    unsigned long free_fail_at;
    int unknown_from; /* asked for at least this version, cuMemAlloc is cuMemAlloc_v3; 0: never */
    unsigned long launch_ns;
    unsigned long alloc_ns;
    unsigned long free_ns;
    unsigned long context_ns;
    bool handle_reuse;
    char counts[256]; /* at exit, counters go to this file (%p: process); empty: nowhere */
};

/* Read from the environment at the first call. */
struct sim_config *sim_config(void);

/* The same without the check, for the launch path: valid once cuInit has succeeded. */
extern struct sim_config sim_config_now;

void sim_delay(unsigned long ns);
void sim_core_forked(void);

#endif
