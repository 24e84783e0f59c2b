/* A part of a trace, as of a job that was killed or whose recording began late.
 *
 * usage: cuttrace IN OUT FROM TO     the events FROM .. TO - 1, in the order of reading; what is
 * told of kernels, libraries and threads before stays */
#include <stdio.h>
#include <stdlib.h>

#include "memtrace/trace.h"
#include "rhythm/symbols/symbol.h"
#include "tracewriter.h"

static void copy_meta(const struct mt_trace *trace, struct mt_tracewriter *writer)
{
    const char *key;
    for (uint32_t i = 0; (key = mt_trace_meta_key(trace, i)); i++)
        mt_tracewriter_meta(writer, key, mt_trace_meta(trace, key));
    mt_tracewriter_flush(writer);
}

static void copy_events(struct mt_trace *trace, struct mt_tracewriter *writer, uint64_t from,
                        uint64_t to)
{
    const struct mt_record *record;
    struct mt_symbol symbol;
    uint32_t thread;
    for (uint64_t i = 0; i < to && (record = mt_trace_next(trace, &thread)); i++)
        if (i >= from || !mt_symbol_fill(&symbol, record->kind, record))
            mt_tracewriter_add(writer, thread, record);
}

int main(int argc, char **argv)
{
    struct mt_trace *trace;
    struct mt_error error;
    if (argc != 5)
        return 2;
    if (mt_trace_open(&trace, argv[1], &error) < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], error.message);
        return 1;
    }
    struct mt_tracewriter *writer = mt_tracewriter_new(argv[2], NULL);
    copy_meta(trace, writer);
    copy_events(trace, writer, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
    mt_tracewriter_free(writer);
    mt_trace_free(trace);
    return 0;
}
