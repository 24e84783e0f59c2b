#include "import/csvrows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/grow.h"

#define ROOM_FIRST (256u << 10)

void mt_csvrows_init(struct mt_csvrows *rows, int fd, const char *name)
{
    *rows = (struct mt_csvrows){.fd = fd, .name = name, .next_line = 1};
}

void mt_csvrows_release(struct mt_csvrows *rows)
{
    free(rows->buffer);
    rows->buffer = NULL;
}

/* ---- bytes ---- */

static int make_room(struct mt_csvrows *rows, struct mt_error *error)
{
    if (rows->begin) {
        memmove(rows->buffer, rows->buffer + rows->begin, rows->end - rows->begin);
        rows->end -= rows->begin;
        rows->begin = 0;
    }
    return MT_ROOM(rows->buffer, rows->end, rows->room, ROOM_FIRST)
               ? 0
               : mt_fail(error, MT_ERR_MEMORY, "out of memory for reading %s", rows->name);
}

static int fill(struct mt_csvrows *rows, struct mt_error *error)
{
    ssize_t size;
    RETURN_IF_ERROR(make_room(rows, error));
    do
        size = read(rows->fd, rows->buffer + rows->end, rows->room - rows->end);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return mt_fail(error, MT_ERR_SYSTEM, "cannot read %s at offset %llu: %s%s", rows->name,
                       (unsigned long long)rows->offset, strerror(errno),
                       errno == EISDIR ? "; name a log in it" : "");
    rows->at_end = size == 0;
    rows->end += (size_t)size;
    rows->offset += (uint64_t)size;
    return 0;
}

static void skip_mark(struct mt_csvrows *rows)
{
    if (rows->end - rows->begin >= 3 && memcmp(rows->buffer + rows->begin, "\xef\xbb\xbf", 3) == 0)
        rows->begin += 3;
}

/* ---- where a row ends ---- */

/* How far a row goes. */
struct reach {
    char *end;   /* the line feed behind it; NULL where the bytes that are there do not tell */
    bool quotes; /* it has some */
    bool open;   /* a quoted cell goes on beyond the bytes that are there */
};

/* The line feed that ends a row, seen that a quoted cell may hold some. */
static char *find_quoted_end(char *at, const char *end, bool *open)
{
    bool quoted = false, first = true;
    for (; at < end; at++) {
        if (quoted) {
            if (*at == '"' && at + 1 == end)
                return NULL; /* the next byte tells whether it closes, and the end that it does */
            if (*at == '"' && at[1] == '"')
                at++;
            else if (*at == '"')
                quoted = false;
            continue;
        }
        if (*at == '\n')
            return at;
        quoted = *at == '"' && first;
        first = *at == ',';
    }
    *open = quoted;
    return NULL;
}

static struct reach find_end(char *at, const char *end)
{
    struct reach reach = {.end = memchr(at, '\n', (size_t)(end - at))};
    reach.quotes = memchr(at, '"', (size_t)((reach.end ? reach.end : end) - at)) != NULL;
    if (reach.quotes)
        reach.end = find_quoted_end(at, end, &reach.open);
    return reach;
}

/* ---- cells ---- */

static bool add_cell(struct mt_csvrows *rows, const char *text, size_t size)
{
    if (rows->cells == MT_CSV_CELLS) {
        rows->cells = 0;
        rows->bad = "it has more cells than any log";
        return false;
    }
    rows->cell[rows->cells++] = (struct mt_csv_cell){text, size};
    return true;
}

static void split(struct mt_csvrows *rows, const char *at, const char *end)
{
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        if (!add_cell(rows, at, (size_t)((comma ? comma : end) - at)) || !comma)
            return;
        at = comma + 1;
    }
}

/* A quoted cell is taken out of its quotes where it lies; what stands behind them is kept. */
static char *unquote(char *at, const char *end, char **to)
{
    for (at++; at < end; at++) {
        if (*at == '"' && at + 1 < end && at[1] == '"')
            at++;
        else if (*at == '"')
            return at + 1;
        *(*to)++ = *at;
    }
    return at;
}

static void split_quoted(struct mt_csvrows *rows, char *at, const char *end)
{
    for (;;) {
        char *text = at, *to = at;
        if (at < end && *at == '"')
            at = unquote(at, end, &to);
        while (at < end && *at != ',')
            *to++ = *at++;
        if (!add_cell(rows, text, (size_t)(to - text)) || at == end)
            return;
        at++;
    }
}

static uint64_t count_lines(const char *at, const char *end)
{
    uint64_t lines = 0;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        lines++;
        at++;
    }
    return lines;
}

/* ---- rows ---- */

static bool is_blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at == end;
}

static void take(struct mt_csvrows *rows, char *end, bool has_quotes)
{
    char *at = rows->buffer + rows->begin;
    rows->line = rows->next_line++;
    rows->begin = (size_t)(end - rows->buffer) + (end < rows->buffer + rows->end);
    if (has_quotes)
        rows->next_line += count_lines(at, end);
    if (end > at && end[-1] == '\r')
        end--;
    if (has_quotes)
        split_quoted(rows, at, end);
    else
        split(rows, at, end);
}

/* Pass over the line that is begun, as far as it is there. */
static void skip_line(struct mt_csvrows *rows)
{
    char *at = rows->buffer + rows->begin;
    char *line = memchr(at, '\n', rows->end - rows->begin);
    rows->begin = line ? (size_t)(line + 1 - rows->buffer) : rows->end;
    rows->skipping = !line;
}

/* The row cannot be told from what follows it: only its first line is lost. */
static int give_up(struct mt_csvrows *rows, const char *why)
{
    rows->line = rows->next_line++;
    rows->bad = why;
    skip_line(rows);
    return 1;
}

/* The bytes that are there hold no whole row. 1: they had to be one nevertheless; 0: the end. */
static int next_of_rest(struct mt_csvrows *rows, const struct reach *reach)
{
    if (rows->begin == rows->end)
        return 0;
    if (reach->open)
        return give_up(rows, "a quoted cell is not closed");
    take(rows, rows->buffer + rows->end, reach->quotes);
    return 1;
}

static int next(struct mt_csvrows *rows, struct mt_error *error)
{
    for (;;) {
        struct reach reach = {0};
        if (rows->skipping)
            skip_line(rows);
        if (!rows->skipping && rows->begin < rows->end)
            reach = find_end(rows->buffer + rows->begin, rows->buffer + rows->end);
        if (reach.end) {
            take(rows, reach.end, reach.quotes);
            return 1;
        }
        if (rows->at_end)
            return next_of_rest(rows, &reach);
        if (rows->end - rows->begin >= MT_CSV_ROW_MAX)
            return give_up(rows, reach.open ? "a quoted cell is not closed within 1 MiB"
                                            : "it is longer than 1 MiB");
        RETURN_IF_ERROR(fill(rows, error));
    }
}

int mt_csvrows_next(struct mt_csvrows *rows, struct mt_error *error)
{
    rows->bad = NULL;
    do {
        rows->cells = 0;
        if (!rows->buffer) {
            RETURN_IF_ERROR(fill(rows, error));
            while (!rows->at_end && rows->end < 3)
                RETURN_IF_ERROR(fill(rows, error));
            skip_mark(rows);
        }
        int code = next(rows, error);
        if (code <= 0)
            return code;
    } while (!rows->bad && rows->cells == 1 &&
             is_blank(rows->cell[0].text, rows->cell[0].text + rows->cell[0].size));
    return 1;
}
