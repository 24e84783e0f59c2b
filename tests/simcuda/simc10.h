/* Stand-ins for PyTorch's libc10 and libc10_cuda.
 *
 * libsimc10.so defines c10::reportMemoryUsageToProfiler and c10::reportOutOfMemoryToProfiler by
 * their mangled names, in every signature that PyTorch has had. libsimc10_cuda.so links it and is a
 * caching allocator with the real one's rules, which calls the report function under its mutex for
 * every block it hands out or takes back. Load both with dlopen(…, RTLD_LOCAL), as Python loads
 * libc10, and find the functions below with dlsym; the prototypes give their types. */
#ifndef SIMC10_H
#define SIMC10_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* c10::Device: two bytes, passed in a register. */
struct simc10_device {
    int8_t type; /* 0: CPU, 1: CUDA */
    int8_t index;
};

enum simc10_signature {
    SIMC10_PTR_L_MM, /* 2.0 and later: (void *, int64_t, size_t, size_t, Device) */
    SIMC10_PTR_L_LL, /* about 1.10 to 1.13: int64_t totals */
    SIMC10_PTR_M_MM, /* a development snapshot: size_t throughout */
    SIMC10_PTR_L,    /* before that: (void *, int64_t, Device) */
    SIMC10_SIGNATURES
};

/* ---- libsimc10.so ---- */

struct simc10_reports {
    unsigned long long calls[SIMC10_SIGNATURES]; /* that reached libsimc10 */
    unsigned long long oom_calls[2];             /* (int64_t, size_t, size_t), (int64_t × 3) */
    void *ptr;                                   /* arguments of the last call of either */
    long long size;
    unsigned long long allocated, reserved; /* 0 where the signature has none */
    struct simc10_device device;
};
void simc10_reports(struct simc10_reports *out);
void simc10_reset_reports(void);

/* ---- libsimc10_cuda.so; thread-safe ---- */

/* A block of at least `bytes` on the current device, or NULL: out of memory (which is reported) or
 * 0 bytes asked for. `stream`: any value; blocks are reused within a stream only. */
void *simc10_alloc(size_t bytes, void *stream);
void simc10_free(void *ptr); /* NULL: nothing; another pointer that is no block: abort */

/* The block was used on another stream: its free is reported at once, but it is reused only after
 * simc10_process_events. */
void simc10_record_stream(void *ptr);
void simc10_process_events(void);

void simc10_empty_cache(void); /* gives back segments, or pages of segments, without blocks */

/* Segments by cuMemAddressReserve/Create/Map (PYTORCH_ALLOC_CONF=expandable_segments:True). For
 * allocations from now on. Initially as SIMC10_EXPANDABLE=1 says. */
void simc10_set_expandable(int on);
/* Which signature the allocator calls; initially SIMC10_PTR_L_MM. */
void simc10_set_signature(enum simc10_signature signature);

struct simc10_stats {                                                      /* of one device */
    unsigned long long allocated, reserved, peak_allocated, peak_reserved; /* bytes */
    unsigned long long allocs, frees; /* blocks handed out and taken back: reports made */
    unsigned long long segments;      /* live */
    unsigned long long ooms;
};
void simc10_stats(int device, struct simc10_stats *out);
int simc10_is_valid(void); /* checks the whole structure */

#pragma GCC visibility pop

#endif
