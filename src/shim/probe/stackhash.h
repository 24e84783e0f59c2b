/* The hash by which a stack is known. Words are added one after the other; a hash of 64 bits is
 * taken for the stack itself. */
#ifndef MT_STACKHASH_H
#define MT_STACKHASH_H

#include <stdint.h>

/* Two words as one; `second` should be the one that seldom differs. What is slow stays off the
 * chain from word to word. */
static inline uint64_t mt_stackhash_add_pair(uint64_t hash, uint64_t first, uint64_t second)
{
    uint64_t word = first * (2 * second + UINT64_C(0x9e3779b97f4a7c15));
    return hash * UINT64_C(0xd6e8feb86659fd93) + (word ^ word >> 32);
}

static inline uint64_t mt_stackhash_add(uint64_t hash, uint64_t word)
{
    return mt_stackhash_add_pair(hash, word, 0);
}

/* Never 0. */
static inline uint64_t mt_stackhash_end(uint64_t hash)
{
    hash = (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    hash ^= hash >> 32;
    return hash ? hash : 1;
}

#endif
