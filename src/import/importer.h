/* What the formats share: the columns of a log, its numbers, and the events they become. */
#ifndef MT_IMPORTER_H
#define MT_IMPORTER_H

#include "base/dict.h"
#include "import/csvrows.h"
#include "import/import.h"

#define MT_IMPORT_COLUMNS 8u

struct mt_importer {
    const struct mt_import_request *request;
    struct mt_import_result *result;
    struct mt_tracefile *file;
    struct mt_error *error;
    struct mt_csvrows rows;
    int column[MT_IMPORT_COLUMNS]; /* cell of each column of the format, -1 if the log lacks it */
    size_t cells;                  /* of the header */
    uint64_t first_ns, last_ns;    /* of the log's clock; last: of the last row that was taken */
    uint64_t day_ns;               /* rmm: days gone by since the first row */
    bool started;
    uint64_t allocated;     /* bytes of what lives */
    struct mt_dict live;    /* size at an address */
    struct mt_dict threads; /* rmm: number of a thread + 1 */
    uint32_t last_thread;   /* number of the last row's */
    struct mt_dict kernels; /* number of a name + 1, by its hash */
    struct names {
        char *text; /* all names, each with its NUL */
        size_t size, room;
        size_t *at; /* where the name of each kernel begins, by number */
        uint32_t count, at_room;
    } names;
};

/* A format: its columns, of which the first `required` must be there, and what a row does. `row`
 * returns 0 also for a row that is bad. */
struct mt_import_reader {
    const char *const *column;
    size_t columns, required;
    int (*row)(struct mt_importer *importer);
};

extern const struct mt_import_reader mt_import_reader_rmm, mt_import_reader_csv;

/* This row is left out; 0. */
int mt_importer_bad(struct mt_importer *importer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The cell of a column without the spaces around it; an empty one if the log lacks the column. */
struct mt_csv_cell mt_importer_cell(const struct mt_importer *importer, size_t column);

bool mt_cell_is(struct mt_csv_cell cell, const char *word);

/* A whole number, decimal or 0x...; false if it is none or too large. */
bool mt_cell_number(struct mt_csv_cell cell, uint64_t *number);

/* Events, `time_ns` since the first row. */
int mt_importer_alloc(struct mt_importer *importer, uint32_t thread, uint64_t time_ns,
                      uint64_t address, uint64_t size);
int mt_importer_free(struct mt_importer *importer, uint32_t thread, uint64_t time_ns,
                     uint64_t address);
int mt_importer_oom(struct mt_importer *importer, uint32_t thread, uint64_t time_ns, uint64_t size);
int mt_importer_access(struct mt_importer *importer, uint64_t time_ns,
                       const struct mt_ev_access *access);

/* The number of the kernel called `name`, told of before if it is new. 0: there are too many;
 * negative: an error. */
int64_t mt_importer_kernel(struct mt_importer *importer, uint64_t time_ns, struct mt_csv_cell name);

#endif
