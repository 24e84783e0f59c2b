#include "shim/record/losses.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "shim/guest/glibc.h"

static _Atomic uint32_t causes;

void mt_losses_add(enum mt_loss why)
{
    if (!(atomic_load_explicit(&causes, memory_order_relaxed) & why))
        atomic_fetch_or_explicit(&causes, why, memory_order_relaxed);
}

static const char *remedy_for(int error)
{
    return error == EFBIG                       ? "raise the limit on files (ulimit -f)"
           : error == ESTALE || error == ENOENT ? "name a folder that outlives the job"
           : error == ENOSPC || error == EDQUOT ? "make room, or use another --output"
                                                : "use another --output";
}

void mt_losses_tell(char *text, size_t room, int error)
{
    uint32_t why = atomic_load(&causes);
    if (error)
        snprintf(text, room, "cannot write: %s; %s", strerrordesc_np(error), remedy_for(error));
    else
        snprintf(text, room, "%s",
                 why & MT_LOSS_FULL
                     ? "they came faster than they were written; try a larger --ring-kib or "
                       "--wait-us"
                 : why & MT_LOSS_NO_RING
                     ? "there was no ring for a thread: 1,024 at once have one, if there is memory"
                     : "signal handlers recorded in the midst of a record, or memory was missing");
}

bool mt_losses_are_few(void)
{
    return !(atomic_load(&causes) & (MT_LOSS_FULL | MT_LOSS_NO_RING));
}

void mt_losses_forget(void)
{
    atomic_store(&causes, 0);
}
