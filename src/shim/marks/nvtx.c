/* NVTX is a header: every library that uses it has a copy, and each copy asks at its first call for
 * a tool to attach to. It asks getenv for NVTX_INJECTION64_PATH, loads the file of that name and
 * calls InitializeInjectionNvtx2 in it; there is no other way in from outside the library. So
 * getenv is answered here for this one name, with our own file, where the job has not set it: a
 * tool that the user names stays in its place, and the job's environment, its children's too,
 * stays as it is.
 *
 * A copy gives us the addresses of its function pointers, by module and number; what is not set
 * becomes a call of nothing. Types are NVTX's, declared here: no header of it is needed. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <wchar.h>

#include "shim/cuda/resolve.h"
#include "shim/marks/marks.h"
#include "shim/process/config.h"
#include "shim/record/texts.h"

#define ARENA_BYTES (4u << 20) /* of names of domains and registered strings */
#define NO_TRACKING (-2)       /* what push and pop answer where levels are not counted */

enum { TABLE_CALLBACKS = 1, MODULE_CORE = 1, MODULE_CORE2 = 5 };
enum { MESSAGE_ASCII = 1, MESSAGE_UNICODE = 2, MESSAGE_REGISTERED = 3 };

struct attributes {
    uint16_t version, size;
    uint32_t category;
    int32_t color_type;
    uint32_t color;
    int32_t payload_type, reserved;
    uint64_t payload;
    int32_t message_type;
    const void *message;
};

/* A domain, or a registered string: its text. */
struct name {
    char text[1];
};

typedef void function(void);
struct callbacks {
    size_t struct_size;
    int (*get_table)(int module, function ***table[], unsigned *size);
};
typedef const void *get_export_table(uint32_t id);

static struct {
    _Atomic(char *) memory;
    _Atomic size_t used;
} arena;

static char *arena_memory(void)
{
    char *memory = atomic_load(&arena.memory), *none = NULL;
    if (memory)
        return memory;
    void *fresh = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fresh == MAP_FAILED)
        return NULL;
    if (atomic_compare_exchange_strong(&arena.memory, &none, fresh))
        return fresh;
    munmap(fresh, ARENA_BYTES);
    return none;
}

/* Kept for ever: a handle may be used after its end. NULL where there is no more room. */
static struct name *keep(const char *text)
{
    char *memory = arena_memory();
    size_t size = strnlen(text, MT_TEXT_MAX) + 1;
    if (!memory || atomic_load(&arena.used) > ARENA_BYTES - MT_TEXT_MAX - 1)
        return NULL;
    size_t at = atomic_fetch_add(&arena.used, size);
    if (at > ARENA_BYTES - size)
        return NULL;
    memcpy(memory + at, text, size - 1); /* behind it there are zeros */
    return (struct name *)(void *)(memory + at);
}

static const char *text_of(const struct name *name)
{
    return name ? name->text : NULL;
}

static size_t put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t bytes = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)(0xf00 >> bytes | c);
    return bytes;
}

static const char *narrow(const wchar_t *wide, char room[MT_TEXT_MAX + 1])
{
    size_t size = 0;
    for (; wide && *wide && size + 4 <= MT_TEXT_MAX; wide++)
        size += put_utf8(room + size, (uint32_t)*wide > 0x10ffff ? 0xfffd : (uint32_t)*wide);
    room[size] = 0;
    return room;
}

static struct mt_mark mark_of(const struct name *domain, const struct attributes *attributes,
                              char room[MT_TEXT_MAX + 1])
{
    struct mt_mark mark = {NULL, text_of(domain)};
    if (!attributes || attributes->size < sizeof *attributes)
        return mark;
    if (attributes->message_type == MESSAGE_ASCII)
        mark.text = attributes->message;
    else if (attributes->message_type == MESSAGE_UNICODE)
        mark.text = narrow(attributes->message, room);
    else if (attributes->message_type == MESSAGE_REGISTERED)
        mark.text = text_of(attributes->message);
    return mark;
}

static uint64_t new_range(void)
{
    static _Atomic uint64_t last;
    return atomic_fetch_add(&last, 1) + 1;
}

/* ---- the functions that NVTX calls; Ex: with attributes, A: a text, W: a wide one ---- */

static void domain_mark_ex(const struct name *domain, const struct attributes *attributes)
{
    char room[MT_TEXT_MAX + 1];
    struct mt_mark mark = mark_of(domain, attributes, room);
    mt_mark(&mark);
}

static void mark_ex(const struct attributes *attributes)
{
    domain_mark_ex(NULL, attributes);
}

static void mark_a(const char *text)
{
    mt_mark(&(struct mt_mark){text, NULL});
}

static void mark_w(const wchar_t *text)
{
    char room[MT_TEXT_MAX + 1];
    mark_a(narrow(text, room));
}

static int domain_push_ex(const struct name *domain, const struct attributes *attributes)
{
    char room[MT_TEXT_MAX + 1];
    struct mt_mark mark = mark_of(domain, attributes, room);
    mt_range_push(&mark);
    return NO_TRACKING;
}

static int push_ex(const struct attributes *attributes)
{
    return domain_push_ex(NULL, attributes);
}

static int push_a(const char *text)
{
    mt_range_push(&(struct mt_mark){text, NULL});
    return NO_TRACKING;
}

static int push_w(const wchar_t *text)
{
    char room[MT_TEXT_MAX + 1];
    return push_a(narrow(text, room));
}

static int domain_pop(const struct name *domain)
{
    mt_range_pop(text_of(domain));
    return NO_TRACKING;
}

static int pop(void)
{
    return domain_pop(NULL);
}

static uint64_t domain_start_ex(const struct name *domain, const struct attributes *attributes)
{
    char room[MT_TEXT_MAX + 1];
    struct mt_mark mark = mark_of(domain, attributes, room);
    uint64_t id = new_range();
    mt_range_start(&mark, id);
    return id;
}

static uint64_t start_ex(const struct attributes *attributes)
{
    return domain_start_ex(NULL, attributes);
}

static uint64_t start_a(const char *text)
{
    uint64_t id = new_range();
    mt_range_start(&(struct mt_mark){text, NULL}, id);
    return id;
}

static uint64_t start_w(const wchar_t *text)
{
    char room[MT_TEXT_MAX + 1];
    return start_a(narrow(text, room));
}

static void domain_end(const struct name *domain, uint64_t id)
{
    (void)domain;
    mt_range_end(id);
}

static struct name *register_a(const struct name *domain, const char *text)
{
    (void)domain;
    return text ? keep(text) : NULL;
}

static struct name *register_w(const struct name *domain, const wchar_t *text)
{
    char room[MT_TEXT_MAX + 1];
    return register_a(domain, narrow(text, room));
}

static struct name *create_a(const char *text)
{
    return register_a(NULL, text);
}

static struct name *create_w(const wchar_t *text)
{
    return register_w(NULL, text);
}

/* ---- attaching ---- */

/* NVTX's numbers of the functions in a module. X(number, function) */
#define CORE(X)                                                                                    \
    X(1, mark_ex)                                                                                  \
    X(2, mark_a)                                                                                   \
    X(3, mark_w) X(4, start_ex) X(5, start_a) X(6, start_w) X(7, mt_range_end) X(8, push_ex)       \
        X(9, push_a) X(10, push_w) X(11, pop)
#define CORE2(X)                                                                                   \
    X(1, domain_mark_ex)                                                                           \
    X(2, domain_start_ex)                                                                          \
    X(3, domain_end) X(4, domain_push_ex) X(5, domain_pop) X(10, register_a) X(11, register_w)     \
        X(12, create_a) X(13, create_w)

struct attached {
    unsigned number;
    function *own;
};

#define ATTACHED(number, own) {number, (function *)own},
static const struct attached core[] = {CORE(ATTACHED){0, NULL}};
static const struct attached core2[] = {CORE2(ATTACHED){0, NULL}};

static bool attach(const struct callbacks *callbacks, int module, const struct attached *row)
{
    function ***table = NULL;
    unsigned size = 0;
    if (!callbacks->get_table(module, &table, &size) || !table)
        return false;
    for (; row->own; row++)
        if (row->number < size && table[row->number])
            *table[row->number] = row->own;
    return true;
}

__attribute__((visibility("default"))) int InitializeInjectionNvtx2(get_export_table *get);

int InitializeInjectionNvtx2(get_export_table *get)
{
    struct mt_config config;
    char why[256];
    const struct callbacks *callbacks = get ? get(TABLE_CALLBACKS) : NULL;
    if (!mt_config_read(&config, why, sizeof why) || !config.ENABLE || !config.MARKS)
        return 0;
    if (!callbacks || callbacks->struct_size < sizeof *callbacks)
        return 0;
    bool one = attach(callbacks, MODULE_CORE, core);
    return attach(callbacks, MODULE_CORE2, core2) || one;
}

/* ---- getenv ---- */

typedef char *getenv_fn(const char *name);
static char own_path[PATH_MAX];

/* LD_PRELOAD may name a file relative to a folder that the job leaves. */
__attribute__((constructor)) static void find_own_path(void)
{
    int saved = errno;
    Dl_info info;
    if (!dladdr((void *)InitializeInjectionNvtx2, &info) || !info.dli_fname ||
        !realpath(info.dli_fname, own_path))
        own_path[0] = 0;
    errno = saved;
}

__attribute__((visibility("default"))) char *getenv(const char *name)
{
    static _Atomic(getenv_fn *) real;
    getenv_fn *next = atomic_load_explicit(&real, memory_order_relaxed);
    if (__builtin_expect(!next, 0)) {
        if (!mt_real_dlsym)
            mt_find_dlsym();
        next = mt_real_dlsym ? (getenv_fn *)mt_real_dlsym(RTLD_NEXT, "getenv") : NULL;
        atomic_store_explicit(&real, next, memory_order_relaxed);
    }
    char *value = next ? next(name) : NULL;
    if (value || strcmp(name, "NVTX_INJECTION64_PATH") != 0)
        return value;
    return own_path[0] ? own_path : NULL;
}
