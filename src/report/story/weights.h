/* How much each of the ten lines is missed, where there are more than ten. */
#ifndef MT_WEIGHTS_H
#define MT_WEIGHTS_H

enum mt_story_weight {
    WEIGHT_SITES_MORE = 10, /* the second line of them, which is begun only if there is room */
    WEIGHT_GAPS = 20,
    WEIGHT_DEVICE = 30,
    WEIGHT_SITES = 40,
    WEIGHT_IDLE = 50,
    WEIGHT_GROWTH = 60,
    WEIGHT_RHYTHM = 65,
    WEIGHT_CATEGORIES = 70,
    WEIGHT_PEAK = 80,
    WEIGHT_TRACE = 90,
    WEIGHT_FAILED = 95,
    WEIGHT_TITLE = 99,
};

#endif
