/* NCCL behind the hooks: which of its functions are hooked (nccl.def), and where the real ones are.
 *
 * A program reaches NCCL through symbols that its libraries leave undefined, which this library
 * defines first, or through dlsym. The real functions lie in whatever library defines them, be it
 * libnccl, loaded where RTLD_NEXT does not reach, or a framework that NCCL is linked into. */
#ifndef MT_NCCL_H
#define MT_NCCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/cuda/resolve.h"

/* The types of NCCL's binary interface, the same in all versions from 2.0 on. */
typedef struct mt_nccl_comm *mt_comm;
typedef struct mt_nccl_stream *mt_stream;
typedef struct mt_nccl_window *mt_window;
struct mt_unique_id {
    char bytes[128];
};

#define MT_NCCL_SUCCESS 0
#define MT_NCCL_INTERNAL_ERROR 3
#define MT_NCCL_IN_PROGRESS 7 /* of a communicator that does not block */

/* The API field of events goes on behind the driver's functions. */
enum mt_nccl_api {
    MT_NCCL_BEFORE_FIRST = MT_APIS - 1,
#define NCCL(symbol, ...) MT_NCCL_##symbol,
#include "shim/nccl/nccl.def"
    MT_NCCL_END,
};

/* The real function of a hook; looks for it until it is there. NULL: no loaded library has it. */
void *mt_nccl_real(unsigned api); /* enum mt_nccl_api */

/* Functions that are asked and not hooked; NULL where the library has none. */
struct mt_nccl_ask {
    int (*count)(mt_comm comm, int *ranks);
    int (*rank)(mt_comm comm, int *rank);
};
extern struct mt_nccl_ask mt_nccl_ask;

/* The hooks' names and addresses; `api - MT_APIS` is the index. */
extern const struct mt_hook mt_nccl_hooks[];

#endif
