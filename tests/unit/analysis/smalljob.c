#include "smalljob.h"

static const struct {
    uint64_t address, size;
} place[JOB_BLOCKS] = {
    [JOB_P1] = {0x100000, 65536},  [JOB_P2] = {0x200000, 32768},
    [JOB_M1] = {0x300000, 65536},  [JOB_M2] = {0x400000, 32768},
    [JOB_W] = {0x500000, 1 << 20}, [JOB_X] = {0x800000, 20480},
    [JOB_A1] = {0x900000, 200704}, [JOB_A2] = {0xa00000, 100352},
    [JOB_L] = {0xb00000, 1024},    [JOB_D] = {0xc00000, 102400},
    [JOB_D1] = {0xd00000, 204800}, [JOB_G1] = {0xe00000, 65536},
    [JOB_G2] = {0xf00000, 32768},  [JOB_SCRATCH] = {0x1000000, 307200},
};

const char *const smalljob_category[JOB_BLOCKS] = {
    [JOB_P1] = "parameter",       [JOB_P2] = "parameter",      [JOB_M1] = "optimizer_state",
    [JOB_M2] = "optimizer_state", [JOB_W] = "workspace",       [JOB_X] = "input",
    [JOB_A1] = "activation",      [JOB_A2] = "activation",     [JOB_L] = "activation",
    [JOB_D] = "temporary",        [JOB_D1] = "temporary",      [JOB_G1] = "gradient",
    [JOB_G2] = "gradient",        [JOB_SCRATCH] = "workspace",
};

static uint64_t births;

uint64_t smalljob_size(enum smalljob_block block)
{
    return place[block].size;
}

static void born(struct passrun *run, struct smalljob *job, uint64_t at, enum smalljob_block block)
{
    births++;
    if (job->now + 2 <= job->iterations)
        job->id[block] = births;
    passrun_birth(run, at, place[block].address, place[block].size);
}

static void freed(struct passrun *run, uint64_t at, enum smalljob_block block)
{
    passrun_death(run, at, place[block].address);
}

#define AT(block) place[JOB_##block].address

static void forward(struct passrun *run, struct smalljob *job, uint64_t at)
{
    born(run, job, at, JOB_X);
    passrun_copy(run, at, AT(X), 0xf0000000, place[JOB_X].size);
    born(run, job, at + 90, JOB_A1);
    born(run, job, at + 90, JOB_SCRATCH);
    passrun_launch(run, at + 100, 0, "gemm_layer", AT(A1), AT(X), AT(P1), AT(W), AT(SCRATCH));
    freed(run, at + 110, JOB_SCRATCH);
    born(run, job, at + 190, JOB_A2);
    passrun_launch(run, at + 200, 0, "gemm_layer", AT(A2), AT(A1), AT(P2), AT(W));
    born(run, job, at + 290, JOB_L);
    passrun_launch(run, at + 300, 0, "loss", AT(L), AT(A2));
}

static void backward(struct passrun *run, struct smalljob *job, uint64_t at, uint32_t thread)
{
    born(run, job, at, JOB_D);
    passrun_launch(run, at, thread, "loss_backward", AT(D), AT(A2), AT(L));
    freed(run, at + 10, JOB_L);
    freed(run, at + 10, JOB_A2);
    born(run, job, at + 90, JOB_G2);
    passrun_launch(run, at + 100, thread, "gemm_weight", AT(G2), AT(D), AT(A1), AT(W));
    born(run, job, at + 190, JOB_D1);
    passrun_launch(run, at + 200, thread, "gemm_input", AT(D1), AT(D), AT(P2), AT(W));
    freed(run, at + 210, JOB_D);
    freed(run, at + 210, JOB_A1);
    if (job->outside) /* as an optimizer does */
        passrun_launch(run, at + 250, thread, "tie", AT(P1), AT(P2));
    born(run, job, at + 290, JOB_G1);
    passrun_launch(run, at + 300, thread, "sum_weight", AT(G1), AT(D1), AT(X));
    freed(run, at + 310, JOB_D1);
    freed(run, at + 310, JOB_X);
}

static void iterate(struct passrun *run, struct smalljob *job, uint32_t i)
{
    uint64_t at = JOB_START + i * JOB_PERIOD;
    job->now = i;
    forward(run, job, at);
    if (i) {
        freed(run, at + 350, JOB_G1);
        freed(run, at + 350, JOB_G2);
    }
    backward(run, job, at + 400, job->backward_thread);
    for (uint32_t k = 0; k < job->leak; k++) {
        births++;
        passrun_birth(run, at + 750, 0x4000000 + (uint64_t)(i * job->leak + k) * 4096, 4096);
    }
    bool mixed_up = i && i == job->mixed_up;
    passrun_launch(run, at + 800, 0, "step", AT(P1), mixed_up ? AT(G2) : AT(G1), AT(M1));
    passrun_launch(run, at + 900, 0, "step", AT(P2), mixed_up ? AT(G1) : AT(G2), AT(M2));
}

void smalljob_write(struct passrun *run, struct smalljob *job)
{
    births = 1; /* the segment */
    for (enum smalljob_block block = JOB_P1; block <= JOB_W; block++) {
        born(run, job, 1000, block);
        if (block != JOB_W)
            passrun_launch(run, 1100 + (uint64_t)block, 0, "fill", place[block].address);
    }
    for (uint32_t i = 0; i < job->iterations; i++) {
        /* The boundary is that of the recorded order, not of the job: late by some steps. */
        if (i >= job->outside)
            passrun_iteration(run, JOB_START + i * JOB_PERIOD + job->rotate * 100);
        iterate(run, job, i);
    }
    passrun_end(run, JOB_START + job->iterations * JOB_PERIOD);
}
