#include "report/writer.h"

#include <string.h>

#include "report/formats.h"

struct mt_sink *mt_writer_new(const char *format, struct mt_output *output, struct mt_error *error)
{
    struct mt_sink *sink = NULL;
#define TRY(name, doc)                                                                             \
    if (strcmp(format, #name) == 0) {                                                              \
        sink = mt_##name##_sink_new(output);                                                       \
        if (!sink)                                                                                 \
            mt_fail(error, MT_ERR_MEMORY, "out of memory for writing a table");                    \
        goto out;                                                                                  \
    }
    MT_FORMATS(TRY)
#undef TRY
    mt_fail(error, MT_ERR_USAGE, "unknown format '%s'; use text, csv or json", format);
out:
    if (!sink)
        mt_output_free(output);
    return sink;
}
