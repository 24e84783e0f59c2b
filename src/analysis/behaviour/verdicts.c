#include "analysis/behaviour/verdicts.h"

#include "analysis/behaviour/classify.h"

#define PHASE_BIT(phase) (uint8_t)(1u << (phase))

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

/* Of a stretch: which steps are so early in the forward phase that no parameter was touched yet. */
static bool is_early(const struct mt_behaviour *it, uint32_t step)
{
    const struct mt_phases *phases = &it->span.phases;
    return it->log.step[step].again == MT_AGAIN_early ||
           mt_phases_distance(phases, phases->begin[MT_PHASE_forward], step) < it->parameter;
}

/* The stretch is the first one that touches the life, or the next one that does. */
static void meet_stretch(struct mt_behaviour *it, struct mt_stretch *stretch,
                         const struct mt_touch *touch, struct mt_life *life)
{
    if (life->stretch != it->stretches - 1)
        stretch->bytes += life->size;
    life->stretch = it->stretches;
    note_span(life, stretch->phase, it->span_serial);
    if (stretch->phase == MT_PHASE_none)
        return;
    life->touched |= PHASE_BIT(stretch->phase);
    life->last_phase = (uint8_t)stretch->phase;
    if (life->first_step == touch->step && life->first_span == it->span_serial)
        life->early = is_early(it, touch->step);
}

/* What is done to lasting blocks alone is part of no forward pass, though it lies there: gradients
 * are set to zero, weights averaged. */
static inline bool is_aside(const struct mt_behaviour *it, const struct mt_touch *touch)
{
    return touch->lasting && it->log.step[touch->step].lasts;
}

static void meet_aside(struct mt_behaviour *it, struct mt_stretch *stretch, struct mt_life *life)
{
    note_span(life, MT_PHASE_none, it->span_serial);
    if (life->stretch >= it->stretches - 1)
        return;
    stretch->bytes += life->size;
    life->stretch = it->stretches - 1;
}

/* The touches of a stretch. Most are of lives that it has met already: what is looked for besides
 * is known beforehand, so that these take few steps. */
static inline __attribute__((always_inline)) void
judge_touches(struct mt_behaviour *it, struct mt_stretch *stretch, bool asides, bool partners)
{
    const struct mt_touch *touch = it->log.touch + mt_spanlog_first(&it->log, stretch->first);
    const struct mt_touch *end = it->log.touch + mt_spanlog_first(&it->log, stretch->last);
    struct mt_life *const lives = it->lives.life;
    const uint32_t number = it->stretches;
    for (; touch < end; touch++) {
        struct mt_life *life = &lives[touch->life];
        if (asides && is_aside(it, touch))
            meet_aside(it, stretch, life);
        else if (life->stretch != number)
            meet_stretch(it, stretch, touch, life);
        if (partners)
            life->partner |= touch->partner;
    }
}

static void judge_stretch(struct mt_behaviour *it, struct mt_stretch *stretch)
{
    it->stretches += 2; /* the number before it is of those who were met aside only */
    if (stretch->phase == MT_PHASE_forward)
        judge_touches(it, stretch, true, false);
    else if (stretch->phase == MT_PHASE_optimizer)
        judge_touches(it, stretch, false, true);
    else
        judge_touches(it, stretch, false, false);
}

void mt_verdicts_stretches(struct mt_behaviour *it)
{
    struct mt_span *span = &it->span;
    span->stretches = 0;
    if (!span->iteration)
        return;
    it->parameter = span->phases.known ? first_parameter(it) : 0;
    for (uint32_t step = 0; step < span->phases.steps; step = span->stretch[span->stretches++].last)
        span->stretch[span->stretches] = mt_phases_stretch(&span->phases, step);
}

/* The phase of what happens before a step, that of the last one behind it. Steps are asked for in
 * their order: `at` is the stretch of the one before, from 0. */
static inline enum mt_phase phase_at(const struct mt_span *span, uint32_t *at, uint32_t step)
{
    while (*at + 1 < span->stretches && step >= span->stretch[*at].last)
        ++*at;
    return *at < span->stretches ? span->stretch[*at].phase : MT_PHASE_none;
}

void mt_verdicts_births(struct mt_behaviour *it)
{
    uint32_t at = 0;
    for (size_t i = 0; i < it->log.births; i++) {
        struct mt_life *life = mt_life_at(&it->lives, it->log.birth[i].life);
        life->birth_phase = (uint8_t)phase_at(&it->span, &at, it->log.birth[i].step);
        if (it->span.phases.step)
            life->birth_step = it->log.birth[i].step;
    }
}

void mt_verdicts_touches(struct mt_behaviour *it)
{
    for (uint32_t i = 0; i < it->span.stretches; i++)
        judge_stretch(it, &it->span.stretch[i]);
}

static uint32_t stretch_of(const struct mt_span *span, uint32_t step)
{
    uint32_t i = 0;
    while (i + 1 < span->stretches && step >= span->stretch[i].last)
        i++;
    return i;
}

/* It outlived the pass that it was born in, though it died in the same phase: of the next
 * micro-batch. */
static bool is_past_pass(const struct mt_behaviour *it, const struct mt_life *life, uint32_t step)
{
    return it->span.phases.step && life->born_span == it->span_serial &&
           stretch_of(&it->span, life->birth_step) != stretch_of(&it->span, step);
}

int mt_verdicts_deaths(struct mt_behaviour *it)
{
    uint64_t length = it->span.end_ns - it->span.start_ns;
    uint32_t at = 0;
    for (size_t i = 0; i < it->log.deaths; i++) {
        uint32_t number = it->log.death[i].life;
        struct mt_life *life = mt_life_at(&it->lives, number);
        life->death_phase = (uint8_t)phase_at(&it->span, &at, it->log.death[i].step);
        life->died_within |= life->death_ns - life->birth_ns < length / 2;
        if (is_past_pass(it, life, it->log.death[i].step))
            life->died_within = false;
        life->rule = (uint8_t)mt_classify(life);
        life->judged = true;
        if (it->listener.judged && !life->segment)
            RETURN_IF_ERROR(it->listener.judged(it->listener.state, number));
        if (life->holders == 0)
            mt_lives_drop(&it->lives, number);
    }
    return 0;
}
