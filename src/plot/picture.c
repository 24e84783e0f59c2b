#include "plot/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dict.h"
#include "base/grow.h"
#include "report/number.h"
#include "plot/svg.h"

/* From what lasts to what comes and goes. */
const struct mt_category mt_categories[] = {
    {"parameter", "#4878a8"}, {"optimizer_state", "#86b0d8"}, {"gradient", "#e8894a"},
    {"input", "#f2c14e"},     {"activation", "#6aa84f"},      {"workspace", "#9a7bb5"},
    {"temporary", "#d27a9b"}, {"communication", "#49a6a6"},   {"unknown", "#a8a8a8"},
};
const uint32_t mt_categories_count = sizeof mt_categories / sizeof *mt_categories;

struct mt_pictures {
    struct mt_picture picture;
    struct mt_dict place; /* index + 1 of a block's id */
};

struct gatherer {
    struct mt_sink sink;
    struct mt_pictures *pictures;
    int (*take)(struct mt_pictures *pictures, const struct mt_table *table,
                const struct mt_value *cells);
};

struct mt_pictures *mt_pictures_new(void)
{
    struct mt_pictures *pictures = calloc(1, sizeof *pictures);
    if (pictures)
        pictures->picture.iteration = UINT64_MAX;
    return pictures;
}

void mt_pictures_free(struct mt_pictures *pictures)
{
    if (!pictures)
        return;
    free(pictures->picture.block);
    free(pictures->picture.access);
    mt_dict_release(&pictures->place);
    free(pictures);
}

const struct mt_picture *mt_pictures_get(const struct mt_pictures *pictures)
{
    return &pictures->picture;
}

static struct mt_value cell(const struct mt_table *table, const struct mt_value *cells,
                            const char *name)
{
    const struct mt_column *column = mt_table_column(table, name);
    return column ? cells[column - table->columns] : mt_null();
}

static uint64_t whole(struct mt_value value)
{
    return value.null ? UINT64_MAX : value.u;
}

#define CELL(name) cell(table, cells, #name)

static int take_block(struct mt_pictures *pictures, const struct mt_table *table,
                      const struct mt_value *cells)
{
    struct mt_picture *picture = &pictures->picture;
    if (!MT_ROOM(picture->block, picture->blocks, picture->block_room, 1024))
        return MT_ERR_MEMORY;
    uint64_t *place = mt_dict_add(&pictures->place, CELL(block_id).u);
    if (!place)
        return MT_ERR_MEMORY;
    picture->block[picture->blocks++] = (struct mt_picture_block){
        .id = CELL(block_id).u,
        .size = CELL(size_bytes).u,
        .birth_ns = CELL(birth_ns).u,
        .death_ns = whole(CELL(death_ns)),
        .accesses = CELL(accesses).u,
        .category = mt_categories_count - 1,
    };
    *place = picture->blocks;
    picture->iteration = whole(CELL(iteration));
    picture->start_ns = CELL(start_ns).u;
    picture->end_ns = CELL(end_ns).u;
    return 0;
}

static int take_access(struct mt_pictures *pictures, const struct mt_table *table,
                       const struct mt_value *cells)
{
    struct mt_picture *picture = &pictures->picture;
    const uint64_t *place = mt_dict_find(&pictures->place, CELL(block_id).u);
    const char *kind = CELL(kind).s;
    if (!place)
        return 0;
    if (!MT_ROOM(picture->access, picture->accesses, picture->access_room, 1024))
        return MT_ERR_MEMORY;
    picture->access[picture->accesses++] =
        (struct mt_picture_access){CELL(time_ns).u, (uint32_t)*place - 1,
                                   strcmp(kind, "read") == 0    ? MT_PICTURE_READ
                                   : strcmp(kind, "write") == 0 ? MT_PICTURE_WRITE
                                                                : MT_PICTURE_TOUCH};
    return 0;
}

static int take_role(struct mt_pictures *pictures, const struct mt_table *table,
                     const struct mt_value *cells)
{
    const uint64_t *place = mt_dict_find(&pictures->place, CELL(block_id).u);
    struct mt_value category = CELL(category);
    for (uint32_t i = 0; place && !category.null && i < mt_categories_count; i++)
        if (strcmp(mt_categories[i].name, category.s) == 0)
            pictures->picture.block[*place - 1].category = i;
    return 0;
}

/* ---- the sink ---- */

static struct gatherer *gatherer_of(struct mt_sink *sink)
{
    return (struct gatherer *)(void *)sink;
}

static int gatherer_begin(struct mt_sink *sink, const struct mt_table *table)
{
    gatherer_of(sink)->take = strcmp(table->name, "picture") == 0            ? take_block
                              : strcmp(table->name, "picture_accesses") == 0 ? take_access
                                                                             : take_role;
    return 0;
}

static int gatherer_row(struct mt_sink *sink, const struct mt_table *table,
                        const struct mt_value *cells)
{
    return gatherer_of(sink)->take(gatherer_of(sink)->pictures, table, cells);
}

static int gatherer_end(struct mt_sink *sink, const struct mt_table *table)
{
    (void)sink;
    (void)table;
    return 0;
}

static void gatherer_free(struct mt_sink *sink)
{
    free(gatherer_of(sink));
}

struct mt_sink *mt_pictures_sink(struct mt_pictures *pictures)
{
    struct gatherer *gatherer = calloc(1, sizeof *gatherer);
    if (!gatherer)
        return NULL;
    gatherer->sink = (struct mt_sink){
        .begin = gatherer_begin, .row = gatherer_row, .end = gatherer_end, .free = gatherer_free};
    gatherer->pictures = pictures;
    return &gatherer->sink;
}

/* ---- what plots share ---- */

void mt_plot_when(const struct mt_picture *picture, char *text, size_t size)
{
    char length[MT_HUMAN_MAX];
    mt_human_ns(length, picture->end_ns - picture->start_ns);
    if (picture->iteration == UINT64_MAX)
        snprintf(text, size, "the whole trace, %s: no iterations were found", length);
    else
        snprintf(text, size, "iteration %llu, %s", (unsigned long long)picture->iteration, length);
}

void mt_plot_legend(struct mt_output *output, const bool *used, double x, double y)
{
    for (uint32_t i = 0; i < mt_categories_count; i++) {
        char name[40];
        if (!used[i])
            continue;
        snprintf(name, sizeof name, "%s", mt_categories[i].name);
        for (char *at = name; *at; at++)
            *at = *at == '_' ? ' ' : *at;
        mt_svg_rect(output, x, y - 10, 12, 12, mt_categories[i].colour, NULL);
        mt_svg_text(output, x + 17, y, MT_ANCHOR_START, name);
        x += 36 + 7.4 * (double)strlen(name);
    }
}
