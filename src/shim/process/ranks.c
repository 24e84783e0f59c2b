/* A process may have inherited the variables of several launchers, and those of an outer one may be
 * another process's: mpirun within a Slurm script, whose task is number 0. Only who tells the same
 * rank as the innermost one is asked for more. */
#include "shim/process/ranks.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct names {
    const char *rank, *local, *size;
};

static const struct names names[] = {
#define RANKS(rank, local, size) {rank, local, size},
#include "shim/process/ranks.def"
};
#define LAUNCHERS (sizeof names / sizeof *names)

static const char *number(const char *name)
{
    const char *value = *name ? getenv(name) : NULL;
    return value && *value && !value[strspn(value, "0123456789")] ? value : NULL;
}

const char *mt_rank(void)
{
    for (size_t i = 0; i < LAUNCHERS; i++)
        if (number(names[i].rank))
            return number(names[i].rank);
    return NULL;
}

static const char *told(size_t which)
{
    const char *rank = mt_rank();
    for (size_t i = 0; rank && i < LAUNCHERS; i++) {
        const char *same = number(names[i].rank);
        const char *found = number(*(const char *const *)((const char *)&names[i] + which));
        if (same && strcmp(same, rank) == 0 && found)
            return found;
    }
    return NULL;
}

const char *mt_rank_local(void)
{
    return told(offsetof(struct names, local));
}

const char *mt_rank_world(void)
{
    return told(offsetof(struct names, size));
}
