#include "shim/stack/stack.h"

#include <stdatomic.h>
#include <string.h>

#include "shim/record/config.h"
#include "shim/record/drain.h"
#include "shim/record/facts.h"
#include "shim/record/life.h"
#include "shim/record/ring.h"
#include "shim/stack/intern.h"
#include "shim/stack/native.h"
#include "shim/stack/python.h"

enum { PYTHON = 1, NATIVE = 2, NATIVE_ELSE = 4 };

static _Atomic unsigned wanted;

/* A signal handler that allocates while its own thread tells a stack must not wait for the lock. */
static __thread bool busy __attribute__((tls_model("initial-exec")));

/* What is slow stays off the chain from word to word. */
static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    word *= UINT64_C(0x9e3779b97f4a7c15);
    return hash * UINT64_C(0xd6e8feb86659fd93) + (word ^ word >> 32);
}

static uint64_t hash_of(const struct mt_found *found)
{
    uint64_t hash = mix(found->natives, found->natives ? mt_native_generation() : 0);
    for (uint32_t i = 0; i < found->natives; i++)
        hash = mix(hash, found->native[i]);
    for (uint32_t i = 0; i < found->pythons; i++) {
        const struct mt_pyframe *frame = &found->python[i];
        hash = mix(hash, frame->code + ((uint64_t)frame->at << 40) + frame->identity);
    }
    hash = (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    hash ^= hash >> 32;
    return hash ? hash : 1;
}

/* Python's frames, and native ones as the settings want: those of the interpreter itself, and what
 * lies outside of it, say nothing that Python's do not. NATIVE_ELSE goes by the process and not by
 * the thread: half of a training job's blocks are born in autograd's threads, and their deep native
 * stacks would be most of what recording costs. */
static bool look(struct mt_found *found, unsigned want, const struct mt_registers *here)
{
    uint32_t depth = (uint32_t)mt_config.STACK_DEPTH;
    found->pythons = found->natives = 0;
    if (want & PYTHON)
        found->pythons = mt_python_frames(found->python, depth);
    if (want & NATIVE || (want & NATIVE_ELSE && !mt_python_is_there()))
        found->natives =
            mt_native_frames(here, found->native, depth, found->pythons ? mt_python_holds : NULL);
    if (found->pythons + found->natives > depth)
        found->pythons = depth - found->natives;
    return found->pythons + found->natives > 0;
}

uint32_t mt_stack_here(uint64_t *when)
{
    unsigned want = atomic_load_explicit(&wanted, memory_order_relaxed);
    struct mt_found found;
    uint64_t told = 0;
    MT_REGISTERS(here);
    if (!want || !mt_is_recording() || busy || mt_writer.busy || !look(&found, want, &here))
        return 0;
    uint64_t hash = hash_of(&found);
    uint32_t id = mt_intern_find(hash, &told);
    if (__builtin_expect(id == 0, 0)) {
        busy = true;
        id = mt_intern_stack(hash, &found, &told);
        busy = false;
    }
    if (told > *when)
        *when = told;
    return id;
}

uint32_t mt_stack_of_launch(uint64_t *when)
{
    return mt_config.LAUNCH_STACKS ? mt_stack_here(when) : 0;
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
    atomic_store(&wanted, want);
}

void mt_stacks_tend(void)
{
    unsigned want = atomic_load(&wanted);
    if (want & PYTHON) {
        mt_python_find();
        mt_python_check();
    }
    if (want & (NATIVE | NATIVE_ELSE))
        mt_native_refresh();
}

void mt_facts_stacks(struct mt_facts *facts)
{
    unsigned want = atomic_load(&wanted);
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
