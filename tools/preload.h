/* Finding the recorder and having it loaded into the job. */
#ifndef MT_PRELOAD_H
#define MT_PRELOAD_H

#include "base/error.h"

/* Put the libmemtrace.so that lies beside this program (build tree or installation) in front of
 * LD_PRELOAD. Errors: it is not there, or its path has a character that LD_PRELOAD cannot carry. */
int mt_preload_set(struct mt_error *error);

/* The name under which the analyzer can be started: beside this program if that was called by a
 * path, else its plain name. Valid until the next call. */
const char *mt_preload_analyzer(const char *own_name);

#endif
