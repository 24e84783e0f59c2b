/* The stories of several traces. Of those of one command, as the ranks of a job are, one is told:
 * the first that ran out of memory, else the one whose peak is the highest. Table ranks has a line
 * for each of them (mt_story_ranks). */
#ifndef MT_CROWD_H
#define MT_CROWD_H

#include "report/story/story.h"

struct mt_crowd {
    struct mt_crowd_group *group;
    size_t groups, room;
};

/* Take in the next trace; false where memory is out. One of zeros is empty. */
bool mt_crowd_add(struct mt_crowd *crowd, const struct mt_story *story);

/* What was taken in, in the order of the commands' first traces. */
void mt_crowd_write(const struct mt_crowd *crowd, struct mt_output *output);

void mt_crowd_release(struct mt_crowd *crowd);

#endif
