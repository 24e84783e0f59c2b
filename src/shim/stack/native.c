/* Walking by rules that are kept: once it is known how to leave the function that an address lies
 * in, a step is a look-up in a hash table and two reads of the stack.
 *
 * The table is written without locks: a slot is claimed, its rule written, then its key. Keys carry
 * the generation, so that what was known of an unloaded file is found no more.
 *
 * Only the thread's own stack is read, between the stack pointer and an address up to which the
 * kernel was asked page by page. A wrong rule (code that was unloaded or made at run time,
 * hand-written code with wrong tables) may lead to wrong frames, but not out of there, and since
 * the stack pointer must rise with each step every walk ends. */
#include "shim/stack/native.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/stack/cfi.h"
#include "shim/stack/objects.h"
#include "shim/stack/probe.h"
#include "shim/stack/stackhash.h"

#define SLOTS (1u << 17)
#define RUN 16u /* slots that are looked at */
#define PAGE 4096u
#define LEAP (1u << 18) /* farther away than this a stack pointer is on another stack */
#define RED_ZONE 128u   /* bytes below the stack pointer that no signal touches */
#define EXACT (UINT64_C(1) << 63)
#define CLAIMED UINT64_MAX

struct slot {
    _Atomic uint64_t key; /* 0: free */
    _Atomic uint64_t rule;
};

static struct {
    struct slot *slot;
    struct mt_object own;
    _Atomic uint32_t generation;
    unsigned long long unloads;
} native;

/* The part of the thread's stack that was found readable. */
static __thread struct {
    uintptr_t low, high;
} stack __attribute__((tls_model("initial-exec")));

void mt_native_init(void)
{
    if (native.slot)
        return;
    mt_objects_init();
    mt_object_find((uintptr_t)mt_native_init, &native.own);
    native.unloads = mt_objects_unloads();
    void *memory = mmap(NULL, SLOTS * sizeof(struct slot), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    native.slot = memory == MAP_FAILED ? NULL : memory;
}

uint32_t mt_native_generation(void)
{
    return atomic_load_explicit(&native.generation, memory_order_acquire);
}

void mt_native_refresh(void)
{
    unsigned long long now = mt_objects_unloads();
    if (now != native.unloads)
        atomic_fetch_add(&native.generation, 1);
    native.unloads = now;
}

/* ---- rules ---- */

static struct mt_rule ask(uintptr_t pc, bool exact)
{
    struct mt_object object;
    uintptr_t inside = exact ? pc : pc - 1; /* a call may be the last instruction of a function */
    if (!mt_object_find(inside, &object) || !object.unwind)
        return (struct mt_rule){.kind = MT_RULE_END};
    return mt_cfi_rule(object.unwind, inside);
}

static struct mt_rule learn(struct slot *slot, uint64_t key, uintptr_t pc, bool exact)
{
    int saved = errno;
    struct mt_rule rule = ask(pc, exact);
    uint64_t bits, none = 0;
    memcpy(&bits, &rule, sizeof bits);
    if (slot && atomic_compare_exchange_strong(&slot->key, &none, CLAIMED)) {
        atomic_store_explicit(&slot->rule, bits, memory_order_relaxed);
        atomic_store_explicit(&slot->key, key, memory_order_release);
    }
    errno = saved;
    return rule;
}

static inline struct mt_rule rule_at(uintptr_t pc, bool exact, uint32_t generation)
{
    uint64_t key = (pc ^ (uint64_t)(generation & 0x7fff) << 48) | (exact ? EXACT : 0);
    uint32_t hash = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40);
    struct mt_rule rule;
    for (uint32_t i = 0; i < RUN; i++) {
        struct slot *slot = &native.slot[(hash + i) % SLOTS];
        uint64_t there = atomic_load_explicit(&slot->key, memory_order_acquire);
        if (__builtin_expect(there == key, 1)) {
            uint64_t bits = atomic_load_explicit(&slot->rule, memory_order_relaxed);
            memcpy(&rule, &bits, sizeof rule);
            return rule;
        }
        if (there == 0)
            return learn(slot, key, pc, exact);
    }
    return learn(NULL, key, pc, exact);
}

_Static_assert(sizeof(struct mt_rule) == sizeof(uint64_t), "a rule is a word");

/* ---- the stack ---- */

static void set_range(uintptr_t low, uintptr_t high)
{
    stack.high = 0; /* what a signal handler finds in between is empty */
    atomic_signal_fence(memory_order_seq_cst);
    stack.low = low;
    atomic_signal_fence(memory_order_seq_cst);
    stack.high = high;
}

static bool extend(uintptr_t address)
{
    uintptr_t page = address & ~(uintptr_t)(PAGE - 1),
              last = (address + 7) & ~(uintptr_t)(PAGE - 1);
    if (!mt_probe(page, PAGE) || (last != page && !mt_probe(last, PAGE)))
        return false;
    bool next = page == stack.high && stack.low < stack.high;
    set_range(next ? stack.low : page, last + PAGE);
    return true;
}

static inline bool get(uintptr_t address, uintptr_t *value)
{
    if (__builtin_expect(address < stack.low || address + 8 > stack.high, 0) && !extend(address))
        return false;
    *value = *(const uintptr_t *)address;
    return true;
}

/* Below or above what was found readable, perhaps on another stack: between two of them may be a
 * hole, however near they are. */
static __attribute__((noinline)) void move_to(uintptr_t sp)
{
    uintptr_t page = sp & ~(uintptr_t)(PAGE - 1), low = stack.low, high = stack.high;
    if (page < low && low - page <= LEAP && mt_probe(page, low - page))
        set_range(page, high);
    else if (page >= high && page - high < LEAP && mt_probe(high, page + PAGE - high))
        set_range(low, page + PAGE);
    else
        set_range(page, page);
}

static inline void stand_at(uintptr_t sp)
{
    if (__builtin_expect(sp < stack.low || sp >= stack.high, 0))
        move_to(sp);
}

/* ---- steps ---- */

/* The registers as the kernel saved them for the signal's handler: struct ucontext. */
static bool leave_signal(struct mt_registers *r)
{
    enum { SAVED_BP = 120, SAVED_SP = 160, SAVED_PC = 168 };
    struct mt_registers saved;
    if (!get(r->sp + SAVED_BP, &saved.bp) || !get(r->sp + SAVED_SP, &saved.sp) ||
        !get(r->sp + SAVED_PC, &saved.pc))
        return false;
    stand_at(saved.sp);
    *r = saved;
    return true;
}

static inline bool leave(struct mt_registers *r, struct mt_rule rule)
{
    uintptr_t cfa = (rule.kind & 1 ? r->sp : r->bp) + (uintptr_t)(intptr_t)rule.cfa, bp;
    if (rule.kind >= MT_RULE_AT_SP && !get(cfa, &cfa))
        return false;
    if (cfa <= r->sp || cfa % 8)
        return false;
    if (rule.bp_kind == MT_BP_AT_CFA || rule.bp_kind == MT_BP_AT_BP) {
        bp = (rule.bp_kind == MT_BP_AT_CFA ? cfa : r->bp) + (uintptr_t)(intptr_t)rule.bp;
        /* Where a signal came at the end of a function it was taken off the stack already. */
        if (bp + RED_ZONE < r->sp || !get(bp, &r->bp))
            return false;
    }
    r->sp = cfa;
    return get(cfa - 8, &r->pc) && r->pc > PAGE;
}

/* Either the addresses, or (`address` is NULL) their hash alone. */
static inline __attribute__((always_inline)) uint32_t walk(const struct mt_registers *from,
                                                           uintptr_t *address, uint64_t *hash,
                                                           uint32_t most,
                                                           bool (*stop)(uintptr_t address))
{
    struct mt_registers r = *from;
    uint64_t sum = *hash;
    uint32_t n = 0, steps = 0, generation = mt_native_generation();
    bool exact = false, outside = false;
    stand_at(r.sp);
    while (n < most && steps++ < 2 * most + 16) {
        struct mt_rule rule = rule_at(r.pc, exact, generation);
        exact = rule.kind == MT_RULE_SIGNAL;
        if (rule.kind == MT_RULE_END || !(exact ? leave_signal(&r) : leave(&r, rule)))
            break;
        uintptr_t pc = exact ? r.pc + 1 : r.pc;
        outside = outside || pc - native.own.begin >= native.own.end - native.own.begin;
        if (outside && stop && stop(pc))
            break;
        if (!outside)
            continue;
        if (address)
            address[n] = pc;
        else
            sum = mt_stackhash_add(sum, pc);
        n++;
    }
    *hash = sum;
    return n;
}

uint32_t mt_native_frames(const struct mt_registers *from, uintptr_t *address, uint32_t most,
                          bool (*stop)(uintptr_t address))
{
    uint64_t none = 0;
    return MT_HAS_NATIVE && native.slot ? walk(from, address, &none, most, stop) : 0;
}

uint32_t mt_native_hash(const struct mt_registers *from, uint64_t *hash, uint32_t most,
                        bool (*stop)(uintptr_t address))
{
    return MT_HAS_NATIVE && native.slot ? walk(from, NULL, hash, most, stop) : 0;
}
