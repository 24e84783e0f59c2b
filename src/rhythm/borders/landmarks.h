/* What stands once in every repetition of a pulse, spread over it. */
#ifndef MT_LANDMARKS_H
#define MT_LANDMARKS_H

#include "rhythm/pulses/pulse.h"

#define MT_LANDMARKS_MAX 96u

/* The grams among which landmarks and borders are looked for. */
#define MT_BORDER_MODES 4u
extern const struct mt_gram_mode mt_border_modes[MT_BORDER_MODES];

struct mt_landmark {
    struct mt_anchor anchor;
    uint32_t *at; /* positions at which it begins, ascending; owned */
    uint32_t count;
    uint32_t place; /* position in the segment in the middle */
    int64_t worth;  /* segments that have it once, less what it beats too often or seldom */
};

struct mt_landmarks {
    struct mt_landmark landmark[MT_LANDMARKS_MAX]; /* by place; at least one */
    uint32_t landmarks;
};

int mt_landmarks_find(const struct mt_window *window, const struct mt_pulse *pulse,
                      struct mt_landmarks *landmarks);
void mt_landmarks_release(struct mt_landmarks *landmarks);

/* The landmark after the place where something is put in again and again, -1: there is none,
 * MT_ERR_MEMORY. */
int mt_landmarks_seam(const struct mt_landmarks *landmarks, uint32_t length, int *seam);

/* Whether `length` is more than usual by what is put in; `whole`: length of an iteration. */
static inline bool mt_is_longer(uint64_t length, uint64_t usual, uint64_t whole)
{
    return length > usual + usual / 4 + whole / 50 + 8;
}

#endif
