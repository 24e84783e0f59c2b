/* Running a victim under the recorder and looking at what it leaves behind.
 *
 * Every run has a folder of its own, which is the victim's working directory and, unless its
 * environment says otherwise, where its traces go. Functions fail the current test (Check) when
 * they cannot do what they are for. Needs from meson: MT_SHIM (libmemtrace.so), MT_SIM (folder of
 * the simulated libcuda.so.1), MT_VICTIMS (folder of the victims). */
#ifndef MT_HARNESS_H
#define MT_HARNESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "ledger.h"

#define RUN_TRACES 16

struct run {
    char folder[64];
    char ledger_path[128];
    const struct ledger *ledger; /* mapped by run_wait */
    pid_t pid;
    int status; /* of waitpid */
    char *out, *err;
    unsigned traces; /* files *.mtrace in the folder, in order of name */
    char *trace[RUN_TRACES];
};

struct order {
    const char *preload;            /* NULL: the recorder, "": nothing; else as in LD_PRELOAD */
    const char *const *environment; /* "NAME=value"..., NULL-terminated, or NULL */
    const char *const *arguments;   /* command first: a victim, or found in PATH */
    void (*prepare)(void);          /* in the child before exec, or NULL */
    unsigned seconds;               /* longest life, 0: 60 */
    bool apart;                     /* MEMTRACE_* of this order only: no MEMTRACE_OUTPUT is set */
};

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Make the folder. Then start, wait (kills a victim that lives too long, and fails), free. */
void run_init(struct run *run);
void run_start(struct run *run, const struct order *order);
void run_wait(struct run *run, const struct order *order);
void run_free(struct run *run);

/* All of it but the freeing. */
struct run run_order(const struct order *order);

/* A victim that must exit with 0, say nothing on stderr and leave one trace. */
struct run run_clean(const char *const *environment, const char *const *arguments);

bool run_exited(const struct run *run, int code);
bool run_died(const struct run *run, int signal);
void run_must_succeed(const struct run *run); /* exit 0; else prints what it said and fails */

/* Whether the folder has a file of this name. */
bool run_has(const struct run *run, const char *name);
/* Files in the folder whose name ends so, "" counts all; but for what the harness put there. */
unsigned run_files(const struct run *run, const char *ending);

/* The file's text, NUL-terminated, to be freed; "" where there is none. */
char *read_text(const char *path);

#endif
