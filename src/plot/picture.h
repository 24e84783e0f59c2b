/* The picture of one iteration, gathered from the rows of tables picture, picture_accesses and
 * roles, and its drawings. Tables come in that order as far as blocks of the picture go: what is
 * said of other blocks is passed over. */
#ifndef MT_PICTURE_H
#define MT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/output.h"
#include "report/rows.h"
#include "table/table.h"

struct mt_picture_block {
    uint64_t id, size;
    uint64_t birth_ns, death_ns; /* as they are; death UINT64_MAX: beyond the iteration */
    uint64_t accesses;
    uint32_t category; /* index among mt_categories */
};

enum mt_picture_kind { MT_PICTURE_TOUCH, MT_PICTURE_READ, MT_PICTURE_WRITE };

struct mt_picture_access {
    uint64_t time_ns;
    uint32_t block; /* index */
    uint8_t kind;   /* enum mt_picture_kind */
};

struct mt_picture {
    struct mt_picture_block *block;
    size_t blocks, block_room;
    struct mt_picture_access *access;
    size_t accesses, access_room;
    uint64_t start_ns, end_ns;
    uint64_t iteration; /* UINT64_MAX: the whole trace */
};

struct mt_pictures;

/* NULL where memory is out. */
struct mt_pictures *mt_pictures_new(void);
void mt_pictures_free(struct mt_pictures *pictures); /* NULL is allowed */

/* A sink for the table called picture, picture_accesses or roles; whoever takes it owns it, and the
 * pictures must outlive it. NULL where memory is out. */
struct mt_sink *mt_pictures_sink(struct mt_pictures *pictures);

const struct mt_picture *mt_pictures_get(const struct mt_pictures *pictures);

/* Categories in the order in which they are stacked, with their colours; the last one is for blocks
 * whose category is not known. */
struct mt_category {
    const char *name, *colour;
};
extern const struct mt_category mt_categories[];
extern const uint32_t mt_categories_count;

/* The drawings. `histogram`: rows of table ati_histogram. */
void mt_plot_gantt(struct mt_output *output, const struct mt_picture *picture);
void mt_plot_memory(struct mt_output *output, const struct mt_picture *picture);
void mt_plot_ati(struct mt_output *output, const struct mt_rows *histogram);

/* What plots of an iteration share: "iteration 3, 38.4 ms" into `text`, and a legend of the
 * categories marked in `used`, from x on. */
void mt_plot_when(const struct mt_picture *picture, char *text, size_t size);
void mt_plot_legend(struct mt_output *output, const bool *used, double x, double y);

#endif
