/* See sim_bitset.h. A search climbs until a word has a member on the wanted side, then descends
 * along the nearest bits: at most two visits a level. */
#include "sim_bitset.h"

#include <stddef.h>
#include <sys/mman.h>

bool sim_bitset_init(struct sim_bitset *set, uint64_t limit)
{
    for (int l = 0; l < SIM_BITSET_LEVELS; l++) {
        set->limit[l] = limit;
        limit = (limit + 63) / 64;
        void *p = mmap(NULL, limit * 8, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            return false;
        set->level[l] = p;
    }
    return true;
}

void sim_bitset_put(struct sim_bitset *set, uint64_t i)
{
    for (int l = 0; l < SIM_BITSET_LEVELS; l++, i /= 64) {
        uint64_t before = set->level[l][i / 64];
        set->level[l][i / 64] = before | 1ULL << (i % 64);
        if (before)
            return; /* the levels above know of this word */
    }
}

void sim_bitset_drop(struct sim_bitset *set, uint64_t i)
{
    for (int l = 0; l < SIM_BITSET_LEVELS; l++, i /= 64) {
        set->level[l][i / 64] &= ~(1ULL << (i % 64));
        if (set->level[l][i / 64])
            return;
    }
}

int64_t sim_bitset_at_or_below(const struct sim_bitset *set, uint64_t i)
{
    for (int l = 0; l < SIM_BITSET_LEVELS; l++) {
        uint64_t word = set->level[l][i / 64] & (~0ULL >> (63 - i % 64));
        if (word) {
            i = i / 64 * 64 + (63 - (uint64_t)__builtin_clzll(word));
            for (; l > 0; l--)
                i = i * 64 + (63 - (uint64_t)__builtin_clzll(set->level[l - 1][i]));
            return (int64_t)i;
        }
        if (i < 64)
            return -1;
        i = i / 64 - 1;
    }
    return -1;
}

int64_t sim_bitset_at_or_above(const struct sim_bitset *set, uint64_t i)
{
    for (int l = 0; l < SIM_BITSET_LEVELS && i < set->limit[l]; l++) {
        uint64_t word = set->level[l][i / 64] & (~0ULL << (i % 64));
        if (word) {
            i = i / 64 * 64 + (uint64_t)__builtin_ctzll(word);
            for (; l > 0; l--)
                i = i * 64 + (uint64_t)__builtin_ctzll(set->level[l - 1][i]);
            return (int64_t)i;
        }
        i = i / 64 + 1;
    }
    return -1;
}
