/* The devices of a trace, out of the rows of table summary. */
#ifndef MT_STORYDEVICES_H
#define MT_STORYDEVICES_H

#include "report/story/story.h"

#define MT_STORY_DEVICES 64u
#define MT_STORY_UNKNOWN MT_STORY_DEVICES /* a device that the trace does not name */

/* One number of one device: device.N.WHAT; 0 where there is none. */
uint64_t mt_story_device(const struct mt_story *story, unsigned device, const char *what);

/* Its name; NULL where the trace has none. */
const char *mt_story_device_name(const struct mt_story *story, unsigned device);

/* Devices of which memory was taken, the one with the most allocated first; how many. */
size_t mt_story_used(const struct mt_story *story, unsigned device[MT_STORY_DEVICES + 1]);

/* The row of a table that is about a device; SIZE_MAX if there is none. */
size_t mt_story_row(const struct mt_rows *rows, unsigned device);

#endif
