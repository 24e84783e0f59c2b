/* Whole walks that a thread made: with what each began, the words of the stack that it read, and
 * what came of it. Where a walk begins as one of them, and the words are as they were, it would
 * come to the same: a step depends on nothing else (native.c). */
#ifndef MT_RECALL_H
#define MT_RECALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MT_RECALL_WALKS 256
#define MT_RECALL_FORKS 2048 /* a power of 2 */
#define MT_RECALL_WORDS 112u /* that a walk read; one that read more is not kept */
#define MT_RECALL_MET 512    /* a power of 2 */

/* One state of a walk: the registers in a function. */
struct mt_walked_state {
    uintptr_t pc, sp, bp;
    uintptr_t saved; /* where the caller's frame pointer lies, or MT_WALKED_... */
};
#define MT_WALKED_BY_BP (UINT64_C(1) << 63) /* beside it: the step was reckoned from bp */
#define MT_WALKED_SAME 0                    /* it is the same */
#define MT_WALKED_NOT_PLAIN 1               /* the step read other words, or was the last */

/* With what a walk begins. */
struct mt_recall_start {
    uintptr_t pc, sp, bp;
    uint64_t hash;
    bool (*stop)(uintptr_t address);
    uint32_t generation, most;
};

/* What came of it. */
struct mt_recall_end {
    uint64_t hash;
    uint32_t frames;
};

/* Zeros at first. */
struct mt_recall {
    uint64_t met[MT_RECALL_MET]; /* walks that were made once, by their hashes */
    uint32_t used, turn;
    /* A tree, each node found by a hash of the way to it: walks that begin alike part at a word of
     * the stack, and what that word says leads on. */
    _Alignas(64) struct mt_recall_fork {
        uint64_t key;    /* 0: free */
        uint32_t offset; /* of the word, from the stack pointer */
        uint32_t walk;   /* 1 + number of the only walk that comes here, 0: they part here */
    } fork[MT_RECALL_FORKS];
    struct mt_recalled {
        struct mt_recall_start start;
        struct mt_recall_end end;
        uint64_t key;                     /* of the fork that leads here, 0: none */
        uintptr_t top;                    /* where the words end */
        uint32_t words;                   /* how many, a multiple of 4 */
        bool by_bp;                       /* the frame pointer that it began with led somewhere */
        uint32_t offset[MT_RECALL_WORDS]; /* from the stack pointer */
        uint64_t value[MT_RECALL_WORDS];
    } walk[MT_RECALL_WALKS];
};

/* What comes of a walk that begins so, NULL where that is not known. The stack can be read from
 * start->sp up to `high`. */
const struct mt_recall_end *mt_recall_find(struct mt_recall *recall,
                                           const struct mt_recall_start *start, uintptr_t high);

/* Keep a walk, from the second time on that it is made: its states, the first one's registers being
 * those of `start`. The last state must follow from the words that led to it, which are still on
 * the stack, readable up to `high`. */
void mt_recall_keep(struct mt_recall *recall, const struct mt_recall_start *start,
                    const struct mt_recall_end *end, const struct mt_walked_state *state,
                    uint32_t states, uintptr_t high);

#endif
