/* Running the job: exec, signals, exit code. */
#ifndef MT_CHILD_H
#define MT_CHILD_H

#include <stdbool.h>

/* Run argv[0] (looked up in PATH) with this process's environment, pass signals on to it, wait.
 * Returns its exit code; 128 + signal when a signal ended it. Where it could not be executed, *ran
 * is false and, after a message on stderr, 127 (not found) or 126 is returned. To be called once,
 * by the only thread. */
int mt_child_run(char *const argv[], bool *ran);

#endif
