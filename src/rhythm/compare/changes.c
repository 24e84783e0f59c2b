#include "rhythm/compare/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/grow.h"

#define CHANGES_MAX (1u << 17)
#define TOLD 200u

static struct mt_rhythm_symbol symbol_of(const struct mt_sym *sym)
{
    if (!sym)
        return (struct mt_rhythm_symbol){0};
    return (struct mt_rhythm_symbol){.kind = sym->kind, .what = sym->what, .size = sym->size};
}

static enum mt_change change_of(const struct mt_sym *expected, const struct mt_sym *found)
{
    if (!expected)
        return MT_CHANGE_EXTRA;
    if (!found)
        return MT_CHANGE_MISSING;
    return expected->bare == found->bare ? MT_CHANGE_SIZE : MT_CHANGE_OTHER;
}

int mt_changes_note(void *context, uint32_t thread, uint32_t position,
                    const struct mt_sym *expected, const struct mt_sym *found)
{
    struct mt_changes *changes = context;
    enum mt_change change = change_of(expected, found);
    uint64_t hash = mt_sym_mix((uint64_t)thread << 32 | position, change);
    hash = mt_sym_mix(hash, changes->reference);
    if (change == MT_CHANGE_EXTRA) /* several may stand before one position */
        hash = mt_sym_mix(hash, found->bare);
    if (changes->changes == CHANGES_MAX)
        return 0;
    if (!MT_ROOM(changes->change, changes->changes, changes->room, 256))
        return MT_ERR_MEMORY;
    uint32_t id = mt_symkeys_add(&changes->keys, hash, changes->changes);
    if (id == MT_SYM_NONE)
        return MT_ERR_MEMORY;
    if (id == changes->changes)
        changes->change[changes->changes++] = (struct mt_instability){
            .thread = thread,
            .reference = changes->reference,
            .position = position,
            .change = change,
            .expected = symbol_of(expected),
            .found = symbol_of(found),
        };
    changes->change[id].iterations++;
    if (changes->notes < MT_CHANGES_NOTES)
        changes->note[changes->notes] = id;
    changes->notes++;
    return 0;
}

void mt_changes_begin(struct mt_changes *changes, uint32_t reference)
{
    changes->reference = reference;
    changes->notes = 0;
}

void mt_changes_repeat(struct mt_changes *changes, const uint32_t *note, uint32_t notes)
{
    if (changes->changes == CHANGES_MAX)
        return;
    for (uint32_t i = 0; i < notes; i++)
        changes->change[note[i]].iterations++;
}

static int more_frequent(const void *one, const void *other)
{
    const struct mt_instability *a = one, *b = other;
    if (a->iterations != b->iterations)
        return a->iterations > b->iterations ? -1 : 1;
    if (a->thread != b->thread)
        return a->thread < b->thread ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

void mt_changes_tell(struct mt_changes *changes, struct mt_rhythm *rhythm)
{
    if (changes->changes)
        qsort(changes->change, changes->changes, sizeof *changes->change, more_frequent);
    rhythm->instability = changes->change;
    rhythm->instabilities = changes->changes < TOLD ? changes->changes : TOLD;
    changes->change = NULL;
    changes->changes = changes->room = 0;
}

void mt_changes_release(struct mt_changes *changes)
{
    mt_symkeys_release(&changes->keys);
    free(changes->change);
    memset(changes, 0, sizeof *changes);
}
