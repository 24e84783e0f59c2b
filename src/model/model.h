/* The replayed address space: which blocks live, and what a record does to them.
 *
 * Levels nest: driver memory (an allocation, or a reserved range with what is mapped into it) may
 * hold allocator blocks. Addresses are resolved here and only here, to the innermost live block.
 *
 * Driver memory is a block of its own until an allocator's block is reported inside. An allocator
 * reports its first block right after it got the memory, so the birth of driver memory is told a
 * little late (at the next event of its thread, at its first access, or after a millisecond), as
 * what it then is. Peaks of allocated bytes thereby never count a segment as a block.
 *
 * A virtual range lives from its first map to its unreserve; its size is the most that was mapped.
 *
 * Page-locked host memory is a level of its own, of no device: it counts in no mt_usage. */
#ifndef MT_MODEL_H
#define MT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "event/event.h"

enum mt_level { MT_LEVEL_SEGMENT, MT_LEVEL_BLOCK, MT_LEVEL_HOST };

/* Who gave the memory out: X(suffix, name in tables, what it means). */
#define MT_SOURCES(X)                                                                              \
    X(DRIVER, "driver", "cuMemAlloc and its kin")                                                  \
    X(MANAGED, "managed", "cuMemAllocManaged")                                                     \
    X(ASYNC, "async", "cuMemAllocAsync, pools")                                                    \
    X(GRAPH, "graph", "an allocation node of a graph")                                             \
    X(IMPORTED, "imported", "memory of another process or library; no bytes of this one")          \
    X(GLOBAL, "global", "a variable of a module")                                                  \
    X(ARRAY, "array", "an array: no address, and no accesses are seen")                            \
    X(VIRTUAL, "virtual", "a reserved range with physical memory mapped into it")                  \
    X(PINNED, "pinned", "page-locked host memory that the driver gave out")                        \
    X(REGISTERED, "registered", "host memory of the program's own, page-locked")                   \
    X(ALLOCATOR, "allocator", "a caching allocator's block")                                       \
    X(REPORTED, "reported", "a block of an allocator of the program's own")

#define MT_SOURCE_ENUM(suffix, name, doc) MT_SOURCE_##suffix,
enum mt_source { MT_SOURCES(MT_SOURCE_ENUM) };
#undef MT_SOURCE_ENUM

/* Whether it lies in driver memory, and is none itself. */
static inline bool mt_source_is_allocator(uint8_t source)
{
    return source >= MT_SOURCE_ALLOCATOR;
}

enum mt_access_kind { MT_ACCESS_READ, MT_ACCESS_WRITE, MT_ACCESS_TOUCH };
enum mt_access_by { MT_BY_LAUNCH, MT_BY_COPY, MT_BY_SET, MT_BY_NCCL };

struct mt_block {
    /* One cache line for what an access needs. */
    _Alignas(64) uint64_t address;
    uint64_t reach;                           /* the model's own */
    uint64_t size;                            /* bytes; of a virtual range the most ever mapped */
    uint64_t accesses;                        /* a launch or copy counts once a block and kind */
    uint64_t first_access_ns, last_access_ns; /* meaningful if accesses > 0 */
    uint32_t slot;  /* number among what lives; small, used again after death */
    uint32_t stamp; /* the model's own */
    uint32_t device;
    uint8_t level, source; /* enum mt_level, enum mt_source */
    uint8_t state;         /* the model's own */
    bool alive_at_start;   /* known to have existed before its first event */
    bool unseen;           /* born while recording was paused; what touched it then is not known */
    bool unheard;          /* not told to listeners that hear only closely */

    uint64_t extent;  /* addresses it spans: its size, of a virtual range what was reserved */
    uint64_t id;      /* from 1, in order of birth, unique in a trace */
    uint64_t segment; /* id of the driver memory around it, 0 for driver memory itself */
    uint64_t birth_ns;
    uint64_t death_ns; /* meaningful at its death; UINT64_MAX if it lived at the end of the trace */
    uint64_t reads, writes;
    uint64_t touches;      /* the accesses that are neither; told at its death */
    uint32_t segment_slot; /* slot of the driver memory around it, 0 if there is none */
    uint32_t api;
    uint32_t library;       /* string: file of who asked for driver memory, 0: not known */
    uint32_t context;       /* number of the one that it dies with, 0: none is known */
    uint64_t stream;        /* GLOBAL: the module */
    uint64_t children;      /* blocks ever reported inside */
    uint64_t mapped;        /* VIRTUAL: bytes mapped now */
    uint64_t aliased;       /* VIRTUAL: bytes of these that count elsewhere */
    uint64_t far;           /* VIRTUAL: of those that count, bytes on other devices than `device` */
    uint64_t stale_touches; /* launches' pointers into it where no block lived */
    uint8_t kinds;          /* see mt_launch_kinds; the model's own */
    uint32_t stack;         /* who asked for it, see mt_trace_frame; 0: not recorded */
    uint32_t scope;         /* see mt_model_range; the model's own */
};

struct mt_access {
    uint64_t time_ns;
    uint64_t offset, size; /* in the block; size 0: not known (a pointer among parameters) */
    uint64_t kernel;       /* kernel id for MT_BY_LAUNCH, API index otherwise */
    uint64_t stream;
    enum mt_access_kind kind;
    enum mt_access_by by;
    uint32_t thread;
    uint64_t graph; /* id of the graph whose launch did it, 0: done by itself */
};

/* A launch and the live blocks it touches, each once. */
struct mt_launch {
    uint64_t time_ns, kernel, stream;
    uint64_t flags; /* MT_LAUNCH_*; one that was captured touches nothing */
    uint64_t stack; /* who launched it; 0: not recorded */
    uint32_t thread, blocks;
    const struct mt_block *const *block;
    uint32_t slots; /* no block has a slot from this on */
    uint64_t graph; /* id of the graph that it was a node of, 0: launched by itself */
    bool told;      /* access by access, with kinds */
};

#define MT_KIND_OF_ACCESS(kind) (uint8_t)(1u << MT_ACCESS_##kind)

/* What a launch did to one of its blocks: a bit for each kind of access. Good while it is told. */
static inline uint8_t mt_launch_kinds(const struct mt_launch *launch, const struct mt_block *block)
{
    return launch->told ? block->kinds : MT_KIND_OF_ACCESS(TOUCH);
}

/* Memory of a device. Bytes of driver memory and of live blocks; a virtual range counts with what
 * is mapped. */
struct mt_usage {
    uint64_t reserved, allocated;
    uint64_t peak_reserved, peak_reserved_ns;
    uint64_t peak_allocated, peak_allocated_ns;
    uint64_t blocks, segments; /* live; driver memory counts as one of them */
    uint64_t allocator;        /* of allocated: caching allocators' */
    uint64_t unknown;          /* allocators' bytes that were handed out before the trace */
    uint64_t peak_told_allocated, peak_told_reserved; /* as the caching allocator itself said */
    bool told;                                        /* whether one ever said anything */
    bool used;                                        /* whether the device had any memory */
};

#define MT_DEVICES 65u /* ordinals 0..63; the last stands for all that are not known */

/* Index among them of an event's device. */
static inline uint32_t mt_model_device(uint64_t device)
{
    return device < MT_DEVICES - 1 ? (uint32_t)device : MT_DEVICES - 1;
}

struct mt_counts {
#define COUNT(name, unit, doc) uint64_t name;
#include "model/counts.def"
};

/* Who is told. Every function may be NULL; a negative result stops the replay. Pointers to blocks
 * are good until the function returns. */
struct mt_listener {
    void *state;
    int (*birth)(void *state, const struct mt_block *block);
    int (*access)(void *state, const struct mt_block *block, const struct mt_access *access);
    int (*launch)(void *state, const struct mt_launch *launch); /* after its accesses */
    int (*death)(void *state, const struct mt_block *block);    /* also of what lives at the end */
    /* Memory of `device` (< MT_DEVICES) has just changed, at `time_ns` */
    int (*usage)(void *state, uint32_t device, const struct mt_usage *usage, uint64_t time_ns);
    /* A virtual range holds another number of bytes; told before the usage that comes of it. */
    int (*resize)(void *state, const struct mt_block *block);
    bool by_launch; /* what launches touch is told by `launch` alone, not by `access` as well */
    bool host;      /* births, accesses and deaths of level MT_LEVEL_HOST are told, too */
    bool closely;   /* it hears little where nobody looks closely, see mt_model_look */
};

/* Bytes that driver memory or a block takes now. Memory of others is theirs. */
static inline uint64_t mt_block_bytes(const struct mt_block *block)
{
    return block->source == MT_SOURCE_VIRTUAL    ? block->mapped - block->aliased
           : block->source == MT_SOURCE_IMPORTED ? 0
                                                 : block->size;
}

struct mt_model;

/* Those of them that lie on a device. Of a virtual range `device` is where its first piece came to
 * lie; others may lie elsewhere. */
uint64_t mt_model_bytes_on(const struct mt_model *model, const struct mt_block *block,
                           uint32_t device);

/* Name of a driver function; the model tells pools and managed memory by it. */
typedef const char *mt_api_name(void *context, uint64_t api);

/* NULL where memory is out. `listeners` are copied. */
struct mt_model *mt_model_new(mt_api_name *api_name, void *context,
                              const struct mt_listener *listeners, size_t n);
void mt_model_free(struct mt_model *model); /* NULL is allowed */

/* From the next record on listeners that hear only closely are told all, as at the beginning, or of
 * deaths alone, also of blocks that they never heard of. When they hear again, births that they
 * missed are told first, of what lives, in the order of birth. */
int mt_model_look(struct mt_model *model, bool closely);

/* What a record does. Records come in the order of time. */
int mt_model_replay(struct mt_model *model, const struct mt_record *record, uint32_t thread);

/* The trace ends: whatever lives is told as dead, with death_ns UINT64_MAX. */
int mt_model_finish(struct mt_model *model);

uint64_t mt_model_now(const struct mt_model *model); /* time of the last record */
const struct mt_counts *mt_model_counts(const struct mt_model *model);
const struct mt_usage *mt_model_usage(const struct mt_model *model, uint32_t device);

/* Every piece of driver memory that lives, in order of address, then arrays; `told`: the sums of
 * mt_model_usage have it. A negative result of `each` ends the walk and is returned. */
int mt_model_each_driver(const struct mt_model *model,
                         int (*each)(void *state, const struct mt_block *block, bool told),
                         void *state);

/* Bytes of physical memory that was created on a device and is mapped nowhere. */
uint64_t mt_model_unmapped(const struct mt_model *model, uint32_t device);

/* Pauses of the recording. How much of the time between two moments was recorded, and whether they
 * have a pause between them: then what happened in between is not known, and is no idle time. */
uint64_t mt_model_recorded_ns(const struct mt_model *model, uint64_t from, uint64_t to);
bool mt_model_was_paused(const struct mt_model *model, uint64_t from, uint64_t to);
bool mt_model_has_pauses(const struct mt_model *model); /* until now: if not, no need to ask */

/* From now on it is kept in which ranges (push and pop) blocks are born; `text` says what a string
 * of the trace is. */
void mt_model_follow_ranges(struct mt_model *model,
                            const char *(*text)(void *context, uint64_t string), void *context);

/* The path of ranges that were open on the thread that asked for a block, and that of the forward
 * function which the innermost backward one of them belongs to (see scopes.h). They lie in `buffer`
 * and are cut to its size; NULL where there are none. */
static inline bool mt_block_is_ranged(const struct mt_block *block)
{
    return block->scope != 0;
}
const char *mt_model_range(const struct mt_model *model, const struct mt_block *block, char *buffer,
                           size_t size);
const char *mt_model_forward_range(const struct mt_model *model, const struct mt_block *block,
                                   char *buffer, size_t size);

/* When recording began. */
uint64_t mt_model_recorded_from_ns(const struct mt_model *model);

/* The innermost live block at an address; NULL where there is none. */
const struct mt_block *mt_model_find(struct mt_model *model, uint64_t address);

/* Expensive: every invariant of the whole structure. */
bool mt_model_is_valid(const struct mt_model *model);

#endif
