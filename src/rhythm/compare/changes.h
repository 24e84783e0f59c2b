/* Where iterations differ from their reference, counted by place and kind of difference. */
#ifndef MT_CHANGES_H
#define MT_CHANGES_H

#include "rhythm/compare/align.h"

#define MT_CHANGES_NOTES 6u

struct mt_changes {
    struct mt_symkeys keys;
    struct mt_instability *change;
    uint32_t changes, room;
    uint32_t reference;                     /* that the iteration at hand is compared with */
    uint32_t note[MT_CHANGES_NOTES], notes; /* the changes noted of it; there may be more */
};

/* An mt_differs; its context is a struct mt_changes. Of very many differences the late ones are not
 * kept. */
int mt_changes_note(void *changes, uint32_t thread, uint32_t position,
                    const struct mt_sym *expected, const struct mt_sym *found);

/* Begin an iteration; and note of it the same as of another one that was the same. */
void mt_changes_begin(struct mt_changes *changes, uint32_t reference);
void mt_changes_repeat(struct mt_changes *changes, const uint32_t *note, uint32_t notes);

/* Hands the most frequent ones over to the rhythm. */
void mt_changes_tell(struct mt_changes *changes, struct mt_rhythm *rhythm);

void mt_changes_release(struct mt_changes *changes);

#endif
