#include "analysis/swap/swapspan.h"

#include "analysis/engine/glance.h"
#include "base/grow.h"

void mt_swapspan_init(struct mt_swapspan *it, struct mt_behaviour *behaviour)
{
    const struct mt_run *run = behaviour->run;
    size_t middle = run->glance ? run->glance->middle : mt_glance_middle(run->rhythm);
    *it =
        (struct mt_swapspan){.behaviour = behaviour,
                             .rule = run->swap ? *run->swap : mt_swaprule_default(),
                             .wanted = middle == SIZE_MAX ? NULL : &run->rhythm->iteration[middle]};
    it->gathering = !it->wanted;
}

void mt_swapspan_release(struct mt_swapspan *it)
{
    for (uint32_t device = 0; device < MT_DEVICES; device++) {
        if (!it->plan[device])
            continue;
        mt_swapplan_release(it->plan[device]);
        free(it->plan[device]);
    }
    free(it->usage);
    free(it->ends);
}

int mt_swapspan_gather(struct mt_swapspan *it, uint32_t device, uint64_t allocated,
                       uint64_t time_ns)
{
    if (!MT_ROOM(it->usage, it->usages, it->room, 4096))
        return MT_ERR_MEMORY;
    it->usage[it->usages++] = (struct mt_swapspan_usage){time_ns, allocated, device};
    return 0;
}

int mt_swapspan_begun(struct mt_swapspan *it, const struct mt_span *span)
{
    if (!it->wanted || span->iteration != it->wanted)
        return 0;
    it->gathering = true;
    it->iteration = span->number;
    for (uint32_t device = 0; device < MT_DEVICES; device++) {
        const struct mt_usage *usage = mt_model_usage(it->behaviour->run->model, device);
        if (usage->used)
            RETURN_IF_ERROR(mt_swapspan_usage(it, device, usage->allocated, span->start_ns));
    }
    return 0;
}

/* ---- the plan of each device ---- */

static int fill_allocated(struct mt_swapspan *it, const struct mt_span *span)
{
    struct {
        uint64_t time_ns, allocated;
    } last[MT_DEVICES] = {{0, 0}};
    for (size_t i = 0; i < it->usages; i++) {
        uint32_t device = it->usage[i].device;
        struct mt_swapplan *plan = it->plan[device];
        if (!plan) {
            it->plan[device] = plan = malloc(sizeof *plan);
            if (!plan || !mt_swapplan_init(plan, &it->rule, span->start_ns, span->end_ns,
                                           it->wanted != NULL))
                return MT_ERR_MEMORY;
            last[device].time_ns = span->start_ns;
        }
        mt_swapplan_allocated(plan, last[device].time_ns, it->usage[i].time_ns,
                              last[device].allocated);
        last[device].time_ns = it->usage[i].time_ns;
        last[device].allocated = it->usage[i].allocated;
    }
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        if (it->plan[device])
            mt_swapplan_allocated(it->plan[device], last[device].time_ns, span->end_ns,
                                  last[device].allocated);
    return 0;
}

/* First and last access of a life in the span: steps + 1, 0: none. */
struct mt_swapspan_ends {
    uint32_t first, last;
    bool lasting;
    bool crosses; /* born in the span, it lives on; then of its last access: */
    uint32_t who;
    uint64_t time_ns;
};

static int put_gap(struct mt_swapspan *it, struct mt_swap_gap *gap)
{
    const struct mt_life *life = mt_life_at(&it->behaviour->lives, gap->life);
    struct mt_swapplan *plan = it->plan[life->device];
    const struct mt_model *model = it->behaviour->run->model;
    gap->size = life->size;
    gap->device = life->device;
    /* One that wraps is of an iteration, over which no pause goes. */
    bool known = gap->wraps || !mt_model_was_paused(model, gap->start_ns, gap->end_ns);
    return !plan || !known || mt_swapplan_gap(plan, gap) ? 0 : MT_ERR_MEMORY;
}

static int add_gap(struct mt_swapspan *it, uint32_t number, uint32_t first, uint32_t second,
                   uint64_t wrap_ns)
{
    const struct mt_step *step = it->behaviour->log.step;
    return put_gap(it, &(struct mt_swap_gap){.start_ns = step[first].time_ns,
                                             .end_ns = step[second].time_ns + wrap_ns,
                                             .life = number,
                                             .after = step[first].who,
                                             .before = step[second].who,
                                             .wraps = wrap_ns > 0});
}

/* Whether a block of the span is needed again beyond its end. */
static void note_crossing(struct mt_swapspan *it, uint32_t number, struct mt_swapspan_ends *ends)
{
    const struct mt_life *life = mt_life_at(&it->behaviour->lives, number);
    const struct mt_step *step = &it->behaviour->log.step[ends->last - 1];
    ends->crosses = life->born_span == it->behaviour->span_serial;
    ends->who = step->who;
    ends->time_ns = step->time_ns;
}

static int find_gaps(struct mt_swapspan *it, const struct mt_span *span)
{
    const struct mt_spanlog *log = &it->behaviour->log;
    for (size_t i = 0; i < log->touches; i++) {
        const struct mt_touch *touch = &log->touch[i];
        struct mt_swapspan_ends *end = &it->ends[touch->life];
        if (end->last)
            RETURN_IF_ERROR(add_gap(it, touch->life, end->last - 1, touch->step, 0));
        end->first = end->first ? end->first : (uint32_t)touch->step + 1;
        end->last = touch->step + 1;
        end->lasting |= touch->lasting;
    }
    for (uint32_t life = 1; it->wanted && life < it->lives; life++) {
        struct mt_swapspan_ends *end = &it->ends[life];
        if (!end->last || mt_life_at(&it->behaviour->lives, life)->dead)
            continue;
        if (end->lasting)
            RETURN_IF_ERROR(
                add_gap(it, life, end->last - 1, end->first - 1, span->end_ns - span->start_ns));
        else
            note_crossing(it, life, end);
    }
    return 0;
}

/* Blocks that lived across the border, at their first access in the iteration after. */
static int find_crossings(struct mt_swapspan *it)
{
    const struct mt_spanlog *log = &it->behaviour->log;
    for (size_t i = 0; i < log->touches; i++) {
        const struct mt_touch *touch = &log->touch[i];
        const struct mt_step *step = &log->step[touch->step];
        struct mt_swapspan_ends *end = touch->life < it->lives ? &it->ends[touch->life] : NULL;
        if (!end || !end->crosses)
            continue;
        end->crosses = false;
        if (step->time_ns - end->time_ns < it->length_ns)
            RETURN_IF_ERROR(put_gap(it, &(struct mt_swap_gap){.start_ns = end->time_ns,
                                                              .end_ns = step->time_ns,
                                                              .life = touch->life,
                                                              .after = end->who,
                                                              .before = step->who,
                                                              .wraps = true}));
    }
    return 0;
}

/* Candidates are told at the end, with their categories: until then their lives are held. */
static void hold(struct mt_swapspan *it, struct mt_swapplan *plan)
{
    for (size_t i = 0; i < plan->gaps; i++) {
        mt_life_at(&it->behaviour->lives, plan->gap[i].life)->holders += !plan->gap[i].held;
        plan->gap[i].held = true;
    }
}

static int make_plans(struct mt_swapspan *it)
{
    for (uint32_t device = 0; device < MT_DEVICES; device++) {
        struct mt_swapplan *plan = it->plan[device];
        if (!plan)
            continue;
        if (!mt_swapplan_make(plan))
            return MT_ERR_MEMORY;
        hold(it, plan);
    }
    free(it->ends);
    it->ends = NULL;
    return 0;
}

/* The iteration is over. */
static int take_span(struct mt_swapspan *it, const struct mt_span *span)
{
    it->lives = it->behaviour->lives.n;
    it->end_ns = span->end_ns;
    it->length_ns = span->end_ns - span->start_ns;
    it->ends = calloc(it->lives + 1, sizeof *it->ends);
    if (!it->ends)
        return MT_ERR_MEMORY;
    RETURN_IF_ERROR(fill_allocated(it, span));
    RETURN_IF_ERROR(find_gaps(it, span));
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        if (it->plan[device])
            hold(it, it->plan[device]);
    return it->wanted ? 0 : make_plans(it);
}

int mt_swapspan_span(struct mt_swapspan *it, const struct mt_span *span)
{
    if (it->ends) {
        if (span->iteration && span->start_ns == it->end_ns && !span->cut)
            RETURN_IF_ERROR(find_crossings(it));
        return make_plans(it);
    }
    if (!it->gathering || it->made || span->iteration != it->wanted)
        return 0;
    it->gathering = false;
    it->made = !span->cut;
    return it->made ? take_span(it, span) : 0;
}

int mt_swapspan_finish(struct mt_swapspan *it)
{
    return it->ends ? make_plans(it) : 0;
}
