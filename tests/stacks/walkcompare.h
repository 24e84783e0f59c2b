/* One stack, walked by the recorder's unwinder and by libunwind, or by the C library's backtrace.
 */
#ifndef MT_WALKCOMPARE_H
#define MT_WALKCOMPARE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct walk_counts {
    long walks, frames, shorter, wrong, linker, tableless, unwinder, unlike;
};

/* Compare the stack of the caller; `trampoline` is what a signal's handler returns to, NULL where
 * none is on the stack. What differs is printed, the first times. */
void walk_compare(const void *trampoline);

/* The recorder's unwinder alone, where libunwind 1.6.2 itself reads what is not there: wrong is a
 * walk that does not end at the outermost frame. */
void walk_alone(void);

/* Prints "NAME: ..." and forgets; the number of walks that were wrong. */
long walk_report(const char *name);

extern struct walk_counts walk_counts;

#ifdef __cplusplus
}
#endif

#endif
