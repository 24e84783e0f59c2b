#include "analysis/behaviour/peakset.h"

#include "base/grow.h"

void mt_peakset_release(struct mt_peakset *set)
{
    free(set->life);
    *set = (struct mt_peakset){0};
}

/* What was held is of a smaller sum. */
void mt_peakset_rise(struct mt_peakset *set, struct mt_behaviour *behaviour,
                     const struct mt_usage *usage, uint64_t time_ns)
{
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

bool mt_peakset_hold(struct mt_peakset *set, struct mt_behaviour *behaviour, uint32_t life)
{
    if (!MT_ROOM(set->life, set->lives, set->room, 1024))
        return false;
    set->life[set->lives++] = life;
    mt_life_at(&behaviour->lives, life)->holders++;
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

/* ---- who held the most ---- */

/* Blocks are added up by their sites, or those of one site by their stacks. */
struct adding {
    struct mt_stacks *stacks;
    bool by_stack;
    uint32_t site;
    struct mt_dict bytes;
};

/* False if the block does not count. */
static bool key_of(const struct adding *adding, const struct mt_life *life, uint64_t *key)
{
    uint32_t site = life->stack ? mt_stacks_site(adding->stacks, life->stack) : MT_NO_SITE;
    *key = adding->by_stack ? life->stack : site;
    return site != MT_NO_SITE && (!adding->by_stack || site == adding->site);
}

/* The first block of the key with the most bytes, NULL if no block counts. */
static bool find_most(struct adding *adding, const struct mt_peakset *set,
                      const struct mt_lives *lives, const struct mt_life **most)
{
    uint64_t key, best = 0;
    for (size_t i = 0; i < set->lives; i++) {
        const struct mt_life *life = mt_life_at(lives, set->life[i]);
        if (!key_of(adding, life, &key))
            continue;
        uint64_t *bytes = mt_dict_add(&adding->bytes, key);
        if (!bytes)
            return false;
        *bytes += life->size;
    }
    for (size_t i = 0; i < set->lives; i++) {
        const struct mt_life *life = mt_life_at(lives, set->life[i]);
        if (!key_of(adding, life, &key) || *mt_dict_find(&adding->bytes, key) <= best)
            continue;
        best = *mt_dict_find(&adding->bytes, key);
        *most = life;
    }
    return true;
}

static void add_up(const struct adding *adding, const struct mt_peakset *set,
                   const struct mt_lives *lives, struct mt_peaksite *site)
{
    uint64_t key;
    for (size_t i = 0; i < set->lives; i++) {
        const struct mt_life *life = mt_life_at(lives, set->life[i]);
        if (!key_of(adding, life, &key))
            continue;
        site->bytes += life->size;
        site->blocks++;
    }
}

bool mt_peakset_site(const struct mt_peakset *set, const struct mt_lives *lives,
                     struct mt_stacks *stacks, struct mt_peaksite *site)
{
    struct adding sites = {.stacks = stacks};
    struct adding of_site = {.stacks = stacks, .by_stack = true};
    const struct mt_life *most = NULL;
    *site = (struct mt_peaksite){0};
    bool ok = find_most(&sites, set, lives, &most);
    if (ok && most) {
        of_site.site = mt_stacks_site(stacks, most->stack);
        ok = find_most(&of_site, set, lives, &most);
        add_up(&of_site, set, lives, site);
        site->stack = most->stack;
    }
    mt_dict_release(&sites.bytes);
    mt_dict_release(&of_site.bytes);
    return ok;
}
