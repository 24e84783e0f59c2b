#include "analysis/behaviour/peakset.h"

void mt_peakset_release(struct mt_peakset *set)
{
    free(set->life);
    *set = (struct mt_peakset){0};
}

void mt_peakset_usage(struct mt_peakset *set, struct mt_behaviour *behaviour,
                      const struct mt_usage *usage, uint64_t time_ns)
{
    if (usage->allocated <= set->bytes)
        return;
    while (set->lives)
        mt_lives_let_go(&behaviour->lives, set->life[--set->lives]);
    set->bytes = usage->allocated;
    set->reserved = usage->reserved;
    set->time_ns = time_ns;
    set->births = behaviour->lives.births;
    set->span_serial = behaviour->span_serial;
    set->step = (uint32_t)behaviour->log.steps;
    set->within = false;
    set->phase = MT_PHASE_none;
}

bool mt_peakset_death(struct mt_peakset *set, struct mt_behaviour *behaviour, uint32_t life)
{
    struct mt_life *it = mt_life_at(&behaviour->lives, life);
    if (it->serial > set->births)
        return true;
    if (set->lives == set->room) {
        size_t room = set->room ? set->room * 2 : 1024;
        uint32_t *more = realloc(set->life, room * sizeof *more);
        if (!more)
            return false;
        set->life = more;
        set->room = room;
    }
    set->life[set->lives++] = life;
    it->holders++;
    return true;
}

void mt_peakset_span(struct mt_peakset *set, const struct mt_behaviour *behaviour)
{
    const struct mt_span *span = &behaviour->span;
    if (set->span_serial != behaviour->span_serial || !span->iteration)
        return;
    uint64_t length = span->end_ns - span->start_ns;
    set->within = true;
    set->iteration = span->number;
    set->share = length ? (double)(set->time_ns - span->start_ns) / (double)length : 0;
    set->phase = mt_phases_at(&span->phases, set->step);
}
