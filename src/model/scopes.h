/* Which ranges (push and pop) are open on each thread: a tree, of which only what is open or what
 * somebody holds is kept. A scope is a number, 0 is none: the innermost open range with all that
 * are around it.
 *
 * PyTorch's emit_nvtx numbers what it records: a function of the forward pass carries the same
 * number ("aten::mm, seq = 12") as the one that goes backward for it ("MmBackward0, seq = 12"),
 * which runs on another thread. Of several forward functions with one number the last made the
 * backward one. The last 2^16 numbers are remembered. */
#ifndef MT_SCOPES_H
#define MT_SCOPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dict.h"

#define MT_FORWARDS (1u << 16)

struct mt_scope {
    uint64_t name, domain;
    uint32_t parent, refs; /* parent: of what is free, the next that is */
    uint32_t forward;      /* scope of the forward function, if this is a backward one */
    bool backward;         /* it, or one around it */
};

struct mt_forward {
    uint64_t number;
    uint32_t scope; /* 0: none */
    uint32_t thread;
    bool unsure; /* two threads used the number */
};

typedef const char *mt_scope_name(void *context, uint64_t name);

struct mt_scopes {
    mt_scope_name *text; /* NULL: nobody asks, and nothing is kept */
    void *context;
    struct mt_scope *scope;
    uint32_t n, room, spare;
    struct mt_dict by_thread; /* place in `top` + 1 */
    uint32_t *top;            /* the scope that a thread is in */
    uint32_t tops, tops_room;
    struct mt_forward *forward; /* by number, modulo MT_FORWARDS; NULL: no number was seen */
};

void mt_scopes_release(struct mt_scopes *scopes);

/* A range begins, or the innermost one of a domain ends, on a thread. False: memory is out. */
bool mt_scopes_push(struct mt_scopes *scopes, uint32_t thread, uint64_t name, uint64_t domain);
bool mt_scopes_pop(struct mt_scopes *scopes, uint32_t thread, uint64_t domain);

/* No thread is in any: ends come unseen from here on. */
void mt_scopes_leave(struct mt_scopes *scopes);

/* The scope that a thread is in, to be dropped by the caller once. */
uint32_t mt_scopes_hold(struct mt_scopes *scopes, uint32_t thread);
void mt_scopes_drop(struct mt_scopes *scopes, uint32_t scope);

/* That of the forward function which the innermost backward one belongs to; 0: none is known. */
uint32_t mt_scopes_forward(const struct mt_scopes *scopes, uint32_t scope);

#endif
