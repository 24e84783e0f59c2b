/* Finding frames, and trusting what was found.
 *
 * The thread's own state is what its pthread key says, which the interpreter's own function reads
 * without its lock: operators of PyTorch run with that lock released. From there on the frames are
 * a list.
 *
 * Offsets of another build would lead anywhere. So the first walk asks the kernel before each read
 * and looks whether everything is of the type it should be; only after such a walk frames are read
 * plainly. What the interpreter says of the same frames is compared later, by a function that it is
 * asked to call when it next can; no hook waits for that. */
#include "shim/python/python.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "shim/probe/probe.h"
#include "shim/python/pycheck.h"
#include "shim/python/pyfind.h"
#include "shim/python/pytext.h"
#include "shim/probe/stackhash.h"

enum state { NONE, TRIAL, GOOD, OFF };

static struct {
    pthread_mutex_t lock; /* for looking */
    unsigned long long seen;
    _Atomic int state;
    _Atomic bool asked;
    struct mt_pysymbols symbols;
    struct mt_pylayout layout;
    bool standard; /* it is the one that the headers tell */
    _Atomic bool checked;
    char version[32];
    const char *trouble;
} python = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- finding ---- */

static void switch_off(const char *why)
{
    python.trouble = why;
    atomic_store(&python.state, OFF);
}

static void know_version(void)
{
    const char *(*get)(void) = (const char *(*)(void))python.symbols.Py_GetVersion;
    const char *text = get();
    unsigned minor = 0;
    snprintf(python.version, sizeof python.version, "%.*s", (int)strcspn(text, " "), text);
    if (strstr(text, "free-threading"))
        switch_off("a free-threaded build");
    else if (sscanf(text, "3.%u", &minor) != 1 ||
             !mt_pylayout_find(&python.layout, minor, python.symbols.runtime, &python.standard))
        switch_off("an unknown version");
    else
        atomic_store(&python.state, TRIAL);
}

void mt_python_find(void)
{
    int saved = errno;
    if (atomic_load(&python.state) == NONE && pthread_mutex_trylock(&python.lock) == 0) {
        if (atomic_load(&python.state) == NONE && mt_pyfind(&python.symbols, &python.seen))
            know_version();
        pthread_mutex_unlock(&python.lock);
    }
    errno = saved;
}

bool mt_python_is_there(void)
{
    int state = atomic_load_explicit(&python.state, memory_order_acquire);
    return state == TRIAL || state == GOOD;
}

const struct mt_pylayout *mt_python_layout(void)
{
    return &python.layout;
}

bool mt_python_holds(uintptr_t address)
{
    return address - python.symbols.begin < python.symbols.end - python.symbols.begin;
}

const char *mt_python_version(void)
{
    return python.version;
}

const char *mt_python_trouble(void)
{
    return atomic_load(&python.state) == OFF ? python.trouble : NULL;
}

bool mt_python_checked(void)
{
    return atomic_load(&python.checked);
}

/* ---- walking ---- */

#define AT(type, address) (*(const type *)(address))

/* After the interpreter's end the key may still lead to a state that was freed. */
static uintptr_t own_state(void)
{
    int (*is_alive)(void) = (int (*)(void))python.symbols.Py_IsInitialized;
    void *(*own)(void) = (void *(*)(void))python.symbols.PyGILState_GetThisThreadState;
    return is_alive() ? (uintptr_t)own() : 0;
}

/* Another code object at the same place has other names, lines or texts; of the texts the ends,
 * where names that are made up count. */
static inline uint64_t identity_by_contents(const struct mt_pylayout *layout, uintptr_t code)
{
    uintptr_t file = AT(uintptr_t, code + layout->code_file);
    uintptr_t lines = AT(uintptr_t, code + layout->code_lines);
    uint64_t tail, more;
    memcpy(&tail, (const void *)(file + layout->text_ascii + AT(size_t, file + 16) - 8), 8);
    memcpy(&more, (const void *)(lines + 32 + AT(size_t, lines + 16) - 8), 8);
    return (tail ^ file) * UINT64_C(0xc2b2ae3d27d4eb4f) +
           (more ^ lines) * UINT64_C(0x165667b19e3779f9) +
           (AT(uint64_t, code + layout->code_name) << 20) + AT(uint32_t, code + layout->code_line);
}

/* Versions run out after 2^32 code objects. */
static __attribute__((noinline, cold)) uint64_t
identity_without_version(const struct mt_pylayout *layout, uintptr_t code)
{
    return identity_by_contents(layout, code);
}

static inline uint64_t identity(const struct mt_pylayout *layout, uintptr_t code)
{
    if (!layout->code_version)
        return identity_by_contents(layout, code);
    uint32_t version = AT(uint32_t, code + layout->code_version);
    return __builtin_expect(version != 0, 1) ? version : identity_without_version(layout, code);
}

static inline uintptr_t innermost(const struct mt_pylayout *layout, uintptr_t state)
{
    uintptr_t frame = AT(uintptr_t, state + layout->state_frame);
    return layout->frame_of < 0 || !frame ? frame : AT(uintptr_t, frame + layout->frame_of);
}

static inline bool is_function(const struct mt_pylayout *layout, uintptr_t frame)
{
    return !layout->frame_owner || AT(uint8_t, frame + layout->frame_owner) < layout->owner_skip;
}

static inline uintptr_t code_of(const struct mt_pylayout *layout, uintptr_t frame)
{
    return AT(uintptr_t, frame + layout->frame_code) & ~(uintptr_t)3;
}

static inline void read_frame(const struct mt_pylayout *layout, uintptr_t frame,
                              struct mt_pyframe *to)
{
    uintptr_t code = code_of(layout, frame);
    to->code = code;
    to->at = layout->code_start
                 ? (uint32_t)(AT(uintptr_t, frame + layout->frame_at) - code - layout->code_start)
                 : AT(uint32_t, frame + layout->frame_at) * layout->at_unit;
    to->identity = identity(layout, code);
}

/* What read_frame tells in two words: a pointer to an instruction tells the code object, too. */
static inline uint64_t hash_frame(const struct mt_pylayout *layout, uintptr_t frame, uint64_t hash)
{
    uintptr_t code = code_of(layout, frame);
    uint64_t place = layout->code_start
                         ? AT(uintptr_t, frame + layout->frame_at)
                         : code + ((uint64_t)AT(uint32_t, frame + layout->frame_at) << 40);
    return mt_stackhash_add_pair(hash, place, identity(layout, code));
}

/* Either the frames, or (`to` is NULL) their hash alone: that is all a stack takes which was seen
 * before. */
static inline __attribute__((always_inline)) uint32_t walk_by(const struct mt_pylayout *layout,
                                                              uintptr_t state,
                                                              struct mt_pyframe *to, uint32_t most,
                                                              uint64_t *hash)
{
    uint64_t sum = *hash;
    uint32_t n = 0;
    uintptr_t frame = innermost(layout, state);
    for (; frame && n < most; frame = AT(uintptr_t, frame + layout->frame_caller)) {
        if (!is_function(layout, frame))
            continue;
        if (to)
            read_frame(layout, frame, &to[n]);
        else
            sum = hash_frame(layout, frame, sum);
        n++;
    }
    *hash = sum;
    return n;
}

/* Once a version: offsets that are constants make it half as long. */
static inline __attribute__((always_inline)) uint32_t walk(uintptr_t state, struct mt_pyframe *to,
                                                           uint32_t most, uint64_t *hash)
{
    switch (python.standard ? python.layout.minor : 0) {
#define WALK(number, ...)                                                                          \
    case number: {                                                                                 \
        static const struct mt_pylayout fixed = {.minor = number, __VA_ARGS__};                    \
        return walk_by(&fixed, state, to, most, hash);                                             \
    }
        MT_PYLAYOUTS(WALK)
#undef WALK
    default:
        return walk_by(&python.layout, state, to, most, hash);
    }
}

/* ---- the first walk ---- */

static bool is_sound(const struct mt_pylayout *layout, uintptr_t frame, uint32_t *functions)
{
    struct mt_pyframe read;
    uintptr_t code;
    if (!mt_probe(frame, 128))
        return false;
    if (!is_function(layout, frame))
        return true;
    code = AT(uintptr_t, frame + layout->frame_code) & ~(uintptr_t)3;
    if (!mt_pytext_is_code(layout, code))
        return false;
    read_frame(layout, frame, &read);
    ++*functions;
    return read.at == UINT32_MAX || read.at < 1u << 24; /* -1: not begun */
}

/* 1: all is as it should be, 0: there is nothing to see, -1: it is not. */
static int try_walk(const struct mt_pylayout *layout, uintptr_t state)
{
    uintptr_t frame;
    uint32_t frames = 0, functions = 0;
    if (!mt_probe(state, 256) || !MT_PROBE_READ(&frame, state + layout->state_frame))
        return -1;
    if (frame && layout->frame_of >= 0 && !MT_PROBE_READ(&frame, frame + layout->frame_of))
        return -1;
    for (; frame && frames < 10 * MT_STACK_DEPTH_MAX; frames++) {
        if (!is_sound(layout, frame, &functions))
            return -1;
        frame = AT(uintptr_t, frame + layout->frame_caller);
    }
    return functions > 0 ? 1 : frame ? -1 : 0; /* so many without a function: no frames */
}

static __attribute__((noinline)) bool passes_trial(uintptr_t state)
{
    int result = try_walk(&python.layout, state);
    if (result < 0)
        switch_off("its frames do not look as they should");
    if (result > 0)
        atomic_store(&python.state, GOOD);
    return result > 0;
}

/* The thread's state, 0: there is nothing to read. */
static inline uintptr_t readable_state(void)
{
    int now = atomic_load_explicit(&python.state, memory_order_acquire);
    if (now != TRIAL && now != GOOD)
        return 0;
    uintptr_t state = own_state();
    return state && (__builtin_expect(now == GOOD, 1) || passes_trial(state)) ? state : 0;
}

uint32_t mt_python_frames(struct mt_pyframe *frame, uint32_t most)
{
    uintptr_t state = readable_state();
    uint64_t none = 0;
    return state ? walk(state, frame, most, &none) : 0;
}

uint32_t mt_python_hash(uint64_t *hash, uint32_t most)
{
    uintptr_t state = readable_state();
    return state ? walk(state, NULL, most, hash) : 0;
}

/* ---- what the interpreter says ---- */

static void checked(enum mt_pycheck result)
{
    python.checked = result == MT_PYCHECK_SAME;
    if (result == MT_PYCHECK_LATER)
        atomic_store(&python.asked, false);
    if (result == MT_PYCHECK_DIFFER)
        switch_off("its frames are not those that it tells of itself");
}

void mt_python_check(void)
{
    if (atomic_load(&python.state) != GOOD || atomic_exchange(&python.asked, true))
        return;
    if (!mt_pycheck_ask(&python.symbols, checked))
        atomic_store(&python.asked, false);
}
