/* What launches and other accesses have in common for who watches blocks. */
#ifndef MT_NOTING_H
#define MT_NOTING_H

#include "analysis/behaviour/behaviour.h"

/* What the optimizer made in the first iteration and kept is its state, though it has outlived
 * nothing yet. Later this must not be asked: an error would feed itself. */
static inline bool mt_is_lasting(const struct mt_behaviour *it, const struct mt_life *life)
{
    return life->born_in < it->over + (it->over == 0) ||
           (it->over == 1 && life->birth_phase == MT_PHASE_optimizer &&
            life->born_span != it->span_serial);
}

static inline void mt_add_one(uint32_t *count)
{
    *count += *count < UINT32_MAX;
}

/* What an access of any kind changes. */
static inline void mt_note_access(struct mt_behaviour *it, struct mt_life *life, uint64_t time_ns)
{
    if (life->accesses == 0) {
        life->first_ns = time_ns;
        life->first_span = it->span_serial;
        life->first_step = (uint32_t)it->log.steps;
    }
    life->last_ns = time_ns;
    mt_add_one(&life->accesses);
}

static inline uint64_t mt_allocated_on(const struct mt_behaviour *it, uint32_t device)
{
    return it->run->model ? mt_model_usage(it->run->model, device)->allocated : 0;
}

/* Where the log is full its span is judged in parts. */
int mt_behaviour_check(struct mt_behaviour *it);

#endif
