#include <string.h>

#include "analysis/behaviour/noting.h"
#include "analysis/behaviour/origins.h"

#define SMALL_BYTES 512u /* counters and flags that last are no parameters */
#define KINDS 3u         /* of accesses */

/* ---- what a launch says of the optimizer ---- */

/* Where a size stands among those of the launch, or the free place for it. */
static uint32_t place_of(const struct mt_behaviour *it, uint64_t size)
{
    uint32_t at = (uint32_t)(size * UINT64_C(0x9e3779b97f4a7c15) >> 50);
    while (it->seen[at].serial == it->launches && it->seen[at].size != size)
        at = (at + 1) % MT_LAUNCH_BLOCKS_MAX;
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
    mt_spanlog_outdate(&it->log);
    if (!known)
        return MT_ERR_MEMORY;
    *known = 1;
    return 0;
}

/* A step and its touches, which are about to be written into the log. */
struct news {
    struct mt_step step;
    struct mt_touch *touch; /* as many as blocks that have a life */
    uint64_t *size;         /* of these */
    uint32_t n, others;     /* others: do not last */
    bool mixed; /* a block is touched for the first time, or collectives have to do with it */
};

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
    uint64_t *size = news->size;
    uint32_t lasting = 0, least = UINT32_MAX, wires = 0, number;
    it->launches++;
    it->is_list = launch->blocks > MT_FEW_BLOCKS;
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
        if (mt_is_lasting(it, life)) {
            touch->bits = old;
            lasting++;
            RETURN_IF_ERROR(note_lasting(it, life, (*block)->size, &news->step));
        }
        touch++;
    }
    news->n = (uint32_t)(touch - news->touch);
    news->others = news->n - lasting;
    news->mixed = wires || least == 0 || it->kind[news->step.who] == MT_KERNEL_collective;
    if (news->mixed)
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
        uint64_t size = news->size[i];
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
        score->without += (double)news->size[i];
        score->odd = score->odd ||
                     !size_lasts(it, mt_life_at(&it->lives, news->touch[i].life), news->size[i]);
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
    mt_note_access(it, life, launch->time_ns);
    if (kind == MT_KERNEL_product)
        mt_add_one(&life->products);
    else if (kind == MT_KERNEL_collective)
        mt_add_one(&life->collectives);
}

/* The same in few steps for what was touched before, and what collectives do not know of. */
static inline void touch_all(struct mt_behaviour *it, const struct mt_launch *launch,
                             const struct news *news, enum mt_kernelkind kind)
{
    const struct mt_touch *touch = news->touch, *const end = touch + news->n;
    struct mt_life *const lives = it->lives.life;
    const uint64_t now = launch->time_ns;
    const bool product = kind == MT_KERNEL_product, mixed = news->mixed;
    for (; touch < end; touch++) {
        struct mt_life *life = &lives[touch->life];
        if (mixed && (life->accesses == 0 || life->wire || kind == MT_KERNEL_collective)) {
            touch_one(it, launch, touch->life, kind);
            continue;
        }
        life->last_ns = now;
        mt_add_one(&life->accesses);
        if (product)
            mt_add_one(&life->products);
    }
    it->log.touches += news->n;
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

/* ---- launches like those before ---- */

/* Iterations are alike: where a launch of the same kernel stood at the same place of the log and
 * met blocks of the same sizes, of which the same ones lasted, it is a step as that one was, and
 * what that one left in the log needs to be told new times and lives only. What lasting sizes there
 * are is the rest that scores depend on, see mt_spanlog_outdate. */
static inline bool may_repeat(const struct mt_behaviour *it, const struct mt_launch *launch,
                              uint32_t kernel)
{
    const struct mt_spanlog *log = &it->log;
    const struct mt_step *before = &log->step[log->steps];
    return log->steps < log->left && before->who == kernel && before->blocks == launch->blocks &&
           before->touch == log->touches && before->thread == launch->thread && !launch->told &&
           it->over > 1 && it->kind[kernel] != MT_KERNEL_collective &&
           launch->slots <= it->lives.slots.room;
}

/* Whether it does; the lives are told in any case. */
static inline bool repeats(const struct mt_behaviour *it, const struct mt_launch *launch,
                           struct news *news)
{
    const uint32_t *const numbers = (const uint32_t *)(const void *)it->lives.slots.place;
    const struct mt_block *const *block = launch->block, *const *const end = block + launch->blocks;
    struct mt_touch one = {.step = (uint32_t)it->log.steps, .kind = MT_ACCESS_TOUCH, .lasting = 1};
    const uint32_t old = one.bits, young = (one.lasting = 0, one.bits);
    const uint32_t partner = (one.bits = 0, one.partner = 1, one.bits);
    const struct mt_life *const lives = it->lives.life;
    const uint64_t *size = news->size;
    const uint32_t over = it->over;
    struct mt_touch *touch = news->touch;
    uint64_t differ = 0;
    bool mixed = false;
    for (; block < end; block++, touch++, size++) {
        const uint32_t number = numbers[(*block)->slot]; /* 0: no block has its size */
        const struct mt_life *life = &lives[number];
        const uint32_t bits = life->born_in < over ? old : young;
        touch->life = number;
        differ |= ((*block)->size ^ *size) | (life->size ^ *size) | life->wire;
        differ |= (touch->bits & ~partner) ^ bits;
        mixed |= life->accesses == 0;
    }
    news->n = launch->blocks;
    news->mixed = mixed;
    return differ == 0;
}

static int judge(struct mt_behaviour *it, const struct mt_launch *launch, struct news *news)
{
    const enum mt_kernelkind kind = (enum mt_kernelkind)it->kind[news->step.who];
    struct mt_step *step = &news->step;
    RETURN_IF_ERROR(meet(it, launch, news));
    step->lasts = news->others == 0;
    if (news->others)
        score_launch(it, news);
    else if (news->n == 1) /* set to zero, scaled: nothing is stepped by nothing */
        step->score = 0;
    /* Products and collectives compute and carry gradients, but step nothing. */
    if (kind == MT_KERNEL_product && step->score > 0) {
        step->score = 0;
        step->pairs = false;
    } else if (kind == MT_KERNEL_collective) {
        step->score = 0;
        step->lasting = step->pairs = false;
    }
    if (news->size != it->size && news->n == launch->blocks)
        step->blocks = (uint16_t)news->n;
    return 0;
}

static __attribute__((noinline)) int launch_anew(struct mt_behaviour *it,
                                                 const struct mt_launch *launch, uint32_t kernel)
{
    struct mt_spanlog *log = &it->log;
    size_t apart = launch->told ? (KINDS - 1) * (size_t)launch->blocks : 0;
    if (!mt_spanlog_room(log, launch->blocks + apart))
        return MT_ERR_MEMORY;
    bool kept = !launch->told && log->touches + launch->blocks <= log->sizes;
    struct news news = {
        .step = {.time_ns = launch->time_ns,
                 .allocated = mt_allocated_on(it, launch->block[0]->device),
                 .thread = launch->thread,
                 .who = kernel,
                 .touch = (uint32_t)log->touches,
                 .launch = true},
        .touch = log->touch + log->touches + apart,
        .size = kept ? log->size + log->touches : it->size,
    };
    RETURN_IF_ERROR(judge(it, launch, &news));
    if (launch->told)
        touch_told(it, launch, &news, (enum mt_kernelkind)it->kind[kernel]);
    else
        touch_all(it, launch, &news, (enum mt_kernelkind)it->kind[kernel]);
    log->step[log->steps++] = news.step;
    return mt_behaviour_check(it);
}

int mt_behaviour_launch(struct mt_behaviour *it, const struct mt_launch *launch)
{
    struct mt_spanlog *log = &it->log;
    uint32_t kernel = launch->blocks ? kernel_of(it, launch->kernel) : 0;
    struct news news;
    if (!launch->blocks)
        return 0;
    if (kernel == UINT32_MAX)
        return MT_ERR_MEMORY;
    if (!may_repeat(it, launch, kernel))
        return launch_anew(it, launch, kernel);
    news.touch = log->touch + log->touches;
    news.size = log->size + log->touches;
    if (!repeats(it, launch, &news))
        return launch_anew(it, launch, kernel);
    it->launches++;
    log->repeated++;
    if (news.mixed)
        mix(it, &news);
    touch_all(it, launch, &news, (enum mt_kernelkind)it->kind[kernel]);
    struct mt_step *step = &log->step[log->steps++];
    step->time_ns = launch->time_ns;
    step->allocated = mt_allocated_on(it, launch->block[0]->device);
    step->again = MT_AGAIN_no;
    return mt_behaviour_check(it);
}
