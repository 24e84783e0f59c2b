/* The native frames of the calling thread: their return addresses. x86-64 and aarch64; elsewhere
 * there are none. */
#ifndef MT_NATIVE_H
#define MT_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/native/recall.h"

#if defined(__x86_64__) || defined(__aarch64__)
#define MT_HAS_NATIVE 1
#else
#define MT_HAS_NATIVE 0
#endif

/* Before the first walk. */
void mt_native_init(void);

/* Where a walk begins. */
struct mt_registers {
    uintptr_t pc, sp, bp;
#if defined(__aarch64__)
    uintptr_t lr; /* where the function returns to, as long as it did not save that */
#endif
};

/* The registers of the function in which it stands. */
#if defined(__x86_64__)
#define MT_REGISTERS(name)                                                                         \
    struct mt_registers name;                                                                      \
    __asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"                          \
                     : "=&r"(name.pc), "=&r"(name.sp), "=&r"(name.bp))
#elif defined(__aarch64__)
#define MT_REGISTERS(name)                                                                         \
    struct mt_registers name;                                                                      \
    __asm__ volatile("adr %0, .\n\tmov %1, sp\n\tmov %2, x29\n\tmov %3, x30"                       \
                     : "=&r"(name.pc), "=&r"(name.sp), "=&r"(name.bp), "=&r"(name.lr))
#else
#define MT_REGISTERS(name) struct mt_registers name = {0, 0, 0}
#endif

/* Return addresses of the callers of this library, innermost first, at most `most`; ends in front
 * of the first for which `stop` says so (may be NULL). An address at which a signal came is 1
 * larger than it was: like a return address it lies behind what was being done. */
uint32_t mt_native_frames(const struct mt_registers *from, uintptr_t *address, uint32_t most,
                          bool (*stop)(uintptr_t address));

#define MT_WALK_MOST 130 /* states of a walk that are kept */

/* The way that a thread's last walk took, for the next one, and whole walks (native.c); zeros at
 * first. One thread's alone, and its signal handlers'. */
struct mt_walked {
    uint32_t turn, count, generation, busy;
    struct mt_walked_state state[2][MT_WALK_MOST];
    struct mt_recall recall;
};

/* Add the same addresses to a hash (stackhash.h); how many there are. `last` may be NULL. */
uint32_t mt_native_hash(const struct mt_registers *from, uint64_t *hash, uint32_t most,
                        bool (*stop)(uintptr_t address), struct mt_walked *last);

/* Grows with each file unloaded: addresses may mean other code since. */
uint32_t mt_native_generation(void);

/* Look whether files were unloaded. Not from a hook. */
void mt_native_refresh(void);

#endif
