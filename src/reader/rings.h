/* What a killed process left in the ring file beside its trace. */
#ifndef MT_RINGS_H
#define MT_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "format/ringfile.h"
#include "reader/source.h"

/* The records of one ring that are to be read. */
struct mt_ring_part {
    uint32_t thread;
    uint32_t events;
    uint64_t offset;     /* of the ring's first record byte in the file */
    uint64_t begin, end; /* positions */
    uint64_t lost;
    uint64_t time_first, time_last; /* ns since the start of the trace */
    bool damaged;                   /* what stands from `end` on makes no sense */
};

struct mt_rings {
    struct mt_source_file source;
    struct mt_ringfile_header header;
    struct mt_ring_part *part;
    uint32_t count;
};

/* Take up the ring file beside the trace at `path` if it belongs to it; without one there are no
 * parts. 0 or MT_ERR_MEMORY. */
int mt_rings_open(struct mt_rings *rings, const char *path, uint64_t trace_id);

/* Begin the part at `position` if that is later, count its events and find its times. */
int mt_ring_part_survey(struct mt_rings *rings, struct mt_ring_part *part, uint64_t position);

/* The records of a part with their times in ns, malloc'ed; *end is where they end. NULL: no memory.
 */
struct mt_record *mt_ring_part_load(const struct mt_rings *rings, const struct mt_ring_part *part,
                                    const struct mt_record **end);

void mt_rings_release(struct mt_rings *rings);

#endif
