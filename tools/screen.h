/* What memtrace-analyze says on the screen: which tables it needs for that, and when it says what.
 */
#ifndef MT_SCREEN_H
#define MT_SCREEN_H

#include "analysis/engine/engine.h"
#include "report/story/crowd.h"
#include "report/story/story.h"

struct screen {
    struct mt_output *output; /* NULL: nothing is said; not owned */
    bool at_length;
    struct mt_story story;
    struct mt_crowd crowd;
    struct mt_rows *ranks; /* of several traces; NULL: one */
};

/* Want the tables for these traces (NULL at their end); says are to go to `output`. */
int screen_want(struct screen *screen, struct mt_engine *engine, struct mt_output *output,
                char *const *traces, struct mt_error *error);

/* After each trace. */
int screen_tell(struct screen *screen, const char *path, const struct mt_trace_stats *stats,
                struct mt_error *error);

/* After the last one. */
void screen_end(struct screen *screen);

void screen_release(struct screen *screen);

#endif
