/* Two ways from a stack to its number.
 *
 * The short one is a table of hashes of whole stacks, read without locks; a hash of 64 bits is
 * taken for the stack itself. Its slots are written once: the number first, the hash after it.
 * Outgrown tables are never freed, since somebody may be reading them.
 *
 * The long one goes through the tree of frames, outermost first, under a lock, and tells what is
 * new. A frame is entered only after it was told; what the ring had no room for is told the next
 * time. Whatever is full makes stacks that are not yet known go without a number, and be counted.
 */
#include "shim/guest/glibc.h"
#include "shim/stack/intern.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fnv.h"
#include "format/layout.h"
#include "shim/guest/guard.h"
#include "shim/native/native.h"
#include "shim/native/objects.h"
#include "shim/python/pytext.h"
#include "shim/record/life.h"
#include "shim/record/ring.h"
#include "shim/stack/hashrows.h"

#define STACKS_MAX (1u << 20)
#define FRAMES_MAX (1u << 21)
#define FIRST_SLOTS 4096u
#define LINES (1u << 12)
#define PATH_BYTES 4096

struct slot {
    _Atomic uint64_t hash;
    uint64_t told;
    uint32_t id;
};

struct table {
    uint32_t mask, used, epoch;
    struct slot slot[];
};

struct code_row {
    uint64_t code, identity;
    uint32_t id, unused;
};

struct text_row {
    uint64_t hash, id;
};

struct frame_row {
    uint32_t caller;
    uint32_t owner; /* code id, or NATIVE and module id */
    uint64_t where;
    uint32_t id, unused;
};

#define NATIVE 0x80000000u

struct place_row {
    uint64_t address, generation; /* + 1 */
    uint64_t where;
    uint32_t module, unused;
};

struct module_row {
    uint64_t base, hash;
    uint32_t id, unused;
};

#define ROWS(type, key, most)                                                                      \
    {                                                                                              \
        NULL, 0, 0, key, sizeof(struct type), most                                                 \
    }

static struct {
    pthread_mutex_t lock; /* for all but reading the table */
    _Atomic(struct table *) table;
    struct mt_rows codes, texts, frames, modules;
    struct mt_rows places; /* saves asking again which file an address lies in */
    uint32_t epoch;
    uint64_t told; /* time of the last definition */
    _Atomic uint64_t lost;
    struct {
        uint64_t identity;
        uintptr_t code;
        uint32_t at, line;
    } line[LINES];
    struct mt_found found;
    char text[2 * PATH_BYTES];
} intern = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .codes = ROWS(code_row, 16, 1u << 19),
    .texts = ROWS(text_row, 8, MT_CODES_MAX - 1),
    .frames = ROWS(frame_row, 16, FRAMES_MAX),
    .places = ROWS(place_row, 16, 1u << 18),
    .modules = ROWS(module_row, 16, MT_MODULES_MAX - 1),
};

uint64_t mt_intern_lost(void)
{
    return atomic_load(&intern.lost);
}

static void lose(void)
{
    atomic_fetch_add_explicit(&intern.lost, 1, memory_order_relaxed);
}

/* ---- the short way ---- */

static struct slot *find_slot(struct table *table, uint64_t hash)
{
    for (uint64_t i = hash;; i++) {
        struct slot *slot = &table->slot[i & table->mask];
        uint64_t there = atomic_load_explicit(&slot->hash, memory_order_acquire);
        if (there == hash || there == 0)
            return slot;
    }
}

uint32_t mt_intern_find(uint64_t hash, uint64_t *told)
{
    struct table *table = atomic_load_explicit(&intern.table, memory_order_acquire);
    if (!table || table->epoch != atomic_load_explicit(&mt_life_epoch, memory_order_relaxed))
        return 0;
    struct slot *slot = find_slot(table, hash);
    if (atomic_load_explicit(&slot->hash, memory_order_relaxed) == 0)
        return 0;
    *told = slot->told;
    return slot->id;
}

static struct table *make_table(uint32_t slots)
{
    struct table *table =
        mmap(NULL, sizeof *table + slots * sizeof table->slot[0], PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED)
        return NULL;
    table->mask = slots - 1;
    table->epoch = intern.epoch;
    return table;
}

static struct table *grown(struct table *old)
{
    struct table *table = make_table(old ? 2 * (old->mask + 1) : FIRST_SLOTS);
    for (uint32_t i = 0; table && old && i <= old->mask; i++) {
        uint64_t hash = atomic_load_explicit(&old->slot[i].hash, memory_order_relaxed);
        if (!hash)
            continue;
        struct slot *slot = find_slot(table, hash);
        slot->told = old->slot[i].told;
        slot->id = old->slot[i].id;
        atomic_store_explicit(&slot->hash, hash, memory_order_relaxed);
        table->used++;
    }
    return table;
}

/* Where there is no room the stack takes the long way each time. */
static void remember(uint64_t hash, uint32_t id)
{
    struct table *table = atomic_load_explicit(&intern.table, memory_order_relaxed);
    if (!table || table->epoch != intern.epoch || table->used >= table->mask / 2) {
        table = table && table->epoch != intern.epoch ? NULL : table;
        if (table && table->used >= STACKS_MAX)
            return;
        struct table *larger = grown(table);
        if (!larger)
            return;
        atomic_store_explicit(&intern.table, table = larger, memory_order_release);
    }
    struct slot *slot = find_slot(table, hash);
    if (atomic_load_explicit(&slot->hash, memory_order_relaxed))
        return;
    slot->told = intern.told;
    slot->id = id;
    atomic_store_explicit(&slot->hash, hash, memory_order_release);
    table->used++;
}

/* ---- definitions ---- */

static bool tell(enum mt_kind kind, const uint64_t *fields, size_t text)
{
    intern.told = mt_clock_ticks();
    return mt_may_record() &&
           mt_ring_put(kind, intern.told, fields, text ? intern.text : NULL, text);
}

/* Both texts, one behind the other; the bytes they take. */
static size_t put_texts(const char *first, const char *second)
{
    size_t one = strnlen(first, PATH_BYTES - 1), two = strnlen(second, PATH_BYTES - 1);
    memcpy(intern.text, first, one);
    intern.text[one] = 0;
    memcpy(intern.text + one + 1, second, two);
    intern.text[one + 1 + two] = 0;
    return one + two + 2;
}

/* Of what was put, and a number; never 0. */
static uint64_t hash_text(size_t size, uint64_t number)
{
    return mt_fnv(MT_FNV_START + number, intern.text, size) | 1;
}

/* Code objects that say the same have one number: those that a job makes again and again. */
static uint32_t text_id(const struct mt_pycode *code)
{
    size_t size = put_texts(code->file, code->name);
    uint64_t hash = hash_text(size, code->first_line);
    if (!mt_rows_make_room(&intern.texts))
        return 0;
    struct text_row *row = mt_rows_find(&intern.texts, &hash);
    if (row->id)
        return (uint32_t)row->id;
    uint64_t fields[] = {intern.texts.used + 1, code->first_line};
    if (!tell(MT_code, fields, size))
        return 0;
    *row = (struct text_row){hash, fields[0]};
    intern.texts.used++;
    return (uint32_t)fields[0];
}

static uint32_t code_id(const struct mt_pyframe *frame)
{
    static char file[MT_PYTEXT_MAX], name[MT_PYTEXT_MAX];
    struct code_row wanted = {frame->code, frame->identity, 0, 0};
    struct mt_pycode text = {file, name, 0};
    if (!mt_rows_make_room(&intern.codes)) {
        mt_rows_clear(&intern.codes); /* it only saves reading the texts */
        if (!mt_rows_make_room(&intern.codes))
            return 0;
    }
    struct code_row *row = mt_rows_find(&intern.codes, &wanted);
    if (row->id)
        return row->id;
    wanted.id = mt_pytext_code(mt_python_layout(), frame->code, &text) ? text_id(&text) : 0;
    if (wanted.id) {
        *row = wanted;
        intern.codes.used++;
    }
    return wanted.id;
}

static uint32_t line_of(const struct mt_pyframe *frame)
{
    uint64_t hash = mt_rows_hash(&(uint64_t[]){frame->code ^ frame->identity, frame->at}, 16);
    __typeof__(intern.line[0]) *kept = &intern.line[hash % LINES];
    if (kept->code != frame->code || kept->identity != frame->identity || kept->at != frame->at) {
        kept->line = mt_pytext_line(mt_python_layout(), frame->code, frame->at);
        kept->code = frame->code;
        kept->identity = frame->identity;
        kept->at = frame->at;
    }
    return kept->line;
}

static uint32_t module_id(const struct mt_object *object)
{
    static char program[PATH_BYTES];
    char build_id[MT_BUILD_ID_TEXT];
    const char *name = object->name;
    if (!*name) {
        ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
        program[size < 0 ? 0 : size] = 0;
        name = program;
    }
    mt_object_build_id(object, build_id);
    size_t size = put_texts(name, build_id);
    struct module_row wanted = {object->base, hash_text(size, object->end - object->begin), 0, 0};
    if (!mt_rows_make_room(&intern.modules))
        return 0;
    struct module_row *row = mt_rows_find(&intern.modules, &wanted);
    if (row->id)
        return row->id;
    uint64_t fields[] = {intern.modules.used + 1, object->base, object->end - object->begin};
    if (!tell(MT_module, fields, size))
        return 0;
    wanted.id = (uint32_t)fields[0];
    *row = wanted;
    intern.modules.used++;
    return wanted.id;
}

/* ---- frames ---- */

static uint32_t frame_id(uint32_t caller, uint32_t owner, uint64_t where)
{
    struct frame_row wanted = {caller, owner, where, 0, 0};
    if (!mt_rows_make_room(&intern.frames))
        return 0;
    struct frame_row *row = mt_rows_find(&intern.frames, &wanted);
    if (row->id)
        return row->id;
    bool native = owner & NATIVE;
    uint64_t fields[] = {intern.frames.used + 1, caller, native ? 0 : owner, where,
                         native ? owner & ~NATIVE : 0};
    if (!tell(MT_frame, fields, 0))
        return 0;
    wanted.id = (uint32_t)fields[0];
    *row = wanted;
    intern.frames.used++;
    return wanted.id;
}

static uint32_t python_frame(uint32_t caller, const struct mt_pyframe *frame)
{
    uint32_t code = code_id(frame);
    return code ? frame_id(caller, code, line_of(frame)) : 0;
}

/* Where an address lies; false where its module cannot be told now. */
static bool find_place(struct place_row *place)
{
    struct mt_object object;
    place->where = place->address;
    place->module = 0;
    if (!mt_object_find(place->address - 1, &object))
        return true;
    place->where -= object.base;
    place->module = module_id(&object);
    return place->module != 0;
}

static uint32_t native_frame(uint32_t caller, uintptr_t address)
{
    struct place_row place = {address, (uint64_t)mt_native_generation() + 1, 0, 0, 0}, *row;
    if (!mt_rows_make_room(&intern.places)) {
        mt_rows_clear(&intern.places);
        if (!mt_rows_make_room(&intern.places))
            return 0;
    }
    row = mt_rows_find(&intern.places, &place);
    if (mt_rows_is_free(&intern.places, (const uint8_t *)row)) {
        if (!find_place(&place))
            return 0;
        *row = place;
        intern.places.used++;
    }
    return frame_id(caller, NATIVE | row->module, row->where);
}

static uint32_t climb(const struct mt_found *found)
{
    uint32_t id = 0;
    for (uint32_t i = found->pythons; i-- > 0;)
        if (!(id = python_frame(id, &found->python[i])))
            return 0;
    for (uint32_t i = found->natives; i-- > 0;)
        if (!(id = native_frame(id, found->native[i])))
            return 0;
    return id;
}

/* Another recording knows nothing of what was told in the one before. */
static void begin_epoch(uint32_t epoch)
{
    if (intern.epoch == epoch)
        return;
    intern.epoch = epoch;
    intern.told = 0;
    atomic_store(&intern.lost, 0);
    mt_rows_clear(&intern.codes);
    mt_rows_clear(&intern.texts);
    mt_rows_clear(&intern.frames);
    mt_rows_clear(&intern.modules);
    mt_rows_clear(&intern.places);
}

uint32_t mt_intern_stack(uint64_t hash, void (*collect)(struct mt_found *found, const void *how),
                         const void *how, uint64_t *told)
{
    int saved = errno;
    struct mt_guard guard = mt_lock(&intern.lock);
    begin_epoch(atomic_load(&mt_life_epoch));
    collect(&intern.found, how);
    uint32_t id = climb(&intern.found);
    if (id)
        remember(hash, id);
    else
        lose();
    *told = intern.told;
    mt_unlock(&intern.lock, &guard);
    errno = saved;
    return id;
}

/* A lock that another thread held at the time of a fork stays locked in the child. */
static void child_of_fork(void)
{
    pthread_mutex_init(&intern.lock, NULL);
}

__attribute__((constructor)) static void load(void)
{
    mt_in_forked_child(child_of_fork);
}
