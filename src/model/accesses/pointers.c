/* What launches touch: the blocks that their pointers lie in. */
#include "model/model_state.h"

/* Stamps of 2^32 launches ago must not look fresh. */
void mt_clear_stamps(struct mt_model *model)
{
    for (uint32_t slot = 0; slot < model->slots; slot++)
        model->block[slot].stamp = 0;
    model->serial = 1;
}

static void count_lost_pointer(struct mt_model *model, uint64_t address)
{
    struct mt_range range;
    uint32_t slot = mt_driver_at(model, address);
    if (!slot)
        mt_trail_strict(model);
    if (slot) {
        model->counts.pointers_stale++;
        model->block[slot].stale_touches++;
        mt_trail_stale(model, slot, address);
    } else if (mt_space_find(&model->host, address, &range)) {
        model->counts.pointers_pinned++;
    } else {
        model->counts.pointers_unresolved++;
    }
}

/* The block at an address of a launch, where the cache does not know it, with its birth told. */
static __attribute__((noinline)) struct mt_block *block_slowly(struct mt_model *model,
                                                               uint64_t address)
{
    const struct mt_block *block = mt_model_find(model, address);
    if (!block) {
        count_lost_pointer(model, address);
        return NULL;
    }
    if (block->state == MT_STATE_PENDING)
        mt_pending_tell(model, block->slot);
    return &model->block[block->slot];
}

static inline struct mt_block *guess_block(struct mt_model *model, uint64_t address)
{
    return &model->block[*mt_cache_at(model, address)];
}

static inline bool is_right(const struct mt_block *block, uint64_t address)
{
    return __builtin_expect(address - block->address < block->reach, 1);
}

/* The block that a pointer of a launch lies in; NULL: in none. */
static inline struct mt_block *block_at(struct mt_model *model, uint64_t address)
{
    struct mt_block *block = guess_block(model, address);
    return is_right(block, address) ? block : block_slowly(model, address);
}

/* A launch touches a block; whether it did so already. Which pointers name a block once more, and
 * which blocks are touched for the first time, the processor cannot guess: so there is no branch.
 */
static inline bool touch_block(struct mt_block *block, uint32_t serial, uint64_t now)
{
    uint64_t accesses = block->accesses, first = block->first_access_ns;
    bool again = block->stamp == serial;
    block->stamp = serial;
    block->first_access_ns = accesses ? first : now;
    block->accesses = accesses + !again;
    block->last_access_ns = now;
    return again;
}

/* The rest of a launch's words, of which the cache does not know the first. Behind the blocks
 * touched so far; the number of all. */
static __attribute__((noinline)) uint32_t touch_rest(struct mt_model *model, const uint64_t *word,
                                                     const uint64_t *end,
                                                     const struct mt_block **touched)
{
    for (; word < end; word++) {
        struct mt_block *block = block_at(model, MT_WORD_ADDRESS(*word));
        if (!block)
            continue;
        *touched = block;
        touched += !touch_block(block, model->serial, model->now);
    }
    return (uint32_t)(touched - model->touched);
}

/* A good part of the time of a replay is spent in this loop. What it needs of a block lies in one
 * cache line, and no turn waits for the one before; so the processor looks up several pointers at a
 * time. Nothing is called, so nothing is saved before. The number of blocks touched. */
static inline uint32_t touch_words(struct mt_model *model, const uint64_t *word, size_t n)
{
    const uint32_t serial = model->serial;
    const uint64_t now = model->now;
    const struct mt_block **touched = model->touched;
    for (const uint64_t *end = word + n; word < end; word++) {
        uint64_t address = MT_WORD_ADDRESS(*word);
        struct mt_block *block = guess_block(model, address);
        if (!is_right(block, address))
            return touch_rest(model, word, end, touched);
        *touched = block;
        touched += !touch_block(block, serial, now);
    }
    return (uint32_t)(touched - model->touched);
}

/* The same where each access is told, or written down for the graph. */
static uint32_t touch_and_tell(struct mt_model *model, const struct mt_launch *launch,
                               const uint64_t *word, size_t n)
{
    struct mt_access access = {.time_ns = launch->time_ns,
                               .kernel = launch->kernel,
                               .stream = launch->stream,
                               .kind = MT_ACCESS_TOUCH,
                               .by = MT_BY_LAUNCH,
                               .thread = launch->thread,
                               .graph = launch->graph};
    const struct mt_block **touched = model->touched;
    for (const uint64_t *end = word + n; word < end; word++) {
        uint64_t address = MT_WORD_ADDRESS(*word);
        struct mt_block *block = block_at(model, address);
        if (!block || touch_block(block, model->serial, model->now))
            continue;
        *touched++ = block;
        access.offset = address - block->address;
        mt_trail_access(model, block, &access);
        mt_tell_access(model, block, &access);
    }
    return (uint32_t)(touched - model->touched);
}

void mt_touch_tell(struct mt_model *model, const struct mt_launch *launch)
{
    for (size_t i = 0; i < model->launches.n; i++) {
        const struct mt_call *call = &model->launches.call[i];
        mt_model_note(model, call->launch(call->state, launch));
    }
}

static void count_flags(struct mt_counts *counts, uint64_t flags)
{
    counts->launches_by_graphs += (flags & MT_LAUNCH_NODE) != 0;
    counts->launches_maybe += (flags & MT_LAUNCH_MAYBE) != 0;
    counts->launches_arguments_unknown += (flags & MT_LAUNCH_ARGS_UNKNOWN) != 0;
    counts->launches_arguments_cut += (flags & MT_LAUNCH_ARGS_CUT) != 0;
}

static inline void begin_launch(struct mt_model *model, size_t words)
{
    model->counts.launches++;
    model->counts.pointers += words;
    mt_next_serial(model);
}

static inline struct mt_launch make_launch(const struct mt_model *model,
                                           const struct mt_ev_launch *event, uint32_t thread)
{
    return (struct mt_launch){.time_ns = model->now,
                              .kernel = event->kernel,
                              .stream = event->stream,
                              .flags = event->flags,
                              .stack = event->stack,
                              .thread = thread,
                              .block = model->touched,
                              .slots = model->slots,
                              .graph = model->graphs.now};
}

static __attribute__((noinline)) int tell_plain(struct mt_model *model,
                                                const struct mt_ev_launch *event, uint32_t thread,
                                                uint32_t blocks)
{
    struct mt_launch launch = make_launch(model, event, thread);
    launch.blocks = blocks;
    mt_touch_tell(model, &launch);
    return model->status;
}

/* A launch that has flags, belongs to a graph, or of which each access is told. */
static __attribute__((noinline)) int
launch_any(struct mt_model *model, const struct mt_ev_launch *event, size_t words, uint32_t thread)
{
    struct mt_launch launch = make_launch(model, event, thread);
    if (event->flags & MT_LAUNCH_NODE && !model->graphs.trail)
        return model->status; /* of a definition that is lost */
    if (event->flags & MT_LAUNCH_CAPTURED) {
        model->counts.launches_captured++;
    } else {
        begin_launch(model, words);
        count_flags(&model->counts, event->flags);
        launch.blocks = touch_and_tell(model, &launch, event->tail, words);
        model->counts.launches_untouching += launch.blocks == 0;
        mt_trail_launched(model);
    }
    mt_touch_tell(model, &launch);
    return model->status;
}

int mt_touch_launch(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    const struct mt_ev_launch *event = (const struct mt_ev_launch *)(const void *)record->word;
    size_t words = record->words - sizeof *event / sizeof(uint64_t);
    if (__builtin_expect(event->flags || model->graphs.trail || model->touches.n, 0))
        return launch_any(model, event, words, thread);
    begin_launch(model, words);
    uint32_t blocks = touch_words(model, event->tail, words);
    model->counts.launches_untouching += blocks == 0;
    return model->launches.n ? tell_plain(model, event, thread, blocks) : model->status;
}
