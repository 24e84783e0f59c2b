/* The header of a log, and its rows one after the other. */
#include "import/import.h"

#include <stdlib.h>
#include <string.h>

#include "import/importer.h"

static const struct mt_import_reader *const readers[] = {
#define FORMAT(name, doc) &mt_import_reader_##name,
    MT_IMPORT_FORMATS(FORMAT)
#undef FORMAT
};

static int refuse_header(struct mt_importer *importer, const struct mt_import_reader *reader,
                         const char *what)
{
    char wanted[200] = "";
    for (size_t i = 0; i < reader->columns; i++) {
        if (i)
            strcat(wanted, i < reader->required ? "," : "[,");
        strcat(wanted, reader->column[i]);
        strcat(wanted, i < reader->required ? "" : "]");
    }
    return mt_fail(importer->error, MT_ERR_USAGE, "%s: %s; the first line must be %s",
                   importer->request->name, what, wanted);
}

/* Where each column stands. Columns that are not of the format are passed over. */
static int read_header(struct mt_importer *importer, const struct mt_import_reader *reader)
{
    int code = mt_csvrows_next(&importer->rows, importer->error);
    RETURN_IF_ERROR(code);
    if (code == 0)
        return refuse_header(importer, reader, "the log is empty");
    if (importer->rows.bad)
        return refuse_header(importer, reader, importer->rows.bad);
    importer->cells = importer->rows.cells;
    for (size_t column = 0; column < reader->columns; column++) {
        importer->column[column] = -1;
        for (size_t i = 0; i < importer->cells && importer->column[column] < 0; i++) {
            importer->column[column] = (int)i;
            if (!mt_cell_is(mt_importer_cell(importer, column), reader->column[column]))
                importer->column[column] = -1;
        }
        if (importer->column[column] < 0 && column < reader->required)
            return refuse_header(importer, reader, "there are other columns");
    }
    return 0;
}

static int read_row(struct mt_importer *importer, const struct mt_import_reader *reader)
{
    const struct mt_csvrows *rows = &importer->rows;
    importer->result->rows++;
    if (rows->bad)
        return mt_importer_bad(importer, "%s", rows->bad);
    if (rows->cells != importer->cells)
        return mt_importer_bad(importer, "%zu cells, where the first line has %zu", rows->cells,
                               importer->cells);
    return reader->row(importer);
}

static int read_all(struct mt_importer *importer, const struct mt_import_reader *reader)
{
    int code;
    RETURN_IF_ERROR(read_header(importer, reader));
    while ((code = mt_csvrows_next(&importer->rows, importer->error)) > 0)
        RETURN_IF_ERROR(read_row(importer, reader));
    return code;
}

int mt_import(const struct mt_import_request *request, struct mt_tracefile *file,
              struct mt_import_result *result, struct mt_error *error)
{
    struct mt_importer importer = {
        .request = request, .result = result, .file = file, .error = error};
    *result = (struct mt_import_result){0};
    mt_csvrows_init(&importer.rows, request->fd, request->name);
    int code = read_all(&importer, readers[request->format]);
    mt_csvrows_release(&importer.rows);
    mt_dict_release(&importer.live);
    mt_dict_release(&importer.threads);
    mt_dict_release(&importer.kernels);
    free(importer.names.text);
    free(importer.names.at);
    return code;
}
