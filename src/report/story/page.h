/* A page of the screen: so many lines of at most 100 columns. A line is made of parts; a part that
 * does not fit any more is left out, so the most important ones come first. Where there are too
 * many lines those of least weight are left out. */
#ifndef MT_PAGE_H
#define MT_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "report/output.h"

#define MT_PAGE_COLUMNS 100u
#define MT_PAGE_LINE_BYTES (MT_PAGE_COLUMNS * 4 + 1) /* as many columns in UTF-8, and NUL */

/* Weights are below it: how much a line is missed. A line of this weight does not count and is
 * never left out. */
#define MT_PAGE_BESIDE 100u

struct mt_page_line {
    char text[MT_PAGE_LINE_BYTES];
    size_t used, columns;
    unsigned weight;
    bool parts; /* it has more than its label */
};

struct mt_page {
    struct mt_page_line line[32];
    size_t lines, limit;
};

/* Empty it; that many lines will be shown, beside those that do not count. */
void mt_page_start(struct mt_page *page, size_t limit);

/* Begin a line: its label, and its weight. */
void mt_page_begin(struct mt_page *page, const char *label, unsigned weight);

/* The same without a label and without an indent. */
void mt_page_title(struct mt_page *page, unsigned weight);

/* Add a part to the last line, whole or not at all; the first part of a line is cut to fit. Whether
 * it was added. Everything has to be clean text: see mt_page_name. */
bool mt_page_add(struct mt_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Columns that are free in the last line. */
size_t mt_page_room(const struct mt_page *page);

/* Text of unknown making, cleaned of what does not belong on a screen, and shortened in the middle
 * to `columns`; `to` has room for MT_PAGE_LINE_BYTES and is returned. */
const char *mt_page_name(char *to, const char *text, size_t columns);

/* Columns that clean text takes. */
size_t mt_page_columns(const char *text);

/* The lines that have parts: those that matter, in their order, and those beside them. */
void mt_page_write(const struct mt_page *page, struct mt_output *output);

#endif
