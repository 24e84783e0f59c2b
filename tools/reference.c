#include "reference.h"

#include <string.h>

#include "analysis/answers/summarykeys.h"
#include "analysis/answers/tables.h"

void reference_list(struct mt_output *output)
{
    for (const struct mt_table *const *table = mt_tables; *table; table++)
        mt_printf(output, "%-16s %s%s\n", (*table)->name, (*table)->doc,
                  (*table)->on_request ? " (on request)" : "");
}

static void list_column(struct mt_output *output, const char *name, enum mt_unit unit,
                        const char *doc)
{
    mt_printf(output, "%-32s %-6s %s\n", name, mt_unit_name(unit), doc);
}

void reference_columns(struct mt_output *output, const struct mt_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++)
        list_column(output, table->columns[i].name, table->columns[i].unit, table->columns[i].doc);
    if (table != &mt_table_summary)
        return;
    mt_put_string(output, "\nkeys:\n");
    for (const struct mt_summary_key *key = mt_summary_keys; key->key; key++)
        list_column(output, key->key, key->unit, key->doc);
}

static const char *const head =
    "# Tables\n"
    "\n"
    "Every table that `memtrace-analyze` writes, and every column. This page is made by\n"
    "`memtrace-analyze --list-tables --format markdown`.\n"
    "\n"
    "`--csv DIR` and `--json DIR` write all tables but those marked *on request*, which are "
    "large;\n"
    "`--with NAME` adds one of them, `--table NAME` writes one table to standard output.\n"
    "Names stay as they are once published; new columns are added before `trace`, the last one.\n"
    "\n"
    "- Times are nanoseconds since the start of the trace, sizes are bytes.\n"
    "- What is not known is empty in CSV, `null` in JSON and `-` in text.\n"
    "- CSV follows RFC 4180: a header line, commas, quotes doubled within quotes; lines end in "
    "LF.\n"
    "- JSON is an array with one object a row; addresses and handles are strings (`\"0x7f00\"`).\n"
    "- Bytes of a name that are not UTF-8, and control characters, are written as `\\xNN`\n"
    "  (control characters in JSON as `\\u00NN`).\n"
    "\n"
    "Words are PyTorch's. *Reserved* is memory that the driver gave out; of a range of virtual\n"
    "addresses what is mapped. *Allocated* is memory of live blocks. A *segment* is driver memory "
    "in\n"
    "which a caching allocator hands out *blocks*; driver memory in which it hands out none is a\n"
    "block itself. A virtual range lives from its first map until its addresses are given back.\n"
    "A kernel *touches* the blocks into which its parameters point; whether it reads or writes "
    "them\n"
    "is not known, so it counts as a touch and never as a read or a write.\n";

/* A cell of a markdown table: a bar would end it. */
static void put_cell(struct mt_output *output, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            mt_put_char(output, '\\');
        mt_put_char(output, *text);
    }
}

static void markdown_table(struct mt_output *output, const struct mt_table *table)
{
    mt_printf(output, "\n## %s\n\n", table->name);
    put_cell(output, table->doc);
    mt_put_string(output, table->on_request ? " *(on request)*\n" : "\n");
    mt_put_string(output, "\n| column | type | unit | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct mt_column *column = &table->columns[i];
        mt_printf(output, "| `%s` | %s | %s | ", column->name, mt_column_type_name(column->type),
                  mt_unit_name(column->unit));
        put_cell(output, column->doc);
        mt_put_string(output, " |\n");
    }
}

static void markdown_keys(struct mt_output *output)
{
    mt_put_string(output, "\nIts keys; `device.N` stands for each device (`device.unknown` for "
                          "memory whose device\nis not known):\n"
                          "\n| key | unit | meaning |\n|---|---|---|\n");
    for (const struct mt_summary_key *key = mt_summary_keys; key->key; key++) {
        mt_printf(output, "| `%s` | %s | ", key->key, mt_unit_name(key->unit));
        put_cell(output, key->doc);
        mt_put_string(output, " |\n");
    }
}

void reference_markdown(struct mt_output *output)
{
    mt_put_string(output, head);
    for (const struct mt_table *const *table = mt_tables; *table; table++) {
        markdown_table(output, *table);
        if (*table == &mt_table_summary)
            markdown_keys(output);
    }
}
