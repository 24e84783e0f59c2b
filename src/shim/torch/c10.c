#include "shim/torch/c10.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hot.h"
#include "shim/process/config.h"
#include "shim/record/life.h"
#include "shim/record/ring.h"
#include "shim/stack/stack.h"
#include "shim/elf/elfsym.h"

#define TYPE_CUDA 1

/* c10::Device: trivially copyable, so it travels in a register like this structure does. */
struct device {
    int8_t type;
    int8_t index;
};

enum {
#define USAGE(name, ...) REAL_##name,
#define OOM(name, ...) REAL_##name,
#include "shim/torch/c10.def"
    REALS
};

static const char *const symbols[REALS] = {
#define USAGE(name, symbol, ...) symbol,
#define OOM(name, symbol, ...) symbol,
#include "shim/torch/c10.def"
};

static _Atomic(void *) reals[REALS] MT_HOT_DATA;
mt_free_fn *mt_c10_free;
static _Atomic bool found;

static void *own(unsigned i);

/* Any library but this one that defines one of the functions: its name does not matter. */
static int look_into(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size, (void)data;
    for (unsigned i = 0; i < REALS; i++) {
        void *real = mt_elfsym_find(info, symbols[i]);
        if (real && real != own(i)) {
            atomic_store(&reals[i], real);
            atomic_store(&found, true);
        }
    }
    return 0;
}

void mt_c10_find(void)
{
    if (atomic_load_explicit(&found, memory_order_relaxed))
        return;
    int saved = errno;
    dl_iterate_phdr(look_into, NULL);
    errno = saved;
}

/* The real function, NULL if libc10 has none. As a rule it was found when the job reached the
 * driver; a report that comes before (a job on the processor alone, libc10 loaded later than all
 * else) looks itself, once. That takes a lock of the linker's under the allocator's, but one under
 * which no code of the job runs, so nobody can wait for the two in the other order. */
static MT_SELDOM void *look_for(unsigned i)
{
    static _Atomic bool looked[REALS];
    if (!atomic_load_explicit(&looked[i], memory_order_relaxed) &&
        !atomic_exchange(&looked[i], true))
        mt_c10_find();
    return atomic_load_explicit(&reals[i], memory_order_relaxed);
}

static inline void *real_of(unsigned i)
{
    void *real = atomic_load_explicit(&reals[i], memory_order_relaxed);
    return __builtin_expect(real != NULL, 1) ? real : look_for(i);
}

static MT_HOT __attribute__((noinline)) void note_usage(void *block, int64_t size, size_t allocated,
                                                        size_t reserved, struct device device)
{
    uint64_t when = mt_clock_ticks();
    if (device.type != TYPE_CUDA || size == 0 || !mt_switches.BLOCKS || !mt_may_record())
        return;
    bool born = size > 0;
    uint32_t stack = born ? mt_stack_here(&when) : 0;
    _Static_assert(offsetof(struct mt_ev_block_alloc, stack) == sizeof(struct mt_ev_block_free),
                   "alike but for the kind and the stack");
    uint32_t words = sizeof(struct mt_ev_block_free) / 8 + born;
    struct mt_writer *writer = mt_writer_here();
    struct mt_ev_block_alloc *event =
        (void *)mt_ring_reserve_in(writer, born ? MT_block_alloc : MT_block_free, words, when);
    if (__builtin_expect(!event, 0))
        return;
    event->address = (uintptr_t)block;
    event->size = (uint64_t)(born ? size : -size);
    event->allocated = allocated;
    event->reserved = reserved;
    event->device = (uint8_t)device.index;
    if (born)
        event->stack = stack;
    mt_ring_commit_in(writer, words);
    if (__builtin_expect(!mt_is_recording(), 0))
        mt_life_late();
}

static void note_oom(int64_t size, size_t allocated, size_t reserved, struct device device)
{
    uint64_t when = mt_clock_ticks();
    if (device.type != TYPE_CUDA || !mt_switches.BLOCKS || !mt_may_record())
        return;
    uint32_t stack = mt_stack_here(&when);
    size_t free_bytes = 0, total_bytes = 0;
    /* The allocator itself has just asked the driver the same. */
    if (mt_c10_free)
        mt_c10_free(&free_bytes, &total_bytes);
    uint64_t fields[] = {(uint64_t)size, allocated,  reserved,   (uint8_t)device.index,
                         stack,          free_bytes, total_bytes};
    mt_ring_put(MT_block_oom, when, fields, NULL, 0);
}

#define PASS_ON(name, parameters, arguments)                                                       \
    void(*real) parameters = (void(*) parameters)real_of(REAL_##name);                             \
    if (real)                                                                                      \
        real arguments;
#define USAGE(name, symbol, parameters, arguments, block, size, allocated, reserved)               \
    void name parameters __asm__(symbol) __attribute__((visibility("default"), hot));              \
    void name parameters                                                                           \
    {                                                                                              \
        note_usage(block, size, allocated, reserved, device);                                      \
        PASS_ON(name, parameters, arguments)                                                       \
    }
#define OOM(name, symbol, parameters, arguments, size, allocated, reserved)                        \
    void name parameters __asm__(symbol) __attribute__((visibility("default")));                   \
    void name parameters                                                                           \
    {                                                                                              \
        note_oom(size, allocated, reserved, device);                                               \
        PASS_ON(name, parameters, arguments)                                                       \
    }
#include "shim/torch/c10.def"

static void *own(unsigned i)
{
    static void *const owns[REALS] = {
#define USAGE(name, ...) (void *)name,
#define OOM(name, ...) (void *)name,
#include "shim/torch/c10.def"
    };
    return owns[i];
}
