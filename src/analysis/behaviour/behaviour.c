#include "analysis/behaviour/behaviour.h"

#include <string.h>

#include "analysis/behaviour/origins.h"
#include "analysis/behaviour/verdicts.h"

#define SEEN 16384u /* more than a launch has blocks, a power of two */
#define FEW MT_FEW_BLOCKS
#define SMALL_BYTES 512u /* counters and flags that last are no parameters */
#define KINDS 3u         /* of accesses */

int mt_behaviour_init(struct mt_behaviour *it, const struct mt_run *run,
                      const struct mt_behaviour_listener *listener)
{
    memset(it, 0, sizeof *it);
    it->run = run;
    it->listener = *listener;
    it->span_serial = 1;
    it->seen = calloc(SEEN, sizeof *it->seen);
    it->size = malloc(SEEN * sizeof *it->size);
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

/* What the optimizer made in the first iteration and kept is its state, though it has outlived
 * nothing yet. Later this must not be asked: an error would feed itself. */
static inline bool is_lasting(const struct mt_behaviour *it, const struct mt_life *life)
{
    return life->born_in < it->over + (it->over == 0) ||
           (it->over == 1 && life->birth_phase == MT_PHASE_optimizer &&
            life->born_span != it->span_serial);
}

bool mt_behaviour_lasts(const struct mt_behaviour *it, const struct mt_life *life)
{
    return is_lasting(it, life);
}

const char *mt_behaviour_who(const struct mt_behaviour *it, uint32_t who)
{
    return who & MT_WHO_API ? mt_trace_api(it->run->trace, who & ~MT_WHO_API)
                            : it->kernels.kernel[who].name;
}

/* ---- spans ---- */

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
    if (it->listener.logged)
        RETURN_IF_ERROR(it->listener.logged(it->listener.state, &it->log));
    RETURN_IF_ERROR(find_phases(it));
    mt_verdicts_births(it);
    mt_verdicts_touches(it);
    mt_shards_judge(&it->shards, &it->log, &it->lives);
    if (it->listener.span && whole)
        RETURN_IF_ERROR(it->listener.span(it->listener.state, &it->span));
    RETURN_IF_ERROR(mt_verdicts_deaths(it));
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
    return check_log(it);
}

/* ---- accesses ---- */

static inline void add_one(uint32_t *count)
{
    *count += *count < UINT32_MAX;
}

/* What an access of any kind changes. */
static inline void note_access(struct mt_behaviour *it, struct mt_life *life, uint64_t time_ns)
{
    if (life->accesses == 0) {
        life->first_ns = time_ns;
        life->first_span = it->span_serial;
        life->first_step = (uint32_t)it->log.steps;
    }
    life->last_ns = time_ns;
    add_one(&life->accesses);
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
                           .who = (uint32_t)access->kernel | MT_WHO_API,
                           .lasts = mt_behaviour_lasts(it, life)};
    bool written = is_from_host(it, access);
    if (life->accesses == 0 && written)
        life->origin = MT_ORIGIN_host;
    if (access->by == MT_BY_SET) /* scratch memory is set to zero before it is used */
        add_one(&life->products);
    life->wire &= (uint8_t)~MT_WIRE_LAST;
    if (!mt_spanlog_room(&it->log, 1))
        return MT_ERR_MEMORY;
    note_access(it, life, access->time_ns);
    if (written && life->span != it->span_serial) {
        life->span = it->span_serial;
        life->host_spans += it->span.iteration != NULL;
    }
    it->log.touch[it->log.touches++] = (struct mt_touch){.life = number,
                                                         .step = (uint32_t)it->log.steps,
                                                         .kind = access->kind,
                                                         .lasting = step.lasts,
                                                         .written = written};
    it->log.step[it->log.steps++] = step;
    if (access->by == MT_BY_NCCL) {
        add_one(&life->collectives);
        RETURN_IF_ERROR(mt_origins_collective(it, number, access));
    }
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
static inline bool is_seen(const struct mt_behaviour *it, uint64_t size)
{
    bool found = false;
    if (__builtin_expect(it->is_list, 0))
        return it->seen[place_of(it, size)].serial == it->launches;
    for (uint32_t i = 0; i < it->fews; i++)
        found |= it->few[i] == size;
    return found;
}

static inline void see_size(struct mt_behaviour *it, uint64_t size)
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
static inline bool size_lasts(const struct mt_behaviour *it, struct mt_life *life, uint64_t size)
{
    if (size != life->size) /* a range that grew */
        return mt_dict_find(&it->sizes, size) != NULL;
    if (!life->size_lasts)
        life->size_lasts = mt_dict_find(&it->sizes, size) != NULL;
    return life->size_lasts;
}

static inline int note_lasting(struct mt_behaviour *it, struct mt_life *life, uint64_t size,
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

/* A step and its touches, which are about to be written into the log. */
struct news {
    struct mt_step step;
    struct mt_touch *touch; /* as many as blocks that have a life; sizes are in it->size */
    uint32_t n, others;     /* others: do not last */
};

/* Asked for where a block is touched for the first time, and by what collectives know of. */
static void mix(struct mt_behaviour *it, const struct news *news)
{
    it->mix = 0;
    for (uint32_t i = 0; i < news->n; i++)
        it->mix |=
            mt_origins_mix(mt_life_at(&it->lives, news->touch[i].life), news->touch[i].lasting);
}

/* Who is touched, and the sizes of the lasting ones. */
static int meet(struct mt_behaviour *it, const struct mt_launch *launch, struct news *news)
{
    struct mt_touch one = {.step = (uint32_t)it->log.steps, .kind = MT_ACCESS_TOUCH, .lasting = 1};
    const uint32_t old = one.bits, young = (one.lasting = 0, one.bits);
    const struct mt_block *const *block = launch->block, *const *end = block + launch->blocks;
    struct mt_life *const lives = it->lives.life;
    struct mt_touch *touch = news->touch;
    uint64_t *size = it->size;
    uint32_t lasting = 0, least = UINT32_MAX, wires = 0, number;
    it->launches++;
    it->is_list = launch->blocks > FEW;
    it->fews = 0;
    for (; block < end; block++) {
        if (__builtin_expect(!(number = mt_lives_of(&it->lives, *block)), 0))
            continue;
        struct mt_life *life = &lives[number];
        touch->life = number;
        touch->bits = young;
        *size++ = (*block)->size;
        wires |= life->wire;
        least = life->accesses < least ? life->accesses : least;
        if (is_lasting(it, life)) {
            touch->bits = old;
            lasting++;
            RETURN_IF_ERROR(note_lasting(it, life, (*block)->size, &news->step));
        }
        touch++;
    }
    news->n = (uint32_t)(touch - news->touch);
    news->others = news->n - lasting;
    if (wires || least == 0)
        mix(it, news);
    return 0;
}

/* What speaks for the optimizer and what does not, of blocks that do not last. */
struct score {
    double with, without;
    bool odd;
};

static void score_others(struct mt_behaviour *it, struct news *news, struct score *score)
{
    for (uint32_t i = 0; i < news->n; i++) {
        struct mt_touch *touch = &news->touch[i];
        if (touch->lasting)
            continue;
        struct mt_life *life = mt_life_at(&it->lives, touch->life);
        uint64_t size = it->size[i];
        bool seen = is_seen(it, size);
        touch->partner = size == life->size ? seen : is_seen(it, life->size);
        if (seen) {
            score->with += (double)size;
            news->step.pairs |= size > SMALL_BYTES;
            continue;
        }
        score->without += (double)size;
        score->odd = score->odd || !size_lasts(it, life, size);
    }
}

/* The same where no block lasts. */
static void score_alone(struct mt_behaviour *it, const struct news *news, struct score *score)
{
    for (uint32_t i = 0; i < news->n; i++) {
        score->without += (double)it->size[i];
        score->odd =
            score->odd || !size_lasts(it, mt_life_at(&it->lives, news->touch[i].life), it->size[i]);
    }
}

/* See phases.h for what a launch says of the optimizer; step.score holds the lasting bytes. */
static void score_launch(struct mt_behaviour *it, struct news *news)
{
    struct mt_step *step = &news->step;
    struct score score = {.odd = step->score > 0};
    if (news->others == news->n)
        score_alone(it, news, &score);
    else
        score_others(it, news, &score);
    step->pairs &= score.without == 0 || it->is_list;
    if (score.without > 0 && it->is_list && step->score > 0)
        step->score += score.with - score.without;
    else if (score.without > 0)
        step->score = score.odd ? -step->score - score.without : 0;
}

static void touch_one(struct mt_behaviour *it, const struct mt_launch *launch, uint32_t number,
                      enum mt_kernelkind kind)
{
    struct mt_life *life = mt_life_at(&it->lives, number);
    if (life->accesses == 0)
        mt_origins_first(it, launch, number);
    if (life->wire || kind == MT_KERNEL_collective)
        mt_origins_wire(it, life, kind);
    note_access(it, life, launch->time_ns);
    if (kind == MT_KERNEL_product)
        add_one(&life->products);
    else if (kind == MT_KERNEL_collective)
        add_one(&life->collectives);
}

/* The same in few steps for what was touched before, and what collectives do not know of. */
static void touch_all(struct mt_behaviour *it, const struct mt_launch *launch,
                      const struct news *news, enum mt_kernelkind kind)
{
    const struct mt_touch *touch = news->touch, *const end = touch + news->n;
    struct mt_life *const lives = it->lives.life;
    const uint64_t now = launch->time_ns;
    const bool product = kind == MT_KERNEL_product;
    it->log.touches += news->n;
    for (; touch < end; touch++) {
        struct mt_life *life = &lives[touch->life];
        if (life->accesses == 0 || life->wire || kind == MT_KERNEL_collective) {
            touch_one(it, launch, touch->life, kind);
            continue;
        }
        life->last_ns = now;
        add_one(&life->accesses);
        if (product)
            add_one(&life->products);
    }
}

/* Where reads and writes are told, a block that has several kinds is touched as often. The touches
 * stand so far behind the place where they belong that none is overwritten before it is read. */
static void touch_told(struct mt_behaviour *it, const struct mt_launch *launch,
                       const struct news *news, enum mt_kernelkind kind)
{
    const struct mt_touch *next = news->touch;
    for (uint32_t i = 0; i < launch->blocks; i++) {
        if (!mt_lives_of(&it->lives, launch->block[i]))
            continue;
        struct mt_touch touch = *next++;
        unsigned bits = mt_launch_kinds(launch, launch->block[i]);
        for (; bits; bits &= bits - 1) {
            touch.kind = (unsigned)__builtin_ctz(bits) & 3;
            touch_one(it, launch, touch.life, kind);
            it->log.touch[it->log.touches++] = touch;
        }
    }
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
    size_t apart = launch->told ? (KINDS - 1) * (size_t)launch->blocks : 0;
    if (!launch->blocks)
        return 0;
    if (kernel == UINT32_MAX || !mt_spanlog_room(&it->log, launch->blocks + apart))
        return MT_ERR_MEMORY;
    struct news news = {
        .step = {.time_ns = launch->time_ns,
                 .allocated = allocated_on(it, launch->block[0]->device),
                 .thread = launch->thread,
                 .who = kernel,
                 .launch = true},
        .touch = it->log.touch + it->log.touches + apart,
    };
    RETURN_IF_ERROR(meet(it, launch, &news));
    news.step.lasts = news.others == 0;
    if (news.others)
        score_launch(it, &news);
    else if (news.n == 1) /* set to zero, scaled: nothing is stepped by nothing */
        news.step.score = 0;
    /* Products and collectives compute and carry gradients, but step nothing. */
    if (it->kind[kernel] == MT_KERNEL_product && news.step.score > 0) {
        news.step.score = 0;
        news.step.pairs = false;
    } else if (it->kind[kernel] == MT_KERNEL_collective) {
        news.step.score = 0;
        news.step.lasting = news.step.pairs = false;
    }
    if (launch->told)
        touch_told(it, launch, &news, (enum mt_kernelkind)it->kind[kernel]);
    else
        touch_all(it, launch, &news, (enum mt_kernelkind)it->kind[kernel]);
    it->log.step[it->log.steps++] = news.step;
    return check_log(it);
}
