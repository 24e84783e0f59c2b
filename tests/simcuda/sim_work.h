/* Work that a stream takes: copies, sets, launches, calls of host functions. A stream does it at
 * once, or, while it captures, keeps it as a node of a graph, which does it at every launch. */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include "sim_stream.h"

struct sim_kernel;

/* Every copy is a box of rows; pitches and slices are in bytes, width too. */
struct sim_copy {
    uint64_t dst, src;
    size_t dst_pitch, dst_slice, src_pitch, src_slice;
    size_t width, height, depth;
};

struct sim_set {
    uint64_t dst;
    size_t pitch;         /* bytes from row to row */
    size_t width, height; /* width in elements */
    unsigned value;
    unsigned element; /* bytes: 1, 2 or 4 */
};

struct sim_launch {
    const void *function; /* CUfunction or CUkernel */
    unsigned grid[3], block[3], shared;
    void **params, **extra;
};

struct sim_work {
    CUgraphNodeType type;
    union {
        struct sim_copy copy;
        struct sim_set set;
        struct sim_launch launch;
        struct {
            CUhostFn fn;
            void *data;
        } host;
        struct {
            CUdeviceptr address;
            size_t bytes;
        } memory;
        CUgraph child;
        struct {
            CUgraph *body; /* what the program may fill; the first one runs, once */
            unsigned n;
        } conditional;
    };
};

/* Checks the work, then does it or captures it. */
CUresult sim_submit(CUstream stream, const struct sim_work *work);
CUresult sim_work_check(const struct sim_work *work);
void sim_work_run(const struct sim_work *work);

void sim_copy_run(const struct sim_copy *copy);
CUresult sim_copy_check(const struct sim_copy *copy);
void sim_set_run(const struct sim_set *set);
CUresult sim_set_check(const struct sim_set *set);

/* A device address must lie in a live block with at least `bytes` behind it; others are the host's.
 */
CUresult sim_range_check(uint64_t address, uint64_t bytes);

/* Node parameters of the driver API to work. */
CUresult sim_copy_from_3d(struct sim_copy *copy, const CUDA_MEMCPY3D *p);

#endif
