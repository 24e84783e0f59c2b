/* The name of a trace file. */
#ifndef MT_PATH_H
#define MT_PATH_H

#include <stddef.h>

/* Expand %p %h %e %r %% in `pattern` and make it absolute. n > 1 puts "-n" before the suffix
 * .mtrace (or at the end): the name for the n-th try. NULL, or what is wrong. */
const char *mt_path_expand(char *path, size_t size, const char *pattern, int n);

#endif
