/* Watches every block over the iterations and finds out what it is for.
 *
 * It hears what a pass hears, and tells two things: that a span (an iteration, or what lies between
 * two) is over, with its log and its phases; and that a block was judged, when the span in which it
 * died is over. Before the first iteration, between iterations and behind the last one spans have
 * no phases. */
#ifndef MT_BEHAVIOUR_H
#define MT_BEHAVIOUR_H

#include "analysis/behaviour/kernelkind.h"
#include "analysis/behaviour/lives.h"
#include "analysis/behaviour/phases.h"
#include "analysis/behaviour/shards.h"
#include "analysis/behaviour/spanlog.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/kernelset.h"

#define MT_FEW_BLOCKS 8u               /* of a launch that is no list */
#define MT_LAUNCH_BLOCKS_MAX 16384u    /* more than a launch has, a power of two */
#define MT_WHO_API (UINT32_C(1) << 31) /* in mt_step.who: a driver function, not a kernel */

#define MT_STRETCHES_MAX (MT_PHASES + 1u + 2 * MT_MICRO_BATCHES_MAX)

struct mt_span {
    const struct mt_iteration *iteration; /* NULL: between iterations */
    uint64_t number;                      /* of the iteration, from 0 */
    uint64_t start_ns, end_ns;
    bool cut; /* it was too long: only its last part is told of, without phases */
    struct mt_phases phases;
    uint32_t stretches;
    struct mt_stretch stretch[MT_STRETCHES_MAX]; /* of an iteration, in the order of its steps */
};

/* Who is told; functions may be NULL, a negative result stops the replay. */
struct mt_behaviour_listener {
    void *state;
    int (*born)(void *state, uint32_t life);
    /* The log is full or its span over: what touched whom since it was empty. */
    int (*logged)(void *state, const struct mt_spanlog *log);
    int (*span)(void *state, const struct mt_span *span); /* is over; before its dead are judged */
    int (*parted)(void *state); /* a part of a span too long is over; before its dead are judged */
    int (*begun)(void *state, const struct mt_span *span);
    int (*judged)(void *state, uint32_t life);
};

struct mt_behaviour {
    const struct mt_run *run;
    struct mt_behaviour_listener listener;
    struct mt_kernelset kernels;
    uint8_t *kind; /* enum mt_kernelkind of each kernel of the set */
    uint32_t kinds;
    struct mt_lives lives;
    struct mt_spanlog log;
    struct mt_shards shards;
    struct mt_span span;
    struct mt_phases phases; /* of the last span with steps; 0 steps: not known */
    uint32_t span_serial;    /* from 1 */
    uint32_t begun, over;    /* iterations */
    struct mt_dict sizes;    /* of lasting blocks */
    struct {
        uint64_t size, serial;
    } * seen; /* sizes of lasting blocks of a launch, hashed */
    uint64_t launches;
    bool is_list; /* the launch has more blocks than MT_FEW_BLOCKS */
    uint32_t fews;
    uint64_t few[MT_FEW_BLOCKS]; /* the sizes, where it is none */
    uint64_t *size;              /* now, of the blocks of a launch */
    uint32_t stretches;          /* in all spans */
    uint32_t parameter; /* of the span: mt_phases_distance to the first one that is touched */
    struct {
        uint64_t time_ns, kernel;
        uint32_t thread;
    } copy; /* the last copy that read a block */
    struct {
        uint64_t time_ns, launches; /* 0: never; how many came before */
        uint32_t device;
    } asked;         /* when a library of products took memory last */
    uint32_t sender; /* the life that the last collective read */
    uint8_t mix;     /* MT_MIX_* of the blocks of the launch at hand */
    uint64_t cut;    /* iterations too long to be kept whole */
};

int mt_behaviour_init(struct mt_behaviour *it, const struct mt_run *run,
                      const struct mt_behaviour_listener *listener);
void mt_behaviour_release(struct mt_behaviour *it);

int mt_behaviour_birth(struct mt_behaviour *it, const struct mt_block *block);
int mt_behaviour_access(struct mt_behaviour *it, const struct mt_block *block,
                        const struct mt_access *access);
int mt_behaviour_launch(struct mt_behaviour *it, const struct mt_launch *launch);
int mt_behaviour_death(struct mt_behaviour *it, const struct mt_block *block);
int mt_behaviour_iteration(struct mt_behaviour *it, const struct mt_iteration *iteration);
/* The last span is over; every block has been told as dead. */
int mt_behaviour_finish(struct mt_behaviour *it, uint64_t end_ns);

/* Whether a live block has outlived an iteration. In the first one, whether it is older. */
bool mt_behaviour_lasts(const struct mt_behaviour *it, const struct mt_life *life);

/* Name of a kernel or driver function. */
const char *mt_behaviour_who(const struct mt_behaviour *it, uint32_t who);

#endif
