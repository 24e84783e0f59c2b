#include "analysis/behaviour/behaviour.h"

#include <string.h>

#include "analysis/behaviour/noting.h"
#include "analysis/behaviour/origins.h"
#include "analysis/behaviour/verdicts.h"

#define SMALL_PART 32u /* of a block, that the host writes: it is parted by somebody */

int mt_behaviour_init(struct mt_behaviour *it, const struct mt_run *run,
                      const struct mt_behaviour_listener *listener)
{
    memset(it, 0, sizeof *it);
    it->run = run;
    it->listener = *listener;
    it->span_serial = 1;
    it->seen = calloc(MT_LAUNCH_BLOCKS_MAX, sizeof *it->seen);
    it->size = malloc(MT_LAUNCH_BLOCKS_MAX * sizeof *it->size);
    mt_kernelset_init(&it->kernels, run->trace);
    return it->seen && it->size ? 0 : MT_ERR_MEMORY;
}

void mt_behaviour_release(struct mt_behaviour *it)
{
    free(it->seen);
    free(it->size);
    free(it->kind);
    mt_dict_release(&it->sizes);
    mt_kernelset_release(&it->kernels);
    mt_lives_release(&it->lives);
    mt_spanlog_release(&it->log);
    mt_shards_release(&it->shards);
}

bool mt_behaviour_lasts(const struct mt_behaviour *it, const struct mt_life *life)
{
    return mt_is_lasting(it, life);
}

const char *mt_behaviour_who(const struct mt_behaviour *it, uint32_t who)
{
    return who & MT_WHO_API ? mt_trace_api(it->run->trace, who & ~MT_WHO_API)
                            : it->kernels.kernel[who].name;
}

/* ---- spans ---- */

/* Where every step was met in the span before, and no more were, its phases are the same. */
static int find_phases(struct mt_behaviour *it)
{
    const struct mt_spanlog *log = &it->log;
    struct mt_phases_span span = {it->span_serial, it->span.end_ns - it->span.start_ns};
    it->span.phases = (struct mt_phases){.steps = (uint32_t)log->steps};
    if (!log->steps)
        return 0;
    bool again = it->phases.by_steps && log->repeated == log->steps && !log->doubt &&
                 it->phases.steps == log->steps;
    bool sought = it->span.iteration && !it->span.cut;
    if (sought && again)
        it->span.phases = it->phases;
    else if (sought)
        RETURN_IF_ERROR(mt_phases_find(&it->span.phases, log, &it->lives, &span));
    it->phases = it->span.phases;
    return 0;
}

static int close_span(struct mt_behaviour *it, bool whole)
{
    if (it->listener.logged)
        RETURN_IF_ERROR(it->listener.logged(it->listener.state, &it->log));
    RETURN_IF_ERROR(find_phases(it));
    mt_verdicts_stretches(it);
    mt_verdicts_births(it);
    mt_verdicts_touches(it);
    mt_shards_judge(&it->shards, &it->log, &it->lives);
    if (it->listener.span && whole)
        RETURN_IF_ERROR(it->listener.span(it->listener.state, &it->span));
    if (it->listener.parted && !whole)
        RETURN_IF_ERROR(it->listener.parted(it->listener.state));
    RETURN_IF_ERROR(mt_verdicts_deaths(it));
    mt_spanlog_clear(&it->log);
    return 0;
}

/* What is too long is judged in parts, without phases. */
int mt_behaviour_check(struct mt_behaviour *it)
{
    if (!mt_spanlog_is_full(&it->log))
        return 0;
    it->cut += it->span.iteration && !it->span.cut;
    it->span.cut = true;
    return close_span(it, false);
}

/* What dies before the first iteration: copies of a model that is being taken apart, say. */
static void note_setup(struct mt_behaviour *it)
{
    for (size_t i = 0; i < it->log.deaths; i++)
        mt_life_at(&it->lives, it->log.death[i].life)->setup = true;
}

/* Recording may begin within an iteration, whose activations were there before the first one that
 * was found: until that is over nothing tells which blocks last. */
static void forget_sizes(struct mt_behaviour *it)
{
    mt_dict_release(&it->sizes);
    for (uint32_t i = 0; i < it->lives.n; i++)
        it->lives.life[i].size_lasts = false;
    mt_spanlog_outdate(&it->log);
}

int mt_behaviour_iteration(struct mt_behaviour *it, const struct mt_iteration *iteration)
{
    uint64_t now = iteration            ? iteration->start_ns
                   : it->span.iteration ? it->span.iteration->end_ns
                                        : it->span.start_ns;
    it->span.end_ns = now;
    bool first = iteration && it->begun == 0;
    if (first)
        note_setup(it);
    RETURN_IF_ERROR(close_span(it, true));
    it->over += it->span.iteration != NULL;
    if (first || (it->over == 1 && it->span.iteration))
        forget_sizes(it);
    it->begun += iteration != NULL;
    it->span = (struct mt_span){
        .iteration = iteration,
        .number = iteration ? (uint64_t)(iteration - it->run->rhythm->iteration) : it->span.number,
        .start_ns = now,
        .end_ns = now};
    it->span_serial++;
    return it->listener.begun ? it->listener.begun(it->listener.state, &it->span) : 0;
}

int mt_behaviour_finish(struct mt_behaviour *it, uint64_t end_ns)
{
    it->span.end_ns = end_ns;
    return close_span(it, true);
}

/* ---- births and deaths ---- */

int mt_behaviour_birth(struct mt_behaviour *it, const struct mt_block *block)
{
    if (block->level == MT_LEVEL_SEGMENT)
        return 0;
    uint32_t number = mt_lives_begin(&it->lives, block);
    if (!number || !mt_spanlog_birth(&it->log, number))
        return MT_ERR_MEMORY;
    struct mt_life *life = mt_life_at(&it->lives, number);
    life->born_in = it->begun;
    life->born_span = it->span_serial;
    life->born_within = it->span.iteration != NULL;
    mt_origins_birth(it, life, block);
    return it->listener.born ? it->listener.born(it->listener.state, number) : 0;
}

int mt_behaviour_death(struct mt_behaviour *it, const struct mt_block *block)
{
    uint32_t number = mt_lives_of(&it->lives, block);
    if (!number)
        return 0;
    struct mt_life *life = mt_life_at(&it->lives, number);
    ((uint32_t *)(void *)it->lives.slots.place)[block->slot] = 0;
    life->dead = true;
    life->segment = block->level == MT_LEVEL_SEGMENT; /* an allocator's block came late */
    life->death_ns = block->death_ns;
    life->size = block->size; /* of a virtual range: the most that it became */
    life->spans = it->over > life->born_in ? it->over - life->born_in : 0;
    life->died_within = life->born_span == it->span_serial;
    if (!mt_spanlog_death(&it->log, number))
        return MT_ERR_MEMORY;
    return mt_behaviour_check(it);
}

/* ---- accesses ---- */

/* A copy between blocks is told as a read, then as a write. */
static bool is_from_host(struct mt_behaviour *it, const struct mt_access *access)
{
    if (access->by != MT_BY_COPY)
        return false;
    if (access->kind == MT_ACCESS_READ) {
        it->copy.time_ns = access->time_ns;
        it->copy.kernel = access->kernel;
        it->copy.thread = access->thread;
        return false;
    }
    return it->copy.time_ns != access->time_ns || it->copy.kernel != access->kernel ||
           it->copy.thread != access->thread;
}

int mt_behaviour_access(struct mt_behaviour *it, const struct mt_block *block,
                        const struct mt_access *access)
{
    uint32_t number = access->by == MT_BY_LAUNCH ? 0 : mt_lives_of(&it->lives, block);
    if (!number)
        return 0;
    struct mt_life *life = mt_life_at(&it->lives, number);
    struct mt_step step = {.time_ns = access->time_ns,
                           .allocated = mt_allocated_on(it, block->device),
                           .thread = access->thread,
                           .who = (uint32_t)access->kernel | MT_WHO_API,
                           .touch = (uint32_t)it->log.touches,
                           .lasts = mt_behaviour_lasts(it, life)};
    bool written = is_from_host(it, access);
    if (life->accesses == 0 && written)
        life->origin = MT_ORIGIN_host;
    if (access->by == MT_BY_SET) /* scratch memory is set to zero before it is used */
        mt_add_one(&life->products);
    life->wire &= (uint8_t)~MT_WIRE_LAST;
    if (!mt_spanlog_room(&it->log, 1))
        return MT_ERR_MEMORY;
    mt_note_access(it, life, access->time_ns);
    if (written && life->span != it->span_serial) {
        bool part = access->size && access->size < life->size / SMALL_PART;
        uint32_t *spans = part ? &life->part_spans : &life->host_spans;
        life->span = it->span_serial;
        *spans += it->span.iteration != NULL;
    }
    it->log.touch[it->log.touches++] = (struct mt_touch){.life = number,
                                                         .step = (uint32_t)it->log.steps,
                                                         .kind = access->kind,
                                                         .lasting = step.lasts,
                                                         .written = written};
    mt_spanlog_step(&it->log, &step);
    if (access->by == MT_BY_NCCL) {
        mt_add_one(&life->collectives);
        RETURN_IF_ERROR(mt_origins_collective(it, number, access));
    }
    return mt_behaviour_check(it);
}
