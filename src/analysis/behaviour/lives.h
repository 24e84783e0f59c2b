/* What is known of a block while its role is being found: from its birth until the end of the
 * iteration in which it dies, or longer for those that somebody holds on to.
 *
 * Lives are named by small numbers, which are used again; 0 is none. */
#ifndef MT_LIVES_H
#define MT_LIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"
#include "analysis/measures/slots.h"

/* Why a block may be input, by its first access. */
enum mt_origin {
    MT_ORIGIN_other,
    MT_ORIGIN_host,
    MT_ORIGIN_alone,
    MT_ORIGIN_input,
    MT_ORIGIN_weights,  /* of lasting blocks, or others made of such, alone */
    MT_ORIGIN_gathered, /* of what an all-gather of weights wrote, alone */
};

/* What collectives did to it: bits of mt_life.wire. */
enum mt_wire {
    MT_WIRE_LAST = 1,     /* the last access was one of theirs */
    MT_WIRE_GATHERED = 2, /* an all-gather of weights wrote it */
    MT_WIRE_USED = 4,     /* and a kernel used it beside what had been in use before */
};

/* Who has it, as far as is known without any access. */
enum mt_asker {
    MT_ASKER_other,
    MT_ASKER_collectives, /* a library of collectives took it from the driver */
    MT_ASKER_products,    /* one of products */
    MT_ASKER_handed,      /* it was handed out right after that */
    MT_ASKER_peer,        /* another process: its memory is mapped here */
};

/* Shards of a model, brought together and taken apart. */
enum mt_shard { MT_SHARD_none, MT_SHARD_weight, MT_SHARD_gradient };

/* Three cache lines: what an access changes, what the end of a span asks for, and the rest. */
struct mt_life {
    uint64_t size;
    uint64_t first_ns, last_ns;               /* meaningful if accesses > 0 */
    uint32_t accesses, products, collectives; /* of which by such kernels, or sets as of products;
                                                 they saturate */
    uint32_t first_span, first_step;          /* where its first access stands in the log */
    uint32_t host_spans, span;                /* spans in which the host wrote it; the last such */
    uint32_t born_in;                         /* iterations that had begun before its birth */
    uint32_t born_span;
    uint8_t birth_phase;
    uint8_t origin;  /* enum mt_origin */
    uint8_t wire;    /* enum mt_wire */
    bool size_lasts; /* lasting blocks have had its size */

    uint32_t phase_spans[4]; /* spans in which a phase touched it */
    uint32_t phase_span[4];  /* the last of them */
    uint32_t stretch;        /* number of the last one that touched it, see mt_stretch */
    uint32_t logical;        /* which pattern it follows, 0: none */
    uint32_t device;
    uint32_t stack;  /* who asked for it, 0: not recorded */
    uint32_t serial; /* of births, to tell who lived at a time */
    uint8_t touched; /* a bit for each phase */
    uint8_t last_phase, death_phase;
    uint8_t rule;    /* enum mt_rule; meaningful if judged */
    uint8_t holders; /* who still needs it when it is dead */
    bool partner, early, born_within, died_within, dead, judged, segment;
    /* partner: the optimizer touched it beside a lasting block of its size; early: first accessed
     * before the first parameter; born_within: in an iteration; died_within: in that one, or soon
     */

    uint64_t id, address, birth_ns, death_ns; /* UINT64_MAX: alive at the end */
    uint32_t spans;      /* whole iterations it lived through; known at its death */
    uint8_t asker;       /* enum mt_asker */
    uint32_t birth_step; /* meaningful in an iteration of several micro-batches */
    uint8_t shard;       /* enum mt_shard */
    bool setup;          /* it died before the first iteration */
    uint32_t part_spans; /* spans in which the host wrote a small part of it first */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct mt_life) == 192, "a life takes three cache lines");
_Static_assert(offsetof(struct mt_life, phase_spans) == 64, "the second begins there");

struct mt_lives {
    struct mt_life *life;
    uint32_t *spare;
    uint32_t n, room, spares;
    uint32_t births;
    struct mt_slots slots; /* of live blocks: number of their life */
};

void mt_lives_release(struct mt_lives *lives); /* one of zeros is empty */

/* The life that begins; 0 where memory is out. Pointers to lives are good until the next birth. */
uint32_t mt_lives_begin(struct mt_lives *lives, const struct mt_block *block);

/* Give a number back. */
void mt_lives_drop(struct mt_lives *lives, uint32_t number);

/* The life of a live block, 0 if it has none. */
static inline uint32_t mt_lives_of(const struct mt_lives *lives, const struct mt_block *block)
{
    return block->slot < lives->slots.room ? ((uint32_t *)(void *)lives->slots.place)[block->slot]
                                           : 0;
}

static inline struct mt_life *mt_life_at(const struct mt_lives *lives, uint32_t number)
{
    return &lives->life[number];
}

/* Somebody needs it no longer. */
static inline void mt_lives_let_go(struct mt_lives *lives, uint32_t number)
{
    struct mt_life *life = &lives->life[number];
    if (--life->holders == 0 && life->dead && life->judged)
        mt_lives_drop(lives, number);
}

#endif
