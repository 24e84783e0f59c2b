/* A line that adds up: so much of this, so much of that, and so much of others. */
#ifndef MT_SUMS_H
#define MT_SUMS_H

#include <stdint.h>

#include "report/rows.h"
#include "report/story/page.h"

#define MT_PARTS_MAX 32u

struct mt_part {
    const char *name;
    int64_t bytes;
};

struct mt_sum {
    struct mt_part part[MT_PARTS_MAX];
    size_t parts;
    int64_t total; /* of all, also of what is no part */
};

/* Parts of 0 bytes, and those beyond MT_PARTS_MAX, are left out; the largest comes first. */
void mt_sum_add(struct mt_sum *sum, const char *name, int64_t bytes);

/* Add to the last line of the page as many parts as there is room for, from number *at on, which
 * goes on, names shortened to `columns`; then what the others come to. With `more` another line may
 * follow, and others are summed up only if no part is left. The bytes that are still to be told. */
int64_t mt_sum_write(struct mt_page *page, const struct mt_sum *sum, size_t *at, size_t columns,
                     bool more);

/* The categories of a row of table peak. Names are those of columns, and end in _bytes. */
void mt_sum_categories(struct mt_sum *sum, const struct mt_rows *peak, size_t row);

#endif
