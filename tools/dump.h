/* Events as lines. One struct a format; each takes field names and types from event.def. */
#ifndef MT_DUMP_H
#define MT_DUMP_H

#include <stdint.h>

#include "memtrace/trace.h"
#include "report/output.h"

/* X(name, doc) */
#define MT_DUMP_FORMATS(X)                                                                         \
    X(text, "aligned, for eyes")                                                                   \
    X(jsonl, "a JSON object a line")                                                               \
    X(csv, "RFC 4180, one header line, a column for every field of any event")

struct mt_dump_format {
    void (*begin)(struct mt_output *output); /* may be NULL */
    void (*event)(struct mt_output *output, const struct mt_trace *trace,
                  const struct mt_record *record, uint32_t thread);
    void (*pair_begin)(struct mt_output *output); /* may be NULL */
    void (*pair)(struct mt_output *output, const char *key, const char *value);
};

#define MT_DUMP_DECLARE(name, doc) extern const struct mt_dump_format mt_dump_##name;
MT_DUMP_FORMATS(MT_DUMP_DECLARE)
#undef MT_DUMP_DECLARE

/* The text of a record that has one: a BYTES tail to its first NUL, the name of a launch's kernel
 * or of a mark; in `buffer` (of MT_DUMP_TEXT bytes) where it has to be cut out. NULL: none. */
#define MT_DUMP_TEXT (MT_RECORD_WORDS_MAX * 8 + 1)
const char *mt_dump_text_of(const struct mt_trace *trace, const struct mt_record *record,
                            char *buffer);

/* What stands behind that NUL in the tail of a `code` (its name) or a `module` (its build-id); in
 * `buffer` as well. NULL for other kinds. */
const char *mt_dump_detail_of(const struct mt_record *record, char *buffer);

/* The parameter words of a record; *words is 0 where it has none. */
const uint64_t *mt_dump_words_of(const struct mt_record *record, size_t *words);

/* The parameter layout that a `kernel` event tells of; NULL where there is none. */
const struct mt_trace_kernel *mt_dump_layout_of(const struct mt_trace *trace,
                                                const struct mt_record *record);

#endif
