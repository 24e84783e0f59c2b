/* The simulated libnccl.so.2: its functions are NCCL's own, declared here for who calls or defines
 * them without NCCL's header; and what it counted. */
#ifndef SIMNCCL_H
#define SIMNCCL_H

#include <cuda.h>
#include <stddef.h>
#include <stdint.h>

struct simnccl_comm;
struct simnccl_id {
    char bytes[128];
};

struct simnccl_calls {
    uint64_t collectives, elements;
    uint64_t asked; /* ncclCommCount */
};
struct simnccl_calls simnccl_calls(void);

#define SIMNCCL_EXCHANGE(name, ...)                                                                \
    int name(const void *send, void *receive, size_t count, int type, ##__VA_ARGS__,               \
             struct simnccl_comm *comm, void *stream);
SIMNCCL_EXCHANGE(ncclAllReduce, int op)
SIMNCCL_EXCHANGE(ncclAllGather)
SIMNCCL_EXCHANGE(ncclReduceScatter, int op)
SIMNCCL_EXCHANGE(ncclAlltoAll)
SIMNCCL_EXCHANGE(ncclBroadcast, int root)
SIMNCCL_EXCHANGE(ncclReduce, int op, int root)
SIMNCCL_EXCHANGE(ncclGather, int root)
SIMNCCL_EXCHANGE(ncclScatter, int root)
int ncclBcast(void *buffer, size_t count, int type, int root, struct simnccl_comm *comm,
              void *stream);
int ncclSend(const void *buffer, size_t count, int type, int peer, struct simnccl_comm *comm,
             void *stream);
int ncclRecv(void *buffer, size_t count, int type, int peer, struct simnccl_comm *comm,
             void *stream);
int ncclGroupStart(void);
int ncclGroupEnd(void);

int ncclGetUniqueId(struct simnccl_id *id);
int ncclCommInitRank(struct simnccl_comm **comm, int ranks, struct simnccl_id id, int rank);
int ncclCommInitRankConfig(struct simnccl_comm **comm, int ranks, struct simnccl_id id, int rank,
                           void *config);
int ncclCommInitRankScalable(struct simnccl_comm **comm, int ranks, int rank, int n,
                             struct simnccl_id *ids, void *config);
int ncclCommInitAll(struct simnccl_comm **comm, int n, const int *devices);
int ncclCommSplit(struct simnccl_comm *comm, int color, int key, struct simnccl_comm **made,
                  void *config);
int ncclCommShrink(struct simnccl_comm *comm, int *excluded, int n, struct simnccl_comm **made,
                   void *config, int flags);
int ncclCommDestroy(struct simnccl_comm *comm);
int ncclCommAbort(struct simnccl_comm *comm);
int ncclCommCount(const struct simnccl_comm *comm, int *ranks);
int ncclCommUserRank(const struct simnccl_comm *comm, int *rank);

int ncclMemAlloc(void **address, size_t size);
int ncclMemFree(void *address);
int ncclCommRegister(struct simnccl_comm *comm, void *address, size_t size, void **handle);
int ncclCommDeregister(struct simnccl_comm *comm, void *handle);
int ncclCommWindowRegister(struct simnccl_comm *comm, void *address, size_t size, void **window,
                           int flags);
int ncclCommWindowDeregister(struct simnccl_comm *comm, void *window);

#endif
