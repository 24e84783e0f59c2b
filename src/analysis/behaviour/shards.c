#include "analysis/behaviour/shards.h"

#include <stdlib.h>

#include "analysis/answers/roles.h"
#include "base/grow.h"

#define NEAR 3u       /* collectives before or after, in which a row of blocks may have its part */
#define ROUNDING 512u /* blocks are rounded up to this */
#define LARGE (UINT64_C(1) << 20) /* from here on they may be too large by as much */
#define MANY 4u                   /* so many that are right by chance only seldom */
#define LACK_SHARE 64u

void mt_shards_release(struct mt_shards *shards)
{
    free(shards->gather);
    free(shards->reduce);
    *shards = (struct mt_shards){0};
}

static bool add(struct mt_carried **list, size_t *n, size_t *room, struct mt_carried carried)
{
    if (!MT_ROOM(*list, *n, *room, 64))
        return false;
    (*list)[(*n)++] = carried;
    return true;
}

bool mt_shards_gather(struct mt_shards *shards, uint32_t step, uint64_t bytes)
{
    return add(&shards->gather, &shards->gathers, &shards->gathers_room,
               (struct mt_carried){bytes, step, false});
}

bool mt_shards_reduce(struct mt_shards *shards, uint32_t step, uint64_t bytes)
{
    return add(&shards->reduce, &shards->reduces, &shards->reduces_room,
               (struct mt_carried){bytes, step, false});
}

/* What a row of blocks is looked through for. */
struct wanted {
    const struct mt_lives *lives;
    uint64_t bytes;
    enum mt_shard shard;
};

static struct mt_life *life_of(const struct wanted *wanted, const struct mt_turn *turn)
{
    return &wanted->lives->life[turn->life];
}

/* By how much so many blocks may be too large: the rest of a piece too small to be split. */
static uint64_t slack(const struct wanted *wanted, const struct mt_turn *row, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += n >= MANY && life_of(wanted, &row[i])->size >= LARGE ? LARGE : ROUNDING;
    return sum;
}

/* By how much: a gradient of a bias may die a little later. */
static uint64_t lack(const struct wanted *wanted, size_t n)
{
    return wanted->shard == MT_SHARD_gradient && n >= MANY ? wanted->bytes / LACK_SHARE : 0;
}

static bool is_candidate(const struct wanted *wanted, const struct mt_life *life)
{
    return life->shard == MT_SHARD_none && life->birth_phase != MT_PHASE_optimizer &&
           (wanted->shard != MT_SHARD_gradient || (life->birth_phase == MT_PHASE_backward &&
                                                   !(life->touched & 1u << MT_PHASE_optimizer)));
}

/* The first two or more of a row that are together as large as wanted, but for rounding: how many,
 * and where they begin. */
static size_t find_sum(const struct wanted *wanted, const struct mt_turn *row, size_t n,
                       size_t *begin)
{
    uint64_t sum = 0;
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_candidate(wanted, life_of(wanted, &row[i]))) {
            sum = 0;
            first = i + 1;
            continue;
        }
        sum += life_of(wanted, &row[i])->size;
        while (first < i && sum - life_of(wanted, &row[first])->size >= wanted->bytes)
            sum -= life_of(wanted, &row[first++])->size;
        size_t count = i + 1 - first;
        *begin = first;
        if (count > 1 && sum + lack(wanted, count) >= wanted->bytes &&
            sum < wanted->bytes + slack(wanted, &row[first], count))
            return count;
    }
    return 0;
}

static bool mark(const struct wanted *wanted, const struct mt_turn *row, size_t n)
{
    size_t begin = 0, count = wanted->bytes ? find_sum(wanted, row, n, &begin) : 0;
    for (size_t i = 0; i < count; i++)
        life_of(wanted, &row[begin + i])->shard = (uint8_t)wanted->shard;
    return count > 0;
}

/* The first collective of a list behind a step. */
static size_t behind(const struct mt_carried *list, size_t n, uint32_t step)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (list[middle].step < step)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whom weights were gathered for is born after the collective. */
static void judge_births(struct mt_shards *shards, const struct mt_turn *row, size_t n,
                         const struct mt_lives *lives)
{
    size_t end = behind(shards->gather, shards->gathers, row->step);
    for (size_t i = end < NEAR ? 0 : end - NEAR; i < end; i++)
        if (!shards->gather[i].found)
            shards->gather[i].found =
                mark(&(struct wanted){lives, shards->gather[i].bytes, MT_SHARD_weight}, row, n);
}

/* Gradients are copied, as they are or with twice their width, before they are reduced. */
static void judge_deaths(struct mt_shards *shards, const struct mt_turn *row, size_t n,
                         const struct mt_lives *lives)
{
    size_t middle = behind(shards->reduce, shards->reduces, row->step);
    size_t end = middle + NEAR < shards->reduces ? middle + NEAR : shards->reduces;
    for (size_t i = middle < NEAR ? 0 : middle - NEAR; i < end; i++) {
        uint64_t bytes = shards->reduce[i].bytes;
        if (!shards->reduce[i].found)
            shards->reduce[i].found =
                mark(&(struct wanted){lives, bytes, MT_SHARD_gradient}, row, n) ||
                mark(&(struct wanted){lives, bytes / 2, MT_SHARD_gradient}, row, n);
    }
}

static void each_row(struct mt_shards *shards, const struct mt_turn *turn, size_t n,
                     const struct mt_lives *lives,
                     void (*judge)(struct mt_shards *, const struct mt_turn *, size_t,
                                   const struct mt_lives *))
{
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && turn[end].step == turn[i].step; end++)
            ;
        if (end - i > 1)
            judge(shards, &turn[i], end - i, lives);
    }
}

void mt_shards_judge(struct mt_shards *shards, const struct mt_spanlog *log,
                     const struct mt_lives *lives)
{
    if (shards->gathers)
        each_row(shards, log->birth, log->births, lives, judge_births);
    if (shards->reduces)
        each_row(shards, log->death, log->deaths, lives, judge_deaths);
    shards->gathers = shards->reduces = 0;
}
