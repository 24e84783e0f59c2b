/* Axes: steps that are round in the unit that fits, 1, 2 or 5 times a power of ten, and powers of
 * two for bytes. */
#include <stdio.h>

#include "plot/svg.h"

#define TICKS_MAX 9.0

struct scale {
    double one; /* how much of the axis' values makes one of the unit */
    const char *unit;
};

static struct scale scale_of(enum mt_axis_unit unit, double most)
{
    static const struct scale bytes[] = {
        {1, "B"}, {1024, "KiB"}, {1048576, "MiB"}, {1073741824, "GiB"}, {1099511627776.0, "TiB"}};
    static const struct scale times[] = {{1, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}};
    if (unit == MT_AXIS_COUNT)
        return (struct scale){1, ""};
    if (unit == MT_AXIS_PERCENT)
        return (struct scale){0.01, "%"};
    const struct scale *list = unit == MT_AXIS_BYTES ? bytes : times;
    int n = unit == MT_AXIS_BYTES ? 5 : 4, i = 0;
    while (i + 1 < n && most >= list[i + 1].one)
        i++;
    return list[i];
}

/* log2 of 1 to 2 by its series; no library of mathematics is worth it. */
static double log2_of(double value)
{
    double whole = 0;
    for (; value >= 2; value /= 2)
        whole++;
    for (; value < 1; value *= 2)
        whole--;
    double t = (value - 1) / (value + 1), power = t, sum = 0;
    for (int i = 1; i < 30; i += 2, power *= t * t)
        sum += power / i;
    return whole + 2 * sum / 0.69314718055994530942;
}

double mt_axis_at(const struct mt_axis *axis, double value)
{
    double share = axis->logarithmic ? log2_of(value / axis->from) / log2_of(axis->to / axis->from)
                                     : (value - axis->from) / (axis->to - axis->from);
    return axis->begin + share * (axis->end - axis->begin);
}

/* A step, in ones of the scale, with at most TICKS_MAX ticks. */
static double step_of(enum mt_axis_unit unit, double range)
{
    double step = 1;
    if (unit == MT_AXIS_BYTES) {
        while (range / step > TICKS_MAX)
            step *= 2;
        while (step > 1.0 / 1024 && range / step * 2 <= TICKS_MAX)
            step /= 2;
        return step;
    }
    while (range / step > TICKS_MAX)
        step *= 10;
    while (unit != MT_AXIS_COUNT && range / step * 10 <= TICKS_MAX)
        step /= 10;
    if (range / step * 5 <= TICKS_MAX && (unit != MT_AXIS_COUNT || step >= 5))
        return step / 5;
    return range / step * 2 <= TICKS_MAX && (unit != MT_AXIS_COUNT || step >= 2) ? step / 2 : step;
}

/* Draws one tick. */
typedef void draw(struct mt_output *output, const struct mt_axis *axis, double value, double place,
                  double across, const char *text);

static void number(char text[32], double value, const char *unit)
{
    snprintf(text, 32, "%.10g%s%s", value, *unit ? " " : "", unit);
}

/* A tick at each power of ten, with its own unit: the range is wide. */
static void logarithmic_ticks(struct mt_output *output, const struct mt_axis *axis,
                              enum mt_axis_unit unit, double place, double across, draw *tick)
{
    char text[32];
    double value = 1;
    while (value < axis->from * 0.999)
        value *= 10;
    for (; value <= axis->to * 1.001; value *= 10) {
        struct scale scale = scale_of(unit, value * 1.001);
        number(text, value / scale.one, scale.unit);
        tick(output, axis, value, place, across, text);
    }
}

static const char *linear_ticks(struct mt_output *output, const struct mt_axis *axis,
                                enum mt_axis_unit unit, double place, double across, draw *tick)
{
    char text[32];
    struct scale scale = scale_of(unit, axis->to);
    double step = step_of(unit, (axis->to - axis->from) / scale.one);
    for (int i = 0; axis->from + i * step * scale.one <= axis->to * 1.0000001; i++) {
        number(text, axis->from / scale.one + i * step, "");
        tick(output, axis, axis->from + i * step * scale.one, place, across, text);
    }
    return scale.unit;
}

static void tick_below(struct mt_output *output, const struct mt_axis *axis, double value,
                       double place, double across, const char *text)
{
    double x = mt_axis_at(axis, value);
    mt_svg_line(output, x, place - across, x, place, MT_SVG_GRID);
    mt_svg_line(output, x, place, x, place + 4, MT_SVG_FRAME);
    mt_svg_text(output, x, place + 18, MT_ANCHOR_MIDDLE, text);
}

static void tick_beside(struct mt_output *output, const struct mt_axis *axis, double value,
                        double place, double across, const char *text)
{
    double y = mt_axis_at(axis, value), out = across > 0 ? -4 : 4;
    mt_svg_line(output, place, y, place + across, y, MT_SVG_GRID);
    mt_svg_line(output, place + out, y, place, y, MT_SVG_FRAME);
    mt_svg_text(output, place + 2 * out, y + 4, across > 0 ? MT_ANCHOR_END : MT_ANCHOR_START, text);
}

static void name_axis(char text[120], const char *label, const char *unit)
{
    snprintf(text, 120, *unit ? "%s (%s)" : "%s", label, unit);
}

void mt_axis_below(struct mt_output *output, const struct mt_axis *axis, enum mt_axis_unit unit,
                   double place, double across, const char *label)
{
    char text[120];
    const char *unit_name = "";
    if (axis->logarithmic)
        logarithmic_ticks(output, axis, unit, place, across, tick_below);
    else
        unit_name = linear_ticks(output, axis, unit, place, across, tick_below);
    name_axis(text, label, unit_name);
    mt_svg_line(output, axis->begin, place, axis->end, place, MT_SVG_FRAME);
    mt_svg_text(output, (axis->begin + axis->end) / 2, place + 38, MT_ANCHOR_MIDDLE, text);
}

void mt_axis_beside(struct mt_output *output, const struct mt_axis *axis, enum mt_axis_unit unit,
                    double place, double across, const char *label)
{
    char text[120];
    name_axis(text, label, linear_ticks(output, axis, unit, place, across, tick_beside));
    mt_svg_line(output, place, axis->begin, place, axis->end, MT_SVG_FRAME);
    mt_svg_text_upward(output, across > 0 ? place - 54 : place + 54, (axis->begin + axis->end) / 2,
                       text);
}
