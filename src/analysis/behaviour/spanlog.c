#include "analysis/behaviour/spanlog.h"

#include <stdlib.h>

void mt_spanlog_release(struct mt_spanlog *log)
{
    free(log->step);
    free(log->touch);
    free(log->birth);
    free(log->death);
    free(log->size);
    *log = (struct mt_spanlog){0};
}

void mt_spanlog_clear(struct mt_spanlog *log)
{
    if (log->doubt)
        log->left = 0;
    else if (log->steps > log->left)
        log->left = log->steps;
    log->doubt = false;
    log->repeated = 0;
    log->steps = log->touches = log->births = log->deaths = 0;
}

/* Room for `n` of `size` bytes; the array, moved perhaps, or NULL. */
static void *grow(void *array, size_t n, size_t *room, size_t size)
{
    size_t more = *room ? *room : 1024;
    while (more < n)
        more *= 2;
    void *moved = realloc(array, more * size);
    if (moved)
        *room = more;
    return moved;
}

static bool grow_sizes(struct mt_spanlog *log)
{
    size_t room = log->touches_room < MT_SPAN_SIZES ? log->touches_room : MT_SPAN_SIZES;
    uint64_t *size = room > log->sizes ? realloc(log->size, room * sizeof *size) : log->size;
    if (!size)
        return false;
    log->size = size;
    log->sizes = room;
    return true;
}

bool mt_spanlog_grow(struct mt_spanlog *log, size_t touches)
{
    void *step = grow(log->step, log->steps + 1, &log->steps_room, sizeof *log->step);
    if (!step)
        return false;
    log->step = step;
    void *touch = grow(log->touch, log->touches + touches, &log->touches_room, sizeof *log->touch);
    if (!touch)
        return false;
    log->touch = touch;
    return grow_sizes(log);
}
