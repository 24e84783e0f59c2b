/* time_ns,op,address,size_bytes[,stream][,by]. Rows stand in the order of time. */
#include <string.h>

#include "import/importer.h"

enum column { TIME, OP, ADDRESS, SIZE, STREAM, BY, COLUMNS };

static const char *const names[COLUMNS] = {"time_ns",    "op",     "address",
                                           "size_bytes", "stream", "by"};

/* X(word in the log, number, how an access was or 0) */
#define OPS(X)                                                                                     \
    X(alloc, ALLOC, 0)                                                                             \
    X(free, FREE, 0)                                                                               \
    X(read, READ, MT_HOW_READ)                                                                     \
    X(write, WRITE, MT_HOW_WRITE)                                                                  \
    X(touch, TOUCH, MT_HOW_TOUCH)

enum op {
#define OP(word, id, how) OP_##id,
    OPS(OP)
#undef OP
        OP_NONE
};

static enum op op_of(struct mt_csv_cell cell)
{
#define OP(word, id, how)                                                                          \
    if (mt_cell_is(cell, #word))                                                                   \
        return OP_##id;
    OPS(OP)
#undef OP
    return OP_NONE;
}

static uint64_t how_of(enum op op)
{
    static const uint8_t how[] = {
#define OP(word, id, kind) kind,
        OPS(OP)
#undef OP
            0};
    return how[op];
}

/* For messages: as much of a cell as fits. */
#define SHOW(cell) (int)((cell).size < 80 ? (cell).size : 80), (cell).text

static bool number(struct mt_importer *importer, enum column column, uint64_t *value)
{
    struct mt_csv_cell cell = mt_importer_cell(importer, column);
    if (mt_cell_number(cell, value))
        return true;
    mt_importer_bad(importer, "%s: '%.*s' is no whole number", names[column], SHOW(cell));
    return false;
}

/* An empty cell is 0. */
static bool optional(struct mt_importer *importer, enum column column, uint64_t *value)
{
    *value = 0;
    return mt_importer_cell(importer, column).size == 0 || number(importer, column, value);
}

/* Nothing of the row may come before the row before it. */
static bool time_is_next(struct mt_importer *importer, uint64_t time_ns)
{
    if (importer->started && time_ns < importer->last_ns) {
        mt_importer_bad(importer,
                        "time_ns: %llu is before %llu of an earlier row; sort the log by it "
                        "(sort -s -t, -k1,1n, its first line left where it is)",
                        (unsigned long long)time_ns, (unsigned long long)importer->last_ns);
        return false;
    }
    if (!importer->started) {
        importer->started = true;
        importer->first_ns = time_ns;
    }
    importer->last_ns = time_ns;
    return true;
}

static int access_row(struct mt_importer *importer, uint64_t time_ns, struct mt_ev_access *access)
{
    int64_t kernel = mt_importer_kernel(importer, time_ns, mt_importer_cell(importer, BY));
    if (kernel == 0)
        return mt_importer_bad(importer, "by: more than %u different names", MT_KERNELS_MAX - 2);
    if (kernel < 0)
        return (int)kernel;
    access->by = (uint64_t)kernel;
    return mt_importer_access(importer, time_ns, access);
}

static int csv_row(struct mt_importer *importer)
{
    struct mt_csv_cell op_cell = mt_importer_cell(importer, OP);
    enum op op = op_of(op_cell);
    uint64_t time_ns, address, size, stream;
    if (op == OP_NONE)
        return mt_importer_bad(importer, "op: '%.*s' is none of alloc, free, read, write, touch",
                               SHOW(op_cell));
    if (!number(importer, TIME, &time_ns) || !number(importer, ADDRESS, &address) ||
        !(op == OP_ALLOC ? number : optional)(importer, SIZE, &size) ||
        !optional(importer, STREAM, &stream))
        return 0;
    if (address == 0)
        return mt_importer_bad(importer, "address: nothing lies at 0");
    if (op == OP_ALLOC && size == 0)
        return mt_importer_bad(importer, "size_bytes: an allocation of 0 bytes");
    if (address + size < address)
        return mt_importer_bad(importer, "size_bytes: it reaches beyond the last address");
    if (!time_is_next(importer, time_ns))
        return 0;
    time_ns -= importer->first_ns;
    if (op == OP_ALLOC)
        return mt_importer_alloc(importer, 0, time_ns, address, size);
    if (op == OP_FREE)
        return mt_importer_free(importer, 0, time_ns, address);
    return access_row(importer, time_ns,
                      &(struct mt_ev_access){
                          .address = address, .size = size, .how = how_of(op), .stream = stream});
}

const struct mt_import_reader mt_import_reader_csv = {names, COLUMNS, STREAM, csv_row};
