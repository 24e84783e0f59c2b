/* What stacks are made of, by id, as `code`, `frame` and `module` events tell of it. The first
 * event of an id holds. */
#ifndef MT_STACKFRAMES_H
#define MT_STACKFRAMES_H

#include <stdint.h>

#include "event/event.h"
#include "format/layout.h"
#include "memtrace/trace.h"

#define MT_FRAME_PAGE 4096u

struct mt_stackframes {
    struct mt_trace_frame *page[MT_FRAMES_MAX / MT_FRAME_PAGE]; /* frames stay where they are */
    struct mt_trace_code **code;
    struct mt_trace_module **module;
    uint32_t codes, modules; /* room */
};

/* Note a `code`, `frame` or `module` record. 0 or MT_ERR_MEMORY; what is beyond the limits of
 * layout.h, and a frame whose caller does not have a smaller id, is not kept. */
int mt_stackframes_add(struct mt_stackframes *stacks, const struct mt_record *record);

/* NULL where there is none. */
const struct mt_trace_frame *mt_stackframes_frame(const struct mt_stackframes *stacks, uint64_t id);

static inline const struct mt_trace_code *mt_stackframes_code(const struct mt_stackframes *stacks,
                                                              uint64_t id)
{
    return id < stacks->codes ? stacks->code[id] : NULL;
}

static inline const struct mt_trace_module *
mt_stackframes_module(const struct mt_stackframes *stacks, uint64_t id)
{
    return id < stacks->modules ? stacks->module[id] : NULL;
}

void mt_stackframes_release(struct mt_stackframes *stacks);

#endif
