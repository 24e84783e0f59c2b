/* A range of addresses handed out first-fit in units of 512 bytes. Knows addresses only; who maps
 * memory there, and how, is the caller's affair.
 *
 * A freed block is merged with free neighbours at once, and is the first candidate for the next
 * request of its size: free(p) and then alloc of as many bytes gives p again. Thread-safe. */
#ifndef SIM_ARENA_H
#define SIM_ARENA_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim_bitset.h"

enum { SIM_UNIT = 512, SIM_RECENT = 4, SIM_RECENT_CLASSES = 256 };

enum sim_use {
    SIM_FREE,
    SIM_LINEAR, /* cuMemAlloc, cuMemAllocPitch */
    SIM_MANAGED,
    SIM_ASYNC,    /* from a pool */
    SIM_RESERVED, /* virtual addresses */
    SIM_HOST,
    SIM_SPACE /* anything else */
};

struct sim_block {
    uint64_t address;
    uint64_t bytes; /* as requested */
    uint64_t units; /* as taken */
    enum sim_use use;
    int device;
    unsigned flags; /* host memory: cuMemHostAlloc's */
    void *owner;    /* pool, context */
    uint64_t id;    /* unique in this arena */
};

struct sim_arena {
    pthread_mutex_t lock;
    uint64_t base, units;
    struct sim_bitset
        starts; /* first unit of every block, free or not: the blocks tile the range */
    struct sim_bitset free_starts;
    uint32_t *block_at; /* by first unit: index into blocks */
    struct sim_block *blocks;
    uint32_t used_blocks, spare; /* spare: list of free records through `units` */
    uint64_t next_id, live;
    void (*leaving)(const struct sim_block *); /* called under the lock just before a block is free;
                                                * may be NULL */
    uint64_t recent[SIM_RECENT_CLASSES][SIM_RECENT]; /* units lately freed, newest first, + 1 */
};

/* base: multiple of 2 MiB; bytes: at most 2^39. */
bool sim_arena_init(struct sim_arena *arena, uint64_t base, uint64_t bytes);

/* `block` gives bytes, use, device, flags and owner; address, units and id are filled in. `wish`:
 * an address to prefer, or 0; `align`: a power of two. False: no room. */
bool sim_arena_take(struct sim_arena *arena, struct sim_block *block, uint64_t align,
                    uint64_t wish);

/* The live block that starts at / contains the address, copied to *block. */
bool sim_arena_starting(struct sim_arena *arena, uint64_t address, struct sim_block *block);
bool sim_arena_containing(struct sim_arena *arena, uint64_t address, struct sim_block *block);

/* Frees the live block that starts there if its use is one of `uses` (bit 1 << use); copies it. */
bool sim_arena_give(struct sim_arena *arena, uint64_t address, unsigned uses,
                    struct sim_block *block);

bool sim_arena_is_valid(struct sim_arena *arena); /* the whole structure, for tests */

#endif
