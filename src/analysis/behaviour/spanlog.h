/* What happens to blocks within one span of the trace: an iteration, or what lies between two. A
 * step is a launch, a copy or a set. The log is judged at the end of the span and then emptied, so
 * its memory is bounded by the busiest iteration. What it held stays in place until it is
 * overwritten, for the next span to be compared with. */
#ifndef MT_SPANLOG_H
#define MT_SPANLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/grow.h"

/* Beyond either a span is judged in parts: what a block is remembered by is larger than a touch. */
#define MT_SPAN_TOUCHES_MAX (UINT32_C(1) << 23)
#define MT_SPAN_LIVES_MAX (UINT32_C(1) << 20) /* births and deaths */

/* Whether a step lies in the forward pass of another micro-batch, behind a backward pass; and there
 * before the first one that touches a parameter. */
enum mt_again { MT_AGAIN_no, MT_AGAIN_early, MT_AGAIN_yes };

struct mt_step {
    uint64_t time_ns;
    double score;       /* bytes that speak for the optimizer; negative: against it */
    uint64_t allocated; /* on the device of its blocks */
    uint32_t thread;
    uint32_t who;      /* the caller's number of a kernel or driver function */
    uint32_t touch;    /* its first one */
    uint16_t blocks;   /* of a launch that the next span may repeat: how many; or 0 */
    bool launch : 1;   /* a kernel's */
    bool lasting : 1;  /* touches a lasting block of some size: a parameter, as a rule */
    bool pairs : 1;    /* touches a lasting block with another one of its size */
    bool lasts : 1;    /* all it touches is lasting */
    uint8_t again : 2; /* enum mt_again; known when the span is over */
};

_Static_assert(sizeof(struct mt_step) == 40, "a step has no room to spare");

struct mt_touch {
    uint32_t life;
    union {
        struct {
            uint32_t step : 27;
            uint32_t kind : 2;    /* enum mt_access_kind */
            uint32_t partner : 1; /* beside a lasting block of its size */
            uint32_t lasting : 1; /* it outlived an iteration already */
            uint32_t written : 1; /* by the host */
        };
        uint32_t bits; /* all of these */
    };
};

/* A birth or death, before step number `step`. */
struct mt_turn {
    uint32_t life, step;
};

struct mt_spanlog {
    struct mt_step *step;
    struct mt_touch *touch;
    struct mt_turn *birth, *death;
    size_t steps, touches, births, deaths;
    size_t steps_room, touches_room, births_room, deaths_room;
    /* What spans before left behind: so many steps, from the first one on. */
    size_t left;
    size_t repeated; /* of these so many were met again, by the same and with the same score */
    bool doubt;      /* what this one leaves does not hold for the next */
    uint64_t *size;  /* of the blocks of the first touches, of launches */
    size_t sizes;
};

#define MT_SPAN_SIZES (UINT32_C(1) << 18) /* touches of which the size is kept */

void mt_spanlog_release(struct mt_spanlog *log); /* one of zeros is empty */
void mt_spanlog_clear(struct mt_spanlog *log);

/* Nothing that was logged holds for the next span. */
static inline void mt_spanlog_outdate(struct mt_spanlog *log)
{
    log->left = 0;
    log->doubt = true;
}

/* Room for a step and `n` touches more, which are then written and counted by the caller, and for a
 * birth or death. False where memory is out. */
bool mt_spanlog_grow(struct mt_spanlog *log, size_t touches);
static inline bool mt_spanlog_room(struct mt_spanlog *log, size_t touches)
{
    return __builtin_expect(
               log->steps < log->steps_room && touches <= log->touches_room - log->touches, 1) ||
           mt_spanlog_grow(log, touches);
}

/* A step that speaks neither for nor against the optimizer. */
static inline void mt_spanlog_step(struct mt_spanlog *log, const struct mt_step *step)
{
    const struct mt_step *before = &log->step[log->steps];
    log->repeated += log->steps < log->left && !before->launch && before->who == step->who &&
                     before->thread == step->thread;
    log->step[log->steps++] = *step;
}

/* False where memory is out. */
static inline bool mt_spanlog_birth(struct mt_spanlog *log, uint32_t life)
{
    if (!MT_ROOM(log->birth, log->births, log->births_room, 1024))
        return false;
    log->birth[log->births++] = (struct mt_turn){life, (uint32_t)log->steps};
    return true;
}

static inline bool mt_spanlog_death(struct mt_spanlog *log, uint32_t life)
{
    if (!MT_ROOM(log->death, log->deaths, log->deaths_room, 1024))
        return false;
    log->death[log->deaths++] = (struct mt_turn){life, (uint32_t)log->steps};
    return true;
}

/* The first touch of a step, or of those behind the last one. */
static inline size_t mt_spanlog_first(const struct mt_spanlog *log, uint32_t step)
{
    return step < log->steps ? log->step[step].touch : log->touches;
}

static inline bool mt_spanlog_is_full(const struct mt_spanlog *log)
{
    return log->touches >= MT_SPAN_TOUCHES_MAX || log->births + log->deaths >= MT_SPAN_LIVES_MAX;
}

#endif
