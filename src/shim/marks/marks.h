/* Marks and ranges, whoever tells them: a program by memtrace.h, or NVTX. Nothing here starts a
 * recording: what is told before one begins is not in it. */
#ifndef MT_MARKS_H
#define MT_MARKS_H

#include <stddef.h>
#include <stdint.h>

/* A domain is a text too, NULL for the default one. */
struct mt_mark {
    const char *text, *domain;
};

void mt_mark(const struct mt_mark *mark);
void mt_range_push(const struct mt_mark *mark);
void mt_range_pop(const char *domain);

/* A range that may end on another thread; `id` is any number of its own. */
void mt_range_start(const struct mt_mark *mark, uint64_t id);
void mt_range_end(uint64_t id);

#endif
