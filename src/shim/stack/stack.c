#include "shim/stack/stack.h"

#include <stdatomic.h>
#include <string.h>

#include "base/hot.h"
#include "shim/process/config.h"
#include "shim/record/drain.h"
#include "shim/process/facts.h"
#include "shim/record/life.h"
#include "shim/record/ring.h"
#include "shim/stack/intern.h"
#include "shim/native/native.h"
#include "shim/python/python.h"
#include "shim/probe/stackhash.h"
#include "shim/native/walked.h"

enum { PYTHON = 1, NATIVE = 2, NATIVE_ELSE = 4 };

_Atomic uint8_t mt_stacks_wanted MT_HOT_DATA;

/* A signal handler that allocates while its own thread tells a stack must not wait for the lock.
 * Where the stack was: one that jumps out leaves it so. */
static __thread uint32_t busy __attribute__((tls_model("initial-exec")));

/* What is to be looked at, and from where. */
struct sight {
    unsigned want;
    const struct mt_registers *here;
};

/* Native frames are told up to those of the interpreter, where its own are. */
static bool (*native_end(bool python))(uintptr_t)
{
    return python ? mt_python_holds : NULL;
}

static bool has_python(unsigned want)
{
    uint64_t none = 0;
    return want & PYTHON && mt_python_hash(&none, 1);
}

/* NATIVE_ELSE goes by the process and not by the thread: half of a training job's blocks are born
 * in autograd's threads, and to walk there costs more of a step than all else. */
static inline bool wants_native(unsigned want)
{
    return want & NATIVE || (want & NATIVE_ELSE && !mt_python_is_there());
}

static uint64_t hash_with_native(const struct sight *sight)
{
    uint32_t depth = (uint32_t)mt_config.STACK_DEPTH, natives, pythons = 0;
    uint64_t hash = mt_native_generation();
    bool python = sight->want & NATIVE && has_python(sight->want);
    natives = mt_native_hash(sight->here, &hash, depth, native_end(python), mt_walked_here());
    hash = mt_stackhash_add(hash, natives);
    if (python)
        pythons = mt_python_hash(&hash, depth - natives);
    return natives + pythons ? mt_stackhash_end(hash) : 0;
}

/* Without the frames themselves; 0: there are none. */
static inline uint64_t hash_of(const struct sight *sight)
{
    uint64_t hash = 0;
    if (!(sight->want & NATIVE) && sight->want & PYTHON &&
        mt_python_hash(&hash, (uint32_t)mt_config.STACK_DEPTH))
        return mt_stackhash_end(hash);
    return wants_native(sight->want) ? hash_with_native(sight) : 0;
}

static void collect(struct mt_found *found, const void *how)
{
    const struct sight *sight = how;
    uint32_t depth = (uint32_t)mt_config.STACK_DEPTH;
    bool python = has_python(sight->want);
    found->natives = found->pythons = 0;
    if (wants_native(sight->want))
        found->natives = mt_native_frames(sight->here, found->native, depth, native_end(python));
    if (python)
        found->pythons = mt_python_frames(found->python, depth - found->natives);
}

static MT_SELDOM uint32_t tell(uint64_t hash, const struct sight *sight, uint64_t *told)
{
    uint32_t now = mt_stack_place();
    if (busy && !mt_was_left(busy, now))
        return 0;
    busy = now;
    uint32_t id = mt_intern_stack(hash, collect, sight, told);
    busy = 0;
    return id;
}

MT_HOT uint32_t mt_stack_now(uint64_t *when)
{
    unsigned want = atomic_load_explicit(&mt_stacks_wanted, memory_order_relaxed);
    uint64_t told = 0, hash;
    MT_REGISTERS(here);
    struct sight sight = {want, &here};
    if (!(mt_is_recording() || mt_is_paused()) || mt_writer_here()->busy ||
        !(hash = hash_of(&sight)))
        return 0;
    uint32_t id = mt_intern_find(hash, &told);
    if (__builtin_expect(id == 0, 0))
        id = tell(hash, &sight, &told);
    if (told > *when)
        *when = told;
    return id;
}

void mt_stacks_begin(void)
{
    static const struct {
        const char *name;
        unsigned wanted;
    } kinds[] = {{"auto", PYTHON | NATIVE_ELSE},
                 {"none", 0},
                 {"python", PYTHON},
                 {"native", NATIVE},
                 {"both", PYTHON | NATIVE}};
    unsigned want = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(mt_config.STACKS, kinds[i].name) == 0)
            want = kinds[i].wanted;
    if (want & PYTHON)
        mt_python_find();
    if (want & (NATIVE | NATIVE_ELSE))
        mt_native_init();
    atomic_store(&mt_stacks_wanted, (uint8_t)want);
}

void mt_stacks_tend(void)
{
    unsigned want = atomic_load(&mt_stacks_wanted);
    if (want & PYTHON) {
        mt_python_find();
        mt_python_check();
    }
    if (want & (NATIVE | NATIVE_ELSE))
        mt_native_refresh();
}

void mt_facts_stacks(struct mt_facts *facts)
{
    unsigned want = atomic_load(&mt_stacks_wanted);
    if (*mt_python_version())
        mt_facts_add(facts, "python_version", "%s", mt_python_version());
    if (mt_python_checked())
        mt_facts_add(facts, "stacks_python_checked", "1");
    if (mt_python_trouble())
        mt_facts_add(facts, "stacks_python_off", "%s", mt_python_trouble());
    if (want & (NATIVE | NATIVE_ELSE) && !MT_HAS_NATIVE)
        mt_facts_add(facts, "stacks_native_off", "%s", "not made for this processor");
    if (mt_intern_lost())
        mt_facts_add(facts, "stacks_lost", "%llu", (unsigned long long)mt_intern_lost());
}
