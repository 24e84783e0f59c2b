/* A sparse ordered set of integers with O(1) insert, erase and neighbour search: bitmaps in levels
 * of 64, the upper saying which words below are not empty. Its memory is reserved, and taken only
 * where it is touched. Not thread-safe. */
#ifndef SIM_BITSET_H
#define SIM_BITSET_H

#include <stdbool.h>
#include <stdint.h>

enum { SIM_BITSET_LEVELS = 5 };

struct sim_bitset {
    uint64_t *level[SIM_BITSET_LEVELS]; /* 0: the members */
    uint64_t limit[SIM_BITSET_LEVELS];  /* in bits */
};

bool sim_bitset_init(struct sim_bitset *set, uint64_t limit); /* members are < limit <= 2^30 */
void sim_bitset_put(struct sim_bitset *set, uint64_t i);
void sim_bitset_drop(struct sim_bitset *set, uint64_t i);
int64_t sim_bitset_at_or_below(const struct sim_bitset *set, uint64_t i); /* -1: none */
int64_t sim_bitset_at_or_above(const struct sim_bitset *set, uint64_t i); /* -1: none */

#endif
