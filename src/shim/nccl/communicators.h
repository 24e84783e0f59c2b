/* The communicators of NCCL that were seen, with their size and this process's place in them. */
#ifndef MT_COMMUNICATORS_H
#define MT_COMMUNICATORS_H

#include "shim/nccl/nccl.h"

struct mt_comm_place {
    uint32_t ranks, rank; /* ranks 0: not known */
};

/* Of a communicator whose last call succeeded; asks NCCL the first time. Sets *first then. */
struct mt_comm_place mt_comm_place(mt_comm comm, bool *first);

/* The same where the place is known; NCCL is not asked. */
void mt_comm_learn(mt_comm comm, struct mt_comm_place place);

/* The handle ends, and may come again for another one. */
void mt_comm_forget(mt_comm comm);

#endif
