#include "analysis/behaviour/behaviour.h"

#include <string.h>

#include "analysis/behaviour/classify.h"
#include "analysis/behaviour/origins.h"

#define SEEN 16384u /* more than a launch has blocks, a power of two */
#define FEW MT_FEW_BLOCKS
#define SMALL_BYTES 512u /* counters and flags that last are no parameters */
#define PHASE_BIT(phase) (uint8_t)(1u << (phase))

int mt_behaviour_init(struct mt_behaviour *it, const struct mt_run *run,
                      const struct mt_behaviour_listener *listener)
{
    memset(it, 0, sizeof *it);
    it->run = run;
    it->listener = *listener;
    it->span_serial = 1;
    it->seen = calloc(SEEN, sizeof *it->seen);
    it->met = malloc(SEEN * sizeof *it->met);
    mt_kernelset_init(&it->kernels, run->trace);
    return it->seen && it->met ? 0 : MT_ERR_MEMORY;
}

void mt_behaviour_release(struct mt_behaviour *it)
{
    free(it->seen);
    free(it->met);
    free(it->kind);
    mt_dict_release(&it->sizes);
    mt_kernelset_release(&it->kernels);
    mt_lives_release(&it->lives);
    mt_spanlog_release(&it->log);
    mt_shards_release(&it->shards);
}

/* What the optimizer made in the first iteration and kept is its state, though it has outlived
 * nothing yet. Later this must not be asked: an error would feed itself. */
bool mt_behaviour_lasts(const struct mt_behaviour *it, const struct mt_life *life)
{
    return it->over > life->born_in || (it->over == 0 && life->born_in == 0) ||
           (it->over == 1 && life->birth_phase == MT_PHASE_optimizer &&
            life->born_span != it->span_serial);
}

const char *mt_behaviour_who(const struct mt_behaviour *it, uint32_t who)
{
    return who & MT_WHO_API ? mt_trace_api(it->run->trace, who & ~MT_WHO_API)
                            : it->kernels.kernel[who].name;
}

/* ---- judging a span ---- */

static void note_span(struct mt_life *life, enum mt_phase phase, uint32_t span)
{
    if (life->phase_span[phase] == span)
        return;
    life->phase_span[phase] = span;
    life->phase_spans[phase]++;
}

/* The first step of the forward phase that touches a parameter, as a distance from its begin. */
static uint32_t first_parameter(const struct mt_behaviour *it)
{
    const struct mt_phases *phases = &it->span.phases;
    uint32_t forward = phases->begin[MT_PHASE_forward];
    for (uint32_t at = 0; at < phases->steps; at++)
        if (it->log.step[(forward + at) % phases->steps].lasting)
            return at;
    return phases->steps;
}

/* Of the step that the touches at hand belong to. */
struct judged_step {
    uint32_t step;
    enum mt_phase phase;
    bool early; /* before the first one that touches a parameter */
};

static void judge_step(const struct mt_behaviour *it, uint32_t step, uint32_t parameter,
                       struct judged_step *judged)
{
    const struct mt_phases *phases = &it->span.phases;
    judged->step = step;
    judged->phase = mt_phases_at(phases, step);
    judged->early = judged->phase != MT_PHASE_none &&
                    mt_phases_distance(phases, phases->begin[MT_PHASE_forward], step) < parameter;
}

static void judge_touch(struct mt_behaviour *it, const struct mt_touch *touch,
                        const struct judged_step *judged)
{
    struct mt_life *life = mt_life_at(&it->lives, touch->life);
    enum mt_phase phase = judged->phase;
    note_span(life, phase, it->span_serial);
    if (phase == MT_PHASE_none)
        return;
    life->touched |= PHASE_BIT(phase);
    life->last_phase = (uint8_t)phase;
    life->partner |= touch->partner && phase == MT_PHASE_optimizer;
    if (life->first_step == touch->step && life->first_span == it->span_serial)
        life->early = judged->early;
}

static void judge_births(struct mt_behaviour *it)
{
    for (size_t i = 0; i < it->log.births; i++) {
        struct mt_life *life = mt_life_at(&it->lives, it->log.birth[i].life);
        life->birth_phase = (uint8_t)mt_phases_at(&it->span.phases, it->log.birth[i].step);
    }
}

static void judge_touches(struct mt_behaviour *it)
{
    uint32_t parameter = it->span.phases.known ? first_parameter(it) : 0;
    struct judged_step judged = {.step = UINT32_MAX};
    if (!it->span.iteration)
        return;
    for (size_t i = 0; i < it->log.touches; i++) {
        const struct mt_touch *touch = &it->log.touch[i];
        if (touch->step != judged.step)
            judge_step(it, touch->step, parameter, &judged);
        judge_touch(it, touch, &judged);
    }
}

static int judge_deaths(struct mt_behaviour *it)
{
    uint64_t length = it->span.end_ns - it->span.start_ns;
    for (size_t i = 0; i < it->log.deaths; i++) {
        uint32_t number = it->log.death[i].life;
        struct mt_life *life = mt_life_at(&it->lives, number);
        life->death_phase = (uint8_t)mt_phases_at(&it->span.phases, it->log.death[i].step);
        life->died_within |= life->death_ns - life->birth_ns < length / 2;
        life->rule = (uint8_t)mt_classify(life);
        life->judged = true;
        if (it->listener.judged && !life->segment)
            RETURN_IF_ERROR(it->listener.judged(it->listener.state, number));
        if (life->holders == 0)
            mt_lives_drop(&it->lives, number);
    }
    return 0;
}

static int find_phases(struct mt_behaviour *it)
{
    struct mt_phases_span span = {it->span_serial, it->span.end_ns - it->span.start_ns};
    it->span.phases = (struct mt_phases){.steps = (uint32_t)it->log.steps};
    return it->span.iteration && !it->span.cut && it->log.steps
               ? mt_phases_find(&it->span.phases, &it->log, &it->lives, &span)
               : 0;
}

static int close_span(struct mt_behaviour *it, bool whole)
{
    RETURN_IF_ERROR(find_phases(it));
    judge_births(it);
    judge_touches(it);
    mt_shards_judge(&it->shards, &it->log, &it->lives);
    if (it->listener.span && whole)
        RETURN_IF_ERROR(it->listener.span(it->listener.state, &it->span));
    RETURN_IF_ERROR(judge_deaths(it));
    mt_spanlog_clear(&it->log);
    return 0;
}

/* What is too long is judged in parts, without phases. */
static int check_log(struct mt_behaviour *it)
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

int mt_behaviour_iteration(struct mt_behaviour *it, const struct mt_iteration *iteration)
{
    uint64_t now = iteration            ? iteration->start_ns
                   : it->span.iteration ? it->span.iteration->end_ns
                                        : it->span.start_ns;
    it->span.end_ns = now;
    if (iteration && it->begun == 0)
        note_setup(it);
    RETURN_IF_ERROR(close_span(it, true));
    it->over += it->span.iteration != NULL;
    it->begun += iteration != NULL;
    it->span = (struct mt_span){iteration, it->begun - 1, now, now, {.known = false}, false};
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
    return check_log(it);
}

/* ---- accesses ---- */

static inline void add_one(uint32_t *count)
{
    *count += *count < UINT32_MAX;
}

/* What an access of any kind changes. */
static int touch(struct mt_behaviour *it, uint32_t number, const struct mt_touch *touch,
                 enum mt_access_kind kind)
{
    struct mt_life *life = mt_life_at(&it->lives, number);
    const struct mt_step *step = &it->log.step[touch->step];
    if (life->accesses == 0) {
        life->first_ns = step->time_ns;
        life->first_span = it->span_serial;
        life->first_step = touch->step;
    }
    life->last_ns = step->time_ns;
    add_one(&life->accesses);
    if (touch->written && life->span != it->span_serial) {
        life->span = it->span_serial;
        life->host_spans += it->span.iteration != NULL;
    }
    if (!mt_spanlog_touch(&it->log, touch))
        return MT_ERR_MEMORY;
    return it->listener.accessed
               ? it->listener.accessed(it->listener.state, number, step->who, kind, step->time_ns)
               : 0;
}

static uint64_t allocated_on(const struct mt_behaviour *it, uint32_t device)
{
    return it->run->model ? mt_model_usage(it->run->model, device)->allocated : 0;
}

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
                           .allocated = allocated_on(it, block->device),
                           .thread = access->thread,
                           .who = (uint32_t)access->kernel | MT_WHO_API};
    bool written = is_from_host(it, access);
    if (life->accesses == 0 && written)
        life->origin = MT_ORIGIN_host;
    if (access->by == MT_BY_SET) /* scratch memory is set to zero before it is used */
        add_one(&life->products);
    life->wire &= (uint8_t)~MT_WIRE_LAST;
    if (!mt_spanlog_step(&it->log, &step))
        return MT_ERR_MEMORY;
    if (access->by == MT_BY_NCCL) {
        add_one(&life->collectives);
        RETURN_IF_ERROR(mt_origins_collective(it, number, access));
    }
    RETURN_IF_ERROR(touch(it, number,
                          &(struct mt_touch){number, (uint32_t)it->log.steps - 1, 0,
                                             mt_behaviour_lasts(it, life), written},
                          access->kind));
    return check_log(it);
}

/* ---- launches ---- */

/* Where a size stands among those of the launch, or the free place for it. */
static uint32_t place_of(const struct mt_behaviour *it, uint64_t size)
{
    uint32_t at = (uint32_t)(size * UINT64_C(0x9e3779b97f4a7c15) >> 50);
    while (it->seen[at].serial == it->launches && it->seen[at].size != size)
        at = (at + 1) % SEEN;
    return at;
}

/* Of few sizes it takes less to look at each than to hash them. */
static bool is_seen(const struct mt_behaviour *it, uint64_t size)
{
    bool found = false;
    if (it->is_list)
        return it->seen[place_of(it, size)].serial == it->launches;
    for (uint32_t i = 0; i < it->fews; i++)
        found |= it->few[i] == size;
    return found;
}

static void see_size(struct mt_behaviour *it, uint64_t size)
{
    if (!it->is_list) {
        it->few[it->fews++] = size;
        return;
    }
    uint32_t at = place_of(it, size);
    it->seen[at].size = size;
    it->seen[at].serial = it->launches;
}

/* Whether lasting blocks have had this size, that of a life; once it is so, it stays so. */
static bool size_lasts(const struct mt_behaviour *it, struct mt_life *life, uint64_t size)
{
    if (size != life->size) /* a range that grew */
        return mt_dict_find(&it->sizes, size) != NULL;
    if (!life->size_lasts)
        life->size_lasts = mt_dict_find(&it->sizes, size) != NULL;
    return life->size_lasts;
}

static int note_lasting(struct mt_behaviour *it, struct mt_life *life, uint64_t size,
                        struct mt_step *step)
{
    step->pairs |= size > SMALL_BYTES && is_seen(it, size);
    step->lasting |= size > SMALL_BYTES;
    step->score += (double)size;
    see_size(it, size);
    if (size_lasts(it, life, size))
        return 0;
    uint64_t *known = mt_dict_add(&it->sizes, size);
    if (!known)
        return MT_ERR_MEMORY;
    *known = 1;
    return 0;
}

/* Who is touched, and the sizes of the lasting ones. Those that do not last: how many, or an error.
 */
static int meet(struct mt_behaviour *it, const struct mt_launch *launch, struct mt_step *step)
{
    int others = 0;
    it->launches++;
    it->is_list = launch->blocks > FEW;
    it->fews = 0;
    it->mix = 0;
    for (uint32_t i = 0; i < launch->blocks; i++) {
        uint32_t number = mt_lives_of(&it->lives, launch->block[i]);
        struct mt_life *life = mt_life_at(&it->lives, number);
        bool lasts = number && mt_behaviour_lasts(it, life);
        it->mix |= number ? mt_origins_mix(life, lasts) : 0;
        it->met[i] = (struct mt_met){number, lasts, false};
        others += number && !lasts;
        if (lasts)
            RETURN_IF_ERROR(note_lasting(it, life, launch->block[i]->size, step));
    }
    return others;
}

/* See phases.h for what a launch says of the optimizer; step->score holds the lasting bytes. */
static void score_launch(struct mt_behaviour *it, const struct mt_launch *launch,
                         struct mt_step *step)
{
    double with = 0, without = 0;
    bool odd = step->score > 0;
    for (uint32_t i = 0; i < launch->blocks; i++) {
        struct mt_met *met = &it->met[i];
        uint64_t size = launch->block[i]->size;
        if (!met->life || met->lasts)
            continue;
        struct mt_life *life = mt_life_at(&it->lives, met->life);
        bool seen = is_seen(it, size);
        met->partner = size == life->size ? seen : is_seen(it, life->size);
        if (seen) {
            with += (double)size;
            step->pairs |= size > SMALL_BYTES;
            continue;
        }
        without += (double)size;
        odd = odd || !size_lasts(it, life, size);
    }
    step->pairs &= without == 0 || it->is_list;
    if (without > 0 && it->is_list && step->score > 0)
        step->score += with - without;
    else if (without > 0)
        step->score = odd ? -step->score - without : 0;
}

static int touch_block(struct mt_behaviour *it, const struct mt_launch *launch, uint32_t i,
                       enum mt_kernelkind kind)
{
    const struct mt_met *met = &it->met[i];
    struct mt_life *life = mt_life_at(&it->lives, met->life);
    uint32_t step = (uint32_t)it->log.steps - 1;
    if (life->accesses == 0)
        mt_origins_first(it, launch, met->life);
    if (life->wire || kind == MT_KERNEL_collective)
        mt_origins_wire(it, life, kind);
    struct mt_touch one = {met->life, step, met->partner, met->lasts, 0};
    unsigned bits = mt_launch_kinds(launch, launch->block[i]);
    for (; bits; bits &= bits - 1) { /* one, but for told reads and writes */
        if (kind == MT_KERNEL_product)
            add_one(&life->products);
        if (kind == MT_KERNEL_collective)
            add_one(&life->collectives);
        RETURN_IF_ERROR(touch(it, met->life, &one, (enum mt_access_kind)__builtin_ctz(bits)));
    }
    return 0;
}

/* Index and kind of the kernel; UINT32_MAX where memory is out. */
static uint32_t kernel_of(struct mt_behaviour *it, uint64_t id)
{
    uint32_t kernel = mt_kernelset_index(&it->kernels, id);
    if (kernel != UINT32_MAX && kernel >= it->kinds) {
        uint8_t *kind = realloc(it->kind, it->kernels.room);
        if (!kind)
            return UINT32_MAX;
        it->kind = kind;
        while (it->kinds < it->kernels.size) {
            kind[it->kinds] = (uint8_t)mt_kernelkind_of(it->kernels.kernel[it->kinds].mangled);
            it->kinds++;
        }
    }
    return kernel;
}

int mt_behaviour_launch(struct mt_behaviour *it, const struct mt_launch *launch)
{
    uint32_t kernel = launch->blocks ? kernel_of(it, launch->kernel) : 0;
    struct mt_step step = {
        .time_ns = launch->time_ns, .thread = launch->thread, .who = kernel, .launch = true};
    if (!launch->blocks)
        return 0;
    if (kernel == UINT32_MAX)
        return MT_ERR_MEMORY;
    step.allocated = allocated_on(it, launch->block[0]->device);
    int others = meet(it, launch, &step);
    RETURN_IF_ERROR(others);
    if (others)
        score_launch(it, launch, &step);
    if (it->kind[kernel] == MT_KERNEL_collective) { /* it carries gradients, but steps nothing */
        step.score = 0;
        step.lasting = step.pairs = false;
    }
    if (!mt_spanlog_step(&it->log, &step))
        return MT_ERR_MEMORY;
    for (uint32_t i = 0; i < launch->blocks; i++)
        if (it->met[i].life)
            RETURN_IF_ERROR(touch_block(it, launch, i, (enum mt_kernelkind)it->kind[kernel]));
    return check_log(it);
}
