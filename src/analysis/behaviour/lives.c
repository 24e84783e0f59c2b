#include "analysis/behaviour/lives.h"

#include <string.h>

static bool make_room(struct mt_lives *lives)
{
    uint32_t room = lives->room ? lives->room * 2 : 1024;
    struct mt_life *life = aligned_alloc(_Alignof(struct mt_life), room * sizeof *life);
    if (!life)
        return false;
    if (lives->n)
        memcpy(life, lives->life, lives->n * sizeof *life);
    free(lives->life);
    lives->life = life;
    uint32_t *spare = realloc(lives->spare, room * sizeof *spare);
    if (!spare)
        return false;
    lives->spare = spare;
    lives->room = room;
    if (lives->n == 0) {
        memset(life, 0, sizeof *life);
        life[lives->n++].size = UINT64_MAX; /* of no block */
    }
    return true;
}

void mt_lives_release(struct mt_lives *lives)
{
    free(lives->life);
    free(lives->spare);
    mt_slots_release(&lives->slots);
    memset(lives, 0, sizeof *lives);
}

static uint32_t take(struct mt_lives *lives)
{
    if (lives->spares)
        return lives->spare[--lives->spares];
    if (lives->n == lives->room && !make_room(lives))
        return 0;
    return lives->n++;
}

/* Line by line: compilers take a string instruction for so much at once, and that takes a processor
 * as long to begin as the rest of a birth. */
static inline void blank(struct mt_life *life)
{
    typedef uint64_t line __attribute__((vector_size(64)));
    line *at = (line *)(void *)life;
    _Static_assert(sizeof *life == 3 * sizeof *at, "a life takes three lines");
    at[0] = at[1] = at[2] = (line){0};
}

uint32_t mt_lives_begin(struct mt_lives *lives, const struct mt_block *block)
{
    uint32_t *place = mt_slots_at(&lives->slots, block->slot, sizeof *place);
    uint32_t number = place ? take(lives) : 0;
    if (!number)
        return 0;
    *place = number;
    struct mt_life *life = &lives->life[number];
    blank(life);
    life->id = block->id;
    life->address = block->address;
    life->size = block->size;
    life->birth_ns = block->birth_ns;
    life->death_ns = UINT64_MAX;
    life->device = block->device;
    life->stack = block->stack;
    life->serial = ++lives->births;
    return number;
}

void mt_lives_drop(struct mt_lives *lives, uint32_t number)
{
    lives->spare[lives->spares++] = number;
}
