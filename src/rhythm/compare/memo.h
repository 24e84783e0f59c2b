/* How short iterations compare, remembered by what they hold: where iterations are a few events,
 * there are many of them and few different ones. */
#ifndef MT_MEMO_H
#define MT_MEMO_H

#include "rhythm/compare/changes.h"

#define MT_MEMO_NONE UINT32_MAX

/* What came of comparing one iteration. */
struct mt_memo {
    struct mt_likeness likeness; /* last: counted from where the iteration begins */
    double share;                /* of kinds */
    uint8_t best;                /* reference */
    bool noted;                  /* changes of it are known, and few */
    uint32_t note[MT_CHANGES_NOTES], notes;
};

struct mt_memos {
    struct mt_symkeys keys;
    struct mt_memo *memo;
    uint32_t memos, room;
};

/* Number of the memo of a stretch, compared in the given state of affairs (which references there
 * are, and with which one it is compared first). *known: it was filled before; else the caller has
 * to. MT_MEMO_NONE: none is kept of it. */
uint32_t mt_memos_look(struct mt_memos *memos, const struct mt_window *window,
                       struct mt_stretch stretch, uint64_t state, bool *known);

void mt_memos_release(struct mt_memos *memos);

#endif
