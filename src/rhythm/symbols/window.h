/* The symbols at hand: a stretch of the trace, in the order of delivery and thread by thread.
 *
 * Positions count symbols in the order of delivery, ranks the same symbols sorted by thread and
 * within a thread by position. */
#ifndef MT_WINDOW_H
#define MT_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "rhythm/symbols/symtab.h"

/* Where a gram stands in a window: how often, and the first and the last rank at which it ends. */
struct mt_spread {
    uint32_t count, first, last;
};

/* Every gram of a window by number, from 0 as they come; see grams.h. */
struct mt_numbering {
    uint32_t length; /* 0: not made */
    bool bare;
    uint32_t grams;
    const uint32_t *id; /* by the rank at which a gram ends; UINT32_MAX where a thread is too short,
                           and at length - 1 ranks behind the last */
    uint32_t *own;      /* id, unless symbols are numbers of grams */
    struct mt_spread *spread; /* by number */
};

#define MT_NUMBERINGS 6u

#define MT_WINDOW_FIRST (1u << 20) /* symbols that are searched first, where there are so many */

struct mt_window {
    struct mt_symtab table;
    uint32_t *sym; /* by position */
    uint64_t *time_ns, *event;
    uint32_t n, room;
    uint32_t behind; /* positions from n on that are there, too, while the first n are looked at */
    /* Made by mt_window_sort. */
    uint32_t *order;        /* position by rank */
    uint32_t *ranked;       /* symbol by rank */
    uint32_t *thread_begin; /* first rank of each thread; one more at the end */
    uint32_t threads;
    uint32_t sorted_room;
    /* Made by mt_window_hash from these. */
    uint32_t *rank;    /* by position */
    uint16_t *trigram; /* by position: the last three bare symbols of its thread, hashed; numbers
                          from 0 as they come */
    /* Made when they are asked for, and void when it is sorted anew. */
    struct mt_numbering *numbering; /* MT_NUMBERINGS of them */
};

int mt_window_add(struct mt_window *window, const struct mt_symbol *symbol, size_t n);

/* Add what another one holds from position `begin` on; `merged`: all as of one thread. */
int mt_window_take(struct mt_window *window, const struct mt_window *from, uint32_t begin,
                   bool merged);

int mt_window_sort(struct mt_window *window);
int mt_window_hash(struct mt_window *window);
void mt_window_drop(struct mt_window *window, uint32_t n); /* the first n positions */
void mt_window_release(struct mt_window *window);

/* The first rank of a thread at or behind a position. Takes longer the farther it is from `near`,
 * which may be any rank. */
uint32_t mt_window_rank_from(const struct mt_window *window, uint32_t thread, uint32_t position,
                             uint32_t near);

#define MT_TRIGRAMS (1u << 16)

static inline const struct mt_sym *mt_window_sym(const struct mt_window *window, uint32_t position)
{
    return &window->table.sym[window->sym[position]];
}

static inline const struct mt_sym *mt_window_ranked(const struct mt_window *window, uint32_t rank)
{
    return &window->table.sym[window->ranked[rank]];
}

#endif
