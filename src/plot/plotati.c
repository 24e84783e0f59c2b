/* How access-time intervals are distributed: a bar a bin, which has a quarter of a power of two,
 * and the share of all that are shorter. Bins of several devices and sources are summed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/number.h"
#include "plot/picture.h"
#include "plot/svg.h"

#define LEFT 90.0
#define WIDTH 860.0
#define TOP 70.0
#define HEIGHT 360.0
#define BINS 512u /* four for each of 64 powers of two, and some */

struct bin {
    uint64_t from_ns, to_ns, intervals;
};

struct chart {
    struct bin bin[BINS];
    size_t bins;
    uint64_t intervals, most;
};

static void add(struct chart *chart, uint64_t from_ns, uint64_t to_ns, uint64_t intervals)
{
    size_t at = chart->bins;
    while (at > 0 && chart->bin[at - 1].from_ns > from_ns)
        at--;
    chart->intervals += intervals;
    if (at > 0 && chart->bin[at - 1].from_ns == from_ns) {
        chart->bin[at - 1].intervals += intervals;
        return;
    }
    if (chart->bins == BINS)
        return;
    memmove(&chart->bin[at + 1], &chart->bin[at], (chart->bins - at) * sizeof *chart->bin);
    chart->bin[at] = (struct bin){from_ns, to_ns, intervals};
    chart->bins++;
}

static void collect(struct chart *chart, const struct mt_rows *histogram)
{
    for (size_t i = 0; i < mt_rows_count(histogram); i++)
        add(chart, mt_rows_get(histogram, i, "from_ns").u, mt_rows_get(histogram, i, "to_ns").u,
            mt_rows_get(histogram, i, "intervals").u);
    for (size_t i = 0; i < chart->bins; i++)
        if (chart->bin[i].intervals > chart->most)
            chart->most = chart->bin[i].intervals;
}

/* The end of the bin that the share `part` of all intervals does not go beyond. */
static uint64_t quantile(const struct chart *chart, double part)
{
    double sum = 0;
    for (size_t i = 0; i < chart->bins; i++) {
        sum += (double)chart->bin[i].intervals;
        if (sum >= part * (double)chart->intervals)
            return chart->bin[i].to_ns;
    }
    return 0;
}

static double at_least_one(uint64_t ns)
{
    return ns ? (double)ns : 1;
}

static void draw_bars(struct mt_output *output, const struct chart *chart,
                      const struct mt_axis *time, const struct mt_axis *count)
{
    char tip[160], from[MT_HUMAN_MAX], to[MT_HUMAN_MAX], number[MT_HUMAN_MAX];
    for (size_t i = 0; i < chart->bins; i++) {
        const struct bin *bin = &chart->bin[i];
        double x = mt_axis_at(time, at_least_one(bin->from_ns));
        double right = mt_axis_at(time, at_least_one(bin->to_ns));
        double y = mt_axis_at(count, (double)bin->intervals);
        snprintf(tip, sizeof tip, "%s intervals from %s to %s",
                 mt_human_count(number, bin->intervals), mt_human_ns(from, bin->from_ns),
                 mt_human_ns(to, bin->to_ns));
        mt_svg_rect(output, x, y, right - x > 1.5 ? right - x - 0.5 : 1, count->begin - y,
                    "#4878a8", tip);
    }
}

static void draw_shares(struct mt_output *output, const struct chart *chart,
                        const struct mt_axis *time, const struct mt_axis *share)
{
    double sum = 0;
    mt_printf(output, "<path fill=\"none\" stroke=\"#e07a1f\" stroke-width=\"2\" d=\"M%.1f %.1f",
              mt_axis_at(time, at_least_one(chart->bin[0].from_ns)), share->begin);
    for (size_t i = 0; i < chart->bins; i++) {
        sum += (double)chart->bin[i].intervals;
        mt_printf(output, "L%.1f %.1f", mt_axis_at(time, at_least_one(chart->bin[i].to_ns)),
                  mt_axis_at(share, sum / (double)chart->intervals));
    }
    mt_put_string(output, "\"/>\n");
}

static void draw_head(struct mt_output *output, const struct chart *chart)
{
    char text[200], number[MT_HUMAN_MAX], half[MT_HUMAN_MAX], most[MT_HUMAN_MAX];
    snprintf(text, sizeof text,
             "%s intervals between adjacent accesses of a block; half of them "
             "are below %s, 90 %% below %s",
             mt_human_count(number, chart->intervals), mt_human_ns(half, quantile(chart, 0.5)),
             mt_human_ns(most, quantile(chart, 0.9)));
    mt_svg_begin(output, LEFT + WIDTH + 90, TOP + HEIGHT + 84, "Access-time intervals",
                 chart->bins ? text : "no block was accessed twice");
}

static void draw(struct mt_output *output, const struct chart *chart)
{
    double bottom = TOP + HEIGHT;
    struct mt_axis time = {at_least_one(chart->bin[0].from_ns),
                           at_least_one(chart->bin[chart->bins - 1].to_ns), LEFT, LEFT + WIDTH,
                           true};
    struct mt_axis count = {0, 1.05 * (double)chart->most, bottom, TOP, false};
    struct mt_axis share = {0, 1, bottom, mt_axis_at(&count, (double)chart->most), false};
    mt_axis_below(output, &time, MT_AXIS_NS, bottom, HEIGHT, "time between two accesses");
    mt_axis_beside(output, &count, MT_AXIS_COUNT, LEFT, WIDTH, "intervals in a bin");
    mt_axis_beside(output, &share, MT_AXIS_PERCENT, LEFT + WIDTH, 0, "intervals that are shorter");
    draw_bars(output, chart, &time, &count);
    draw_shares(output, chart, &time, &share);
    mt_svg_rect(output, LEFT, bottom + 56, 12, 12, "#4878a8", NULL);
    mt_svg_text(output, LEFT + 17, bottom + 66, MT_ANCHOR_START, "intervals");
    mt_svg_rect(output, LEFT + 110, bottom + 61, 14, 2, "#e07a1f", NULL);
    mt_svg_text(output, LEFT + 130, bottom + 66, MT_ANCHOR_START, "share that is shorter");
}

void mt_plot_ati(struct mt_output *output, const struct mt_rows *histogram)
{
    struct chart *chart = calloc(1, sizeof *chart);
    if (!chart)
        return;
    collect(chart, histogram);
    draw_head(output, chart);
    if (chart->bins)
        draw(output, chart);
    mt_svg_end(output);
    free(chart);
}
