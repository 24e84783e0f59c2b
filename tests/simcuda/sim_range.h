/* A range of addresses (sim_arena.h) with memory behind all that is taken: mapped by the chunk,
 * from the beginning as far as is needed, and never unmapped. Thread-safe. */
#ifndef SIM_RANGE_H
#define SIM_RANGE_H

#include "sim_arena.h"

struct sim_range {
    struct sim_arena arena;
    _Atomic uint64_t mapped; /* up to here */
    pthread_mutex_t growing;
};

bool sim_range_init(struct sim_range *range, uint64_t base, uint64_t bytes);

/* As sim_arena_take, without a wish. False also when the addresses are taken by something else. */
bool sim_range_take(struct sim_range *range, struct sim_block *block, uint64_t align);

#endif
