/* What lies between the places of a landmark: usual iterations, and those that something is put in
 * between. */
#ifndef MT_SEGMENTS_H
#define MT_SEGMENTS_H

#include "rhythm/borders/landmarks.h"

enum mt_segment_use { MT_SEGMENT_OTHER, MT_SEGMENT_USUAL, MT_SEGMENT_PUT_IN };

struct mt_segments {
    const struct mt_window *window;
    const struct mt_landmarks *landmarks;
    const struct mt_landmark
        *landmark;                  /* that cuts into segments: each ends at one of its places */
    uint32_t length;                /* of an iteration, in symbols */
    uint8_t *use;                   /* of each segment */
    uint32_t usual, put_in, middle; /* how many; a usual one near the middle */
    uint32_t *room;
};

/* `length`: of an iteration. MT_ERR_MEMORY; to be released in any case. */
int mt_segments_init(struct mt_segments *segments, const struct mt_window *window,
                     const struct mt_landmarks *landmarks, uint32_t length);
void mt_segments_release(struct mt_segments *segments);

/* Cut by the landmark that is there most often, in the thread that does most. */
void mt_segments_cut_anywhere(struct mt_segments *segments);

/* By the landmark behind the seam (an index, -1: there is none) that is there most often, the
 * nearest of several, at least `least` symbols behind it. true: there is one; else they are cut
 * anywhere. */
bool mt_segments_cut_behind(struct mt_segments *segments, int seam, uint32_t least);

static inline uint32_t mt_segments_count(const struct mt_segments *segments)
{
    return segments->landmark->count - 1;
}

#endif
