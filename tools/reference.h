/* What the tables are: for --list-tables, --columns, and docs/tables.md. */
#ifndef MT_REFERENCE_H
#define MT_REFERENCE_H

#include "report/output.h"
#include "table/table.h"

void reference_list(struct mt_output *output);
void reference_columns(struct mt_output *output, const struct mt_table *table);
void reference_markdown(struct mt_output *output); /* docs/tables.md, to the letter */

#endif
