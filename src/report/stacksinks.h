/* Sinks for rows that are stacks: each row has a text cell `frames`, innermost first and separated
 * by ";", and a whole number, in the column that is named, which is the stack's weight. */
#ifndef MT_STACKSINKS_H
#define MT_STACKSINKS_H

#include "report/output.h"
#include "table/table.h"

/* Folded lines "outermost;...;innermost WEIGHT", as flame graph programs read them. The sink owns
 * the output; if no stack comes nothing is written and the file is dropped. `weight` must outlive
 * the sink. NULL where memory is out: the output is freed. */
struct mt_sink *mt_folded_sink_new(struct mt_output *output, const char *weight);

/* What a flame graph says about itself. */
struct mt_flame_title {
    const char *title, *subtitle;
    bool bytes; /* weights are bytes, else counts */
};

/* A flame graph as one SVG file that needs nothing else. Memory grows with distinct stacks. */
struct mt_sink *mt_flame_sink_new(struct mt_output *output, const char *weight,
                                  const struct mt_flame_title *title);

/* Whether any stack came. */
bool mt_stack_sink_filled(const struct mt_sink *sink);

/* The stack's last frame that was not yet taken: its begin, and its length in *length. *end is the
 * length of the cell at first. NULL after the last. So frames come outermost first. */
const char *mt_frame_from_end(const char *frames, size_t *end, size_t *length);

#endif
