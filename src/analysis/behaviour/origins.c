#include "analysis/behaviour/origins.h"

#include <string.h>

#define HANDED_NS 100000000u /* from a library's call to the block that it is given, at most */

/* A range of memory that another process made counts there. */
static bool is_peers(const struct mt_block *block)
{
    return block->source == MT_SOURCE_IMPORTED ||
           (block->source == MT_SOURCE_VIRTUAL && mt_block_bytes(block) == 0);
}

void mt_origins_birth(struct mt_behaviour *it, struct mt_life *life, const struct mt_block *block)
{
    if (mt_source_is_allocator(block->source)) {
        if (it->asked.time_ns && it->asked.launches == it->launches &&
            block->device == it->asked.device && block->birth_ns - it->asked.time_ns < HANDED_NS)
            life->asker = MT_ASKER_handed;
        return;
    }
    enum mt_kernelkind kind =
        block->library ? mt_librarykind_of(mt_trace_string(it->run->trace, block->library))
                       : MT_KERNEL_other;
    life->asker = kind == MT_KERNEL_collective ? MT_ASKER_collectives
                  : kind == MT_KERNEL_product  ? MT_ASKER_products
                  : is_peers(block)            ? MT_ASKER_peer
                                               : MT_ASKER_other;
    if (kind == MT_KERNEL_product && block->source == MT_SOURCE_DRIVER) {
        it->asked.time_ns = block->birth_ns;
        it->asked.launches = it->launches;
        it->asked.device = block->device;
    }
}

static bool is_input(const struct mt_life *life)
{
    return life->origin == MT_ORIGIN_host || life->origin == MT_ORIGIN_alone ||
           life->origin == MT_ORIGIN_input;
}

/* Made of one block only, which is an input. */
static bool is_of_input(const struct mt_behaviour *it, const struct mt_launch *launch,
                        uint32_t number)
{
    if (launch->blocks != 2)
        return false;
    uint32_t first = mt_lives_of(&it->lives, launch->block[0]);
    uint32_t other = first == number ? mt_lives_of(&it->lives, launch->block[1]) : first;
    const struct mt_life *source = &it->lives.life[other];
    return other && is_input(source) && source->accesses && !mt_behaviour_lasts(it, source);
}

void mt_origins_first(struct mt_behaviour *it, const struct mt_launch *launch, uint32_t number)
{
    struct mt_life *life = mt_life_at(&it->lives, number);
    if (launch->blocks == 1)
        life->origin = MT_ORIGIN_alone;
    else if (it->mix == (MT_MIX_FRESH | MT_MIX_WEIGHTS))
        life->origin = MT_ORIGIN_weights;
    else if (it->mix == (MT_MIX_FRESH | MT_MIX_GATHERED))
        life->origin = MT_ORIGIN_gathered;
    else if (is_of_input(it, launch, number))
        life->origin = MT_ORIGIN_input;
}

void mt_origins_wire(const struct mt_behaviour *it, struct mt_life *life, enum mt_kernelkind kind)
{
    if (kind == MT_KERNEL_collective) {
        life->wire |= MT_WIRE_LAST;
        return;
    }
    life->wire &= (uint8_t)~MT_WIRE_LAST;
    if (life->wire & MT_WIRE_GATHERED && it->mix & MT_MIX_USED)
        life->wire |= MT_WIRE_USED;
}

int mt_origins_collective(struct mt_behaviour *it, uint32_t number, const struct mt_access *access)
{
    struct mt_life *life = mt_life_at(&it->lives, number);
    const char *name = mt_trace_api(it->run->trace, access->kernel);
    uint32_t step = (uint32_t)it->log.steps - 1;
    life->wire |= MT_WIRE_LAST;
    if (access->kind == MT_ACCESS_READ) {
        it->sender = number;
        return !name || !strstr(name, "ReduceScatter") ||
                       mt_shards_reduce(&it->shards, step, access->size)
                   ? 0
                   : MT_ERR_MEMORY;
    }
    const struct mt_life *sender = mt_life_at(&it->lives, it->sender);
    if (!name || !strstr(name, "AllGather") || !it->sender ||
        !(sender->origin == MT_ORIGIN_weights || mt_behaviour_lasts(it, sender)))
        return 0;
    life->wire |= MT_WIRE_GATHERED;
    return mt_shards_gather(&it->shards, step, access->size) ? 0 : MT_ERR_MEMORY;
}
