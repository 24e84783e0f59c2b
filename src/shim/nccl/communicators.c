/* A table without locks: a slot's value is written while its key says BUSY, and read again after. A
 * communicator that is entered twice by two threads does no harm; where the table is full NCCL is
 * asked each time. */
#include "shim/nccl/communicators.h"

#include <stdatomic.h>

#define SLOTS 512u
#define BUSY 1u
#define DEAD 2u

static struct {
    _Atomic uintptr_t key;
    _Atomic uint64_t place; /* ranks, and the rank above bit 32 */
} slot[SLOTS];

static unsigned start_of(mt_comm comm)
{
    return (unsigned)((uintptr_t)comm * UINT64_C(0x9e3779b97f4a7c15) >> 40) % SLOTS;
}

static struct mt_comm_place unpack(uint64_t place)
{
    return (struct mt_comm_place){(uint32_t)place, (uint32_t)(place >> 32)};
}

static bool find(mt_comm comm, struct mt_comm_place *place)
{
    for (unsigned n = 0, i = start_of(comm); n < SLOTS; n++, i = (i + 1) % SLOTS) {
        uintptr_t key = atomic_load_explicit(&slot[i].key, memory_order_acquire);
        if (key == (uintptr_t)comm)
            *place = unpack(atomic_load_explicit(&slot[i].place, memory_order_relaxed));
        if (key == (uintptr_t)comm || key == 0)
            return key != 0;
    }
    return false;
}

static void enter(mt_comm comm, struct mt_comm_place place)
{
    for (unsigned n = 0, i = start_of(comm); n < SLOTS; n++, i = (i + 1) % SLOTS) {
        uintptr_t key = atomic_load(&slot[i].key);
        if ((key != 0 && key != DEAD) || !atomic_compare_exchange_strong(&slot[i].key, &key, BUSY))
            continue;
        atomic_store(&slot[i].place, (uint64_t)place.rank << 32 | place.ranks);
        atomic_store_explicit(&slot[i].key, (uintptr_t)comm, memory_order_release);
        return;
    }
}

struct mt_comm_place mt_comm_place(mt_comm comm, bool *first)
{
    struct mt_comm_place place = {0, 0};
    int ranks, rank;
    *first = false;
    if (!comm || find(comm, &place) || !mt_nccl_ask.count || !mt_nccl_ask.rank)
        return place;
    if (mt_nccl_ask.count(comm, &ranks) != MT_NCCL_SUCCESS ||
        mt_nccl_ask.rank(comm, &rank) != MT_NCCL_SUCCESS)
        return place;
    place = (struct mt_comm_place){(uint32_t)ranks, (uint32_t)rank};
    enter(comm, place);
    *first = true;
    return place;
}

void mt_comm_learn(mt_comm comm, struct mt_comm_place place)
{
    mt_comm_forget(comm);
    enter(comm, place);
}

void mt_comm_forget(mt_comm comm)
{
    for (unsigned n = 0, i = start_of(comm); comm && n < SLOTS; n++, i = (i + 1) % SLOTS) {
        uintptr_t key = (uintptr_t)comm;
        if (atomic_compare_exchange_strong(&slot[i].key, &key, DEAD) || key == 0)
            return;
    }
}
