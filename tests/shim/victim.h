/* What the victims share: ways to reach the driver, and a command each.
 *
 * CU(name)   the function as a program finds it, through the door opened last: the recorder's hook
 * REAL(name) the simulated driver's own, found behind the recorder's back: what a victim does with
 *            it leaves no event. For setting up, and for all functions that are not hooked. */
#ifndef MT_VICTIM_H
#define MT_VICTIM_H

#include "ledger.h"
#include "shim/cuda/resolve.h"
#include "simcuda/simcuda.h"

enum door {
    DOOR_EXPORTED, /* linked against the driver */
    DOOR_HANDLE,   /* dlsym on dlopen's handle */
    DOOR_DEFAULT,  /* dlsym on RTLD_DEFAULT and RTLD_NEXT */
    DOOR_NEXT,
    DOOR_PROC,        /* cuGetProcAddress, the one of four arguments */
    DOOR_PROC_2,      /* the one of five */
    DOOR_PROC_2_NULL, /* and where the caller does not want the status */
    DOORS
};

extern void *victim_cu[MT_APIS];
#define CU(name) ((__typeof__(&name))victim_cu[MT_API_##name])
#define REAL(name) ((__typeof__(&name))victim_real(#name))

/* Open libcuda.so.1 (unless linked) and fill victim_cu through the door. */
void victim_open(enum door door);
void *victim_real(const char *name); /* never NULL: aborts */

/* Stop unless the call succeeds; print what, to stderr. */
void victim_check(CUresult result, const char *what);
#define MUST(call) victim_check(call, #call)
__attribute__((noreturn, format(printf, 1, 2))) void victim_fail(const char *format, ...);

/* cuInit and a primary context, by CU(): from here on the recorder records. */
void victim_begin(enum door door);

/* A call that lasts begins or is done: MT_UPKEEP_*. */
void victim_upkeep(uint64_t api, uint64_t why, uint64_t begins);
/* The same of one in which nothing else is told. */
void victim_lasted(uint64_t api, uint64_t why);

/* Hooked, and in the ledger. */
CUdeviceptr victim_alloc(size_t size);
void victim_free(CUdeviceptr address);
void victim_launch(CUfunction f, uint64_t kernel, CUdeviceptr first, CUdeviceptr second);

/* c10's function as libc10_cuda imports it; the recorder alone defines it here. */
struct victim_device {
    int8_t type, index;
};
void victim_report_usage(
    void *block, int64_t size, size_t allocated, size_t reserved,
    struct victim_device device) __asm__("_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE")
    __attribute__((weak));

/* Kernels by the names in victim_ptx; the number is that of the ledger's entry. */
extern const char victim_ptx[];
struct victim_kernel {
    const char *name;
    unsigned params;
    uint16_t layout[8]; /* offset, size */
};
/* A ledger entry for a kernel; returns its number. */
uint64_t victim_tell_kernel(const struct victim_kernel *kernel);
extern const struct victim_kernel victim_k_two; /* two pointers and a 4-byte number */

/* victim COMMAND [ARGUMENT...] */
struct victim_command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0]: the command */
};
/* One table a victim_*.c, ended by a row of NULL. */
extern const struct victim_command victim_c10[], victim_devices[], victim_doors[], victim_graphs[],
    victim_jumps[], victim_kill[], victim_launches[], victim_life[], victim_marks[], victim_nccl[],
    victim_order[], victim_ranks[], victim_resolve[], victim_threads[], victim_windows[];

#endif
