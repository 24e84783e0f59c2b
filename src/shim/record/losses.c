#include "shim/record/losses.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "shim/guest/glibc.h"

static _Atomic uint32_t causes;
static _Atomic int writing; /* errno of the last write of the trace, 0: it succeeded */
static _Atomic int blamed;  /* that of the last loss for it */

void mt_losses_writing(int error)
{
    atomic_store_explicit(&writing, error, memory_order_relaxed);
}

void mt_losses_add(enum mt_loss why)
{
    int error = atomic_load_explicit(&writing, memory_order_relaxed);
    if (why == MT_LOSS_FULL && error) {
        why = MT_LOSS_UNWRITTEN;
        if (atomic_load_explicit(&blamed, memory_order_relaxed) != error)
            atomic_store_explicit(&blamed, error, memory_order_relaxed);
    }
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

static const char *reason_of(uint32_t why)
{
    return why & MT_LOSS_FULL
               ? "they came faster than they were written; try a larger --ring-kib or "
                 "--wait-us"
           : why & MT_LOSS_NO_RING
               ? "there was no ring for a thread: 1,024 at once have one, if there is memory"
               : "signal handlers recorded in the midst of a record, or memory was missing";
}

void mt_losses_tell(char *text, size_t room)
{
    uint32_t why = atomic_load(&causes), others = why & (MT_LOSS_FULL | MT_LOSS_NO_RING);
    int error = atomic_load(&blamed);
    if (!(why & MT_LOSS_UNWRITTEN))
        snprintf(text, room, "%s", reason_of(why));
    else
        snprintf(text, room, "cannot write: %s; %s%s%s", strerrordesc_np(error), remedy_for(error),
                 others ? "; and " : "", others ? reason_of(others) : "");
}

void mt_losses_make(struct mt_losses_chunk *chunk, uint64_t lost)
{
    char text[MT_LOSSES_TEXT];
    snprintf(text, sizeof text, "lost.untold%c%020llu", 0, (unsigned long long)lost);
    mt_frame_store(chunk->frame, text, sizeof text);
    chunk->header = (struct mt_chunk_header){.magic = MT_CHUNK_MAGIC,
                                             .type = MT_CHUNK_META,
                                             .stored_size = sizeof chunk->frame,
                                             .raw_size = sizeof text};
}

bool mt_losses_are_few(void)
{
    return !(atomic_load(&causes) & (MT_LOSS_FULL | MT_LOSS_NO_RING | MT_LOSS_UNWRITTEN));
}

void mt_losses_forget(void)
{
    atomic_store(&causes, 0);
    atomic_store(&writing, 0);
}
