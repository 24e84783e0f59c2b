/* Where iterations differ from their reference, counted by place and kind of difference. */
#ifndef MT_CHANGES_H
#define MT_CHANGES_H

#include "rhythm/compare/align.h"

struct mt_changes {
    struct mt_symkeys keys;
    struct mt_instability *change;
    uint32_t changes, room;
    uint32_t reference; /* that the iteration at hand is compared with */
};

/* An mt_differs; its context is a struct mt_changes. Of very many differences the late ones are not
 * kept. */
int mt_changes_note(void *changes, uint32_t thread, uint32_t position,
                    const struct mt_sym *expected, const struct mt_sym *found);

/* Hands the most frequent ones over to the rhythm. */
void mt_changes_tell(struct mt_changes *changes, struct mt_rhythm *rhythm);

void mt_changes_release(struct mt_changes *changes);

#endif
