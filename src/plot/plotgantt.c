/* Lifetimes of the largest blocks of an iteration, one a line, with their accesses. Accesses that
 * fall on the same pixel are one mark, so the drawing is bounded whatever the trace. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/number.h"
#include "plot/picture.h"
#include "plot/svg.h"

#define LINES 60u
#define LEFT 190.0
#define PIXELS 860u
#define TOP 84.0
#define LINE 14.0
#define BAR 10.0

/* What is marked where several accesses meet is the last one of these that is among them. */
static const char *const kind_colour[] = {"#333", "#0b57d0", "#b00020"};
static const char *const kind_name[] = {"touch", "read", "write"};

struct chart {
    struct mt_output *output;
    const struct mt_picture *picture;
    uint32_t block[LINES]; /* of each line */
    uint32_t lines;
    struct mt_axis axis;
    uint8_t mark[LINES][PIXELS]; /* kind + 1 of the mark at a pixel */
};

/* Later is smaller, so that an insertion of larger ones keeps the first of equals. */
static void choose_blocks(struct chart *chart)
{
    const struct mt_picture_block *block = chart->picture->block;
    for (uint32_t i = 0; i < chart->picture->blocks; i++) {
        uint32_t at = chart->lines < LINES ? chart->lines++ : LINES;
        while (at > 0 && block[i].size > block[chart->block[at - 1]].size) {
            if (at < LINES)
                chart->block[at] = chart->block[at - 1];
            at--;
        }
        if (at < LINES)
            chart->block[at] = i;
    }
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* From top to bottom by birth, what was there before the iteration first, large before small. */
static int compare(const void *a, const void *b, void *data)
{
    const struct mt_picture *picture = data;
    const struct mt_picture_block *left = &picture->block[*(const uint32_t *)a];
    const struct mt_picture_block *right = &picture->block[*(const uint32_t *)b];
    uint64_t born = later(left->birth_ns, picture->start_ns);
    uint64_t other = later(right->birth_ns, picture->start_ns);
    if (born != other)
        return born < other ? -1 : 1;
    if (left->size != right->size)
        return left->size > right->size ? -1 : 1;
    return left->id < right->id ? -1 : 1;
}

static void set_marks(struct chart *chart)
{
    const struct mt_picture *picture = chart->picture;
    uint32_t *line = calloc(picture->blocks + 1, sizeof *line);
    for (uint32_t i = 0; line && i < chart->lines; i++)
        line[chart->block[i]] = i + 1;
    for (size_t i = 0; line && i < picture->accesses; i++) {
        const struct mt_picture_access *access = &picture->access[i];
        double x = mt_axis_at(&chart->axis, (double)(access->time_ns - picture->start_ns)) - LEFT;
        if (!line[access->block] || !(x >= 0) || x >= PIXELS)
            continue;
        uint8_t *mark = &chart->mark[line[access->block] - 1][(int)x];
        if (*mark < access->kind + 1)
            *mark = (uint8_t)(access->kind + 1);
    }
    free(line);
}

/* Marks of one kind, those side by side as one. */
static void draw_marks(struct chart *chart, uint8_t kind)
{
    bool begun = false;
    for (uint32_t line = 0; line < chart->lines; line++) {
        for (uint32_t x = 0; x < PIXELS; x++) {
            uint32_t first = x;
            while (x < PIXELS && chart->mark[line][x] == kind + 1)
                x++;
            if (x == first)
                continue;
            if (!begun)
                mt_printf(chart->output, "<path fill=\"%s\" d=\"", kind_colour[kind]);
            begun = true;
            mt_printf(chart->output, "M%.0f %.0fh%uv%.0fh-%uz", LEFT + first, TOP + line * LINE + 2,
                      x - first, BAR, x - first);
        }
    }
    if (begun)
        mt_put_string(chart->output, "\"/>\n");
}

static void draw_bar(struct chart *chart, uint32_t line)
{
    char text[200], size[MT_HUMAN_MAX], born[MT_HUMAN_MAX], lived[MT_HUMAN_MAX];
    const struct mt_picture *picture = chart->picture;
    const struct mt_picture_block *block = &picture->block[chart->block[line]];
    const struct mt_category *category = &mt_categories[block->category];
    double length = (double)(picture->end_ns - picture->start_ns), y = TOP + line * LINE + 2;
    bool before = block->birth_ns<picture->start_ns, beyond = block->death_ns> picture->end_ns;
    double from = before ? 0 : (double)(block->birth_ns - picture->start_ns);
    double to = beyond ? length : (double)(block->death_ns - picture->start_ns);
    double x = mt_axis_at(&chart->axis, from), width = mt_axis_at(&chart->axis, to) - x;
    mt_human_bytes(size, block->size);
    snprintf(text, sizeof text, "block %llu, %s, %s; born %s%s, %s%s; %llu accesses",
             (unsigned long long)block->id, size, category->name,
             before ? "before the iteration" : "at ",
             before ? "" : mt_human_ns(born, (uint64_t)from), beyond ? "outlives it" : "lived ",
             beyond ? "" : mt_human_ns(lived, block->death_ns - block->birth_ns),
             (unsigned long long)block->accesses);
    mt_svg_rect(chart->output, x, y, width < 1 ? 1 : width, BAR, category->colour, text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)block->id);
    mt_svg_text(chart->output, LEFT - 84, y + 9, MT_ANCHOR_END, text);
    mt_svg_text(chart->output, LEFT - 8, y + 9, MT_ANCHOR_END, size);
}

static void draw_kinds(struct chart *chart, double x, double y)
{
    bool used[3] = {0};
    for (size_t i = 0; i < chart->picture->accesses; i++)
        used[chart->picture->access[i].kind] = true;
    for (int kind = 0; kind < 3; kind++) {
        if (!used[kind])
            continue;
        mt_svg_rect(chart->output, x, y - 10, 2, 12, kind_colour[kind], NULL);
        mt_svg_text(chart->output, x + 8, y, MT_ANCHOR_START, kind_name[kind]);
        x += 56;
    }
}

static void draw_head(struct chart *chart, double height)
{
    char when[120], text[300], shown[MT_HUMAN_MAX], all[MT_HUMAN_MAX];
    const struct mt_picture *picture = chart->picture;
    uint64_t sum = 0, part = 0;
    for (size_t i = 0; i < picture->blocks; i++)
        sum += picture->block[i].size;
    for (uint32_t i = 0; i < chart->lines; i++)
        part += picture->block[chart->block[i]].size;
    mt_plot_when(picture, when, sizeof when);
    snprintf(text, sizeof text,
             "%s; the %u largest of %zu blocks, %s of %s; a bar is a life, a mark in it an access",
             when, chart->lines, picture->blocks, mt_human_bytes(shown, part),
             mt_human_bytes(all, sum));
    mt_svg_begin(chart->output, LEFT + PIXELS + 40, height, "Lifetimes of blocks", text);
}

static void draw(struct chart *chart)
{
    bool used[16] = {0};
    double bottom = TOP + chart->lines * LINE + 4;
    draw_head(chart, bottom + 84);
    mt_axis_below(chart->output, &chart->axis, MT_AXIS_NS, bottom, bottom - TOP,
                  "time since the beginning");
    mt_svg_text(chart->output, LEFT - 84, TOP - 6, MT_ANCHOR_END, "block");
    mt_svg_text(chart->output, LEFT - 8, TOP - 6, MT_ANCHOR_END, "size");
    for (uint32_t line = 0; line < chart->lines; line++) {
        draw_bar(chart, line);
        used[chart->picture->block[chart->block[line]].category] = true;
    }
    for (uint8_t kind = 0; kind < 3; kind++)
        draw_marks(chart, kind);
    mt_plot_legend(chart->output, used, LEFT, bottom + 66);
    draw_kinds(chart, LEFT + PIXELS - 160, TOP - 8);
    mt_svg_end(chart->output);
}

void mt_plot_gantt(struct mt_output *output, const struct mt_picture *picture)
{
    struct chart *chart = calloc(1, sizeof *chart);
    if (!chart)
        return;
    chart->output = output;
    chart->picture = picture;
    double length = (double)(picture->end_ns - picture->start_ns);
    chart->axis = (struct mt_axis){0, length > 0 ? length : 1, LEFT, LEFT + PIXELS, false};
    choose_blocks(chart);
    qsort_r(chart->block, chart->lines, sizeof *chart->block, compare, (void *)(uintptr_t)picture);
    set_marks(chart);
    draw(chart);
    free(chart);
}
