/* What a victim did, as it should stand in its trace: records of event.def, one sequence a thread,
 * in a file that is mapped and shared, so that it outlives the victim however that ends. The victim
 * writes an entry after the call that it tells of has returned; test_*.c compare (compare.h).
 *
 * Fields are as the trace has them, but for stacks, which are not told, and the kernel of a
 * launch: that is a number which a kernel
 * entry of the same process has given a name and a layout. */
#ifndef MT_LEDGER_H
#define MT_LEDGER_H

#include <stdint.h>
#include <sys/types.h>

#include "event/event.h"

#define LEDGER_VARIABLE "VICTIM_LEDGER" /* path of an existing file of LEDGER_SIZE bytes */
#define LEDGER_THREADS 128
#define LEDGER_PART (4u << 20) /* bytes of a thread's records */
#define LEDGER_SIZE (sizeof(struct ledger) + (size_t)LEDGER_THREADS * LEDGER_PART)

struct ledger_part {
    uint32_t pid; /* 0: not in use */
    uint32_t tid;
    uint32_t done; /* bytes of complete records; written last */
    uint32_t reserved;
};

/* The parts stand together, apart from the records: a look at all costs one page of the file. */
struct ledger {
    struct ledger_part part[LEDGER_THREADS];
    uint8_t rest[4096 - LEDGER_THREADS * sizeof(struct ledger_part)];
    uint8_t records[];
};

static inline const struct mt_record *ledger_record(const struct ledger *ledger, unsigned part,
                                                    uint32_t at)
{
    return (const void *)(ledger->records + (size_t)part * LEDGER_PART + at);
}

/* The victim's side. Without the variable nothing is kept. Fields that are not given are 0. */
void ledger_open(void);
void ledger_forked(void); /* in a child that keeps entries of its own */
void ledger_put(enum mt_kind kind, const uint64_t *fields, size_t n_fields, const uint64_t *tail,
                size_t n_tail);

/* DID(free, .api = ..., .address = ...) */
#define DID(event, ...)                                                                            \
    do {                                                                                           \
        struct mt_ev_##event did_ = {__VA_ARGS__};                                                 \
        ledger_put(MT_##event, (const uint64_t *)(const void *)&did_, sizeof did_ / 8, NULL, 0);   \
    } while (0)

/* The test's side: map the file, NULL where that fails. */
const struct ledger *ledger_map(const char *path);

#endif
