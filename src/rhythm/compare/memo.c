#include "rhythm/compare/memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

#define SHORT 64u       /* symbols: to compare longer ones takes no more than to hash them */
#define MEMOS_MAX 4096u /* stay in the second cache */

uint32_t mt_memos_look(struct mt_memos *memos, const struct mt_window *window,
                       struct mt_stretch stretch, uint64_t state, bool *known)
{
    *known = false;
    if (stretch.end - stretch.begin > SHORT)
        return MT_MEMO_NONE;
    uint64_t hash = mt_sym_mix(state, stretch.end - stretch.begin);
    for (uint32_t i = stretch.begin; i < stretch.end; i++)
        hash = mt_sym_mix(hash, window->sym[i]);
    if (memos->memos == MEMOS_MAX) {
        uint32_t id = mt_symkeys_find(&memos->keys, hash);
        *known = id != MT_SYM_NONE;
        return *known ? id : MT_MEMO_NONE;
    }
    if (!MT_ROOM(memos->memo, memos->memos, memos->room, 64))
        return MT_MEMO_NONE;
    uint32_t id = mt_symkeys_add(&memos->keys, hash, memos->memos);
    if (id == MT_SYM_NONE)
        return MT_MEMO_NONE;
    *known = id < memos->memos;
    memos->memos += !*known;
    return id;
}

void mt_memos_release(struct mt_memos *memos)
{
    mt_symkeys_release(&memos->keys);
    free(memos->memo);
    memset(memos, 0, sizeof *memos);
}
