/* Why events were lost, in words for the trace's meta data and for who stands at the terminal. */
#ifndef MT_LOSSES_H
#define MT_LOSSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/layout.h"
#include "format/stored.h"

#define MT_LOSSES_TEXT (sizeof "lost.untold" + sizeof "01234567890123456789")

enum mt_loss {
    MT_LOSS_FULL = 1,      /* a ring was full for longer than --wait-us */
    MT_LOSS_NO_RING = 2,   /* a thread could have none */
    MT_LOSS_INSIDE = 4,    /* a signal handler recorded while its thread did */
    MT_LOSS_UNWRITTEN = 8, /* the same as MT_LOSS_FULL, and the trace could not be written then */
};

/* What happened; any thread, any lock held. A full ring is put down to what kept it full. */
void mt_losses_add(enum mt_loss why);

/* How writing the trace went last: errno, 0: well. */
void mt_losses_writing(int error);

/* Reasons and remedies. */
void mt_losses_tell(char *text, size_t room);
#define MT_LOSSES_BYTES 256

/* How many no `lost` event tells of, as meta data of a trace. It is always as long, so one can be
 * written over another. Its header is still to be sealed. */
struct mt_losses_chunk {
    struct mt_chunk_header header;
    uint8_t frame[MT_LOSSES_TEXT + MT_STORED_MORE];
};
void mt_losses_make(struct mt_losses_chunk *chunk, uint64_t lost);

/* Whether none is known but those of signal handlers, of which the job need not hear. */
bool mt_losses_are_few(void);

/* In a forked child. */
void mt_losses_forget(void);

#endif
