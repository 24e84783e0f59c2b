/* The pattern of a trace's file name, as the launcher sees it: before any process has a number, a
 * name or a rank. What fills the placeholders in is in the recorder. */
#ifndef MT_PATTERN_H
#define MT_PATTERN_H

#include <stdbool.h>

#include "base/error.h"

/* Room for a pattern and what is made of it, as the kernel limits paths. */
enum { MT_PATTERN_MAX = 4096 };

struct mt_pattern {
    char text[MT_PATTERN_MAX]; /* absolute, so that a job may change its folder */
    char glob[MT_PATTERN_MAX]; /* for glob(3): placeholders as *, all else quoted */
    char numbered[MT_PATTERN_MAX]; /* the same with -* before .mtrace or at the end: where a name
                                      is taken, the recorder puts a number there */
    char path[MT_PATTERN_MAX]; /* the file's name where `fixed`, else up to the first placeholder */
    bool fixed;                /* every process would write the same file */
};

/* Fill *pattern from what the user gave. Errors: an unknown placeholder, an empty or overlong
 * name. */
int mt_pattern_init(struct mt_pattern *pattern, const char *text, struct mt_error *error);

/* Can a file be made there? Folders that are missing are made, but for those that have a
 * placeholder in their names; the recorder makes them. Errors: a folder cannot be made or written,
 * or, unless `force`, a fixed name is taken. */
int mt_pattern_check(const struct mt_pattern *pattern, bool force, struct mt_error *error);

/* Remove the trace that has the fixed name, and its ring file. Nothing where the name is not fixed
 * or not taken. To be called after mt_pattern_check. */
int mt_pattern_clear(const struct mt_pattern *pattern, struct mt_error *error);

#endif
