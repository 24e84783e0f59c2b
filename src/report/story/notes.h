/* What makes the picture of a trace less than whole, in words. */
#ifndef MT_NOTES_H
#define MT_NOTES_H

#include <stddef.h>

#include "report/story/story.h"

#define MT_NOTES_MAX 16u
#define MT_NOTE_BYTES 2048u

/* One line of clean text for each thing; how many. What hurts most comes first. */
size_t mt_story_notes(const struct mt_story *story, char (*note)[MT_NOTE_BYTES]);

#endif
