#include "analysis/behaviour/logical.h"

#include <math.h>
#include <string.h>

#include "base/fnv.h"
#include "base/grow.h"

#define NO_KIND                                                                                    \
    (MT_ACCESS_TOUCH + 1u) /* of what stands behind a pattern: no access goes on there */

void mt_logicals_init(struct mt_logicals *it, struct mt_behaviour *behaviour)
{
    const struct mt_rhythm *rhythm = behaviour->run->rhythm;
    memset(it, 0, sizeof *it);
    it->behaviour = behaviour;
    it->n = 1;
    for (size_t i = 0; rhythm && i < rhythm->iterations; i++)
        it->any_steady |= rhythm->iteration[i].steady;
}

void mt_logicals_release(struct mt_logicals *it)
{
    for (uint32_t i = 1; i < it->n; i++)
        free(it->logical[i].beat);
    free(it->logical);
    free(it->follower);
    free(it->young);
    free(it->lasting);
    mt_dict_release(&it->by_place);
    mt_dict_release(&it->by_size);
    free(it->sized);
}

static inline void spread_add(struct mt_spread *spread, double value)
{
    double away = value - spread->mean;
    spread->n++;
    spread->mean += away / spread->n;
    spread->squares += away * (value - spread->mean);
}

static bool push(uint32_t **list, size_t *n, size_t *room, uint32_t item)
{
    if (!MT_ROOM(*list, *n, *room, 256))
        return false;
    (*list)[(*n)++] = item;
    return true;
}

static struct mt_follower *follower_of(struct mt_logicals *it, uint32_t life)
{
    if (life >= it->followers) {
        uint32_t room = it->behaviour->lives.room;
        struct mt_follower *more = realloc(it->follower, room * sizeof *more);
        if (!more)
            return NULL;
        memset(more + it->followers, 0, (room - it->followers) * sizeof *more);
        it->follower = more;
        it->followers = room;
    }
    return &it->follower[life];
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = (a ^ b * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 29;
}

/* A new logical block; 0 where there is no room for it, UINT32_MAX where memory is out. */
static uint32_t add(struct mt_logicals *it, const struct mt_life *life, uint32_t nth)
{
    if (it->n == MT_LOGICALS_MAX) {
        it->dropped++;
        return 0;
    }
    if (!MT_ROOM(it->logical, it->n, it->room, 1024))
        return UINT32_MAX;
    it->logical[it->n] = (struct mt_logical){.size = life->size,
                                             .block = life->id,
                                             .address = life->address,
                                             .device = life->device,
                                             .nth = nth,
                                             .births_in = it->behaviour->begun};
    return it->n++;
}

/* ---- following a life ---- */

static void follow(const struct mt_logicals *it, struct mt_follower *follower, uint32_t number,
                   uint64_t now)
{
    const struct mt_logical *logical = &it->logical[number];
    *follower = (struct mt_follower){
        .last_ns = now, .first_ns = UINT64_MAX, .logical = number, .following = number != 0};
    if (number && logical->fixed)
        follower->next = logical->beat;
}

/* From now on its accesses are counted one by one. */
static void stray(const struct mt_logicals *it, struct mt_follower *follower)
{
    if (follower->next)
        follower->beats = (uint32_t)(follower->next - it->logical[follower->logical].beat);
    follower->next = NULL;
}

static int grow_pattern(struct mt_logical *logical, uint32_t who, uint32_t kind)
{
    if (!MT_ROOM(logical->beat, logical->beats + 1, logical->room, 4))
        return MT_ERR_MEMORY;
    logical->beat[logical->beats++] = (struct mt_beat){who, kind, {0, 0, 0}};
    logical->beat[logical->beats] = (struct mt_beat){.kind = NO_KIND};
    return 0;
}

/* Where a life is touched whose pattern is being made, or that is astray. */
static int take_other(struct mt_logicals *it, struct mt_follower *follower,
                      const struct mt_touch *touch, const struct mt_step *step)
{
    struct mt_logical *logical = &it->logical[follower->logical];
    uint64_t before_ns = follower->last_ns;
    uint32_t at = follower->beats++;
    follower->last_ns = step->time_ns;
    if (follower->first_ns == UINT64_MAX)
        follower->first_ns = step->time_ns;
    if (!logical->fixed)
        RETURN_IF_ERROR(grow_pattern(logical, step->who, touch->kind));
    if (follower->astray)
        return 0;
    if (at >= logical->beats || logical->beat[at].who != step->who ||
        logical->beat[at].kind != touch->kind ||
        mt_model_was_paused(it->behaviour->run->model, before_ns, step->time_ns))
        follower->astray = true;
    else
        spread_add(&logical->beat[at].interval, (double)(int64_t)(step->time_ns - before_ns));
    return 0;
}

/* Where a life is touched that goes on as its pattern does; false where it does not. */
static inline bool take_beat(struct mt_follower *follower, uint32_t kind, uint32_t who,
                             uint64_t now)
{
    struct mt_beat *beat = follower->next;
    if (__builtin_expect(!beat || beat->who != who || beat->kind != kind, 0))
        return false;
    const uint64_t before = follower->last_ns;
    follower->next = beat + 1;
    follower->last_ns = now;
    if (follower->first_ns == UINT64_MAX)
        follower->first_ns = now;
    spread_add(&beat->interval, (double)(int64_t)(now - before));
    return true;
}

static __attribute__((noinline)) int
take_apart(struct mt_logicals *it, const struct mt_touch *touch, const struct mt_step *step)
{
    struct mt_follower *follower = &it->follower[touch->life];
    stray(it, follower);
    return follower->following ? take_other(it, follower, touch, step) : 0;
}

int mt_logicals_logged(struct mt_logicals *it, const struct mt_spanlog *log)
{
    const bool pauses = mt_model_has_pauses(it->behaviour->run->model);
    const struct mt_touch *touch = log->touch, *end;
    const struct mt_step *step = log->step, *const last = step + log->steps;
    struct mt_follower *const followers = it->follower;
    for (; step < last; step++) {
        const uint32_t who = step->who;
        const uint64_t now = step->time_ns;
        end = log->touch + (step + 1 < last ? step[1].touch : log->touches);
        for (; touch < end; touch++)
            if (__builtin_expect(
                    pauses || !take_beat(&followers[touch->life], touch->kind, who, now), 0))
                RETURN_IF_ERROR(take_apart(it, touch, step));
    }
    return 0;
}

/* The life, or the iteration of a lasting one, that began at `start_ns` is over. One of which a
 * part was not seen says nothing. */
static void conclude(struct mt_logicals *it, struct mt_logical *logical,
                     struct mt_follower *follower, uint64_t start_ns, uint64_t end_ns)
{
    bool following = follower->following;
    stray(it, follower);
    follower->following = false;
    if (!following || mt_model_was_paused(it->behaviour->run->model, start_ns, end_ns))
        return;
    logical->lives++;
    logical->exact += !follower->astray && follower->beats == logical->beats;
    logical->fixed = true;
    spread_add(&logical->accesses, follower->beats);
    if (!follower->beats)
        return;
    spread_add(&logical->before, (double)(follower->first_ns - start_ns));
    spread_add(&logical->after, (double)(end_ns - follower->last_ns));
}

/* ---- lives of one iteration ---- */

/* The place of a size, UINT32_MAX where memory is out. */
static uint32_t sized_of(struct mt_logicals *it, const struct mt_life *life)
{
    uint64_t *place = mt_dict_add(&it->by_size, mix(life->size, life->device));
    if (!place || *place)
        return place ? (uint32_t)(*place - 1) : UINT32_MAX;
    if (!MT_ROOM(it->sized, it->sizes, it->sizes_room, 64))
        return UINT32_MAX;
    it->sized[it->sizes] = (struct mt_sized){0, 0};
    *place = ++it->sizes;
    return it->sizes - 1;
}

/* How many of this size were born in this span, with one more. */
static uint32_t count_nth(struct mt_logicals *it, uint32_t place)
{
    struct mt_sized *sized = &it->sized[place];
    if (sized->span != it->behaviour->span_serial)
        *sized = (struct mt_sized){it->behaviour->span_serial, 0};
    return ++sized->births;
}

/* The logical block of a life that begins, 0: there is no room for it, UINT32_MAX where memory is
 * out. Iterations are alike, so the one that came next the last time is tried first. */
static uint32_t logical_of(struct mt_logicals *it, const struct mt_life *life)
{
    uint32_t next = it->last ? it->logical[it->last].next : 0;
    const struct mt_logical *guess = next ? &it->logical[next] : NULL;
    bool known = guess && guess->size == life->size && guess->device == life->device;
    uint32_t sized = known ? guess->sized : sized_of(it, life);
    if (sized == UINT32_MAX)
        return UINT32_MAX;
    uint32_t nth = count_nth(it, sized);
    if (known && guess->nth == nth)
        return next;
    uint64_t *place = mt_dict_add(&it->by_place, mix(mix(life->size, life->device), nth));
    if (!place)
        return UINT32_MAX;
    if (!*place) {
        *place = add(it, life, nth);
        if (*place && *place != UINT32_MAX)
            it->logical[*place].sized = sized;
    }
    return (uint32_t)*place;
}

/* Another life of a logical block begins; false while the first one still makes the pattern. */
static bool join(struct mt_logical *logical, const struct mt_life *life)
{
    if (!logical->fixed && logical->block && logical->block != life->id)
        return false;
    if (!logical->block)
        logical->block = life->id;
    logical->same_address += logical->lives > 0 && logical->address == life->address;
    logical->address = life->address;
    return true;
}

int mt_logicals_born(struct mt_logicals *it, uint32_t number)
{
    struct mt_follower *follower = follower_of(it, number);
    struct mt_life *life = mt_life_at(&it->behaviour->lives, number);
    if (!follower || !push(&it->young, &it->youngs, &it->youngs_room, number))
        return MT_ERR_MEMORY;
    *follower = (struct mt_follower){0};
    life->holders++; /* as long as it stands in a list */
    if (!it->counts)
        return 0;
    uint32_t logical = logical_of(it, life);
    if (logical == UINT32_MAX)
        return MT_ERR_MEMORY;
    life->logical = logical;
    if (!logical)
        return 0;
    if (it->last)
        it->logical[it->last].next = logical;
    it->last = logical;
    if (!join(&it->logical[life->logical], life))
        life->logical = 0;
    else
        follow(it, follower, life->logical, life->birth_ns);
    return 0;
}

int mt_logicals_judged(struct mt_logicals *it, uint32_t number)
{
    const struct mt_life *life = mt_life_at(&it->behaviour->lives, number);
    if (!life->logical)
        return 0;
    struct mt_logical *logical = &it->logical[life->logical];
    if (logical->nth && life->spans)
        return 0; /* of the warm-up: it did not come back */
    if (logical->nth && life->death_ns != UINT64_MAX)
        conclude(it, logical, &it->follower[number], life->birth_ns, life->death_ns);
    logical->rule_of[1] = logical->rule_of[0] == life->rule + 1u ? logical->rule_of[1] + 1 : 1;
    logical->rule_of[0] = life->rule + 1u;
    return 0;
}

/* ---- lives that last ---- */

/* A life does not come back after all: another one may make the pattern. */
static void leave(struct mt_logical *logical, const struct mt_life *life)
{
    if (logical->fixed || logical->block != life->id)
        return;
    logical->block = 0;
    logical->beats = 0;
}

static int become_lasting(struct mt_logicals *it, uint32_t number)
{
    struct mt_life *life = mt_life_at(&it->behaviour->lives, number);
    if (life->logical)
        leave(&it->logical[life->logical], life);
    uint32_t logical = add(it, life, 0);
    if (logical == UINT32_MAX || !push(&it->lasting, &it->lastings, &it->lastings_room, number))
        return MT_ERR_MEMORY;
    stray(it, &it->follower[number]);
    life->logical = it->follower[number].logical = logical;
    return 0;
}

/* Those born before that live on; the list is of the living afterwards. */
static int look_at_young(struct mt_logicals *it)
{
    size_t kept = 0;
    for (size_t i = 0; i < it->youngs; i++) {
        uint32_t number = it->young[i];
        if (!mt_behaviour_lasts(it->behaviour, mt_life_at(&it->behaviour->lives, number)))
            it->young[kept++] = number;
        else
            RETURN_IF_ERROR(become_lasting(it, number));
    }
    it->youngs = kept;
    return 0;
}

int mt_logicals_begun(struct mt_logicals *it, const struct mt_span *span)
{
    it->counts = span->iteration && (span->iteration->steady || !it->any_steady);
    it->span_start_ns = span->start_ns;
    if (span->iteration)
        RETURN_IF_ERROR(look_at_young(it));
    for (size_t i = 0; it->counts && i < it->lastings; i++) {
        struct mt_follower *follower = &it->follower[it->lasting[i]];
        follow(it, follower, follower->logical, span->start_ns);
    }
    return 0;
}

static void drop_dead(struct mt_logicals *it)
{
    struct mt_lives *lives = &it->behaviour->lives;
    size_t kept = 0;
    for (size_t i = 0; i < it->youngs; i++)
        if (mt_life_at(lives, it->young[i])->dead)
            mt_lives_let_go(lives, it->young[i]);
        else
            it->young[kept++] = it->young[i];
    it->youngs = kept;
}

int mt_logicals_span(struct mt_logicals *it, const struct mt_span *span)
{
    struct mt_lives *lives = &it->behaviour->lives;
    size_t kept = 0;
    for (size_t i = 0; i < it->lastings; i++) {
        uint32_t number = it->lasting[i];
        const struct mt_life *life = mt_life_at(lives, number);
        if (it->counts && !life->dead && life->logical)
            conclude(it, &it->logical[life->logical], &it->follower[number], span->start_ns,
                     span->end_ns);
        if (life->dead) /* judged soon: not by this list any more */
            mt_lives_let_go(lives, number);
        else
            it->lasting[kept++] = number;
    }
    it->lastings = kept;
    drop_dead(it);
    return 0;
}

/* Else all that dies in a span of any length would be kept until its end. */
int mt_logicals_parted(struct mt_logicals *it)
{
    drop_dead(it);
    return 0;
}

/* ---- what comes out ---- */

static double deviation(const struct mt_spread *spread)
{
    return spread->n < 2 ? 0 : sqrt(spread->squares / (spread->n - 1));
}

double mt_spread_variation(const struct mt_spread *spread)
{
    return spread->mean > 0 ? deviation(spread) / spread->mean : 0;
}

double mt_logical_variation(const struct mt_logical *logical)
{
    double spread = 0, mean = 0;
    for (uint32_t i = 1; i < logical->beats; i++) {
        const struct mt_spread *interval = &logical->beat[i].interval;
        if (interval->n < 2)
            continue;
        spread += deviation(interval);
        mean += interval->mean;
    }
    return mean > 0 ? spread / mean : 0;
}

void mt_logical_kinds(const struct mt_logical *logical, struct mt_pattern_kinds *kinds)
{
    static const char letter[] = {
        [MT_ACCESS_READ] = 'r', [MT_ACCESS_WRITE] = 'w', [MT_ACCESS_TOUCH] = 't'};
    *kinds = (struct mt_pattern_kinds){{0}, ""};
    for (uint32_t i = 0; i < logical->beats; i++) {
        kinds->count[logical->beat[i].kind]++;
        if (i < MT_KINDS_SHOWN)
            kinds->letters[i] = letter[logical->beat[i].kind];
    }
}

uint64_t mt_logical_signature(const struct mt_logical *logical, const struct mt_logicals *it)
{
    uint64_t sum = MT_FNV_START;
    for (uint32_t i = 0; i < logical->beats; i++) {
        const char *who = mt_behaviour_who(it->behaviour, logical->beat[i].who);
        sum = mix(mt_fnv(sum, who, strlen(who)), logical->beat[i].kind);
    }
    return sum;
}
