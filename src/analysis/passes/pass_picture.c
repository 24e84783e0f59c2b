/* One iteration, block by block and access by access: what a picture of it needs. Only that
 * iteration is kept, so memory grows with its events; where the trace has no iterations the whole
 * trace is pictured, up to bounds. */
#include <stdlib.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/slots.h"
#include "base/grow.h"
#include "model/words.h"

#define ENTRIES_MAX (1u << 20)
#define ACCESSES_MAX (1u << 22)

struct entry {
    uint64_t id, size, birth_ns, death_ns, accesses;
    uint32_t device;
};

/* What is known of a live block; id 0: nothing lives at this slot. */
struct live {
    uint64_t id, size, birth_ns;
    uint32_t device;
    uint32_t entry; /* number of its entry + 1, 0 if it has none */
};

struct touch {
    uint64_t time_ns;
    uint32_t entry;
    uint8_t kind;
};

struct state {
    const struct mt_run *run;
    struct mt_sink *blocks, *accesses;    /* either may be NULL */
    const struct mt_iteration *iteration; /* that is pictured, NULL: the whole trace */
    bool open, done;
    struct mt_slots live;
    struct entry *entry;
    struct touch *touch;
    uint32_t entries, entry_room, touches, touch_room;
};

/* ---- which iteration ---- */

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* The length that half of the steady iterations do not exceed; 0 if none is steady. */
static uint64_t median_ns(const struct mt_rhythm *rhythm)
{
    uint64_t *length = malloc((rhythm->iterations + 1) * sizeof *length), median = 0;
    size_t n = 0;
    for (size_t i = 0; length && i < rhythm->iterations; i++)
        if (rhythm->iteration[i].steady)
            length[n++] = rhythm->iteration[i].end_ns - rhythm->iteration[i].start_ns;
    if (n) {
        qsort(length, n, sizeof *length, compare);
        median = length[(n - 1) / 2];
    }
    free(length);
    return median;
}

static const struct mt_iteration *typical(const struct mt_rhythm *rhythm)
{
    uint64_t median = median_ns(rhythm);
    for (size_t i = 0; i < rhythm->iterations; i++)
        if (rhythm->iteration[i].steady &&
            rhythm->iteration[i].end_ns - rhythm->iteration[i].start_ns == median)
            return &rhythm->iteration[i];
    return rhythm->iterations ? &rhythm->iteration[rhythm->iterations / 2] : NULL;
}

static bool choose(struct state *state)
{
    const struct mt_rhythm *rhythm = state->run->rhythm;
    uint64_t wanted = state->run->picture;
    if (wanted == UINT64_MAX) {
        state->iteration = typical(rhythm);
        state->open = !state->iteration;
        return true;
    }
    if (wanted >= rhythm->iterations) {
        mt_fail(state->run->error, MT_ERR_USAGE,
                "there is no iteration %llu: %zu were found, and they count from 0",
                (unsigned long long)wanted, rhythm->iterations);
        return false;
    }
    state->iteration = &rhythm->iteration[wanted];
    return true;
}

static void picture_free(void *data)
{
    struct state *state = data;
    mt_slots_release(&state->live);
    free(state->entry);
    free(state->touch);
    free(state);
}

static void *picture_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->blocks = run->sink(run, &mt_table_picture);
    state->accesses = run->sink(run, &mt_table_picture_accesses);
    if (choose(state))
        return state;
    picture_free(state);
    return NULL;
}

/* ---- what happens in it ---- */

static int add_entry(struct state *state, struct live *live)
{
    if (state->entries == ENTRIES_MAX)
        return 0;
    if (!MT_ROOM(state->entry, state->entries, state->entry_room, 1024))
        return MT_ERR_MEMORY;
    state->entry[state->entries++] =
        (struct entry){live->id, live->size, live->birth_ns, UINT64_MAX, 0, live->device};
    live->entry = state->entries;
    return 0;
}

static struct live *live_at(struct state *state, uint32_t slot)
{
    return mt_slots_at(&state->live, slot, sizeof(struct live));
}

static int picture_birth(void *data, const struct mt_block *block)
{
    struct state *state = data;
    if (block->level == MT_LEVEL_SEGMENT || state->done)
        return 0;
    struct live *live = live_at(state, block->slot);
    if (!live)
        return MT_ERR_MEMORY;
    *live = (struct live){block->id, block->size, block->birth_ns, block->device, 0};
    return state->open ? add_entry(state, live) : 0;
}

/* Driver memory that turned out to be a segment is no block, though it was born as one. */
static int picture_death(void *data, const struct mt_block *block)
{
    struct state *state = data;
    if (state->done || block->slot >= state->live.room)
        return 0;
    struct live *live = live_at(state, block->slot);
    if (live->entry && live->id == block->id) {
        struct entry *entry = &state->entry[live->entry - 1];
        entry->death_ns = block->death_ns;
        if (block->level == MT_LEVEL_SEGMENT)
            entry->size = 0;
    }
    *live = (struct live){0};
    return 0;
}

static int picture_access(void *data, const struct mt_block *block, const struct mt_access *access)
{
    struct state *state = data;
    if (!state->open || block->slot >= state->live.room)
        return 0;
    struct live *live = live_at(state, block->slot);
    if (!live->entry || live->id != block->id)
        return 0;
    state->entry[live->entry - 1].accesses++;
    if (!state->accesses || state->touches == ACCESSES_MAX)
        return 0;
    if (!MT_ROOM(state->touch, state->touches, state->touch_room, 4096))
        return MT_ERR_MEMORY;
    state->touch[state->touches++] =
        (struct touch){access->time_ns, live->entry - 1, (uint8_t)access->kind};
    return 0;
}

/* ---- rows ---- */

static int put_block(struct state *state, const struct entry *entry, uint64_t end_ns)
{
    struct mt_value cell[MT_COLS_picture];
    const struct mt_iteration *iteration = state->iteration;
#define CELL(name) cell[MT_COL_picture_##name]
    CELL(block_id) = mt_uint(entry->id);
    CELL(device) = mt_device_value(entry->device);
    CELL(size_bytes) = mt_uint(entry->size);
    CELL(birth_ns) = mt_uint(entry->birth_ns);
    CELL(death_ns) = entry->death_ns == UINT64_MAX ? mt_null() : mt_uint(entry->death_ns);
    CELL(accesses) = mt_uint(entry->accesses);
    CELL(iteration) =
        iteration ? mt_uint((uint64_t)(iteration - state->run->rhythm->iteration)) : mt_null();
    CELL(start_ns) = mt_uint(iteration ? iteration->start_ns : 0);
    CELL(end_ns) = mt_uint(iteration ? iteration->end_ns : end_ns);
    CELL(trace) = mt_uint(state->run->trace_index);
#undef CELL
    return state->blocks->row(state->blocks, &mt_table_picture, cell);
}

static int put_access(struct state *state, const struct touch *touch)
{
    struct mt_value cell[MT_COLS_picture_accesses];
#define CELL(name) cell[MT_COL_picture_accesses_##name]
    CELL(time_ns) = mt_uint(touch->time_ns);
    CELL(block_id) = mt_uint(state->entry[touch->entry].id);
    CELL(kind) = mt_text(mt_access_kind_word(touch->kind));
    CELL(trace) = mt_uint(state->run->trace_index);
#undef CELL
    return state->accesses->row(state->accesses, &mt_table_picture_accesses, cell);
}

static int tell(struct state *state, uint64_t end_ns)
{
    state->open = false;
    state->done = true;
    for (uint32_t i = 0; state->blocks && i < state->entries; i++)
        if (state->entry[i].size)
            RETURN_IF_ERROR(put_block(state, &state->entry[i], end_ns));
    for (uint32_t i = 0; state->accesses && i < state->touches; i++)
        RETURN_IF_ERROR(put_access(state, &state->touch[i]));
    return 0;
}

static int begin(struct state *state)
{
    state->open = true;
    for (uint32_t slot = 0; slot < state->live.room; slot++)
        if (live_at(state, slot)->id)
            RETURN_IF_ERROR(add_entry(state, live_at(state, slot)));
    return 0;
}

static int picture_iteration(void *data, const struct mt_iteration *iteration)
{
    struct state *state = data;
    if (state->open && state->iteration)
        return tell(state, 0);
    return iteration && iteration == state->iteration ? begin(state) : 0;
}

static int picture_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    return state->open ? tell(state, end_ns) : 0;
}

const struct mt_pass mt_pass_picture = {
    .name = "picture",
    .tables = (const struct mt_table *const[]){&mt_table_picture, &mt_table_picture_accesses, NULL},
    .new = picture_new,
    .free = picture_free,
    .birth = picture_birth,
    .access = picture_access,
    .death = picture_death,
    .iteration = picture_iteration,
    .finish = picture_finish,
    .needs_rhythm = true,
};
