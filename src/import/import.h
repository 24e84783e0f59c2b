/* Logs of memory that other programs wrote become traces.
 *
 * What a log calls an allocation is written as an allocator's block (block_alloc, block_free): it
 * says what was handed out, not what the driver held, so an imported trace has no segments, and
 * reserved memory is not known (0). Times count from the first row. The file keeps the order of the
 * log.
 *
 * A row that makes no sense is told with its line and the reason, and left out; the others count.
 */
#ifndef MT_IMPORT_H
#define MT_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "writer/tracefile.h"

/* X(name, what it is) */
#define MT_IMPORT_FORMATS(X)                                                                       \
    X(rmm, "the log of RMM, RAPIDS' memory manager: Thread,Time,Action,Pointer,Size,Stream")       \
    X(csv, "any other: time_ns,op,address,size_bytes[,stream][,by]; op is alloc, free, read, "     \
           "write or touch")

enum mt_import_format {
#define FORMAT(name, doc) MT_IMPORT_##name,
    MT_IMPORT_FORMATS(FORMAT)
#undef FORMAT
};

struct mt_import_request {
    enum mt_import_format format;
    int fd;           /* the log */
    const char *name; /* of the log, in errors and in the trace */
    uint64_t device;  /* ordinal that the memory is said to be of, or MT_DEVICE_UNKNOWN */
    void (*bad)(void *context, uint64_t line, const char *reason); /* a row is left out */
    void *context;
};

struct mt_import_result {
    uint64_t rows;   /* the header is none */
    uint64_t bad;    /* rows left out */
    uint64_t blocks; /* allocated */
    uint64_t accesses;
    uint64_t unknown_frees; /* of what the log did not see allocated, or already freed */
    uint64_t backward;      /* rows with an earlier time than the row before: taken as that */
    uint64_t backward_ns;   /* the largest such step */
};

/* Read the log to its end and write its events to `file`, which is left to the caller to finish.
 * Negative enum mt_err: it cannot be read or written, or its header is not that of the format. */
int mt_import(const struct mt_import_request *request, struct mt_tracefile *file,
              struct mt_import_result *result, struct mt_error *error);

#endif
