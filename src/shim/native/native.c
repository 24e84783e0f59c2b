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
#include "shim/native/native.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "shim/native/cfi.h"
#include "shim/native/objects.h"
#include "shim/probe/probe.h"
#include "shim/native/recall.h"
#include "shim/probe/stackhash.h"

#define SLOT_BITS 17
#define SLOTS (1u << SLOT_BITS)
#define RUN 16u /* slots that are looked at */
#define PAGE 4096u
#define HUGE ((size_t)2 << 20)
#define LEAP (1u << 18) /* farther away than this a stack pointer is on another stack */
#define RED_ZONE 128u   /* bytes below the stack pointer that no signal touches */
#define EXACT (UINT64_C(1) << 63)
#define CLAIMED UINT64_MAX
#define INLINE static inline __attribute__((always_inline))
#define OWN 16 /* frames of this library on a stack */

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
struct range {
    uintptr_t low, high;
};
static __thread struct range known __attribute__((tls_model("initial-exec")));

struct walk {
    struct slot *slot;
    struct mt_registers at;
    struct range range;
    uint64_t generation; /* as it is part of a key */
    uint64_t exact;      /* EXACT where a signal came at `at.pc` */
    uintptr_t saved;     /* of the last step: struct mt_walked_state */
};

/* In huge pages where there are any: walks jump about in it, and small ones would each cost a
 * translation too. */
static void *table(size_t size)
{
    char *memory = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    memory += -(uintptr_t)memory & (HUGE - 1);
    madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

void mt_native_init(void)
{
    if (native.slot)
        return;
    mt_objects_init();
    mt_object_find((uintptr_t)mt_native_init, &native.own);
    native.unloads = mt_objects_unloads();
    native.slot = table(SLOTS * sizeof(struct slot));
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

#if defined(__aarch64__)
/* What a signal's handler returns to; its tables say nothing on purpose. */
static bool is_signal_return(uintptr_t pc)
{
    static const uint32_t code[] = {0xd2801168, 0xd4000001}; /* mov x8, #139; svc #0 */
    return mt_probe(pc, sizeof code) && memcmp((const void *)pc, code, sizeof code) == 0;
}
#else
static bool is_signal_return(uintptr_t pc)
{
    (void)pc;
    return false;
}
#endif

static struct mt_rule ask(uintptr_t pc, bool exact)
{
    struct mt_object object;
    struct mt_rule rule = {.kind = MT_RULE_END};
    uintptr_t inside = exact ? pc : pc - 1; /* a call may be the last instruction of a function */
    if (mt_object_find(inside, &object) && object.unwind)
        rule = mt_cfi_rule(object.unwind, inside);
    if (rule.kind == MT_RULE_END && is_signal_return(pc))
        rule.kind = MT_RULE_SIGNAL;
    return rule;
}

static uint64_t learn(struct slot *slot, uint64_t key, uintptr_t pc)
{
    int saved = errno;
    struct mt_rule rule = ask(pc, key & EXACT);
    uint64_t bits, none = 0;
    memcpy(&bits, &rule, sizeof bits);
    if (slot && atomic_compare_exchange_strong(&slot->key, &none, CLAIMED)) {
        atomic_store_explicit(&slot->rule, bits, memory_order_relaxed);
        atomic_store_explicit(&slot->key, key, memory_order_release);
    }
    errno = saved;
    return bits;
}

static __attribute__((noinline)) uint64_t look_on(uint64_t key, uint32_t place, uintptr_t pc)
{
    for (uint32_t i = 0; i < RUN; i++) {
        struct slot *slot = &native.slot[(place + i) % SLOTS];
        uint64_t there = atomic_load_explicit(&slot->key, memory_order_acquire);
        if (there == key)
            return atomic_load_explicit(&slot->rule, memory_order_relaxed);
        if (there == 0)
            return learn(slot, key, pc);
    }
    return learn(NULL, key, pc);
}

INLINE uint64_t rule_at(const struct walk *walk)
{
    uint64_t key = (walk->at.pc ^ walk->generation) | walk->exact;
    uint64_t place = key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SLOT_BITS);
    struct slot *slot = &walk->slot[place];
    if (__builtin_expect(atomic_load_explicit(&slot->key, memory_order_acquire) != key, 0))
        return look_on(key, (uint32_t)place, walk->at.pc);
    return atomic_load_explicit(&slot->rule, memory_order_relaxed);
}

_Static_assert(sizeof(struct mt_rule) == sizeof(uint64_t), "a rule is a word");

/* ---- the stack ---- */

static bool extend(struct range *range, uintptr_t address)
{
    uintptr_t page = address & ~(uintptr_t)(PAGE - 1),
              last = (address + 7) & ~(uintptr_t)(PAGE - 1);
    if (!mt_probe(page, PAGE) || (last != page && !mt_probe(last, PAGE)))
        return false;
    if (page != range->high || range->low >= range->high)
        range->low = page;
    range->high = last + PAGE;
    return true;
}

static inline bool get(struct range *range, uintptr_t address, uintptr_t *value)
{
    if ((address < range->low || address + 8 > range->high) && !extend(range, address))
        return false;
    *value = *(const uintptr_t *)address;
    return true;
}

/* Below or above what was found readable, perhaps on another stack: between two of them may be a
 * hole, however near they are. */
static __attribute__((noinline)) bool move_to(struct range *range, uintptr_t sp)
{
    uintptr_t page = sp & ~(uintptr_t)(PAGE - 1), low = range->low, high = range->high;
    if (page < low && low - page <= LEAP && mt_probe(page, low - page))
        range->low = page;
    else if (page >= high && page - high < LEAP && mt_probe(high, page + PAGE - high))
        range->high = page + PAGE;
    else
        *range = mt_probe(page, PAGE) ? (struct range){page, page + PAGE} : (struct range){0, 0};
    return range->high > 0;
}

/* From here on the stack pointer lies in the range or at its end, whatever step is made. */
static inline bool stand_at(struct range *range, uintptr_t sp)
{
    return __builtin_expect(sp >= range->low && sp < range->high, 1) || move_to(range, sp);
}

/* A signal handler that comes in between, and walks, finds an empty range. */
static inline void keep_range(struct range range)
{
    if (__builtin_expect(known.low == range.low && known.high == range.high, 1))
        return;
    known.high = 0;
    atomic_signal_fence(memory_order_seq_cst);
    known.low = range.low;
    atomic_signal_fence(memory_order_seq_cst);
    known.high = range.high;
}

/* ---- steps ---- */

/* The registers as the kernel saved them for the signal's handler. */
#if defined(__aarch64__)
#define SAVED(register)                                                                            \
    (sizeof(siginfo_t) + offsetof(ucontext_t, uc_mcontext) + offsetof(mcontext_t, register))
#define SAVED_BP SAVED(regs[29])
#define SAVED_SP SAVED(sp)
#define SAVED_PC SAVED(pc)
#else
#define SAVED(number) (offsetof(ucontext_t, uc_mcontext) + 8 * (number))
#define SAVED_BP SAVED(REG_RBP)
#define SAVED_SP SAVED(REG_RSP)
#define SAVED_PC SAVED(REG_RIP)
#endif

static bool leave_signal(struct walk *walk)
{
    struct mt_registers saved;
    uintptr_t sp = walk->at.sp;
    if (!get(&walk->range, sp + SAVED_BP, &saved.bp) ||
        !get(&walk->range, sp + SAVED_SP, &saved.sp) ||
        !get(&walk->range, sp + SAVED_PC, &saved.pc))
        return false;
#if defined(__aarch64__)
    if (!get(&walk->range, sp + SAVED(regs[30]), &saved.lr))
        return false;
#endif
    walk->at = saved;
    return stand_at(&walk->range, saved.sp);
}

#if defined(__aarch64__)
/* Return addresses may be signed in their upper bits; the hint takes that off where it is known,
 * and does nothing elsewhere. */
static uintptr_t without_signature(uintptr_t address)
{
    register uintptr_t x30 __asm__("x30") = address;
    __asm__("hint #7" : "+r"(x30)); /* xpaclri */
    return x30;
}

static bool leave_function(struct walk *walk, struct mt_rule rule)
{
    struct mt_registers *at = &walk->at;
    uintptr_t base = rule.kind & 1 ? at->sp : at->bp, pc = at->lr;
    uintptr_t cfa = base + (uintptr_t)(intptr_t)rule.cfa;
    uintptr_t saved = base + (uintptr_t)(intptr_t)rule.bp;
    /* Only the innermost function, or one that a signal interrupted, has its return address in the
     * register, and only such a one needs no stack. */
    bool in_register = rule.bp_kind == MT_BP_NONE;
    if (cfa < at->sp || cfa % 8 || (in_register ? !pc : cfa == at->sp || saved < at->sp))
        return false;
    if (rule.bp_kind == MT_BP_PAIR && !get(&walk->range, saved, &at->bp))
        return false;
    saved += rule.bp_kind == MT_BP_PAIR ? 8 : 0;
    if (!in_register && !get(&walk->range, saved, &pc))
        return false;
    at->pc = without_signature(pc);
    at->sp = cfa;
    at->lr = 0;
    return at->pc > PAGE;
}
#else
static bool leave_function(struct walk *walk, struct mt_rule rule)
{
    struct mt_registers *at = &walk->at;
    uintptr_t cfa = (rule.kind & 1 ? at->sp : at->bp) + (uintptr_t)(intptr_t)rule.cfa, bp;
    if (rule.kind >= MT_RULE_AT_SP && !get(&walk->range, cfa, &cfa))
        return false;
    if (cfa <= at->sp || cfa % 8)
        return false;
    if (rule.bp_kind == MT_BP_AT_CFA || rule.bp_kind == MT_BP_AT_BP) {
        bp = (rule.bp_kind == MT_BP_AT_CFA ? cfa : at->bp) + (uintptr_t)(intptr_t)rule.bp;
        /* Where a signal came at the end of a function it was taken off the stack already. */
        if (bp + RED_ZONE < at->sp || !get(&walk->range, bp, &at->bp))
            return false;
    }
    at->sp = cfa;
    return get(&walk->range, cfa - 8, &at->pc) && at->pc > PAGE;
}
#endif

static __attribute__((noinline)) bool leave_slowly(struct walk *walk, uint64_t bits)
{
    struct mt_rule rule;
    memcpy(&rule, &bits, sizeof rule);
    walk->saved = MT_WALKED_NOT_PLAIN;
    walk->exact = rule.kind == MT_RULE_SIGNAL ? EXACT : 0;
    return walk->exact ? leave_signal(walk)
                       : rule.kind != MT_RULE_END && leave_function(walk, rule);
}

/* Both kinds of a rule, as they lie in its word. */
#define KINDS(bits) ((uint32_t)((bits) >> 48))
#define SAVES_BP(bits) (KINDS(bits) > 255)

_Static_assert(offsetof(struct mt_rule, kind) == 6 && offsetof(struct mt_rule, bp) == 4 &&
                   MT_RULE_SP == 1 && MT_RULE_BP == 2 && MT_BP_AT_CFA == 1,
               "where in the word things are");

/* By one of two registers plus a number, the frame pointer unchanged or saved beside the CFA. */
#define IS_PLAIN(bits) (((KINDS(bits) - 1) & ~0x101u) == 0)

/* What most rules are, and both words lie between the stack pointer and what is known to be
 * readable. In registers alone: *walk is copied where its address is needed. */
INLINE bool step(struct walk *walk)
{
    uint64_t rule = rule_at(walk);
    uintptr_t sp = walk->at.sp;
    uintptr_t cfa = (KINDS(rule) & 1 ? sp : walk->at.bp) + (uintptr_t)(int32_t)rule;
    uintptr_t bp = cfa + (uintptr_t)((int64_t)(rule << 16) >> 48), words = cfa - sp - 8;
    /* A multiple of 8 that fits: all other numbers are huge when they are turned. */
    words = words >> 3 | words << 61;
    if (__builtin_expect(!IS_PLAIN(rule) || words >= (walk->range.high - sp) / 8 ||
                             (SAVES_BP(rule) && bp - sp > cfa - 8 - sp),
                         0)) {
        struct walk copy = *walk;
        bool more = leave_slowly(&copy, rule);
        *walk = copy;
        return more;
    }
    walk->saved = (SAVES_BP(rule) ? bp : MT_WALKED_SAME) | (KINDS(rule) & 1 ? 0 : MT_WALKED_BY_BP);
    if (SAVES_BP(rule))
        walk->at.bp = *(const uintptr_t *)bp;
    walk->at.pc = *(const uintptr_t *)(cfa - 8);
    walk->at.sp = cfa;
    walk->exact = 0;
    return walk->at.pc > PAGE;
}

static inline bool is_own(uintptr_t pc)
{
    return pc - native.own.begin < native.own.end - native.own.begin;
}

static __attribute__((noinline)) bool leave_own(struct walk *walk)
{
    bool more = step(walk);
    for (int i = 0; more && is_own(walk->at.pc) && i < OWN; i++)
        more = step(walk);
    return more;
}

static __attribute__((noinline)) bool begin(struct walk *walk, const struct mt_registers *from)
{
    *walk = (struct walk){.slot = native.slot, .at = *from, .range = known};
    walk->generation = (uint64_t)(mt_native_generation() & 0x7fff) << 48;
    return stand_at(&walk->range, from->sp) && leave_own(walk);
}

/* ---- the way of the last walk ----
 *
 * A step out of a function is decided by the registers and by the words that it reads. So where a
 * walk comes to a state in which the last one was, it goes on as that did as long as those words
 * are as they were: neither rules nor their order are asked for, and no read waits for another. */

struct way {
    const struct mt_walked_state *old;
    struct mt_walked_state *kept;
    uint32_t at, count, n; /* of the old ones, of those kept */
    bool gap;              /* not all states were kept */
    bool cut;              /* the walk could have gone on */
};

/* Whether the last walk was here. Stack pointers rise, unless a signal was passed. */
INLINE bool meets(struct way *way, const struct walk *walk)
{
    while (way->at < way->count && way->old[way->at].sp < walk->at.sp)
        way->at++;
    const struct mt_walked_state *state = &way->old[way->at];
    return way->at < way->count && state->sp == walk->at.sp && state->pc == walk->at.pc &&
           !walk->exact;
}

/* Whether the last walk's next state is this one's, too. The frame pointer is a number like any
 * other in most functions, and then what it says does not matter. */
INLINE bool leads_on(const struct way *way, const struct walk *walk)
{
    const struct mt_walked_state *state = &way->old[way->at], *next = state + 1;
    return way->at + 1 < way->count && state->saved != MT_WALKED_NOT_PLAIN &&
           next->sp <= walk->range.high && *(const uintptr_t *)(next->sp - 8) == next->pc &&
           (!(state->saved & MT_WALKED_BY_BP) || state->bp == walk->at.bp);
}

INLINE void keep(struct way *way, const struct walk *walk, uintptr_t saved)
{
    if (way->n < MT_WALK_MOST)
        way->kept[way->n++] =
            (struct mt_walked_state){walk->at.pc, walk->at.sp, walk->at.bp, saved};
}

INLINE void follow(struct way *way, struct walk *walk)
{
    uintptr_t saved = way->old[way->at].saved;
    keep(way, walk, saved);
    walk->at.pc = way->old[++way->at].pc;
    walk->at.sp = way->old[way->at].sp;
    saved &= ~MT_WALKED_BY_BP;
    if (saved != MT_WALKED_SAME)
        walk->at.bp = *(const uintptr_t *)saved;
}

/* The way to follow. Nothing is kept where a signal's handler walks within a walk. */
static struct way take_way(struct mt_walked *last, uint32_t generation)
{
    if (!last || last->busy)
        return (struct way){0};
    last->busy = 1;
    atomic_signal_fence(memory_order_seq_cst);
    return (struct way){.old = last->state[last->turn],
                        .kept = last->state[!last->turn],
                        .count = last->generation == generation ? last->count : 0};
}

static void leave_way(struct mt_walked *last)
{
    atomic_signal_fence(memory_order_seq_cst);
    last->busy = 0;
}

static void give_way(struct mt_walked *last, const struct way *way, uint32_t generation)
{
    if (!way->kept)
        return;
    last->turn = !last->turn;
    last->count = way->n;
    last->generation = generation;
    leave_way(last);
}

/* Every walk ends: each step but that out of a signal's handler raises the stack pointer, and each
 * is a frame. */
INLINE uint32_t hash_from(struct walk *walk, struct way *way, uint64_t *hash, uint32_t most,
                          bool (*stop)(uintptr_t address))
{
    uint64_t sum = *hash;
    uint32_t n = 0;
    bool more = true;
    while (more && n < most) {
        uintptr_t pc = walk->at.pc + (walk->exact >> 63);
        if (stop && stop(pc))
            break;
        sum = mt_stackhash_add(sum, pc);
        n++;
        if (way->kept && meets(way, walk)) {
            while (n < most && leads_on(way, walk) && !(stop && stop(way->old[way->at + 1].pc))) {
                follow(way, walk);
                sum = mt_stackhash_add(sum, walk->at.pc);
                n++;
            }
        }
        if (n >= most)
            break;
        struct walk before = *walk;
        more = step(walk);
        if (way->kept && !before.exact)
            keep(way, &before, walk->saved);
        way->gap |= before.exact != 0;
    }
    if (way->kept && more && !walk->exact)
        keep(way, walk, MT_WALKED_NOT_PLAIN);
    way->gap |= more && walk->exact;
    way->cut = more;
    *hash = sum;
    return n;
}

uint32_t mt_native_frames(const struct mt_registers *from, uintptr_t *address, uint32_t most,
                          bool (*stop)(uintptr_t address))
{
    struct walk walk;
    uint32_t n = 0;
    if (!MT_HAS_NATIVE || !native.slot)
        return 0;
    for (bool more = begin(&walk, from); more && n < most; more = step(&walk)) {
        uintptr_t pc = walk.at.pc + (walk.exact >> 63);
        if (stop && stop(pc))
            break;
        address[n++] = pc;
    }
    keep_range(walk.range);
    return n;
}

/* ---- whole walks ---- */

/* Whether it ends there whenever these states are passed: not by a word that made no sense. */
static bool is_the_end(const struct walk *walk, const struct way *way)
{
    struct walk last = *walk;
    last.at.pc = way->kept[way->n - 1].pc;
    last.exact = 0;
    return way->cut || KINDS(rule_at(&last)) == MT_RULE_END;
}

/* By what is kept of this thread's walks, or step by step. */
static uint32_t hash_by_way(const struct walk *first, struct mt_walked *last, uint64_t *hash,
                            uint32_t most, bool (*stop)(uintptr_t address))
{
    struct mt_recall_start start = {first->at.pc, first->at.sp,           first->at.bp, *hash,
                                    stop,         mt_native_generation(), most};
    const struct mt_recall_end *remembered;
    struct mt_recall_end end;
    struct walk walk = *first; /* whose address is nowhere */
    struct way way = take_way(most < MT_WALK_MOST - 1 ? last : NULL, start.generation);
    if (way.kept && (remembered = mt_recall_find(&last->recall, &start, first->range.high))) {
        end = *remembered;
        leave_way(last);
    } else {
        end.hash = *hash;
        end.frames = stop ? hash_from(&walk, &way, &end.hash, most, stop)
                          : hash_from(&walk, &way, &end.hash, most, NULL);
        if (way.kept && way.n > 1 && !way.gap && !first->exact && is_the_end(first, &way))
            mt_recall_keep(&last->recall, &start, &end, way.kept, way.n, walk.range.high);
        keep_range(walk.range);
        give_way(last, &way, start.generation);
    }
    *hash = end.hash;
    return end.frames;
}

uint32_t mt_native_hash(const struct mt_registers *from, uint64_t *hash, uint32_t most,
                        bool (*stop)(uintptr_t address), struct mt_walked *last)
{
    struct walk first;
    if (!MT_HAS_NATIVE || !native.slot)
        return 0;
    bool more = begin(&first, from);
    keep_range(first.range);
    return more ? hash_by_way(&first, last, hash, most, stop) : 0;
}
