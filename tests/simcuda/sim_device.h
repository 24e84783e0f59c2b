/* The simulated devices and their memory. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "sim_core.h"
#include "sim_range.h"

/* Ranges at fixed addresses. The device range lies where no loader, heap or sanitizer shadow
 * does on x86-64 and 48-bit aarch64; the low one serves the 32-bit calls of CUDA 2, whose device
 * addresses must fit an unsigned int, and is mapped at their first use. */
#define SIM_DEVICE_BASE 0x7e9000000000ULL
#define SIM_DEVICE_BYTES                                                                           \
    (384ULL << 30) /* the first half for memory, the second for cuMemAddressReserve */
#define SIM_VIRTUAL_BASE (SIM_DEVICE_BASE + SIM_DEVICE_BYTES / 2)
#define SIM_HOST_BASE 0x7e8800000000ULL
#define SIM_HOST_BYTES (32ULL << 30)
#define SIM_LOW_BASE 0x20000000ULL
#define SIM_LOW_BYTES (256ULL << 20)

struct CUctx_st {
    struct sim_head head;
    CUdevice device;
    unsigned flags;
    int retained; /* primary contexts */
    bool primary;
    unsigned long long id;
};

struct CUmemPoolHandle_st {
    struct sim_head head;
    int device;
    bool is_default;
    uint64_t threshold, used, used_high, reserved_high;
};

struct sim_device {
    _Atomic uint64_t used; /* bytes, rounded to units */
    CUcontext primary;
    CUmemoryPool default_pool, pool;
};

extern struct sim_device sim_devices[SIM_MAX_DEVICES];
extern struct sim_range sim_device_range, sim_host_range;
extern struct sim_arena sim_virtual_arena; /* addresses only: memory comes by cuMemMap */

static inline bool sim_device_ok(CUdevice d);

/* Current device of the calling thread; only after SIM_ENTER_CTX. */
static inline CUdevice sim_current_device(const struct sim_thread *self)
{
    return self->stack[self->depth - 1]->device;
}

/* Takes device memory (`block` as for sim_arena_take); counts it on block->device. */
CUresult sim_memory_take(struct sim_block *block, uint64_t align);
/* Frees; adds the size to *count, a counter of the calling thread. */
CUresult sim_memory_give(CUdeviceptr address, unsigned uses, _Atomic uint64_t *count);
void sim_release_pages(const struct sim_block *block);
/* The address may be handed out again: simcuda_on_free, SIMCUDA_FREE_NS. No lock held. */
void sim_given(uint64_t address, uint64_t bytes);
bool sim_memory_account(int device, int64_t bytes); /* false: no room */
CUresult sim_oom_due(void); /* counts one allocation; the injected error if it is the one */
bool sim_is_device_address(uint64_t address);
bool sim_find_block(uint64_t address, struct sim_block *block); /* device, low or host */
struct sim_range *sim_low_range(void);                          /* NULL: something else is there */

int sim_device_count(void);

static inline bool sim_device_ok(CUdevice d)
{
    return d >= 0 && d < sim_device_count();
}

CUmemoryPool sim_pool_new(int device);
void sim_pool_gave(CUmemoryPool pool, uint64_t bytes); /* a block of the pool was freed */

#endif
