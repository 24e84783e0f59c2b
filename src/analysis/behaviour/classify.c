#include "analysis/behaviour/classify.h"

#define PRODUCT_SCRATCH_ACCESSES 4u
#define BIT(phase) (1u << MT_PHASE_##phase)

/* Of the spans in which anything with a phase touched it, the most that one phase did. */
static uint32_t busiest(const struct mt_life *life)
{
    uint32_t most = 0;
    for (unsigned phase = MT_PHASE_forward; phase < MT_PHASES; phase++)
        most = life->phase_spans[phase] > most ? life->phase_spans[phase] : most;
    return most;
}

/* In most of its iterations: the first ones, in which the optimizer makes its state, mislead. */
static bool is_used_in(const struct mt_life *life, enum mt_phase phase)
{
    return life->phase_spans[phase] * 2 > busiest(life);
}

/* Weights are filled by something before a product uses them; a workspace is not. */
static bool is_scratch(const struct mt_life *life)
{
    return life->products == life->accesses;
}

static bool is_most(uint32_t spans, const struct mt_life *life)
{
    return spans > 1 && spans * 2 > life->spans;
}

static enum mt_rule classify_lasting(const struct mt_life *life)
{
    if (!life->accesses)
        return life->asker == MT_ASKER_handed ? MT_RULE_handed_to_library
               : life->asker == MT_ASKER_peer ? MT_RULE_peer
                                              : MT_RULE_lasting_untouched;
    if (life->collectives == life->accesses)
        return MT_RULE_lasting_collective;
    if (is_most(life->host_spans, life))
        return MT_RULE_lasting_host_written;
    if (is_most(life->part_spans, life))
        return MT_RULE_lasting_pool;
    if (busiest(life) == 0)
        return life->phase_spans[MT_PHASE_none] ? MT_RULE_lasting_no_phases
                                                : MT_RULE_lasting_outside;
    bool forward = is_used_in(life, MT_PHASE_forward);
    bool backward = is_used_in(life, MT_PHASE_backward);
    if (is_used_in(life, MT_PHASE_optimizer))
        return forward    ? MT_RULE_lasting_trained
               : backward ? MT_RULE_lasting_gradient
                          : MT_RULE_lasting_optimizer;
    if (life->collectives && backward && !forward)
        return MT_RULE_lasting_bucket;
    return is_scratch(life) ? MT_RULE_lasting_scratch : MT_RULE_lasting_untrained;
}

static bool is_one_phase(const struct mt_life *life)
{
    return (life->touched & (life->touched - 1)) == 0;
}

static enum mt_rule classify_touched(const struct mt_life *life)
{
    bool optimizer = life->touched & BIT(optimizer);
    if (life->partner && life->birth_phase != MT_PHASE_optimizer)
        return MT_RULE_stepped;
    if (life->birth_phase == MT_PHASE_backward && optimizer)
        return MT_RULE_to_optimizer;
    if (life->birth_phase == MT_PHASE_forward && life->last_phase == MT_PHASE_backward)
        return MT_RULE_saved;
    if (life->birth_phase == MT_PHASE_forward && !optimizer &&
        (life->death_phase != MT_PHASE_forward || !life->died_within))
        return MT_RULE_kept;
    if (!is_one_phase(life))
        return MT_RULE_other;
    return is_scratch(life) && life->accesses <= PRODUCT_SCRATCH_ACCESSES ? MT_RULE_product_scratch
                                                                          : MT_RULE_one_phase;
}

static bool is_input(const struct mt_life *life, enum mt_origin origin)
{
    return life->origin == origin && (life->early || !life->touched) &&
           !(life->touched & BIT(optimizer));
}

static enum mt_rule classify_brief(const struct mt_life *life)
{
    if (life->origin == MT_ORIGIN_gathered || life->shard == MT_SHARD_weight)
        return MT_RULE_unsharded;
    if (!life->accesses)
        return MT_RULE_untouched;
    if (life->collectives == life->accesses)
        return MT_RULE_collective;
    if (life->wire & MT_WIRE_GATHERED && life->wire & MT_WIRE_USED)
        return MT_RULE_gathered;
    if (life->wire & (MT_WIRE_LAST | MT_WIRE_GATHERED))
        return MT_RULE_staged;
    if (life->shard == MT_SHARD_gradient && life->birth_phase == MT_PHASE_backward)
        return MT_RULE_unsharded_gradient;
    if (life->setup)
        return MT_RULE_setup;
    if (life->origin == MT_ORIGIN_host && !(life->touched & BIT(optimizer)))
        return MT_RULE_host_written;
    if (is_input(life, MT_ORIGIN_alone) && life->touched)
        return MT_RULE_made_first;
    if (is_input(life, MT_ORIGIN_input))
        return MT_RULE_input_cast;
    if (life->touched)
        return classify_touched(life);
    return life->born_within ? MT_RULE_no_phases : MT_RULE_outside;
}

enum mt_rule mt_classify(const struct mt_life *life)
{
    if (life->asker == MT_ASKER_collectives)
        return MT_RULE_library_collective;
    if (life->asker == MT_ASKER_products)
        return MT_RULE_library_product;
    return life->spans > 0 ? classify_lasting(life) : classify_brief(life);
}
