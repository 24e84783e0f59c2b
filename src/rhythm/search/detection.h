/* A search under way: what detector.c and tails.c share. */
#ifndef MT_DETECTION_H
#define MT_DETECTION_H

#include "rhythm/borders/choose.h"
#include "rhythm/search/detector.h"
#include "rhythm/search/follow.h"
#include "rhythm/levels/nesting.h"
#include "rhythm/compare/track.h"

struct mt_detector {
    struct mt_window window;
    uint32_t limit;
    bool found;  /* cut, usual and nesting are there */
    bool merged; /* all symbols are taken for those of one thread */
    struct mt_cut cut;
    uint32_t usual; /* symbols of an iteration */
    struct mt_nesting nesting;
    struct mt_track track;
    struct mt_follow follow;
    uint64_t symbols; /* of the trace */
};

/* What is at hand is all there is: *rhythm has iterations if they hold. */
int mt_detection_conclude(struct mt_detector *detector, struct mt_rhythm *rhythm);

/* Levels and changes, of a rhythm just concluded. */
int mt_detection_tell(struct mt_detector *detector, struct mt_rhythm *rhythm);

/* Behind a rhythm just concluded: *better has iterations if what the trace ends with is to be told
 * instead. */
int mt_tails_look(const struct mt_detector *detector, const struct mt_rhythm *rhythm,
                  struct mt_rhythm *better);

#endif
