/* Who holds memory, group by group: what a group (of stacks, as a rule) holds now, the most that it
 * ever held, and what it held when its device had the most memory allocated. Blocks only: a segment
 * is nobody's until it is known to be none.
 *
 * The moment of the peak is known at the end only. So each group remembers what it held at the
 * device's last peak so far, and notes that lazily: when it changes for the first time after one.
 * A change costs the same however many groups there are. */
#ifndef MT_SITEBOOK_H
#define MT_SITEBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"
#include "analysis/measures/slots.h"

/* Ways of grouping: X(suffix, name in tables, doc). */
#define MT_GROUPINGS(X)                                                                            \
    X(STACK, "stack", "what has one stack")                                                        \
    X(LINE, "line", "what has one site, whatever called it")                                       \
    X(MODULE, "module", "what has its site in one module: a file of Python, a library")

#define MT_GROUPING_ENUM(suffix, name, doc) MT_BY_GROUP_##suffix,
enum mt_grouping { MT_GROUPINGS(MT_GROUPING_ENUM) MT_BY_GROUPS };
#undef MT_GROUPING_ENUM

struct mt_tally {
    uint64_t bytes, live, peak_bytes; /* now, and the most */
    uint64_t at_peak_bytes, at_peak;  /* bytes and blocks at the device's peak */
    uint64_t serial;                  /* of the peak that at_peak is for */
    uint64_t blocks, allocated_bytes; /* of blocks that have ended */
    uint64_t survivors, accesses;
    double lifetime_ns; /* sum */
};

/* The groups that a block belongs to, by the first `n` ways of grouping. Where one of these is the
 * same group in other ways, as for blocks without a stack, it need not be told again. */
struct mt_groups {
    uint32_t n;
    uint32_t group[MT_BY_GROUPS];
};

struct mt_sitebook {
    struct mt_tallies {
        struct mt_tally *tally;
        uint32_t n;
    } of[MT_BY_GROUPS][MT_DEVICES];
    uint64_t serial[MT_DEVICES], peak[MT_DEVICES];
    struct mt_slots held; /* what live blocks were counted as */
};

void mt_sitebook_release(struct mt_sitebook *book);

/* Groups are small numbers, dense from 0. Those that are int return 0 or MT_ERR_MEMORY. */
int mt_sitebook_birth(struct mt_sitebook *book, const struct mt_block *block,
                      const struct mt_groups *groups);
int mt_sitebook_resize(struct mt_sitebook *book, const struct mt_block *block);
/* `end_ns`: when it died, or the trace ended. */
int mt_sitebook_death(struct mt_sitebook *book, const struct mt_block *block, uint64_t end_ns);
static inline void mt_sitebook_usage(struct mt_sitebook *book, uint32_t device,
                                     const struct mt_usage *usage)
{
    if (usage->allocated > book->peak[device]) {
        book->peak[device] = usage->allocated;
        book->serial[device]++;
    }
}

/* What is known of a group at the end, NULL if it has nothing on that device. */
const struct mt_tally *mt_sitebook_tally(struct mt_sitebook *book, enum mt_grouping grouping,
                                         uint32_t device, uint32_t group);

#endif
