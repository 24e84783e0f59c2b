/* What a job left behind: the traces of one run, found by pattern and session. */
#ifndef MT_TRACES_H
#define MT_TRACES_H

#include <stdbool.h>

#include "pattern.h"

/* Print on stderr a line for each trace of `session` (file, events, size, lost), then, as the last
 * line, the command that analyzes them: `analyzer` and the files, quoted for a shell. `folder` is
 * left out of the names of files below it. False where there is no trace. */
bool mt_traces_report(const struct mt_pattern *pattern, const char *session, const char *folder,
                      const char *analyzer);

#endif
