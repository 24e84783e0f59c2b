#include "report/story/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/utf8.h"

#define LINES (sizeof((struct mt_page *)NULL)->line / sizeof(struct mt_page_line))
#define GAP "..."

static struct mt_page_line *last(struct mt_page *page)
{
    return &page->line[page->lines - 1];
}

void mt_page_start(struct mt_page *page, size_t limit)
{
    page->lines = 0;
    page->limit = limit;
}

void mt_page_title(struct mt_page *page, unsigned weight)
{
    page->lines += page->lines < LINES;
    *last(page) = (struct mt_page_line){.weight = weight};
}

void mt_page_begin(struct mt_page *page, const char *label, unsigned weight)
{
    mt_page_title(page, weight);
    struct mt_page_line *line = last(page);
    line->used = (size_t)snprintf(line->text, sizeof line->text, "  %-10s ", label);
    line->columns = line->used;
}

size_t mt_page_columns(const char *text)
{
    size_t columns = 0;
    for (; *text; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80; /* not the rest of a character */
    return columns;
}

size_t mt_page_room(const struct mt_page *page)
{
    const struct mt_page_line *line = &page->line[page->lines - 1];
    return line->columns < MT_PAGE_COLUMNS ? MT_PAGE_COLUMNS - line->columns : 0;
}

bool mt_page_add(struct mt_page *page, const char *format, ...)
{
    struct mt_page_line *line = last(page);
    char part[4 * MT_PAGE_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(part, sizeof part, format, arguments);
    va_end(arguments);
    size_t room = mt_page_room(page), columns = mt_page_columns(part);
    if (columns > room && line->parts)
        return false;
    const char *fits =
        columns > room ? mt_page_name((char[MT_PAGE_LINE_BYTES]){0}, part, room) : part;
    size_t bytes = strlen(fits);
    memcpy(line->text + line->used, fits, bytes + 1);
    line->used += bytes;
    line->columns += columns > room ? room : columns;
    line->parts = true;
    return true;
}

/* ---- names ---- */

/* Whether a character may stand as it is: it is none of control. */
static bool is_plain(const char *text, size_t length)
{
    unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];
    if (length <= 1)
        return length == 1 && first >= 0x20 && first < 0x7f;
    return first != 0xc2 || second >= 0xa0;
}

/* One character of the text as it may stand on the screen: its bytes are written, `*text` goes on.
 * The columns it takes, 0 at the end. */
static size_t take(char *to, size_t *bytes, const char **text)
{
    size_t length = mt_utf8_length(*text);
    unsigned char byte = (unsigned char)**text;
    if (!byte)
        return 0;
    if (is_plain(*text, length)) {
        memcpy(to, *text, length);
        *bytes = length;
        *text += length;
        return 1;
    }
    *bytes = (size_t)sprintf(to, "\\x%02x", byte);
    *text += 1;
    return 4;
}

static size_t cleaned_columns(const char *text)
{
    char piece[8];
    size_t sum = 0, bytes, columns;
    while ((columns = take(piece, &bytes, &text)) > 0)
        sum += columns;
    return sum;
}

const char *mt_page_name(char *to, const char *text, size_t columns)
{
    size_t all = cleaned_columns(text), used = 0, at = 0;
    size_t gap = strlen(GAP), head = columns > gap ? (columns - gap + 1) / 2 : 0;
    size_t tail = columns > gap ? columns - gap - head : 0;
    bool whole = all <= columns, cut = false;
    char piece[8];
    size_t bytes, width;
    while ((width = take(piece, &bytes, &text)) > 0) {
        bool out = !whole && at + width > head && at < all - tail;
        if (out && !cut) {
            used += (size_t)sprintf(to + used, "%.*s", (int)(columns < gap ? columns : gap), GAP);
            cut = true;
        }
        if (!out) {
            memcpy(to + used, piece, bytes);
            used += bytes;
        }
        at += width;
    }
    to[used] = 0;
    return to;
}

/* ---- the screen ---- */

static bool counts(const struct mt_page_line *line)
{
    return line->parts && line->weight != MT_PAGE_BESIDE;
}

/* Whether as many others as there is room for matter more. */
static bool is_crowded_out(const struct mt_page *page, size_t at)
{
    size_t heavier = 0;
    for (size_t i = 0; i < page->lines; i++)
        heavier += i != at && counts(&page->line[i]) &&
                   (page->line[i].weight > page->line[at].weight ||
                    (page->line[i].weight == page->line[at].weight && i < at));
    return counts(&page->line[at]) && heavier >= page->limit;
}

void mt_page_write(const struct mt_page *page, struct mt_output *output)
{
    for (size_t i = 0; i < page->lines; i++) {
        if (!page->line[i].parts || is_crowded_out(page, i))
            continue;
        mt_put_string(output, page->line[i].text);
        mt_put_char(output, '\n');
    }
}
