/* Who hears what while nobody looks closely. */
#include "model/model_state.h"

#include <stdlib.h>

#define HEARD(X) X(births) X(accesses) X(touches) X(launches) X(usages) X(resizes)

void mt_looks_note(struct mt_model *model, bool all)
{
#define NOTE(name) *(all ? &model->name.all : &model->name.few) = model->name.n;
    HEARD(NOTE)
#undef NOTE
}

static int compare_ids(const void *a, const void *b)
{
    const struct mt_block *const *left = a, *const *right = b;
    return (*left)->id < (*right)->id ? -1 : (*left)->id > (*right)->id;
}

static void tell_late(struct mt_model *model, const struct mt_block *block)
{
    const struct mt_calls *births = &model->births;
    for (size_t i = births->few; i < births->all; i++)
        mt_model_note(model, births->call[i].block(births->call[i].state, block));
}

static int tell_missed(struct mt_model *model)
{
    struct mt_block **missed = malloc((model->slots + 1) * sizeof *missed);
    size_t n = 0;
    if (!missed)
        return MT_ERR_MEMORY;
    for (uint32_t slot = 0; slot < model->slots; slot++) {
        struct mt_block *block = &model->block[slot];
        if (block->state == MT_STATE_TOLD && block->unheard && block->level != MT_LEVEL_HOST)
            missed[n++] = block;
    }
    qsort(missed, n, sizeof(struct mt_block *), compare_ids);
    for (size_t i = 0; i < n; i++) {
        missed[i]->unheard = false;
        tell_late(model, missed[i]);
    }
    free(missed);
    return model->status;
}

int mt_model_look(struct mt_model *model, bool closely)
{
    bool back = closely && model->away;
#define SET(name) model->name.n = closely ? model->name.all : model->name.few;
    HEARD(SET)
#undef SET
    model->away = !closely;
    return back ? tell_missed(model) : 0;
}
