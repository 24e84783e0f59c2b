/* A stretch of a window, thread by thread. */
#ifndef MT_SLICES_H
#define MT_SLICES_H

#include "rhythm/symbols/window.h"

/* Positions begin .. end - 1 of a window. */
struct mt_stretch {
    uint32_t begin, end;
};

/* Ranks of a stretch in each thread: those of thread t are begin[t] .. end[t] - 1. */
struct mt_slices {
    uint32_t *begin, *end;
};

/* Slices for stretches of a sorted window; MT_ERR_MEMORY. To be released in any case. */
int mt_slices_init(struct mt_slices *slices, const struct mt_window *window);
void mt_slices_release(struct mt_slices *slices);

/* Takes no time to speak of where a stretch begins at the end of the one before. */
void mt_slices_fill(struct mt_slices *slices, const struct mt_window *window,
                    struct mt_stretch stretch);

/* Equal slices have equal hashes. */
uint64_t mt_slices_hash(const struct mt_window *window, const struct mt_slices *slices);

#endif
