#include "analysis/behaviour/spanlog.h"

#include <stdlib.h>

void mt_spanlog_release(struct mt_spanlog *log)
{
    free(log->step);
    free(log->touch);
    free(log->birth);
    free(log->death);
    *log = (struct mt_spanlog){0};
}

void mt_spanlog_clear(struct mt_spanlog *log)
{
    log->steps = log->touches = log->births = log->deaths = 0;
}

/* Room for one more of `size` bytes; the array, moved perhaps, or NULL. */
static void *grow(void *array, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return array;
    size_t more = *room ? *room * 2 : 1024;
    void *moved = realloc(array, more * size);
    if (moved)
        *room = more;
    return moved;
}

#define APPEND(log, what, item)                                                                    \
    do {                                                                                           \
        void *array =                                                                              \
            grow((log)->what, (log)->what##s, &(log)->what##s_room, sizeof *(log)->what);          \
        if (!array)                                                                                \
            return false;                                                                          \
        (log)->what = array;                                                                       \
        (log)->what[(log)->what##s++] = (item);                                                    \
        return true;                                                                               \
    } while (0)

bool mt_spanlog_step(struct mt_spanlog *log, const struct mt_step *step)
{
    APPEND(log, step, *step);
}

bool mt_spanlog_grow_touches(struct mt_spanlog *log)
{
    void *array = grow(log->touch, log->touches, &log->touches_room, sizeof *log->touch);
    if (!array)
        return false;
    log->touch = array;
    return true;
}

bool mt_spanlog_birth(struct mt_spanlog *log, uint32_t life)
{
    APPEND(log, birth, ((struct mt_turn){life, (uint32_t)log->steps}));
}

bool mt_spanlog_death(struct mt_spanlog *log, uint32_t life)
{
    APPEND(log, death, ((struct mt_turn){life, (uint32_t)log->steps}));
}
