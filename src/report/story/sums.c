#include "report/story/sums.h"

#include <stdio.h>

#include "report/story/storywords.h"

#define OTHERS_COLUMNS 17u /* of ", 1000 MiB others" */

void mt_sum_add(struct mt_sum *sum, const char *name, int64_t bytes)
{
    size_t at = sum->parts;
    if (!bytes || at == MT_PARTS_MAX)
        return;
    for (; at > 0 && sum->part[at - 1].bytes < bytes; at--)
        sum->part[at] = sum->part[at - 1];
    sum->part[at] = (struct mt_part){name, bytes};
    sum->parts++;
}

static bool put_others(struct mt_page *page, int64_t left, bool first)
{
    uint64_t bytes = (uint64_t)(left < 0 ? -left : left);
    return mt_page_add(page, "%s%s%s others", first ? "" : ", ", left < 0 ? "-" : "", BYTES(bytes));
}

/* Whether a part fits, and behind it what the others come to, if it is not the last of all. */
static bool fits(const struct mt_page *page, const char *text, bool last)
{
    return mt_page_columns(text) + (last ? 0 : OTHERS_COLUMNS) <= mt_page_room(page);
}

int64_t mt_sum_write(struct mt_page *page, const struct mt_sum *sum, size_t *at, size_t columns,
                     bool more)
{
    int64_t left = sum->total;
    size_t first = *at;
    for (size_t i = 0; i < first; i++)
        left -= sum->part[i].bytes;
    for (; *at < sum->parts && sum->part[*at].bytes > 0; ++*at) {
        const struct mt_part *part = &sum->part[*at];
        char text[2 * MT_PAGE_LINE_BYTES];
        snprintf(text, sizeof text, "%s%s %s", *at > first ? ", " : "",
                 BYTES((uint64_t)part->bytes), NAME(part->name, columns));
        if (*at > first && !fits(page, text, more || left == part->bytes))
            break;
        mt_page_add(page, "%s", text);
        left -= part->bytes;
    }
    bool last = !more || *at == sum->parts;
    return left && last && put_others(page, left, *at == first) ? 0 : left;
}

/* Bytes of categories stand behind the number of blocks, and before the site. */
void mt_sum_categories(struct mt_sum *sum, const struct mt_rows *peak, size_t row)
{
    const struct mt_table *table = mt_rows_table(peak);
    const struct mt_column *from = mt_table_column(table, "blocks");
    const struct mt_column *end = mt_table_column(table, "site");
    for (const struct mt_column *column = from + 1; from && column < end; column++)
        mt_sum_add(sum, column->name, (int64_t)mt_rows_get(peak, row, column->name).u);
    sum->total = (int64_t)mt_rows_get(peak, row, "allocated_bytes").u;
}
