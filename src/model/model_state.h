/* The inside of the model, shared by its files and nobody else:
 *   model.c             from a record to what it does; late and failed calls
 *   windows.c           pauses of the recording
 *   looks.c             who hears what while nobody looks closely
 *   scopes.c            ranges of marks that are open on each thread
 *   walk.c              all that lives
 *   check.c             every invariant
 *  memory/: what is born and dies
 *     levels.c          driver memory, usage
 *     blocks.c          allocators' blocks, what segment they lie in
 *     ranges.c          reserved ranges and maps
 *     physical.c        the memory behind maps
 *     host.c            page-locked host memory
 *     belongings.c      what belongs to contexts and modules
 *     frees.c           what is given back, by name
 *  accesses/: who touches it
 *     pointers.c        what launches touch
 *     touch.c           the same of copies, sets, collectives; accesses that are told one by one
 *     graphs.c          what graphs hold, and their launches */
#ifndef MT_MODEL_STATE_H
#define MT_MODEL_STATE_H

#include "base/dict.h"
#include "model/model.h"
#include "model/scopes.h"
#include "model/space.h"

enum mt_state {
    MT_STATE_FREE,     /* the slot is not in use */
    MT_STATE_RESERVED, /* a virtual range without memory: not yet a block */
    MT_STATE_PENDING,  /* lives, but its birth is not yet told */
    MT_STATE_TOLD,     /* lives, and listeners know */
};

struct mt_box;

#define MT_CACHE_BITS 16
#define MT_PENDING_MAX 16u
#define MT_PENDING_NS 1000000u /* longest time between birth and its being told */
#define MT_FREED_MAX 64u
#define MT_API_SOURCES 256u

struct mt_pending {
    uint32_t slot, thread;
};

/* What driver memory, or a block in it, is made of when it is born. */
struct mt_birth {
    uint64_t address, extent, stream;
    uint32_t device, api, stack, library, context;
    uint8_t source;
    bool alive_at_start;
};

/* Something that was given back, in case the call turns out to have failed. */
struct mt_freed {
    struct mt_birth birth; /* as which it would come back */
    uint64_t at;           /* ns */
    uint16_t kind;
    bool known; /* it was there */
    bool told;  /* by `kept`, which may be before the call has come back */
};

/* Listeners of one kind of news, without those that do not care for it. */
struct mt_call {
    void *state;
    union {
        int (*block)(void *state, const struct mt_block *block);
        int (*access)(void *state, const struct mt_block *block, const struct mt_access *access);
        int (*launch)(void *state, const struct mt_launch *launch);
        int (*usage)(void *state, uint32_t device, const struct mt_usage *usage, uint64_t time_ns);
    };
};

struct mt_calls {
    struct mt_call *call;
    size_t n;
    size_t few, all; /* those that hear always come first, then those that hear only closely */
};

/* What a launch of a graph did to one block, or at the end of one of its kernels. */
enum mt_step { MT_STEP_ACCESS, MT_STEP_STALE, MT_STEP_LAUNCHED };

struct mt_trail_step {
    uint64_t offset, size;
    uint64_t block_id; /* ACCESS, STALE; that is how the block is known again */
    uint64_t address;  /* STALE */
    uint32_t slot, node;
    uint8_t what, kind; /* enum mt_step, enum mt_access_kind */
};

/* What all of it did, to be done again without looking anything up. */
struct mt_trail {
    struct mt_trail_step *step;
    size_t steps, room;
    struct mt_counts counts; /* what it added to them */
    uint64_t generation;     /* of the address space that it was made in */
    uint64_t host_generation;
    bool valid;
    bool strict; /* it depends on more than the blocks that it names */
};

/* Physical memory, by its handles and by what of it is mapped. */
struct mt_physical {
    uint32_t device, library, handles;
    uint32_t first; /* piece that is mapped, 0: none */
    uint64_t size;
    bool foreign; /* counted elsewhere */
};

struct mt_piece {
    uint64_t offset, size; /* in the physical memory */
    uint64_t counted;      /* bytes that no piece before it has */
    uint32_t slot;         /* of the virtual range */
    uint32_t physical;     /* 0: not known */
    uint32_t next;
};

struct mt_physicals {
    struct mt_dict by_handle;
    struct mt_physical *physical;
    struct mt_piece *piece;
    uint32_t size, room, spare, pieces, pieces_room, pieces_spare;
};

struct mt_graph {
    uint64_t handle, id, flags;
    uint32_t nodes, told; /* how many it has, and how many of them are known yet */
    uint32_t room;
    struct mt_record **node; /* NULL: lost */
    uint8_t *disabled;
    struct mt_trail trail;
};

/* A definition of which records are still to come. */
struct mt_opening {
    uint32_t thread;
    struct mt_graph *graph;
    uint32_t next, left;
};

#define MT_OPENINGS_MAX 64u

struct mt_graphs {
    struct mt_dict by_handle; /* place in `graph` + 1 */
    struct mt_graph **graph;  /* NULL: free */
    uint32_t size, room;
    uint32_t openings;
    struct mt_opening opening[MT_OPENINGS_MAX];
    uint64_t now;           /* id of the one that is being launched */
    uint32_t node;          /* and its node */
    struct mt_trail *trail; /* what it does is written down here; NULL: nowhere */
};

enum mt_window_state {
    MT_WINDOW_OPEN,
    MT_WINDOW_PAUSED,
    MT_WINDOW_TOLD, /* still paused, but all that lives is known again */
};

struct mt_pause {
    uint64_t from, to; /* UINT64_MAX: it goes on */
    uint64_t before;   /* length of all pauses before it */
};

struct mt_windows {
    struct mt_pause *pause;
    uint32_t n, room;
    uint32_t teller; /* thread that tells of pauses, and of what happened in them */
    uint32_t state;  /* enum mt_window_state */
    bool kept;       /* the next event happened at kept_ns and is told at told_ns, now */
    uint64_t kept_ns, told_ns;
};

struct mt_model {
    struct mt_block
        *block; /* slot 0 is none: of no extent; stamp: the launch that last touched it */
    uint32_t *free_slot;
    uint32_t slots, slots_room, free_slots;
    struct mt_space driver; /* item: slot */
    struct mt_space blocks; /* allocators' blocks; item: slot */
    struct mt_space maps;   /* mapped ranges; item: piece */
    struct mt_space arrays; /* by handle, of length 1; item: slot */
    struct mt_space host;   /* page-locked host memory; item: slot */
    struct mt_physicals physicals;
    uint64_t pinned; /* bytes of page-locked host memory */
    uint64_t now, next_id;
    uint64_t generation, host_generation; /* grow when what lives where changes */
    struct mt_graphs graphs;
    struct mt_windows windows;
    struct mt_scopes scopes;
    uint32_t thread;  /* of the event, where it may be that of a block's birth */
    uint32_t serial;  /* of the launch or copy */
    uint32_t segment; /* slot of driver memory that a block was born in lately */
    uint32_t pendings, freed_next;
    bool is_calm;          /* nothing waits for the next record; false also where it is not known */
    bool is_open;          /* `open` goes on: a launch that is told access by access */
    struct mt_launch open; /* its blocks are in `touched` */
    int status;            /* the first error */
    struct mt_pending pending[MT_PENDING_MAX];
    struct mt_freed freed[MT_FREED_MAX];
    struct mt_usage usage[MT_DEVICES];
    struct mt_counts counts;
    uint8_t source_of[MT_API_SOURCES]; /* enum mt_source + 1 of an API, 0: not yet asked */
    mt_api_name *api_name;
    void *context;
    struct mt_calls births, accesses, launches, deaths, usages, resizes; /* who wants to know */
    struct mt_calls touches; /* of accesses: also those of launches */
    struct mt_calls host_births, host_accesses, host_deaths;
    bool away;                                           /* only `few` hear */
    const struct mt_block *touched[MT_RECORD_WORDS_MAX]; /* by the launch that is told now */
    uint32_t cache[1u << MT_CACHE_BITS]; /* slot at an address; checked by containment when used */
};

static inline uint32_t *mt_cache_at(struct mt_model *model, uint64_t address)
{
    return &model->cache[address * UINT64_C(0x9e3779b97f4a7c15) >> (64 - MT_CACHE_BITS)];
}

/* Keep the first error. */
static inline void mt_model_note(struct mt_model *model, int code)
{
    if (code < 0 && model->status == 0)
        model->status = code;
}

/* How far an address may lie behind block->address for an access to the block to need no second
 * look: nothing lives inside, and listeners know the block. */
static inline void mt_block_set_reach(struct mt_block *block)
{
    bool plain = block->level == MT_LEVEL_BLOCK && block->state == MT_STATE_TOLD;
    block->reach = plain ? block->extent : 0;
}

/* A stack as an event names it; numbers that no trace has are none. */
static inline uint32_t mt_model_stack(uint64_t stack)
{
    return stack <= UINT32_MAX ? (uint32_t)stack : 0;
}

/* memory/levels.c */

/* Room for more slots; the first time it makes slot 0 as well. */
bool mt_slots_grow(struct mt_model *model);
uint32_t mt_slot_take(struct mt_model *model); /* a blank one; 0 on error */

/* One that is to be made blank; 0 on error. */
static inline uint32_t mt_slot_spare(struct mt_model *model)
{
    model->generation++;
    if (model->free_slots)
        return model->free_slot[--model->free_slots];
    if (model->slots < model->slots_room || mt_slots_grow(model))
        return model->slots++;
    mt_model_note(model, MT_ERR_MEMORY);
    return 0;
}

/* Word by word: for this size memset is a string instruction, which takes longer to start than this
 * takes altogether. */
static inline void mt_block_blank(struct mt_block *block, uint32_t slot)
{
    block->address = block->extent = block->reach = block->size = 0;
    block->accesses = block->touches = block->last_access_ns = 0;
    block->slot = slot;
    block->stamp = block->device = 0;
    block->level = block->source = block->state = 0;
    block->alive_at_start = block->unseen = false;
    block->id = block->segment = block->birth_ns = 0;
    block->death_ns = UINT64_MAX;
    block->first_access_ns = block->reads = block->writes = 0;
    block->segment_slot = block->api = block->stack = block->library = block->context = 0;
    block->scope = 0;
    block->stream = block->children = block->mapped = block->aliased = block->stale_touches = 0;
    block->far = 0;
}

/* No extent: what the cache still says of it contains no address. */
static inline void mt_slot_drop(struct mt_model *model, uint32_t slot)
{
    struct mt_block *block = &model->block[slot];
    block->extent = block->reach = 0;
    block->state = MT_STATE_FREE;
    if (block->scope)
        mt_scopes_drop(&model->scopes, block->scope);
    model->generation++;
    model->free_slot[model->free_slots++] = slot;
}

/* Listeners are told of a block, or that bytes of a device are allocated or no more; the sums are
 * changed with it, modulo 2^64. */
static inline void mt_tell_block(struct mt_model *model, const struct mt_calls *calls,
                                 const struct mt_block *block)
{
    for (size_t i = 0; i < calls->n; i++)
        mt_model_note(model, calls->call[i].block(calls->call[i].state, block));
}

static inline void mt_tell_death(struct mt_model *model, const struct mt_calls *calls,
                                 struct mt_block *block)
{
    block->touches = block->accesses - block->reads - block->writes;
    mt_tell_block(model, calls, block);
}

static inline void mt_use_allocated(struct mt_model *model, uint32_t device, struct mt_usage *usage,
                                    uint64_t change, uint64_t time_ns)
{
    usage->allocated += change;
    if (usage->allocated > usage->peak_allocated) {
        usage->peak_allocated = usage->allocated;
        usage->peak_allocated_ns = time_ns;
    }
    for (size_t i = 0; i < model->usages.n; i++) {
        const struct mt_call *call = &model->usages.call[i];
        mt_model_note(model, call->usage(call->state, device, usage, time_ns));
    }
}

static inline void mt_block_set_birth(struct mt_block *block, const struct mt_birth *birth)
{
    block->address = birth->address;
    block->extent = birth->extent;
    block->stream = birth->stream;
    block->device = birth->device;
    block->api = birth->api;
    block->context = birth->context;
    block->stack = birth->stack;
    block->library = birth->library;
    block->source = birth->source;
    block->alive_at_start = birth->alive_at_start;
}

/* A slot for driver memory, in state RESERVED, in place of whatever lived there; 0 on error. */
uint32_t mt_driver_add(struct mt_model *model, const struct mt_birth *birth);
/* It holds memory from now on: `size` bytes. `wait`: an allocator may still report blocks in it. */
void mt_driver_born(struct mt_model *model, uint32_t slot, uint64_t size, uint32_t thread,
                    bool wait);
/* A virtual range holds `mapped` bytes from now on, `aliased` of them counted elsewhere; the change
 * is of memory on `device`. */
void mt_driver_remap(struct mt_model *model, uint32_t slot, uint64_t mapped, uint64_t aliased,
                     uint32_t device);
/* An array is made or destroyed; it lies nowhere. */
void mt_array_born(struct mt_model *model, const struct mt_ev_array *event, uint32_t thread);
void mt_array_died(struct mt_model *model, uint64_t handle);
/* What belongs to a context ends; of a primary one stream-ordered memory of its device, too. */
void mt_context_died(struct mt_model *model, const struct mt_ev_context_end *event);
/* Variables of a module end. */
void mt_module_died(struct mt_model *model, uint64_t module);
/* It ends, and what is left inside with it. */
void mt_driver_died(struct mt_model *model, uint32_t slot);
/* The slot of the driver memory at an address, 0 if there is none. */
uint32_t mt_driver_at(const struct mt_model *model, uint64_t address);

/* A block begins in driver memory, which is a segment from now on. */
void mt_segment_adopt(struct mt_model *model, uint32_t slot);

/* Tell the births that this record decides. */
void mt_pending_settle(struct mt_model *model, const struct mt_record *record, uint32_t thread);
/* Tell it now, as a block if nothing lies in it. */
void mt_pending_tell(struct mt_model *model, uint32_t slot);

/* memory/blocks.c */
int mt_do_block_alloc(struct mt_model *model, const struct mt_ev_block_alloc *event,
                      uint32_t thread);
int mt_do_block_free(struct mt_model *model, const struct mt_ev_block_free *event);
void mt_block_born(struct mt_model *model, const struct mt_birth *birth);
void mt_block_died(struct mt_model *model, uint32_t slot);

/* memory/physical.c */
void mt_physicals_release(struct mt_physicals *physicals);
void mt_do_create(struct mt_model *model, const struct mt_ev_create *event);
void mt_do_import(struct mt_model *model, const struct mt_ev_import *event);
void mt_physical_retain(struct mt_model *model, uint64_t handle, uint64_t address);
void mt_physical_release(struct mt_model *model, uint64_t handle);
/* Where the memory of a piece lies, as far as is known. */
uint32_t mt_piece_device(const struct mt_model *model, const struct mt_piece *piece);
bool mt_physical_origin(const struct mt_model *model, uint64_t handle, uint32_t *device,
                        uint32_t *library);
/* A piece is mapped: of `handle`, or of what->physical where that is 0. Its place, 0 where memory
 * is out; piece[place].counted says how much of it counts. */
uint32_t mt_piece_add(struct mt_model *model, const struct mt_piece *what, uint64_t handle);
/* It is not mapped any more, or only in part. The physical memory, 0 if it is not known, is to be
 * settled once the range has its new size: other pieces may then count for more. */
uint32_t mt_piece_remove(struct mt_model *model, uint32_t place);
void mt_piece_cut(struct mt_model *model, uint32_t place, uint64_t offset, uint64_t size);
void mt_physical_settle(struct mt_model *model, uint32_t physical);

/* memory/ranges.c */
void mt_virtual_reserve(struct mt_model *model, const struct mt_ev_reserve *event);
void mt_virtual_unreserve(struct mt_model *model, const struct mt_ev_unreserve *event);
void mt_virtual_map(struct mt_model *model, const struct mt_ev_map *event, uint32_t thread);
void mt_virtual_unmap(struct mt_model *model, uint64_t address, uint64_t size);
void mt_virtual_put(struct mt_model *model, uint32_t slot, const struct mt_ev_map *event,
                    uint32_t thread);

/* memory/frees.c */
void mt_do_free(struct mt_model *model, const struct mt_ev_free *event);
void mt_do_host_free(struct mt_model *model, uint64_t address);
void mt_do_unmap(struct mt_model *model, const struct mt_ev_unmap *event);
void mt_do_unreserve(struct mt_model *model, const struct mt_ev_unreserve *event);
void mt_do_free_failed(struct mt_model *model, const struct mt_ev_free_failed *event,
                       uint32_t thread);

/* model.c */
void mt_do_alloc(struct mt_model *model, const struct mt_ev_alloc *event, uint32_t thread);
/* Driver memory that is there at once, in place of whatever lived there. */
void mt_driver_put(struct mt_model *model, const struct mt_birth *birth, uint32_t thread);

/* Whether there are such addresses; counts a record that says otherwise. */
static inline bool mt_is_range(struct mt_model *model, uint64_t address, uint64_t size)
{
    if (__builtin_expect(size > 0 && address + size > address, 1))
        return true;
    model->counts.invalid_records++;
    return false;
}

/* memory/belongings.c */
enum mt_source mt_source_of(struct mt_model *model, uint64_t api);
void mt_do_context_end(struct mt_model *model, const struct mt_ev_context_end *event);
void mt_do_global(struct mt_model *model, const struct mt_ev_global *event, uint32_t thread);
/* A prefetch, a hint, what a pool says: counted. */
void mt_do_saying(struct mt_model *model, const struct mt_record *record);

/* memory/host.c */
void mt_do_host_alloc(struct mt_model *model, const struct mt_ev_host_alloc *event);
void mt_host_born(struct mt_model *model, const struct mt_birth *birth);
void mt_host_died(struct mt_model *model, uint32_t slot);
void mt_host_context_died(struct mt_model *model, uint64_t context);
uint32_t mt_host_at(const struct mt_model *model, uint64_t address); /* slot, 0: none */
/* An access to each that a box has bytes of; to one, told. */
void mt_host_touch(struct mt_model *model, const struct mt_box *box, struct mt_access *access);
void mt_host_tell(struct mt_model *model, const struct mt_block *block,
                  const struct mt_access *access);

/* accesses/graphs.c */
void mt_graphs_release(struct mt_graphs *graphs);
void mt_graph_define(struct mt_model *model, const struct mt_ev_graph *event, uint32_t thread);
void mt_graph_update(struct mt_model *model, const struct mt_ev_graph_update *event,
                     uint32_t thread);
void mt_graph_end(struct mt_model *model, uint64_t handle);
void mt_graph_launch(struct mt_model *model, const struct mt_ev_graph_launch *event,
                     uint32_t thread);
/* Whether the record is a node of a graph that its thread is defining. */
bool mt_graph_take(struct mt_model *model, const struct mt_record *record, uint32_t thread);
/* What is being done is written down, if it is a launch of a graph: an access, a pointer into
 * driver memory where no block lived, the end of a kernel, and that it depends on more than blocks.
 */
void mt_trail_access(struct mt_model *model, const struct mt_block *block,
                     const struct mt_access *access);
void mt_trail_stale(struct mt_model *model, uint32_t slot, uint64_t address);
void mt_trail_launched(struct mt_model *model);
void mt_trail_strict(struct mt_model *model);

/* windows.c */
void mt_windows_release(struct mt_windows *windows);
/* pause, resume, kept, resumed. */
void mt_windows_note(struct mt_model *model, const struct mt_record *record, uint32_t thread);
/* Whether a record that is not told by `kept` says nothing: it is of a pause that the trace's end
 * cut off. */
bool mt_windows_pass_over(struct mt_model *model, const struct mt_record *record, uint32_t thread);
void mt_windows_finish(struct mt_model *model);

/* looks.c: the listeners so far are the first ones, or all. */
void mt_looks_note(struct mt_model *model, bool all);

/* scopes.c: range_push, range_pop. */
void mt_scopes_note(struct mt_model *model, const struct mt_record *record, uint32_t thread);

/* When what is replayed now happened. */
static inline uint64_t mt_happened_ns(const struct mt_model *model)
{
    return model->windows.kept ? model->windows.kept_ns : model->now;
}

/* A block is born in what is open on the thread; of a pause that is not known. */
static inline void mt_block_enter(struct mt_model *model, struct mt_block *block)
{
    if (model->scopes.tops && !model->windows.kept && !block->scope)
        block->scope = mt_scopes_hold(&model->scopes, model->thread);
}

/* When listeners could first hear of a block. */
static inline uint64_t mt_told_ns(const struct mt_model *model, const struct mt_block *block)
{
    uint64_t told = model->windows.told_ns;
    return block->unseen && told > block->birth_ns ? told : block->birth_ns;
}

/* accesses/pointers.c */
int mt_touch_launch(struct mt_model *model, const struct mt_record *record, uint32_t thread);
void mt_clear_stamps(struct mt_model *model);

/* What is touched from here on belongs to another launch. */
static inline void mt_next_serial(struct mt_model *model)
{
    if (__builtin_expect(++model->serial == 0, 0))
        mt_clear_stamps(model);
}

/* accesses/touch.c */
static inline void mt_tell_access(struct mt_model *model, const struct mt_block *block,
                                  const struct mt_access *access)
{
    const struct mt_calls *calls = access->by == MT_BY_LAUNCH ? &model->touches : &model->accesses;
    for (size_t i = 0; i < calls->n; i++) {
        const struct mt_call *call = &calls->call[i];
        mt_model_note(model, call->access(call->state, block, access));
    }
}

/* An access of a block, counted and told; a launch, told. */
void mt_touch_add(struct mt_model *model, struct mt_block *block, struct mt_access *access);
void mt_touch_tell(struct mt_model *model, const struct mt_launch *launch);
void mt_touch_copy(struct mt_model *model, const struct mt_ev_copy *event, uint32_t thread);
void mt_touch_copy_rect(struct mt_model *model, const struct mt_ev_copy_rect *event,
                        uint32_t thread);
void mt_touch_collective(struct mt_model *model, const struct mt_ev_collective *event,
                         uint32_t thread);
/* Part of a launch that is told access by access; any other record closes it. */
void mt_touch_access(struct mt_model *model, const struct mt_ev_access *event, uint32_t thread);
void mt_touch_close(struct mt_model *model);
void mt_touch_set(struct mt_model *model, const struct mt_ev_set *event, uint32_t thread);

#endif
