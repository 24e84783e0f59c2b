/* Where about the first iteration begins. */
#ifndef MT_BEGINS_H
#define MT_BEGINS_H

#include <stdbool.h>
#include <stdint.h>

/* What stands once in every iteration. */
struct mt_seen {
    uint32_t place; /* symbols behind the begin of a usual segment */
    uint32_t first; /* position at which it stands first */
};

struct mt_begin {
    bool found;
    uint32_t after, width; /* behind this place, within so many symbols; segments are a circle */
    struct mt_seen first;  /* what is seen before all else there */
};

/* `length`: of the usual segment; reorders `seen`. */
void mt_begin_find(struct mt_seen *seen, uint32_t n, uint32_t length, struct mt_begin *begin);

static inline bool mt_begin_may_be(const struct mt_begin *begin, uint32_t place, uint32_t length)
{
    uint32_t behind = (place + length - begin->after) % length;
    return begin->found && behind && behind <= begin->width;
}

#endif
