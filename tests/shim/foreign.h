/* Victims for another machine: they run under the emulator that meson names in MESON_EXE_WRAPPER,
 * as the tests themselves do then. */
#ifndef MT_FOREIGN_H
#define MT_FOREIGN_H

#include <stdbool.h>

/* exec of a program under the emulator; returns where there is none (or it cannot be started).
 * LD_PRELOAD and LD_LIBRARY_PATH go to the program alone: the emulator is of this machine. */
void foreign_exec(const char *path, const char *const *arguments);

/* Whether there is one. Each run is slow then. */
bool foreign_is(void);

/* Take out of a text what the emulator said itself. */
void foreign_quiet(char *said);

/* Whether a test must be left out under an emulator, which cannot do what `why` says; told then. */
bool foreign_skip(const char *why);

#endif
