/* Why events were lost, in words for the trace's meta data and for who stands at the terminal. */
#ifndef MT_LOSSES_H
#define MT_LOSSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mt_loss {
    MT_LOSS_FULL = 1,    /* a ring was full for longer than --wait-us */
    MT_LOSS_NO_RING = 2, /* a thread could have none */
    MT_LOSS_INSIDE = 4,  /* a signal handler recorded while its thread did */
};

/* What happened; any thread, any lock held. */
void mt_losses_add(enum mt_loss why);

/* Reason and remedy; `error`: errno of a failed write of the trace, 0 for none. */
void mt_losses_tell(char *text, size_t room, int error);
#define MT_LOSSES_BYTES 200

/* Whether none is known but those of signal handlers, of which the job need not hear. */
bool mt_losses_are_few(void);

/* In a forked child. */
void mt_losses_forget(void);

#endif
