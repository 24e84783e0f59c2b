/* Sinks that write a table: as text for eyes, as CSV, as JSON. Bytes and ns are raw in CSV and JSON
 * and readable in text. */
#ifndef MT_WRITER_H
#define MT_WRITER_H

#include "report/output.h"
#include "table/table.h"

/* X(name, which is the files' extension too, doc) */
#define MT_FORMATS(X)                                                                              \
    X(text, "aligned columns, sizes in KiB, MiB, GiB")                                             \
    X(csv, "RFC 4180, a header line, bytes and ns")                                                \
    X(json, "an array with an object a row, bytes and ns")

/* A sink that writes one table in the format called `format` into `output`, which it owns from now
 * on; end() closes the output. NULL on error: unknown format, no memory (the output is freed). */
struct mt_sink *mt_writer_new(const char *format, struct mt_output *output, struct mt_error *error);

#endif
