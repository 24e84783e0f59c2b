/* A process that uses GPU memory as a framework does, but never ran: what it does is written as a
 * trace, and what each block is for into a second file.
 *
 * Blocks come from a caching allocator: best fit, pieces of driver memory, addresses used again.
 * Lines of the second file: address, time of birth in ns, of death, bytes, category. */
#ifndef SIMJOB_H
#define SIMJOB_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/answers/roles.h"

struct simjob;

struct mem {
    uint64_t address, bytes; /* bytes: as asked for */
    uint64_t birth_ns;
    enum mt_category category; /* what it is for */
    bool live;
};

struct simjob *simjob_new(const char *trace, const char *truth, uint64_t seed);
void simjob_free(struct simjob *job); /* what lives is alive at the end */

uint32_t simjob_below(struct simjob *job, uint32_t n);   /* a random number */
void simjob_thread(struct simjob *job, uint32_t thread); /* who does what follows */

struct mem *simjob_alloc(struct simjob *job, uint64_t bytes, enum mt_category category);
void simjob_drop(struct simjob *job, struct mem *mem); /* NULL and dead ones are allowed */
/* Driver memory that a library takes; NULL: nobody knows who. */
struct mem *simjob_take(struct simjob *job, uint64_t bytes, const char *library,
                        enum mt_category category);

/* A part of it, which is no block of its own. */
struct mem simjob_view(const struct mem *mem, uint64_t offset, uint64_t bytes);

/* A kernel with pointers to each of them; up to 64. */
void simjob_launch(struct simjob *job, const char *kernel, const struct mem *const *mem,
                   uint32_t n);
#define LAUNCH(job, kernel, ...)                                                                   \
    simjob_launch(job, kernel, (const struct mem *const[]){__VA_ARGS__},                           \
                  sizeof((const struct mem *const[]){__VA_ARGS__}) / sizeof(struct mem *))

void simjob_from_host(struct simjob *job, const struct mem *mem);
void simjob_to_host(struct simjob *job, const struct mem *mem);
void simjob_copy(struct simjob *job, const struct mem *to, const struct mem *from);
void simjob_set(struct simjob *job, const struct mem *mem);

/* A kernel of NCCL, and the call. `op`: AllReduce, AllGather, ReduceScatter. */
void simjob_collective(struct simjob *job, const char *op, const struct mem *send,
                       const struct mem *receive);

#endif
