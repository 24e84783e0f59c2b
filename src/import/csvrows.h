/* Rows of a CSV file, one after the other, from a file of any size or a pipe. Cells may be quoted
 * ("" is a quote within), lines may end in CR LF, and a byte order mark is passed over. A row that
 * cannot be taken apart is told as one without cells and with a reason; what follows is read.
 *
 *     while ((code = mt_csvrows_next(&rows)) > 0)
 *         use(rows.line, rows.cell, rows.cells, rows.bad);
 */
#ifndef MT_CSVROWS_H
#define MT_CSVROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MT_CSV_CELLS 64u
#define MT_CSV_ROW_MAX (1u << 20) /* bytes of a row */

struct mt_csv_cell {
    const char *text; /* not ended by NUL; good until the next row */
    size_t size;
};

struct mt_csvrows {
    struct mt_csv_cell cell[MT_CSV_CELLS];
    size_t cells;
    uint64_t line;   /* on which the row begins, from 1 */
    const char *bad; /* why the row has no cells, NULL if it has */

    int fd; /* from here on its own */
    const char *name;
    char *buffer;
    size_t begin, end, room;
    uint64_t next_line, offset; /* offset: of `end` in the file */
    bool at_end, skipping;      /* skipping: the rest of a line that was too long */
};

/* Rows of what `fd` reads, called `name` in errors. */
void mt_csvrows_init(struct mt_csvrows *rows, int fd, const char *name);
void mt_csvrows_release(struct mt_csvrows *rows);

/* 1: the next row, which is not empty; 0: there is none; negative enum mt_err: cannot read. */
int mt_csvrows_next(struct mt_csvrows *rows, struct mt_error *error);

#endif
