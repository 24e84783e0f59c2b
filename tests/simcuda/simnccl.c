/* A stand-in for libnccl.so.2: communicators of this process alone, collectives that are counted
 * and move nothing. Like the real one it calls its own exported functions here and there
 * (ncclBcast is a ncclBroadcast), takes the memory of ncclMemAlloc from the driver's virtual memory
 * functions, and hands out the address of a destroyed communicator again. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simnccl.h"

enum { SUCCESS = 0, UNHANDLED = 1, INVALID_ARGUMENT = 4, INVALID_USAGE = 5 };

struct simnccl_comm {
    int ranks, rank;
    struct simnccl_comm *next_free;
};

static struct simnccl_comm *free_comm;
static struct simnccl_calls calls;
static int depth;

#define PUBLIC __attribute__((visibility("default")))
#define UNUSED __attribute__((unused)) int

PUBLIC struct simnccl_calls simnccl_calls(void)
{
    return calls;
}

/* ---- communicators ---- */

static struct simnccl_comm *make(int ranks, int rank)
{
    struct simnccl_comm *comm = free_comm ? free_comm : malloc(sizeof *comm);
    if (!comm)
        abort();
    free_comm = comm == free_comm ? comm->next_free : free_comm;
    *comm = (struct simnccl_comm){ranks, rank, NULL};
    return comm;
}

static int drop(struct simnccl_comm *comm)
{
    if (!comm)
        return INVALID_ARGUMENT;
    comm->next_free = free_comm;
    free_comm = comm;
    return SUCCESS;
}

PUBLIC int ncclGetUniqueId(struct simnccl_id *id)
{
    memset(id, 7, sizeof *id);
    return SUCCESS;
}

/* An argument of 128 bytes by value: shows whether a hook passes all of them on. */
static bool is_id(const struct simnccl_id *id)
{
    struct simnccl_id wanted;
    ncclGetUniqueId(&wanted);
    return memcmp(id, &wanted, sizeof wanted) == 0;
}

PUBLIC int ncclCommInitRank(struct simnccl_comm **comm, int ranks, struct simnccl_id id, int rank)
{
    if (!is_id(&id) || rank < 0 || rank >= ranks)
        return INVALID_ARGUMENT;
    *comm = make(ranks, rank);
    return SUCCESS;
}

PUBLIC int ncclCommInitRankConfig(struct simnccl_comm **comm, int ranks, struct simnccl_id id,
                                  int rank, void *config)
{
    (void)config;
    return ncclCommInitRank(comm, ranks, id, rank);
}

PUBLIC int ncclCommInitRankScalable(struct simnccl_comm **comm, int ranks, int rank, int n,
                                    struct simnccl_id *ids, void *config)
{
    (void)n, (void)config;
    return ncclCommInitRank(comm, ranks, ids[0], rank);
}

PUBLIC int ncclCommInitAll(struct simnccl_comm **comm, int n, const int *devices)
{
    (void)devices;
    for (int i = 0; i < n; i++)
        comm[i] = make(n, i);
    return SUCCESS;
}

PUBLIC int ncclCommSplit(struct simnccl_comm *comm, int color, int key, struct simnccl_comm **made,
                         void *config)
{
    (void)key, (void)config;
    *made = color < 0 ? NULL : make((comm->ranks + 1) / 2, comm->rank / 2);
    return SUCCESS;
}

PUBLIC int ncclCommShrink(struct simnccl_comm *comm, int *excluded, int n,
                          struct simnccl_comm **made, void *config, int flags)
{
    (void)excluded, (void)config, (void)flags;
    *made = make(comm->ranks - n, comm->rank);
    return SUCCESS;
}

PUBLIC int ncclCommDestroy(struct simnccl_comm *comm)
{
    return drop(comm);
}

PUBLIC int ncclCommAbort(struct simnccl_comm *comm)
{
    return drop(comm);
}

PUBLIC int ncclCommCount(const struct simnccl_comm *comm, int *ranks)
{
    calls.asked++;
    *ranks = comm->ranks;
    return SUCCESS;
}

PUBLIC int ncclCommUserRank(const struct simnccl_comm *comm, int *rank)
{
    *rank = comm->rank;
    return SUCCESS;
}

/* ---- collectives ---- */

static int exchange(const struct simnccl_comm *comm, size_t count, int type)
{
    if (!comm || type < 0 || type > 11)
        return INVALID_ARGUMENT;
    calls.collectives++;
    calls.elements += count;
    return SUCCESS;
}

#define ALL(name, ...)                                                                             \
    PUBLIC int name(const void *send, void *receive, size_t count, int type, ##__VA_ARGS__,        \
                    struct simnccl_comm *comm, void *stream)                                       \
    {                                                                                              \
        (void)send, (void)receive, (void)stream;                                                   \
        return exchange(comm, count, type);                                                        \
    }
ALL(ncclAllReduce, UNUSED op)
ALL(ncclAllGather)
ALL(ncclReduceScatter, UNUSED op)
ALL(ncclAlltoAll)
ALL(ncclBroadcast, UNUSED root)
ALL(ncclReduce, UNUSED op, UNUSED root)
ALL(ncclGather, UNUSED root)
ALL(ncclScatter, UNUSED root)

PUBLIC int ncclBcast(void *buffer, size_t count, int type, int root, struct simnccl_comm *comm,
                     void *stream)
{
    return ncclBroadcast(buffer, buffer, count, type, root, comm, stream);
}

#define ONE_SIDED(name, pointer)                                                                   \
    PUBLIC int name(pointer buffer, size_t count, int type, int peer, struct simnccl_comm *comm,   \
                    void *stream)                                                                  \
    {                                                                                              \
        (void)buffer, (void)peer, (void)stream;                                                    \
        return exchange(comm, count, type);                                                        \
    }
ONE_SIDED(ncclSend, const void *)
ONE_SIDED(ncclRecv, void *)

PUBLIC int ncclGroupStart(void)
{
    depth++;
    return SUCCESS;
}

PUBLIC int ncclGroupEnd(void)
{
    return depth-- > 0 ? SUCCESS : (depth = 0, INVALID_USAGE);
}

/* ---- memory ---- */

static void *driver(const char *name)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    void *found = library ? dlsym(library, name) : NULL;
    if (!found)
        abort();
    return found;
}
#define CU(name) ((__typeof__(&name))driver(#name))
#define CU2(name, suffix) ((__typeof__(&name))driver(#name suffix))

static size_t rounded(size_t size)
{
    return (size + (2 << 20) - 1) & ~(size_t)((2 << 20) - 1);
}

PUBLIC int ncclMemAlloc(void **address, size_t size)
{
    CUmemAllocationProp properties = {.type = CU_MEM_ALLOCATION_TYPE_PINNED,
                                      .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE}};
    CUmemAccessDesc access = {properties.location, CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    CUmemGenericAllocationHandle handle;
    CUdeviceptr range;
    size = rounded(size);
    if (CU(cuMemCreate)(&handle, size, &properties, 0) != CUDA_SUCCESS ||
        CU(cuMemAddressReserve)(&range, size, 0, 0, 0) != CUDA_SUCCESS ||
        CU(cuMemMap)(range, size, 0, handle, 0) != CUDA_SUCCESS ||
        CU(cuMemSetAccess)(range, size, &access, 1) != CUDA_SUCCESS ||
        CU(cuMemRelease)(handle) != CUDA_SUCCESS)
        return UNHANDLED;
    *address = (void *)(uintptr_t)range;
    return SUCCESS;
}

PUBLIC int ncclMemFree(void *address)
{
    CUdeviceptr range, begin = (uintptr_t)address;
    size_t size;
    if (CU2(cuMemGetAddressRange, "_v2")(&range, &size, begin) != CUDA_SUCCESS ||
        CU(cuMemUnmap)(begin, size) != CUDA_SUCCESS ||
        CU(cuMemAddressFree)(begin, size) != CUDA_SUCCESS)
        return UNHANDLED;
    return SUCCESS;
}

#define REGISTER(name, ...)                                                                        \
    PUBLIC int name(struct simnccl_comm *comm, void *address, size_t size, void **handle,          \
                    ##__VA_ARGS__)                                                                 \
    {                                                                                              \
        (void)size;                                                                                \
        *handle = (char *)address + 1;                                                             \
        return comm ? SUCCESS : INVALID_ARGUMENT;                                                  \
    }
#define DEREGISTER(name)                                                                           \
    PUBLIC int name(struct simnccl_comm *comm, void *handle)                                       \
    {                                                                                              \
        return comm && handle ? SUCCESS : INVALID_ARGUMENT;                                        \
    }
REGISTER(ncclCommRegister)
DEREGISTER(ncclCommDeregister)
REGISTER(ncclCommWindowRegister, UNUSED flags)
DEREGISTER(ncclCommWindowDeregister)
