/* A training job that never ran: the events its recorder would have written, the same ones every
 * time.
 *
 * An iteration allocates, launches and frees like a network's forward pass (first thread), backward
 * pass and optimizer step (second thread): about 2000 launches with 1 to 6 pointers, some with
 * hundreds, and 1300 blocks from a best-fit allocator that splits and joins, in 4 driver
 * allocations or more. A few blocks of random size and life, other in each iteration, keep
 * addresses from repeating. Gaps are 2 to 10 us with a log-normal jitter of 0.3 to 1 us. */
#ifndef MT_TRAINING_H
#define MT_TRAINING_H

#include <stdint.h>

#include "tracewriter.h"

struct mt_training_options {
    uint32_t iterations; /* 0: 50 */
    uint32_t launches;   /* of an iteration; 0: 2000 */
    uint32_t noise;      /* blocks of an iteration that are unlike the last one's; 0: none */
    uint32_t stacks;     /* distinct stacks that blocks name by turns; 0: they name none */
    uint64_t seed;
};

/* What was written, for the test to compare with. */
struct mt_training_facts {
    uint64_t events, launches, blocks;
    uint64_t iteration_start[4096]; /* ns, of the first ones */
    uint64_t end_ns;
    uint64_t peak_allocated, peak_reserved;
};

void mt_training_write(struct mt_tracewriter *writer, const struct mt_training_options *options,
                       struct mt_training_facts *facts);

#endif
