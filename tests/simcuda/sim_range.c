/* See sim_range.h. Mapping it all at once would be simpler, and costs seconds under an emulator. */
#include "sim_range.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK (1ULL << 30)

bool sim_range_init(struct sim_range *r, uint64_t base, uint64_t bytes)
{
    atomic_store(&r->mapped, base);
    pthread_mutex_init(&r->growing, NULL);
    return sim_arena_init(&r->arena, base, bytes);
}

static bool map_chunk(struct sim_range *r)
{
    uint64_t at = atomic_load(&r->mapped);
    uint64_t left = r->arena.base + r->arena.units * SIM_UNIT - at;
    uint64_t bytes = left < CHUNK ? left : CHUNK;
    void *want = (void *)(uintptr_t)at;
    void *got = mmap(want, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != want) {
        fprintf(stderr, "simcuda: cannot map %llu MiB at %p: %s\n", (unsigned long long)bytes >> 20,
                want, strerror(errno));
        return false;
    }
    madvise(want, bytes, MADV_DONTDUMP);
    atomic_store(&r->mapped, at + bytes);
    return true;
}

static bool back(struct sim_range *r, uint64_t end)
{
    bool good = true;
    if (atomic_load_explicit(&r->mapped, memory_order_acquire) >= end)
        return true;
    pthread_mutex_lock(&r->growing);
    while (good && atomic_load(&r->mapped) < end)
        good = map_chunk(r);
    pthread_mutex_unlock(&r->growing);
    return good;
}

bool sim_range_take(struct sim_range *r, struct sim_block *block, uint64_t align)
{
    struct sim_block gone;
    if (!sim_arena_take(&r->arena, block, align, 0))
        return false;
    if (back(r, block->address + block->units * SIM_UNIT))
        return true;
    sim_arena_give(&r->arena, block->address, ~0u, &gone);
    return false;
}
