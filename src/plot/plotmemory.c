/* Bytes of live blocks over an iteration, a layer for each category. A pixel shows the moment in it
 * at which most was allocated, so that a short peak is not lost between two pixels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/number.h"
#include "plot/picture.h"
#include "plot/svg.h"

#define LEFT 90.0
#define PIXELS 900u
#define TOP 70.0
#define HEIGHT 380.0
#define CATEGORIES 16u

struct change {
    uint64_t time_ns;
    int64_t bytes;
    uint32_t category;
};

struct layers {
    const struct mt_picture *picture;
    struct change *change;
    size_t changes;
    uint64_t now[CATEGORIES];
    uint64_t at[PIXELS][CATEGORIES]; /* at the fullest moment of each pixel */
    uint64_t most[PIXELS];           /* bytes then */
    uint64_t peak, peak_ns;
    bool used[CATEGORIES];
};

static int compare(const void *a, const void *b)
{
    const struct change *left = a, *right = b;
    if (left->time_ns != right->time_ns)
        return left->time_ns < right->time_ns ? -1 : 1;
    return left->bytes < right->bytes ? -1 : left->bytes > right->bytes; /* what goes, first */
}

static bool collect(struct layers *layers)
{
    const struct mt_picture *picture = layers->picture;
    layers->change = malloc((2 * picture->blocks + 1) * sizeof *layers->change);
    for (size_t i = 0; layers->change && i < picture->blocks; i++) {
        const struct mt_picture_block *block = &picture->block[i];
        bool before = block->birth_ns < picture->start_ns;
        layers->change[layers->changes++] = (struct change){
            before ? picture->start_ns : block->birth_ns, (int64_t)block->size, block->category};
        layers->used[block->category] = true;
        if (block->death_ns <= picture->end_ns)
            layers->change[layers->changes++] =
                (struct change){block->death_ns, -(int64_t)block->size, block->category};
    }
    if (layers->change)
        qsort(layers->change, layers->changes, sizeof *layers->change, compare);
    return layers->change != NULL;
}

static uint32_t pixel_of(const struct mt_picture *picture, uint64_t time_ns)
{
    double length = (double)(picture->end_ns - picture->start_ns);
    double share = length > 0 ? (double)(time_ns - picture->start_ns) / length : 0;
    uint32_t pixel = (uint32_t)(share * PIXELS);
    return pixel < PIXELS ? pixel : PIXELS - 1;
}

static void look(struct layers *layers, uint32_t pixel, uint64_t time_ns)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < CATEGORIES; i++)
        sum += layers->now[i];
    if (sum > layers->peak) {
        layers->peak = sum;
        layers->peak_ns = time_ns;
    }
    if (sum <= layers->most[pixel])
        return;
    layers->most[pixel] = sum;
    memcpy(layers->at[pixel], layers->now, sizeof layers->now);
}

static void sweep(struct layers *layers)
{
    uint32_t pixel = 0;
    for (size_t i = 0; i < layers->changes;) {
        uint64_t time_ns = layers->change[i].time_ns;
        for (uint32_t next = pixel_of(layers->picture, time_ns); pixel < next;)
            look(layers, ++pixel, time_ns);
        for (; i < layers->changes && layers->change[i].time_ns == time_ns; i++)
            layers->now[layers->change[i].category] += (uint64_t)layers->change[i].bytes;
        look(layers, pixel, time_ns);
    }
    while (pixel + 1 < PIXELS)
        look(layers, ++pixel, layers->picture->end_ns);
}

/* One layer: along its top from left to right, then back along what lies below it. */
static void draw_layer(struct mt_output *output, const struct layers *layers,
                       const struct mt_axis *axis, uint32_t category, double *below)
{
    mt_printf(output, "<path fill=\"%s\" d=\"M", mt_categories[category].colour);
    for (uint32_t x = 0; x < PIXELS; x++)
        mt_printf(output, "%.0f %.1fh1L", LEFT + x,
                  mt_axis_at(axis, below[x] + (double)layers->at[x][category]));
    for (uint32_t x = PIXELS; x-- > 0;)
        mt_printf(output, "%.0f %.1fh-1%s", LEFT + x + 1, mt_axis_at(axis, below[x]),
                  x ? "L" : "z");
    mt_printf(output, "\"><title>%s</title></path>\n", mt_categories[category].name);
    for (uint32_t x = 0; x < PIXELS; x++)
        below[x] += (double)layers->at[x][category];
}

static void draw_peak(struct mt_output *output, const struct layers *layers,
                      const struct mt_axis *axis)
{
    char text[120], bytes[MT_HUMAN_MAX], time[MT_HUMAN_MAX];
    double y = mt_axis_at(axis, (double)layers->peak);
    double x = LEFT + pixel_of(layers->picture, layers->peak_ns);
    snprintf(text, sizeof text, "peak %s at %s", mt_human_bytes(bytes, layers->peak),
             mt_human_ns(time, layers->peak_ns - layers->picture->start_ns));
    mt_svg_line(output, LEFT, y, LEFT + PIXELS, y, MT_SVG_MARK);
    mt_svg_text(output, x, y - 6,
                x < LEFT + 100            ? MT_ANCHOR_START
                : x > LEFT + PIXELS - 100 ? MT_ANCHOR_END
                                          : MT_ANCHOR_MIDDLE,
                text);
}

static void draw(struct mt_output *output, const struct layers *layers)
{
    static double below[PIXELS];
    char when[120];
    const struct mt_picture *picture = layers->picture;
    double length = (double)(picture->end_ns - picture->start_ns), bottom = TOP + HEIGHT;
    struct mt_axis time = {0, length > 0 ? length : 1, LEFT, LEFT + PIXELS, false};
    struct mt_axis bytes = {0, layers->peak ? 1.1 * (double)layers->peak : 1, bottom, TOP, false};
    mt_plot_when(picture, when, sizeof when);
    mt_svg_begin(output, LEFT + PIXELS + 40, bottom + 84, "Memory by category", when);
    mt_axis_below(output, &time, MT_AXIS_NS, bottom, HEIGHT, "time since the beginning");
    mt_axis_beside(output, &bytes, MT_AXIS_BYTES, LEFT, PIXELS, "live blocks");
    memset(below, 0, sizeof below);
    for (uint32_t i = 0; i < mt_categories_count; i++)
        if (layers->used[i])
            draw_layer(output, layers, &bytes, i, below);
    draw_peak(output, layers, &bytes);
    mt_plot_legend(output, layers->used, LEFT, bottom + 66);
    mt_svg_end(output);
}

void mt_plot_memory(struct mt_output *output, const struct mt_picture *picture)
{
    struct layers *layers = calloc(1, sizeof *layers);
    if (!layers)
        return;
    layers->picture = picture;
    if (collect(layers)) {
        sweep(layers);
        draw(output, layers);
    }
    free(layers->change);
    free(layers);
}
