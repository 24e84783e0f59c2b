/* A training job of two layers, small enough to know everything about it.
 *
 *   copy input X;  A1 = layer(X, P1);  A2 = layer(A1, P2);  L = loss(A2)          forward
 *   D = loss'(A2);  G2 = weight'(D, A1);  D1 = input'(D, P2);  G1 = sum'(D1, X)  backward
 *   step(P1, G1, M1);  step(P2, G2, M2)                                           optimizer
 *
 * The gradients of an iteration are freed in the next one, before its backward phase. Each layer
 * has scratch memory of its own; W is a workspace that all products share. */
#ifndef MT_SMALLJOB_H
#define MT_SMALLJOB_H

#include "passrun.h"

enum smalljob_block {
    JOB_P1,
    JOB_P2,
    JOB_M1,
    JOB_M2,
    JOB_W,
    JOB_X,
    JOB_A1,
    JOB_A2,
    JOB_L,
    JOB_D,
    JOB_D1,
    JOB_G1,
    JOB_G2,
    JOB_SCRATCH,
    JOB_BLOCKS
};

extern const char *const smalljob_category[JOB_BLOCKS];

struct smalljob {
    uint32_t iterations;
    uint32_t backward_thread; /* 0: the same as all */
    uint32_t rotate;          /* steps by which the boundaries of iterations lie late */
    uint32_t outside;         /* of the iterations, the first ones, that were not found; each
                                 uses both parameters at once in the backward phase */
    uint32_t leak;            /* blocks of 4 KiB an iteration forgets */
    uint32_t mixed_up;        /* iteration in which each step is given the other one's gradient */
    uint64_t id[JOB_BLOCKS];  /* out: of the block in the last but one */
    uint32_t now;             /* iteration that is being written */
};

#define JOB_STEPS 10u     /* of an iteration, each at its start + 100 * number */
#define JOB_PERIOD 10000u /* ns */
#define JOB_START 100000u /* ns: of the first iteration */

/* Write it all into the trace. */
void smalljob_write(struct passrun *run, struct smalljob *job);

uint64_t smalljob_size(enum smalljob_block block);

#endif
