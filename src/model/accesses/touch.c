/* What copies, sets and collectives touch, and which block an address lies in.
 *
 * Most pointers are those of the last launches, so a small cache from addresses to slots answers
 * first. It needs no upkeep: the live block with nothing inside that contains an address is unique,
 * so whatever slot the cache names is right if it is such a block and contains the address. */
#include "model/accesses/box.h"
#include "model/model_state.h"

static uint32_t resolve_slowly(struct mt_model *model, uint64_t address)
{
    struct mt_range range;
    uint32_t slot = 0;
    if (mt_space_find(&model->blocks, address, &range)) {
        slot = range.item;
    } else {
        slot = mt_driver_at(model, address);
        const struct mt_block *block = &model->block[slot];
        if (block->level == MT_LEVEL_SEGMENT || block->state == MT_STATE_RESERVED)
            return 0;
    }
    *mt_cache_at(model, address) = slot;
    return slot;
}

/* The slot of the innermost live block, 0 if there is none (a gap of a segment is none); `slot` is
 * what the cache says. */
static inline uint32_t check_guess(struct mt_model *model, uint32_t slot, uint64_t address)
{
    const struct mt_block *block = &model->block[slot];
    if (address - block->address < block->extent && block->level == MT_LEVEL_BLOCK &&
        block->state != MT_STATE_RESERVED)
        return slot;
    return resolve_slowly(model, address);
}

static inline uint32_t resolve(struct mt_model *model, uint64_t address)
{
    return check_guess(model, *mt_cache_at(model, address), address);
}

const struct mt_block *mt_model_find(struct mt_model *model, uint64_t address)
{
    uint32_t slot = resolve(model, address);
    return slot ? &model->block[slot] : NULL;
}

static inline void count_access(struct mt_block *block, uint64_t now)
{
    if (block->accesses++ == 0)
        block->first_access_ns = now;
    block->last_access_ns = now;
}

void mt_touch_add(struct mt_model *model, struct mt_block *block, struct mt_access *access)
{
    if (model->graphs.trail)
        mt_trail_access(model, block, access);
    if (block->state == MT_STATE_PENDING)
        mt_pending_tell(model, block->slot);
    count_access(block, model->now);
    block->reads += access->kind == MT_ACCESS_READ;
    block->writes += access->kind == MT_ACCESS_WRITE;
    if (__builtin_expect(block->level == MT_LEVEL_HOST, 0))
        mt_host_tell(model, block, access);
    else
        mt_tell_access(model, block, access);
}

/* ---- copies and sets ---- */

/* The next innermost block at or behind *at that begins before `end`; 0 if there is none. */
static uint32_t next_block(struct mt_model *model, uint64_t at, uint64_t end)
{
    struct mt_range block, driver;
    uint32_t slot = resolve(model, at);
    if (slot)
        return slot;
    bool has_block = mt_space_next_in(&model->blocks, at, end, &block);
    while (mt_space_next_in(&model->driver, at, end, &driver)) {
        if (has_block && block.begin <= driver.begin)
            break;
        const struct mt_block *memory = &model->block[driver.item];
        if (memory->level == MT_LEVEL_BLOCK && memory->state != MT_STATE_RESERVED)
            return driver.item;
        at = driver.end;
    }
    return has_block ? block.item : 0;
}

/* One access to each block that the box has bytes of. */
static void touch_box(struct mt_model *model, const struct mt_box *box, struct mt_access *access)
{
    uint64_t at = box->begin;
    bool found = false, rounded = false;
    uint32_t slot;
    while (at < box->end && (slot = next_block(model, at, box->end)) != 0) {
        struct mt_block *block = &model->block[slot];
        uint64_t end = block->address + block->extent, first;
        access->size = mt_box_within(box, block->address, end, &first);
        access->offset = first - block->address;
        rounded |= (first != box->begin || end < box->end) && mt_box_is_rough(box);
        if (access->size) {
            found = true;
            mt_touch_add(model, block, access);
        }
        if (at != box->begin || end < box->end || block->address > at)
            mt_trail_strict(model); /* a block that is born between would get a part */
        at = end;
    }
    model->counts.boxes_rounded += rounded;
    uint32_t driver = found ? 0 : mt_driver_at(model, box->begin);
    if (driver) {
        model->counts.ranges_stale++;
        mt_trail_strict(model);
        model->block[driver].stale_touches++;
    }
}

static void touch_memory(struct mt_model *model, const struct mt_box *box, struct mt_access *access)
{
    touch_box(model, box, access);
    if (model->host.size)
        mt_host_touch(model, box, access);
}

static bool in_device_memory(struct mt_model *model, uint64_t address)
{
    struct mt_range range;
    return resolve(model, address) || mt_driver_at(model, address) ||
           mt_space_find(&model->blocks, address, &range);
}

static void count_copy(struct mt_model *model, const struct mt_box *to, const struct mt_box *from)
{
    struct mt_range range;
    struct mt_counts *counts = &model->counts;
    bool writes = to->begin && in_device_memory(model, to->begin);
    bool reads = from->begin && in_device_memory(model, from->begin);
    counts->copies++;
    if (writes && reads) {
        counts->copies_on_device++;
        counts->copies_on_device_bytes += mt_box_bytes(to);
    } else if (writes) {
        counts->copies_to_device++;
        counts->copies_to_device_bytes += mt_box_bytes(to);
    } else if (reads) {
        counts->copies_to_host++;
        counts->copies_to_host_bytes += mt_box_bytes(from);
    } else {
        counts->copies_elsewhere++;
        mt_trail_strict(model);
    }
    counts->copies_pinned += (!writes && mt_space_find(&model->host, to->begin, &range)) ||
                             (!reads && mt_space_find(&model->host, from->begin, &range));
}

static void touch_copy(struct mt_model *model, struct mt_box *to, struct mt_box *from,
                       struct mt_access *access)
{
    if (mt_box_is_empty(to)) {
        model->counts.copies++;
        return;
    }
    if (!mt_box_make(to) || !mt_box_make(from)) {
        model->counts.invalid_records++;
        return;
    }
    count_copy(model, to, from);
    access->kind = MT_ACCESS_READ;
    if (from->begin)
        touch_memory(model, from, access);
    access->kind = MT_ACCESS_WRITE;
    if (to->begin)
        touch_memory(model, to, access);
}

static struct mt_access make_access(const struct mt_model *model, uint64_t api, uint64_t stream,
                                    enum mt_access_by by, uint32_t thread)
{
    return (struct mt_access){.time_ns = model->now,
                              .kernel = api,
                              .stream = stream,
                              .kind = by == MT_BY_SET ? MT_ACCESS_WRITE : MT_ACCESS_READ,
                              .by = by,
                              .thread = thread,
                              .graph = model->graphs.now};
}

void mt_touch_copy(struct mt_model *model, const struct mt_ev_copy *event, uint32_t thread)
{
    struct mt_box to = {event->destination, event->size, 1, 1, 0, 0, 0};
    struct mt_box from = {event->source, event->size, 1, 1, 0, 0, 0};
    struct mt_access access = make_access(model, event->api, event->stream, MT_BY_COPY, thread);
    touch_copy(model, &to, &from, &access);
}

void mt_touch_copy_rect(struct mt_model *model, const struct mt_ev_copy_rect *event,
                        uint32_t thread)
{
    struct mt_box to = {event->destination,
                        event->width,
                        event->height,
                        event->depth,
                        event->destination_pitch,
                        event->destination_slice,
                        0};
    struct mt_box from = {event->source,
                          event->width,
                          event->height,
                          event->depth,
                          event->source_pitch,
                          event->source_slice,
                          0};
    struct mt_access access = make_access(model, event->api, event->stream, MT_BY_COPY, thread);
    touch_copy(model, &to, &from, &access);
}

void mt_touch_set(struct mt_model *model, const struct mt_ev_set *event, uint32_t thread)
{
    struct mt_box box = {event->address, event->width, event->height, 1, event->pitch, 0, 0};
    struct mt_access access = make_access(model, event->api, event->stream, MT_BY_SET, thread);
    bool empty = mt_box_is_empty(&box);
    if (!empty && !mt_box_make(&box)) {
        model->counts.invalid_records++;
        return;
    }
    model->counts.sets++;
    if (!empty)
        touch_memory(model, &box, &access);
}

/* Both ends are on this process's own device: what the others hold is in their own traces. */
void mt_touch_collective(struct mt_model *model, const struct mt_ev_collective *event,
                         uint32_t thread)
{
    struct mt_box from = {event->send, event->send_bytes, 1, 1, 0, 0, 0};
    struct mt_box to = {event->receive, event->receive_bytes, 1, 1, 0, 0, 0};
    struct mt_access access = make_access(model, event->op, event->stream, MT_BY_NCCL, thread);
    if (event->flags & MT_COLLECTIVE_NODE && !model->graphs.trail)
        return; /* of a definition of which nothing else is known */
    if (event->flags & MT_COLLECTIVE_CAPTURED) {
        model->counts.collectives_captured++;
        return;
    }
    if ((!mt_box_is_empty(&from) && !mt_box_make(&from)) ||
        (!mt_box_is_empty(&to) && !mt_box_make(&to))) {
        model->counts.invalid_records++;
        return;
    }
    model->counts.collectives++;
    model->counts.collectives_sent_bytes += event->send_bytes;
    model->counts.collectives_received_bytes += event->receive_bytes;
    if (!mt_box_is_empty(&from))
        touch_box(model, &from, &access);
    access.kind = MT_ACCESS_WRITE;
    if (!mt_box_is_empty(&to))
        touch_box(model, &to, &access);
}

/* ---- accesses that are told one by one ---- */

void mt_touch_close(struct mt_model *model)
{
    model->is_open = false;
    model->counts.launches_untouching += model->open.blocks == 0;
    model->open.slots = model->slots;
    mt_touch_tell(model, &model->open);
}

static void open_launch(struct mt_model *model, uint64_t kernel, uint64_t stream, uint32_t thread)
{
    mt_next_serial(model);
    model->counts.launches++;
    model->is_open = true;
    model->open = (struct mt_launch){.time_ns = model->now,
                                     .kernel = kernel,
                                     .stream = stream,
                                     .thread = thread,
                                     .block = model->touched,
                                     .told = true};
}

/* Whether the launch that is open is the one that an access belongs to; model->now is its time. */
static bool goes_on(const struct mt_model *model, const struct mt_ev_access *event, uint32_t thread)
{
    const struct mt_launch *open = &model->open;
    return model->is_open && open->kernel == event->by && open->stream == event->stream &&
           open->thread == thread;
}

/* The list of blocks is full: what follows counts as another launch. */
static void split_launch(struct mt_model *model)
{
    struct mt_launch full = model->open;
    mt_touch_close(model);
    open_launch(model, full.kernel, full.stream, full.thread);
}

/* A block once for the launch, and once for each kind of access. */
static void touch_told(struct mt_model *model, struct mt_block *block, struct mt_access *access)
{
    uint8_t kind = (uint8_t)(1u << access->kind);
    if (block->stamp != model->serial) {
        if (model->open.blocks == MT_RECORD_WORDS_MAX)
            split_launch(model);
        block->stamp = model->serial;
        block->kinds = 0;
        model->touched[model->open.blocks++] = block;
    }
    if (block->kinds & kind)
        return;
    block->kinds |= kind;
    mt_touch_add(model, block, access);
}

static void count_unresolved(struct mt_model *model, uint64_t address)
{
    uint32_t slot = mt_driver_at(model, address);
    model->counts.accesses_unresolved++;
    if (slot)
        model->block[slot].stale_touches++;
}

static void touch_range(struct mt_model *model, uint64_t begin, uint64_t end,
                        struct mt_access *access)
{
    uint64_t at = begin;
    uint32_t slot;
    while (at < end && (slot = next_block(model, at, end)) != 0) {
        struct mt_block *block = &model->block[slot];
        uint64_t block_end = block->address + block->extent;
        uint64_t first = begin > block->address ? begin : block->address;
        access->offset = first - block->address;
        access->size = (end < block_end ? end : block_end) - first;
        touch_told(model, block, access);
        at = block_end;
    }
    if (at == begin)
        count_unresolved(model, begin);
}

static void touch_address(struct mt_model *model, uint64_t address, struct mt_access *access)
{
    struct mt_block *block = &model->block[resolve(model, address)];
    access->offset = address - block->address;
    if (block->extent)
        touch_told(model, block, access);
    else
        count_unresolved(model, address);
}

void mt_touch_access(struct mt_model *model, const struct mt_ev_access *event, uint32_t thread)
{
    static const enum mt_access_kind kinds[] = {[MT_HOW_READ] = MT_ACCESS_READ,
                                                [MT_HOW_WRITE] = MT_ACCESS_WRITE,
                                                [MT_HOW_TOUCH] = MT_ACCESS_TOUCH};
    uint64_t end = event->address + event->size;
    if (event->how < MT_HOW_READ || event->how > MT_HOW_TOUCH || end < event->address) {
        model->counts.invalid_records++;
        return;
    }
    if (!goes_on(model, event, thread)) {
        if (model->is_open)
            mt_touch_close(model);
        open_launch(model, event->by, event->stream, thread);
    }
    model->counts.accesses_told++;
    struct mt_access access = make_access(model, event->by, event->stream, MT_BY_LAUNCH, thread);
    access.kind = kinds[event->how];
    if (event->size)
        touch_range(model, event->address, end, &access);
    else
        touch_address(model, event->address, &access);
}
