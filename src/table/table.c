#include "table/table.h"

#include <string.h>

const char *mt_column_type_name(enum mt_column_type type)
{
#define NAME(suffix, text) [MT_T_##suffix] = text,
    static const char *const names[] = {MT_COLUMN_TYPES(NAME)};
#undef NAME
    return names[type];
}

const char *mt_unit_name(enum mt_unit unit)
{
#define NAME(suffix, text) [MT_U_##suffix] = text,
    static const char *const names[] = {MT_UNITS(NAME)};
#undef NAME
    return names[unit];
}

const struct mt_column *mt_table_column(const struct mt_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    return NULL;
}
