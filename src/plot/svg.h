/* Shapes, text and axes of an SVG picture: dark on white, readable without a script or a network.
 * Coordinates are pixels, from the upper left corner. */
#ifndef MT_SVG_H
#define MT_SVG_H

#include <stdbool.h>
#include <stdint.h>

#include "report/output.h"

enum mt_anchor { MT_ANCHOR_START, MT_ANCHOR_MIDDLE, MT_ANCHOR_END };

/* `title` is shown above the picture, `subtitle` below it in small. */
void mt_svg_begin(struct mt_output *output, double width, double height, const char *title,
                  const char *subtitle);
void mt_svg_end(struct mt_output *output);

void mt_svg_text(struct mt_output *output, double x, double y, enum mt_anchor anchor,
                 const char *text);
/* The same from bottom to top, its middle at the place. */
void mt_svg_text_upward(struct mt_output *output, double x, double y, const char *text);

/* `tip` (may be NULL) is shown while the mouse is over it. */
void mt_svg_rect(struct mt_output *output, double x, double y, double width, double height,
                 const char *colour, const char *tip);
void mt_svg_line(struct mt_output *output, double x1, double y1, double x2, double y2,
                 const char *style);

#define MT_SVG_GRID "stroke:#e4e4e4"
#define MT_SVG_FRAME "stroke:#444"
#define MT_SVG_MARK "stroke:#b00020;stroke-dasharray:4 3"

/* An axis: values `from` to `to` lie between the pixels `begin` and `end`. */
struct mt_axis {
    double from, to, begin, end;
    bool logarithmic; /* from > 0 */
};

double mt_axis_at(const struct mt_axis *axis, double value);

/* What the ticks of an axis count. */
enum mt_axis_unit { MT_AXIS_BYTES, MT_AXIS_NS, MT_AXIS_COUNT, MT_AXIS_PERCENT };

/* Ticks with numbers and grid lines across `across` pixels, and the unit behind `label`: below the
 * picture at y `place`, or left of it at x `place` (right of it where across is 0). */
void mt_axis_below(struct mt_output *output, const struct mt_axis *axis, enum mt_axis_unit unit,
                   double place, double across, const char *label);
void mt_axis_beside(struct mt_output *output, const struct mt_axis *axis, enum mt_axis_unit unit,
                    double place, double across, const char *label);

#endif
